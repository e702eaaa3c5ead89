"""Who organises an edition."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Challenge, OrganiserAct, Participation, Role


class OrganisersRefused(Exception):
    """Why somebody can't be added or removed, in a sentence that says how to mend it."""


def organisers_of(challenge: Challenge) -> QuerySet[Participation]:
    return Participation.objects.filter(challenge=challenge, role=Role.ORGANISER).select_related("user").order_by("pk")


def organised_by(user: User) -> QuerySet[Challenge]:
    """The editions that a person organises, newest first; organisers of the site organise all."""
    every = Challenge.objects.order_by("-created_at", "-id")
    if user.is_superuser:
        return every
    return every.filter(pk__in=Participation.objects.filter(user=user, role=Role.ORGANISER).values("challenge"))


def add_organiser(*, challenge: Challenge, username: str, by: User | None, at: datetime) -> Participation:
    """Let the person of this user name organise the edition, once. Raises `OrganisersRefused`."""
    name = username.strip()
    user = User.objects.filter(username=name, is_active=True).first() if "\0" not in name else None
    if user is None or user.is_guest:
        raise OrganisersRefused(
            _("There is no user %(name)s. Ask them for their user name as they sign in with it.")
            % {"name": f"{name[:150]!r}"}
        )
    if user.is_simulated:
        raise OrganisersRefused(_("%(name)s acts by a script, and can’t organise.") % {"name": name})
    with transaction.atomic():
        Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        there = organisers_of(challenge).filter(user=user).first()
        if there is not None:
            return there
        try:
            part = join_challenge(challenge=challenge, user=user, role=Role.ORGANISER, consent_version=None, at=at)
        except JoinRefused as refusal:
            raise OrganisersRefused(
                _("%(name)s can’t organise this challenge. %(refusal)s") % {"name": name, "refusal": refusal}
            ) from refusal
        act = _record(challenge, f"Made {user.username} an organiser", {"added": user.pk}, by, at)
        _tell(challenge, "organiser_added", act, user, by, at)
    return part


def remove_organiser(*, challenge: Challenge, user_id: int, by: User | None, at: datetime) -> bool:
    """Let a person organise the edition no longer. Whether they did. Raises `OrganisersRefused` for the last one."""
    with transaction.atomic():
        Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        everybody = list(organisers_of(challenge))
        part = next((one for one in everybody if one.user_id == user_id), None)
        if part is None:
            return False
        if len(everybody) == 1:
            raise OrganisersRefused(
                _("%(username)s is the last organiser of this challenge. Add another one first.")
                % {"username": part.user.username}
            )
        part.delete()
        act = _record(challenge, f"{part.user.username} organises it no longer", {"removed": user_id}, by, at)
        _tell(challenge, "organiser_removed", act, part.user, by, at)
    return True


def _record(challenge: Challenge, summary: str, details: dict[str, int], by: User | None, at: datetime) -> OrganiserAct:
    return record_act(challenge=challenge, kind=ActKind.ROLES, summary=summary, by=by, at=at, details=details)


def _tell(challenge: Challenge, what: str, act: OrganiserAct, user: User, by: User | None, at: datetime) -> None:
    """Whoever was added or taken out is told, unless they did it themselves."""
    if by is not None and by.pk == user.pk:
        return
    here = "console:overview" if what == "organiser_added" else "pages:home"
    notify(
        users=[user],
        kind=NoticeKind.STANDING,
        what=what,
        key=f"act-{act.pk}",
        at=at,
        url=reverse(here, args=[challenge.slug] if what == "organiser_added" else []),
        values={"edition": challenge.title, "by": by.public_name if by else "CATS4ML"},
    )


def organised_alone(user: User) -> QuerySet[Challenge]:
    """The editions whose only organiser is this person."""
    others = Participation.objects.filter(role=Role.ORGANISER).exclude(user=user)
    mine = Participation.objects.filter(role=Role.ORGANISER, user=user)
    return Challenge.objects.filter(pk__in=mine.values("challenge")).exclude(pk__in=others.values("challenge"))


def leave_organisers(*, user: User, at: datetime) -> None:
    """For an account that is deleted: organise nothing any more. Twice is once."""
    for part in Participation.objects.filter(user=user, role=Role.ORGANISER).select_related("challenge"):
        challenge = part.challenge
        part.delete()
        _record(challenge, "An organiser’s account was deleted", {"removed": user.pk}, None, at)
