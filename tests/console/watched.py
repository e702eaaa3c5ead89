"""Editions with a past, for the pages that watch: claims and answers by the ordinary actions, at given times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cats4ml.challenges.models import Participation
from cats4ml.review.models import Lease, LeaseEnd, Rating
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.settlement import settle_pair
from cats4ml.submissions.models import Pair, Submission
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


def record_answers(world: World, pair: Pair, raters: Sequence[Participation], answers: Sequence[Answer]) -> None:
    """Final answers of these raters as rows, and a pair that is settled by them: where many are wanted, quicker than
    asking for each question."""
    at = world.pass_time(1)
    leases = Lease.objects.bulk_create(
        Lease(pair=pair, rater=rater, created_at=at, expires_at=at + DAY, closed_at=at, ended=LeaseEnd.ANSWERED)
        for rater in raters
    )
    final = {"pair": pair, "state": "final", "created_at": at, "final_at": at, "seconds": 2}
    ratings = Rating.objects.bulk_create(
        Rating(rater=rater, lease=lease, answer=answer.value, **final)
        for rater, lease, answer in zip(raters, leases, answers, strict=True)
    )
    tally = Tally.of([answer.value for answer in answers])
    verdict = Verdict.YES if tally.yes > tally.no else Verdict.NO
    policy = world.challenge.policy
    assert policy is not None
    settle_pair(
        pair=pair, verdict=verdict, tally=tally, policy=policy, ratings=[one.pk for one in ratings], at=at
    )  # fmt: skip
