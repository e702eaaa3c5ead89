"""The organiser's pages of disputes: what finders say, beside what machines and raters said; three ways to answer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, TargetLabel
from cats4ml.challenges.queries import Viewer
from cats4ml.console.adjudication import open_disputes
from cats4ml.console.views import for_organisers
from cats4ml.submissions.actions.adjudication import MAX_REASON, AdjudicationRefused, check_impartial, claimed_by
from cats4ml.submissions.actions.disputes import Decision, DisputeRefused, decide_dispute
from cats4ml.submissions.models import Dispute, DisputeState, Submission
from cats4ml.submissions.presentation import reason_of
from cats4ml.ui.paging import keyset_page
from cats4ml.ui.words import inside

DISPUTES_A_PAGE = 30
MOST_MORE = 9


class AnswerForm(forms.Form):
    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[(one.value, one.value) for one in Decision],
        error_messages={"required": gettext_lazy("Choose what becomes of the pair.")},
    )
    more_ratings = forms.IntegerField(
        label=gettext_lazy("More ratings"),
        required=False,
        min_value=1,
        max_value=MOST_MORE,
        initial=2,
        error_messages={
            "invalid": gettext_lazy("Say how many more raters, in figures."),
            "min_value": gettext_lazy("Ask one more rater at least."),
            "max_value": gettext_lazy("Ask %(limit_value)s more raters at most."),
        },
    )
    answer = forms.CharField(
        label=gettext_lazy("Your answer, which the finder reads"),
        max_length=MAX_REASON,
        error_messages={"required": gettext_lazy("Say why: the finder reads it.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """How many more raters is asked only of who asks more raters."""
        data = super().clean() or {}
        if data.get("decision") != Decision.REOPEN:
            self.errors.pop("more_ratings", None)
        elif "more_ratings" not in self.errors and data.get("more_ratings") is None:
            self.add_error("more_ratings", _("Say how many more raters."))
        return data


@for_organisers
@require_safe
def disputes(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    assert isinstance(request.user, User), "organisers are signed in"
    waiting = open_disputes(challenge)
    answered = Dispute.objects.filter(submission__pair__challenge=challenge).exclude(state=DisputeState.OPEN)
    show_answered = request.GET.get("answered") == "1"
    own = Submission.objects.filter(claimed_by(request.user), pair=OuterRef("submission__pair"))
    rows = (answered if show_answered else waiting).annotate(own=Exists(own)).select_related(
        "submission__pair__image",
        "submission__pair__label",
        "submission__participation__user",
        "submission__participation__team",
        "decided_by",
    )  # fmt: skip
    context = page_context(
        challenge,
        viewer,
        "console",
        page=keyset_page(request, rows, size=DISPUTES_A_PAGE, ascending=not show_answered),
        waiting=waiting.count(),
        answered=answered.count(),
        show_answered=show_answered,
    )
    return render(request, "console/disputes.html", context)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def dispute(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    rows = Dispute.objects.select_related(
        "submission__pair__image",
        "submission__pair__label",
        "submission__pair__policy",
        "submission__pair__challenge",
        "decided_by",
    )
    one = get_object_or_404(rows, pk=pk, submission__pair__challenge=challenge)
    assert isinstance(request.user, User), "organisers are signed in"
    pair = one.submission.pair
    try:
        check_impartial(pair, request.user)
    except AdjudicationRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console:disputes", slug=challenge.slug)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            decided = decide_dispute(
                dispute=one,
                decision=Decision(data["decision"]),
                answer=data["answer"],
                more_ratings=data.get("more_ratings") or 1,
                by=request.user,
                at=timezone.now(),
            )
        except DisputeRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Answered: %(state)s.") % {"state": inside(decided.get_state_display())})
            return redirect("console:disputes", slug=challenge.slug)
    target = TargetLabel.objects.get(challenge=challenge, label=pair.label_id)
    same = Dispute.objects.filter(submission__pair=pair).select_related(
        "submission__participation__user", "submission__participation__team", "decided_by"
    )
    context = page_context(
        challenge,
        viewer,
        "console",
        dispute=one,
        pair=pair,
        question=target.question or challenge.question_about(pair.label),
        guidance=target.guidance,
        reason=reason_of(pair),
        disputes=list(same.order_by("pk")),
        form=form,
        most_more=MOST_MORE,
        can_decide=one.state == DisputeState.OPEN and not challenge.is_final,
        settled=pair.state == "settled",
    )
    return render(request, "console/dispute.html", context, status=422 if form.errors else 200)
