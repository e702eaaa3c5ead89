"""Taking a pair out of the edition and putting it back: the two forms on a pair's page, one of them on the reports'."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.views import for_organisers
from cats4ml.review.actions import withdrawing
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.actions.withdrawing import MAX_REASON, WithdrawalRefused
from cats4ml.submissions.models import Pair


class WithdrawalForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("It is kept; whoever claimed a pair that is taken out reads it."),
        error_messages={"required": gettext_lazy("Say why: a pair is taken out or put back only with a reason.")},
    )


@for_organisers
@require_POST
def withdraw(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    return _act(request, challenge, pk, withdrawing.withdraw_pair, _withdrawn_in_words)


@for_organisers
@require_POST
def restore(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    return _act(request, challenge, pk, withdrawing.restore_pair, _restored_in_words)


def _act(
    request: HttpRequest, challenge: Challenge, pk: int, act: Callable[..., Pair], words: Callable[[Pair], str]
) -> HttpResponse:
    get_object_or_404(Pair, pk=pk, challenge=challenge)
    assert isinstance(request.user, User), "organisers are signed in"
    form = WithdrawalForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
    else:
        try:
            pair = act(pair_id=pk, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now())
        except WithdrawalRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, words(pair))
    if "reports" in request.POST:
        return redirect("console:reports", slug=challenge.slug)
    return redirect("console:pair", slug=challenge.slug, pk=pk)


def _withdrawn_in_words(pair: Pair) -> str:
    if pair.challenge.is_final:
        return _("The challenge is final: the pair is ambiguous now, with your reason, and the board stands.")
    return _("The pair is taken out: nobody rates or claims it, and the board follows.")


def _restored_in_words(pair: Pair) -> str:
    return {
        PairState.WITHDRAWN: _("The pair is put back. Nobody claims it now: it waits until somebody does."),
        PairState.QUEUED: _("The pair is put back, and waits for its score."),
        PairState.UNSCORABLE: _("The pair is put back, but it can’t be scored: %(unscorable_reason)s")
        % {"unscorable_reason": pair.unscorable_reason},
        PairState.IN_REVIEW: _("The pair is put back, and raters are asked about it."),
        PairState.SETTLED: _("The pair is put back, and settled by the answers that it has. The board follows."),
    }[PairState(pair.state)]
