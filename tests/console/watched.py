"""Editions with a past, for the pages that watch: claims and answers by the ordinary actions, at given times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cats4ml.challenges.models import Participation
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Submission
from tests.factories import World, make_world

YES, NO = Answer.YES, Answer.NO
DAY = timedelta(days=1)
ONE_ANSWER = Policy(quorum=1, base_quota=1000)


def quick_world(*, pictures: int = 6) -> World:
    """An edition in which one answer settles a pair."""
    return make_world(pictures=pictures, policy=ONE_ANSWER)


def claim_and_score(world: World, finder: Participation, *rows: tuple[int, str], mean: float = 0.1) -> None:
    world.claim(finder, *rows)
    for place in sorted({place for place, _ in rows}):
        world.score(place, dict.fromkeys(world.labels, mean))


def write_rationales(finder: Participation, texts: Sequence[str]) -> None:
    """Give the claims of a finder these rationales, in the order of the claims."""
    for claim, text in zip(Submission.objects.filter(participation=finder).order_by("pk"), texts, strict=False):
        Submission.objects.filter(pk=claim.pk).update(rationale=text)
