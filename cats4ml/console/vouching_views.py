"""Letting somebody take part whose address no mail can confirm."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from cats4ml.accounts.addresses import find_waiting, vouch
from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import ActKind, Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.views import for_organisers, organiser_of


class VouchForm(forms.Form):
    who = forms.CharField(
        max_length=254,
        label=gettext_lazy("User name or email address"),
        help_text=gettext_lazy("Exactly as they gave it when they created the account."),
    )
    reason = forms.CharField(
        max_length=300,
        label=gettext_lazy("How do you know them?"),
        help_text=gettext_lazy("Other organisers read it in the log, such as “wrote to me from this address”."),
    )

    found: User | None = None

    def clean_who(self) -> str:
        who: str = self.cleaned_data["who"]
        self.found = find_waiting(who)
        if self.found is None:
            raise forms.ValidationError(
                _("Nobody who waits for a confirmation has this name or address. Ask them how they signed up.")
            )
        return who


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def vouching(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = VouchForm(request.POST or None)
    if form.is_valid():
        assert form.found is not None, "the form has found somebody"
        vouch_in(challenge, form.found, by=organiser_of(request), reason=form.cleaned_data["reason"])
        messages.success(request, _("%(name)s can take part now.") % {"name": form.found.username})
        return redirect("console:vouching", slug=challenge.slug)
    context = page_context(challenge, viewer, "console", form=form)
    return render(request, "console/vouching.html", context, status=422 if form.errors else 200)


def vouch_in(challenge: Challenge, user: User, *, by: User, reason: str) -> None:
    """Vouch for somebody, write it into the log and tell them. Twice is once."""
    at = timezone.now()
    with transaction.atomic():
        if not vouch(user=user, at=at):
            return
        record_act(
            challenge=challenge,
            kind=ActKind.VOUCHED,
            summary=f"Vouched for {user.username}, whose address is not confirmed",
            reason=reason.strip(),
            by=by,
            at=at,
            details={"user": user.pk},
        )
        notify(
            users=[user],
            kind=NoticeKind.ACCOUNT,
            what="vouched_for",
            key="vouched-for",
            at=at,
            url=reverse("accounts:account"),
            values={"edition": challenge.title},
        )
