"""Pairs that raters left ambiguous or that their finder disputes, and the organisers who decide."""

from __future__ import annotations

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Participation, Role
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Credit, Submission
from tests.factories import World, make_user

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
SPLIT = (YES, YES, NO, NO, DONT_KNOW)
WORDS = "The owl sits in the tree on the left."


def organiser(world: World, name: str | None = None) -> User:
    user = make_user(name)
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return user


def settled(
    world: World, finder: Participation, place: int = 0, *, mean: float = 0.1, said: tuple[Answer, ...] = SPLIT
) -> Submission:
    """Have a finder claim a cat and raters settle it: ambiguous unless they `said` otherwise."""
    [claim] = world.claim(finder, (place, "cat"))
    world.score(place, {"cat": mean})
    world.rate(world.pair(place, "cat"), *said)
    assert claim.submission is not None
    return claim.submission


def ledger(world: World) -> list[tuple[str, int, str]]:
    entries = Credit.objects.filter(challenge=world.challenge).order_by("id").select_related("participation__user")
    return [(entry.kind, entry.points, entry.participation.user.username) for entry in entries]
