"""One's account at a look; the mails of this machine; and doors before some of allauth's pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView
from allauth.mfa.totp.views import activate_totp
from allauth.mfa.webauthn.views import add_webauthn
from allauth.socialaccount.adapter import get_adapter as get_provider_adapter
from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cats4ml.accounts.account_page import shown_groups
from cats4ml.accounts.addresses import is_verified
from cats4ml.accounts.mail import waiting_mails_are_shown
from cats4ml.accounts.models import OutgoingMail, User
from cats4ml.accounts.networks import is_this_machine
from cats4ml.addresses import path_within

MAILS_SHOWN = 50


def person(request: HttpRequest) -> User:
    """Who is signed in; refuses who came by the link of a study."""
    assert isinstance(request.user, User), "the view asks for a sign-in"
    if request.user.is_guest:
        raise PermissionDenied(_("You are here by the link of a study, which needs no account."))
    return request.user


@login_required
@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    user = person(request)
    without = set()
    if not get_provider_adapter().list_providers(request):
        without.add("socialaccount_connections")
    context = {"groups": shown_groups(without=frozenset(without)), "verified": is_verified(user), "nav": ""}
    return render(request, "accounts/account.html", context)


@login_required
@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    """Send the link of confirmation once more, at most every three minutes."""
    user = person(request)
    address = EmailAddress.objects.filter(user=user, verified=False).order_by("-pk").first()
    if address is None and user.email and not EmailAddress.objects.filter(user=user).exists():
        address = EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    if address is None:
        messages.info(request, _("There is no address to confirm."))
    elif send_verification_email_to_address(request, address):
        messages.success(request, _("A link is on its way to %(address)s.") % {"address": address.email})
    else:
        messages.error(request, _("A link was sent a moment ago. Wait three minutes before you ask for another one."))
    return redirect(path_within(request.POST.get("next", "")) or reverse("accounts:account"))


def for_the_verified(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A second factor on an account with an address that nobody confirmed would lock out the address's owner."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not is_verified(person(request)):
            messages.error(request, _("Confirm your email address first: then a second factor can be set up."))
            return redirect("accounts:account")
        return view(request, *args, **kwargs)

    return guarded


class ConfirmAddress(ConfirmEmailView):  # type: ignore[misc]  # allauth has no types
    """Whoever opens the link where they are not signed in signs in, and then goes on where the link leads."""

    def get_redirect_url(self) -> str:
        onwards: str = super().get_redirect_url()
        return onwards if self.request.user.is_authenticated else redirect_to_login(onwards).url


# The picture to scan is part of the page, so that the secret has no address of its own.
set_up_app = for_the_verified(csp_update({"img-src": ["'self'", "data:"]})(activate_totp))
add_passkey = for_the_verified(add_webauthn)


@never_cache
@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    """Mails in the browser, where there is no mail server: on a person's own machine, and to nobody else."""
    if not waiting_mails_are_shown() or not is_this_machine(request):
        raise Http404(_("Mails are sent here, not shown."))
    newest = OutgoingMail.objects.order_by("-pk")[:MAILS_SHOWN]
    return render(request, "accounts/mails.html", {"mails": newest, "most": MAILS_SHOWN})
