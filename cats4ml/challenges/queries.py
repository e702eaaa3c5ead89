"""Questions about editions and who takes part in them."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, QuerySet

from cats4ml.accounts.models import TeamMembership, User
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role, TargetLabel


class Viewer(NamedTuple):
    """What the person looking is in this edition. Organisers of the whole site organise every edition."""

    finder: Participation | None = None
    rater: Participation | None = None
    is_organiser: bool = False

    @property
    def is_finder(self) -> bool:
        return self.finder is not None

    @property
    def is_rater(self) -> bool:
        return self.rater is not None


def viewer_of(challenge: Challenge, user: User | AnonymousUser) -> Viewer:
    if not isinstance(user, User):
        return Viewer()
    mine = {
        one.role: one for one in Participation.objects.filter(challenge=challenge, user=user).select_related("team")
    }
    for one in mine.values():
        # With what was read already: nobody asks for the edition, its policy or the person again.
        one.challenge, one.user = challenge, user
    return Viewer(
        finder=mine.get(Role.FINDER),
        rater=mine.get(Role.RATER),
        is_organiser=user.is_superuser or Role.ORGANISER in mine,
    )


def visible_challenges(user: User | AnonymousUser) -> QuerySet[Challenge]:
    """Every edition that left the draft, and the drafts of those who organise them."""
    everything = Challenge.objects.order_by("-created_at", "-id")
    if not isinstance(user, User):
        return everything.exclude(status=ChallengeStatus.DRAFT)
    if user.is_superuser:
        return everything
    own = Participation.objects.filter(user=user, role=Role.ORGANISER).values("challenge")
    return everything.exclude(status=ChallengeStatus.DRAFT) | everything.filter(pk__in=own)


def with_releases(challenges: QuerySet[Challenge]) -> QuerySet[Challenge]:
    """Each with `is_released`: whether it has a published release, so that its pages lead there. No query more."""
    published = Challenge.objects.filter(pk=OuterRef("pk"), releases__published_at__isnull=False)
    return challenges.annotate(is_released=Exists(published))


def target_labels(challenge: Challenge) -> QuerySet[TargetLabel]:
    return TargetLabel.objects.filter(challenge=challenge).select_related("label").order_by("position", "id")


def team_mates(user_id: int) -> QuerySet[TeamMembership, int]:
    """Ids of the people who share a team with this person or ever did, the person among them where they have a team.

    Whoever left a team is among them for good: else a claim could be judged by who leaves for that.
    """
    teams = TeamMembership.objects.filter(user_id=user_id).values("team")
    return TeamMembership.objects.filter(team__in=teams).values_list("user_id", flat=True)


def team_mates_now(user_id: int) -> QuerySet[TeamMembership, int]:
    """Ids of the people who share a team with this person as it stands, the person among them where they have one."""
    teams = TeamMembership.objects.filter(user_id=user_id, left_at=None).values("team")
    return TeamMembership.objects.filter(team__in=teams, left_at=None).values_list("user_id", flat=True)


class Mates(NamedTuple):
    """Ids of somebody and of those who share a team with them: now, or `ever`, as `team_mates` has them."""

    now: frozenset[int]
    ever: frozenset[int]


def mates_of(user_id: int) -> Mates:
    """`team_mates_now` and `team_mates` with the person among them, by one statement."""
    teams = TeamMembership.objects.filter(user_id=user_id).values("team")
    rows = list(TeamMembership.objects.filter(team__in=teams).values_list("team_id", "user_id", "left_at"))
    standing = {team for team, user, left_at in rows if user == user_id and left_at is None}
    now = {user for team, user, left_at in rows if team in standing and left_at is None}
    return Mates(now=frozenset(now | {user_id}), ever=frozenset({user_id, *(user for _, user, _ in rows)}))


def people_of(challenge: Challenge) -> QuerySet[User]:
    """Everybody who takes part, in any role, and has not left."""
    parts = Participation.objects.filter(challenge=challenge, left_at=None, disqualified_at=None)
    return User.objects.filter(pk__in=parts.values("user"), is_active=True).order_by("pk")
