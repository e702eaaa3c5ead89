"""The organiser's pages about classifiers: who they are, what they know, and what another roster would change."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, RosterVersion
from cats4ml.challenges.queries import Viewer
from cats4ml.challenges.rosters import decisions, members_of, roster_versions
from cats4ml.console.roster_pages import classifier_cards, label_rows
from cats4ml.console.views import for_organisers
from cats4ml.submissions.actions.rescoring import RescoringRefused, apply_roster, ask_for_missing
from cats4ml.submissions.previews import Fate, preview_roster
from cats4ml.ui.words import figure

MOST_SHOWN = 200


class ApplyForm(forms.Form):
    """An organiser's word on why another roster comes in force."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("It is kept with the decision, and in the ledger with every credit that changes."),
        error_messages={"required": gettext_lazy("Say why: another roster is applied only with a reason.")},
    )


@for_organisers
@require_safe
def classifiers(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    roster = challenge.roster
    rows = label_rows(challenge, roster)
    history = list(decisions(challenge))
    in_force = next((one for one in history if one.roster_id == challenge.roster_id), None)
    context = page_context(
        challenge,
        viewer,
        "console",
        roster=roster,
        decision=in_force,
        cards=classifier_cards(challenge, roster) if roster is not None else [],
        rows=rows,
        names=[name for name, _ in rows[0].cells] if rows else [],
        unscored=sum(bool(row.problem) for row in rows),
        versions=roster_versions(challenge),
        history=history,
    )
    return render(request, "console/rosters.html", context)


@for_organisers
@require_safe
def roster(request: HttpRequest, challenge: Challenge, viewer: Viewer, version: int) -> HttpResponse:
    return _roster_page(request, challenge, viewer, _version(challenge, version), ApplyForm())


def _version(challenge: Challenge, version: int) -> RosterVersion:
    return get_object_or_404(RosterVersion, challenge=challenge, version=version)


def _roster_page(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, roster: RosterVersion, form: ApplyForm
) -> HttpResponse:
    preview = preview_roster(challenge=challenge, roster=roster)
    ends = preview.of(Fate.ENDS_OTHERWISE)
    context = page_context(
        challenge,
        viewer,
        "console",
        roster=roster,
        in_force=challenge.roster_id == roster.pk,
        members=members_of(roster),
        counts=preview.counts,
        total=len(preview.changes),
        ends=ends[:MOST_SHOWN],
        more=max(0, len(ends) - MOST_SHOWN),
        unscorable=preview.of(Fate.UNSCORABLE)[:MOST_SHOWN],
        balances=preview.balances,
        unscored=[row for row in label_rows(challenge, roster) if row.problem],
        form=form,
    )
    return render(request, "console/roster.html", context, status=422 if form.errors else 200)


@for_organisers
@require_POST
def roster_apply(request: HttpRequest, challenge: Challenge, viewer: Viewer, version: int) -> HttpResponse:
    roster = _version(challenge, version)
    form = ApplyForm(request.POST)
    if form.is_valid():
        assert isinstance(request.user, User)
        reason = form.cleaned_data["reason"]
        try:
            done = apply_roster(challenge=challenge, roster=roster, reason=reason, by=request.user, at=timezone.now())
        except RescoringRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            number = len(done.of(Fate.ENDS_OTHERWISE))
            said = ngettext(
                "Roster version %(version)s is in force. %(n)s settled pair ends otherwise than before.",
                "Roster version %(version)s is in force. %(n)s settled pairs end otherwise than before.",
                number,
            )
            messages.success(request, said % {"version": version, "n": figure(number)})
            return redirect("console:classifiers", slug=challenge.slug)
    return _roster_page(request, challenge, viewer, roster, form)


@for_organisers
@require_POST
def roster_ask(request: HttpRequest, challenge: Challenge, viewer: Viewer, version: int) -> HttpResponse:
    number = ask_for_missing(challenge=challenge, roster=_version(challenge, version))
    said = ngettext("%(n)s picture is sent to the classifiers.", "%(n)s pictures are sent to the classifiers.", number)
    messages.success(request, said % {"n": figure(number)} if number else gettext("Nothing is missing."))
    return redirect("console:roster", slug=challenge.slug, version=version)
