"""Making and revoking API tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.addresses import UNCONFIRMED, is_verified
from cats4ml.accounts.models import ApiToken, NoticeKind, TokenScope, User
from cats4ml.accounts.notices import notify

PREFIX = "c4m_"
# A token's last use is written at most this often: it is for people to read, not a counter.
USED_EVERY = timedelta(minutes=5)

# So long before its end a token's owner is told, once.
ENDS_SOON = timedelta(days=7)
MOST_TOKENS = 50

# No two that look alike, and no vowels, so that no name is a word.
GUEST_LETTERS = "bcdfghjkmnpqrstvwxz23456789"


class TokenRefused(Exception):
    """Why a token can't be made, in a sentence that says how to mend it."""


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def create_token(
    *, user: User, name: str, scopes: Sequence[str], at: datetime, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token and its key. The key is not kept: this is the only time that it can be shown.

    Its owner is told. Raises `TokenRefused` for a name that a live token of this person has, for no scope or an unknown
    one, without a confirmed address, and for more than fifty.
    """
    if user.is_guest:
        raise TokenRefused(_("You are here by the link of a study, which makes no tokens."))
    if not is_verified(user):
        raise TokenRefused(str(UNCONFIRMED))
    live = ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at), user=user, revoked_at=None)
    if live.count() >= MOST_TOKENS:
        raise TokenRefused(
            _("You have %(n)s tokens, and more there can’t be. Revoke one that you don’t use.") % {"n": MOST_TOKENS}
        )
    unknown = sorted(set(scopes) - set(TokenScope.values))
    if unknown or not scopes:
        raise TokenRefused(_("Choose at least one scope out of %(scopes)s.") % {"scopes": ", ".join(TokenScope.values)})
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                user=user,
                name=name,
                prefix=key[: len(PREFIX) + 4],
                digest=digest_of(key),
                scopes=sorted(set(scopes)),
                created_at=at,
                expires_at=expires_at,
            )
            _tell_of_token("token_made", token, at)
    except IntegrityError:
        raise TokenRefused(_("You have a token of this name. Choose another name, or revoke that one first.")) from None
    return token, key


def _tell_of_token(what: str, token: ApiToken, at: datetime) -> None:
    notify(
        users=[token.user],
        kind=NoticeKind.ACCOUNT,
        what=what,
        key=f"{what}-{token.pk}",
        at=at,
        url=reverse("accounts:tokens"),
        values={"name": token.name, "ends": token.expires_at.isoformat() if token.expires_at else "–"},
    )


def tell_of_ending_tokens(*, at: datetime) -> int:
    """Tell the owners of tokens that end within a week and were used, each once however often this runs. How many."""
    ending = ApiToken.objects.filter(
        revoked_at=None, expires_at__gt=at, expires_at__lte=at + ENDS_SOON, created_at__lte=at - ENDS_SOON
    )
    number = 0
    for token in ending.exclude(last_used_at=None).select_related("user").order_by("pk"):
        _tell_of_token("token_ends_soon", token, at)
        number += 1
    return number


def create_guest() -> User:
    """A new account without password and e-mail, of a name that tells nothing: for who comes by the link of a study."""
    while True:
        name = "rater-" + "".join(secrets.choice(GUEST_LETTERS) for _ in range(8))
        if not User.objects.filter(username=name).exists():
            return User.objects.create_user(name, is_guest=True)


def revoke_token(*, user: User, token_id: int, at: datetime) -> None:
    """Make a token of this person's useless from now on. Twice is once; raises `ApiToken.DoesNotExist`."""
    token = ApiToken.objects.get(pk=token_id, user=user)
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at)


def find_token(*, key: str, at: datetime) -> ApiToken | None:
    """The live token of this key, None where there is none; its last use is noted now and then."""
    token = ApiToken.objects.select_related("user").filter(digest=digest_of(key)).first()
    if token is None or not token.is_live(at) or not token.user.is_active:
        return None
    ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=at - USED_EVERY), pk=token.pk).update(
        last_used_at=at
    )
    return token


def set_preferences(*, user: User, language: str | None = None, time_zone: str | None = None) -> None:
    """Keep in which language and time zone somebody wants to read; '' is as the browser asks. None leaves one as it
    is."""
    chosen = {"language": language, "time_zone": time_zone}
    known = {name: value for name, value in chosen.items() if value is not None}
    if known:
        User.objects.filter(pk=user.pk).update(**known)
