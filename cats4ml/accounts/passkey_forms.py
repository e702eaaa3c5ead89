"""allauth's forms for passkeys, which take whatever a browser or anybody else sends without breaking."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as theirs
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# What reading something else than a passkey's answer raises.
MISREAD = (LookupError, TypeError, ValueError, AttributeError)


def _unreadable() -> ValidationError:
    return ValidationError(_("The passkey’s answer could not be read. Try once more."))


class _Careful:
    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except MISREAD as problem:
            raise _unreadable() from problem


class LoginPasskey(_Careful, theirs.LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    pass


class AuthenticatePasskey(_Careful, theirs.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class ReauthenticatePasskey(_Careful, theirs.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class AddPasskey(theirs.AddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("To tell yours apart, such as “phone”."),
    )
    passwordless = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("It signs me in alone, without the password"),
        help_text=gettext_lazy("It then asks for your fingerprint, your face or a PIN. Old security keys can’t."),
    )

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except MISREAD as problem:
            raise _unreadable() from problem
        return cleaned
