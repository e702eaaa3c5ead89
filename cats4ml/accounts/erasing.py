"""What is left of an account that its owner had deleted: a row with a pseudonym, on which credits and claims rest."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.apps import apps
from django.db.models import Q

from cats4ml.accounts.actions import GUEST_LETTERS
from cats4ml.accounts.models import ApiToken, Notice, NoticeChoice, OutgoingMail, User

# Tables of allauth's that belong to a person alone, as far as they are installed.
OF_THE_PERSON = ("account.EmailAddress", "socialaccount.SocialAccount", "mfa.Authenticator", "usersessions.UserSession")


def pseudonym() -> str:
    """A user name that tells nothing and that nobody has."""
    while True:
        name = "gone-" + "".join(secrets.choice(GUEST_LETTERS) for _ in range(8))
        if not User.objects.filter(username=name).exists():
            return name


def forget_person(*, user: User, at: datetime) -> None:
    """Take everything out of an account that tells who it was, for good. The caller holds the row and the transaction.

    Without a password no session goes on, for a session is bound to it.
    """
    for label in OF_THE_PERSON:
        if apps.is_installed(f"allauth.{label.split('.')[0]}"):
            addresses = apps.get_model(label)._default_manager.filter(user=user)  # noqa: SLF001 - its documented name
            if label == "account.EmailAddress":
                OutgoingMail.objects.filter(to__in=addresses.values("email")).delete()
            addresses.delete()
    if user.email:
        OutgoingMail.objects.filter(to__iexact=user.email).delete()
    ApiToken.objects.filter(user=user).delete()
    Notice.objects.filter(Q(user=user)).delete()
    NoticeChoice.objects.filter(user=user).delete()
    user.groups.clear()
    user.user_permissions.clear()
    user.username = pseudonym()
    user.first_name = user.last_name = user.email = user.language = user.time_zone = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login, user.erased_at = None, at
    user.set_unusable_password()
    user.save()
