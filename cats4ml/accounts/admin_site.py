"""Django's admin, for those who have signed in here with a second factor."""

from __future__ import annotations

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from cats4ml.addresses import path_within


def used_second_factor(request: HttpRequest) -> bool:
    """Whether this very session was opened, or confirmed since, by a second factor."""
    records = get_authentication_records(request, request.user)
    return is_mfa_enabled(request.user) and any(record.get("method") == "mfa" for record in records)


class SecondFactorSite(AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        allowed = super().has_permission(request)
        return allowed and (not settings.ADMIN_SECOND_FACTOR or used_second_factor(request))

    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """No form of its own: the site's sign-in has the limits and the second factor."""
        after = _next(request)
        if not request.user.is_authenticated:
            return redirect_to_login(after, reverse("account_login"))
        if not super().has_permission(request):
            raise PermissionDenied(_("The admin pages are for the operators of this site."))
        if self.has_permission(request):
            return redirect(after)
        if is_mfa_enabled(request.user):
            return redirect(f"{_confirm_url(request)}?{urlencode({'next': after})}")
        messages.info(request, _("The admin pages need a second factor. Set one up here, and open them again."))
        return redirect("mfa_index")


def _confirm_url(request: HttpRequest) -> str:
    by_code = is_mfa_enabled(request.user, ["totp", "recovery_codes"])
    return reverse("mfa_reauthenticate" if by_code else "mfa_reauthenticate_webauthn")


def _next(request: HttpRequest) -> str:
    return path_within(request.GET.get("next", "")) or reverse("admin:index")
