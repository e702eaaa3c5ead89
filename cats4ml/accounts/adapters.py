"""Where allauth asks this site: what is sent, what is told, who may come in, and by which address they are counted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from cats4ml.accounts import secrets_kept
from cats4ml.accounts.mail import post
from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.addresses import client_address, path_within
from cats4ml.json_cache import count_once

# What allauth would write a mail of, and which notice of ours tells it.
TOLD: Mapping[str, str] = {
    "account/email/password_changed": "password_changed",
    "account/email/password_set": "password_set",
    "account/email/password_reset": "password_reset",
    "account/email/email_changed": "address_changed",
    "account/email/email_deleted": "address_removed",
    "mfa/email/totp_activated": "second_factor_added",
    "mfa/email/totp_deactivated": "second_factor_removed",
    "mfa/email/webauthn_added": "passkey_added",
    "mfa/email/webauthn_removed": "passkey_removed",
    "mfa/email/recovery_codes_generated": "recovery_codes_made",
    "socialaccount/email/account_connected": "provider_connected",
    "socialaccount/email/account_disconnected": "provider_disconnected",
}
# So many wrong passwords within a day are told of when a right one follows.
MANY_FAILURES = 5
FAILURES_COUNT_FOR = 24 * 3600
# What a link in a mail takes along.
MOST_PATH = 300


class UnlessVouchedFor(EmailVerificationStage):  # type: ignore[misc]  # allauth has no types
    """In production nobody gets in without a confirmed address, but who is vouched for."""

    def handle(self) -> tuple[Any, bool]:
        user = self.login.user  # None where a sign-up with a known address must look like any other
        if user is not None and user.vouched_at is not None:
            return None, True
        response: tuple[Any, bool] = super().handle()
        return response


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGN_UP_OPEN)

    def get_login_stages(self) -> list[str]:
        own = f"{UnlessVouchedFor.__module__}.{UnlessVouchedFor.__name__}"
        return [own if path.endswith(".EmailVerificationStage") else path for path in super().get_login_stages()]

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """The link takes along where the person was going, for it may be opened in another browser; a first address
        leads to the challenges."""
        path = reverse("account_confirm_email", args=[emailconfirmation.key])
        had_another = EmailAddress.objects.filter(user=emailconfirmation.email_address.user, verified=True).exists()
        onwards = _onwards(request) or ("" if had_another else settings.LOGIN_REDIRECT_URL)
        if onwards:
            path += "?" + urlencode({REDIRECT_FIELD_NAME: onwards}, safe="/")
        return f"{settings.SITE_URL}{path}" if settings.SITE_URL else request.build_absolute_uri(path)

    def get_reset_password_from_key_url(self, key: str) -> str:
        user, _dash, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user, "key": token})
        return f"{settings.SITE_URL}{path}" if settings.SITE_URL else self.request.build_absolute_uri(path)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Who has no password by nature gets none this way."""
        if not (user.is_guest or user.is_simulated or user.erased_at):
            super().send_password_reset_mail(user, email, context)

    def send_account_already_exists_mail(self, email: str) -> None:
        """A sign-up hashes a password: one with a known address must take as long."""
        make_password(uuid.uuid4().hex)
        super().send_account_already_exists_mail(email)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:account")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        return reverse("accounts:account")

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """The address that is in use stays: without one nobody can be told, nor get back in."""
        in_use = email_address.pk and (email_address.primary or email_address.email == email_address.user.email)
        return not in_use and super().can_delete_email(email_address)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as problem:
            request.resolver_match.rate_limited = "login_failed"  # type: ignore[union-attr]
            raise ImmediateHttpResponse(ratelimit.respond_429(request)) from problem

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        count_once(self._failures_key(credentials), seconds=FAILURES_COUNT_FOR)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Looks once where what was typed may be a name or an address: to compare the password of a known address with
        a second hash takes longer than to find out that an address is unknown, and so tells which are known."""
        if credentials.get("email") and credentials.get("email") == credentials.get("username"):
            del credentials["email"]
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            key = self._failures_key(credentials)
            failures = cache.get(key, 0)
            if failures >= MANY_FAILURES:
                values = {"failures": failures, "address": client_address(request)}
                tell(user, "signed_in_after_failures", values)
            cache.delete(key)
        return user

    @staticmethod
    def _failures_key(credentials: Mapping[str, Any]) -> str:
        login = str(credentials.get("email") or credentials.get("username") or "").lower()
        return f"failed-sign-ins-{uuid.uuid5(uuid.NAMESPACE_OID, login)}"

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """One notice instead of allauth's mail. The address that was in use until now is written to as well."""
        values = {"address": client_address(self.request)}
        context = context or {}
        if "to_email" in context:
            values |= {"before": context["from_email"], "after": context["to_email"]}
        if "provider" in context or "account" in context:
            values["provider"] = _provider_name(context)
        tell(user, TOLD[template_prefix], values)
        if email and email.lower() != user.email.lower():
            body = render_to_string(
                "account/email/address_left.txt", {"user": user, **values, "site": settings.SITE_URL}
            )
            post(to=email, subject=_("CATS4ML: your email address was changed"), body=body, at=timezone.now())


def _onwards(request: HttpRequest) -> str:
    """Where on this site the person was going, as the address or the form says; '' for anywhere else."""
    path = path_within(get_next_redirect_url(request) or "")
    return path if len(path) <= MOST_PATH else ""


def _provider_name(context: Mapping[str, Any]) -> str:
    account, provider = context.get("account"), context.get("provider")
    if account is not None:
        return str(account.get_provider().name)
    return str(getattr(provider, "name", provider))


def tell(user: User, what: str, values: Mapping[str, object] | None = None) -> None:
    """A notice about somebody's own account."""
    notify(
        users=[user],
        kind=NoticeKind.ACCOUNT,
        what=what,
        key=f"{what}-{uuid.uuid4().hex}",
        at=timezone.now(),
        url=reverse("accounts:account"),
        values=values,
    )


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def encrypt(self, text: str) -> str:
        return secrets_kept.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets_kept.decrypt(encrypted_text)

    def get_totp_label(self, user: User) -> str:
        """The user name: an app's list may be seen by others, an address is nobody's business."""
        return user.username

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002  # allauth's name
        number = Authenticator.objects.filter(user=user, type=type).count()
        return _("Passkey %(n)s") % {"n": number + 1}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "CATS4ML"}


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Sign-in by other sites. An account is joined to one here by an address that both sides have confirmed."""

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        try:
            return super().get_app(request, provider=provider, client_id=client_id)
        except SocialApp.DoesNotExist:
            raise Http404(_("This site has no sign-in by that provider.")) from None

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.SIGN_UP_OPEN)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if isinstance(request.user, User) and request.user.is_guest:
            raise PermissionDenied(_("You are here by the link of a study: all you can do is answer its questions."))

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Who can do more than others connects a provider while signed in."""
        own = EmailAddress.objects.filter(email__iexact=email, verified=True).select_related("user").first()
        if own is None or own.user.is_staff or own.user.is_superuser:
            return False
        return bool(super().can_authenticate_by_email(login, email))
