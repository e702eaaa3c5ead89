"""Several people claim at once, on real connections: who is first, who is charged, and that nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import keep_upload, retract_submission, submit_pairs, submit_upload
from cats4ml.submissions.models import Pair, Submission
from cats4ml.submissions.queries import ClaimRow, quota_for
from tests.concurrency import at_once
from tests.factories import World, make_team, make_user, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def rows_of(world: World, places, label: str = "cat") -> list[ClaimRow]:
    return [ClaimRow(line, world.images[place].image_id, label) for line, place in enumerate(places, start=2)]


def test_of_many_people_who_claim_a_pair_at_once_exactly_one_is_first_and_charged() -> None:
    world = make_world()
    finders = [world.finder() for _ in range(6)]
    rows = rows_of(world, [0])
    answers = at_once([partial(submit_pairs, participation=finder, rows=rows, at=world.clock) for finder in finders])
    assert Counter((row.problem, row.later) for [row] in answers) == {(None, False): 1, (None, True): 5}
    charged = list(Submission.objects.order_by("pk").values_list("charged", flat=True))
    assert charged == [True, False, False, False, False, False]
    assert sum(quota_for(finder).used for finder in finders) == 1


def test_of_two_team_mates_who_claim_a_pair_at_once_exactly_one_is_accepted() -> None:
    world = make_world()
    users = [make_user() for _ in range(4)]
    team = make_team(*users)
    rows = rows_of(world, [0, 1, 2])
    answers = at_once(
        [partial(submit_pairs, participation=world.finder(user, team), rows=rows, at=world.clock) for user in users]
    )
    found = Counter(row.problem.value if row.problem else "" for checked in answers for row in checked)
    assert found == {"": 3, "team_claim": 9}
    assert list(Submission.objects.values_list("charged", flat=True)) == [True, True, True]


def test_two_uploads_of_one_person_cannot_overrun_the_quota() -> None:
    world = make_world(pictures=20, policy=Policy(base_quota=12))
    finder = world.finder()
    files = [rows_of(world, range(10)), rows_of(world, range(10, 20))]
    uploads = [keep_upload(participation=finder, filename="a", rows=rows, at=world.clock) for rows in files]
    at_once([partial(submit_upload, upload=upload, at=world.clock) for upload in uploads])
    quota = quota_for(finder)
    assert (quota.used, quota.remaining, Submission.objects.count()) == (12, 0, 12)


def test_one_upload_submitted_twice_at_once_is_charged_once() -> None:
    world = make_world()
    finder = world.finder()
    upload = keep_upload(participation=finder, filename="a", rows=rows_of(world, [0, 1]), at=world.clock)
    at_once([partial(submit_upload, upload=upload, at=world.clock)] * 4)
    assert (Submission.objects.count(), quota_for(finder).used) == (2, 2)


def test_uploads_of_the_same_pairs_in_opposite_orders_do_not_wait_for_each_other() -> None:
    world = make_world(pictures=50)
    finders = [world.finder() for _ in range(4)]
    orders = [range(50), range(49, -1, -1), range(25, 50), range(30, -1, -1)]
    answers = at_once(
        [
            partial(submit_pairs, participation=finder, rows=rows_of(world, order), at=world.clock)
            for finder, order in zip(finders, orders, strict=True)
        ]
    )
    assert [len(checked) for checked in answers] == [50, 50, 25, 31]
    assert (Pair.objects.count(), Submission.objects.filter(charged=True).count()) == (50, 50)


def test_taking_back_and_claiming_at_once_leaves_the_pair_claimed_and_queued() -> None:
    world = make_world()
    first, second = world.finder(), world.finder()
    for place in range(4):
        [claim] = world.claim(first, (place, "cat"))
        taken_back = partial(
            retract_submission, participation=first, submission_id=claim.submission.pk, at=world.pass_time(1)
        )
        claimed = partial(submit_pairs, participation=second, rows=rows_of(world, [place]), at=world.clock)
        at_once([taken_back, claimed])
        assert world.pair(place, "cat").state == PairState.QUEUED
    assert Submission.objects.filter(participation=second, retracted_at=None).count() == 4
    assert Submission.objects.filter(participation=first, retracted_at=None).count() == 0
