"""Whether somebody's address is confirmed, and who may take their word for it without a mail.

An address is confirmed by the link of a mail. Where no mail arrives an organiser may vouch for the person: that lets
them take part, and marks nothing else. It never changes or confirms an address, for a confirmed address is what a
provider's sign-in joins accounts by, and what a new password is sent to.
"""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User

UNCONFIRMED = _("Your email address is not confirmed yet. Open the link in the mail that we sent you, and come back.")


def is_verified(user: User) -> bool:
    """Whether a person may take part. Who came by the link of a study or acts by a script has no address to confirm."""
    if user.is_guest or user.is_simulated or user.vouched_at is not None:
        return True
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


def waiting_people() -> QuerySet[User]:
    """Who signed up and has not confirmed the address."""
    people = User.objects.filter(is_active=True, is_guest=False, is_simulated=False, vouched_at=None)
    return people.filter(~Exists(EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)))


def find_waiting(text: str) -> User | None:
    """Who waits and has exactly this user name or address. Of others it says nothing: who is here is not told."""
    wanted = text.strip()
    if not wanted or "\0" in wanted:
        return None
    return waiting_people().filter(Q(username=wanted) | Q(email__iexact=wanted)).order_by("pk").first()


def vouch(*, user: User, at: datetime) -> bool:
    """Let a person take part though no mail confirmed the address. Whether that is new; twice is once."""
    return bool(User.objects.filter(pk=user.pk, vouched_at=None).update(vouched_at=at))
