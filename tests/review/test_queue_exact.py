"""Whatever raters do, in whatever order: the queue says what a fresh count says, and nobody is one too many."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cats4ml.review.actions.answering import cast_rating, finalise_due, rate_pair, undo_rating
from cats4ml.review.actions.leasing import close_leases, hold_leases
from cats4ml.review.actions.queueing import sweep_queues
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.actions.skipping import skip
from cats4ml.review.models import Lease, Rating, ReportKind
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import VerdictRule
from cats4ml.submissions.models import Pair
from tests.factories import World, make_world
from tests.review.queue_truth import wrong_rows

POLICIES = {
    "majority": Policy(quorum=3),
    "lead": Policy(verdict_rule=VerdictRule.LEAD, lead=2, max_ratings=5),
    "weighted": Policy(verdict_rule=VerdictRule.WEIGHTED, bound=0.9, max_ratings=4),
    "at once": Policy(quorum=2, provisional_seconds=0),
}
MOVES = ("look", "look", "answer", "answer", "answer", "undo", "skip", "report", "wait", "time out", "tidy", "record")


@contextmanager
def taken_back() -> Iterator[None]:
    """What is written within is gone afterwards: each example begins with the same empty tables."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def move(world: World, raters: list, name: str, draw: random.Random) -> None:
    rater = draw.choice(raters)
    at = world.pass_time(draw.choice((0, 1, 3)))
    held = list(Lease.objects.filter(rater=rater).order_by("-pk")[:3])
    token = draw.choice(held).token if held else None
    if name == "look":
        hold_leases(rater=rater, at=at, count=draw.choice((1, 2, 3)))
    elif name == "answer" and token:
        cast_rating(rater=rater, token=token, answer=draw.choice(list(Answer)), at=at)
    elif name == "undo":
        undo_rating(rater=rater, at=at)
    elif name == "skip" and token:
        skip(rater=rater, token=token, at=at)
    elif name == "report" and token:
        report_picture(rater=rater, token=token, kind=ReportKind.OTHER, note="", at=at)
    elif name == "wait":
        finalise_due(at=world.pass_time(31))
    elif name == "time out":
        world.pass_time(121)
    elif name == "tidy":
        close_leases(at=at)
    elif name == "record":
        pair = draw.choice(list(Pair.objects.filter(challenge=world.challenge)))
        rate_pair(rater=rater, pair_id=pair.pk, answer=Answer.YES, at=at)


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(st.sampled_from(MOVES), min_size=10, max_size=40), seed=st.integers(0, 2**32))
def test_a_row_is_always_what_a_fresh_count_says(db, policy, moves, seed) -> None:
    draw = random.Random(seed)
    with taken_back():
        world = make_world(policy=POLICIES[policy], pictures=3)
        world.claim(world.finder(), (0, "cat"), (1, "cat"), (2, "cat"))
        for place in range(3):
            world.score(place, {"cat": 0.1})
        raters = world.raters(4)
        for name in moves:
            with suppress(RatingRefused), transaction.atomic():
                move(world, raters, name, draw)
            assert wrong_rows(world.challenge, may_lack=True) == {}
            _nobody_is_one_too_many(world)
        sweep_queues(at=world.clock)
        assert wrong_rows(world.challenge) == {}


def _nobody_is_one_too_many(world: World) -> None:
    most = world.challenge.rules.rule.most
    counted = Rating.objects.filter(state__in=["final", "provisional"]).values_list("pair", flat=True)
    held = Lease.objects.filter(closed_at=None).values_list("pair", flat=True)
    taken = Counter(counted) + Counter(held)
    open_ones = Pair.objects.filter(challenge=world.challenge, state="in_review").values_list("pk", flat=True)
    assert {pk: taken[pk] for pk in open_ones if taken[pk] > most} == {}
