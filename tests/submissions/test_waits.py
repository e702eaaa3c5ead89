"""Where claims stand in line, how long they still wait, and how far a file is."""

from __future__ import annotations

import pytest

from cats4ml.challenges.actions import decide_policy
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.waits import STANDSTILL, Pace
from cats4ml.submissions.actions.claims import keep_upload, retract_submission, submit_upload
from cats4ml.submissions.dispatch import FEW
from cats4ml.submissions.models import Pair, Submission, Upload
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import ClaimRow, submissions_of
from cats4ml.submissions.waits import (
    UploadProgress,
    answers_a_pair,
    count_rating_pace,
    queue_places,
    scoring_pace,
    seconds_to_verdict,
    upload_progress,
    waits_of,
)
from tests.factories import World, make_world
from tests.review.rated import in_review, say

YES, NO = Answer.YES, Answer.NO


@pytest.fixture
def world(db: None) -> World:
    return make_world(pictures=40)


def submitted(world: World, finder, places, label: str = "cat") -> Upload:
    rows = [ClaimRow(line, world.images[place].image_id, label) for line, place in enumerate(places, start=2)]
    upload = keep_upload(participation=finder, filename="a.csv", rows=rows, at=world.pass_time(1))
    return submit_upload(upload=upload, at=world.pass_time(1))


def test_who_waits_for_few_pictures_stands_before_a_file_that_came_earlier(world) -> None:
    finder = world.finder()
    submitted(world, finder, range(FEW + 2))
    world.claim(finder, (20, "cat"), (21, "cat"))
    world.claim(finder, (22, "cat"))
    places = queue_places(world.challenge, list(Pair.objects.values_list("pk", flat=True)))
    in_line = [world.pair(place, "cat").pk for place in [20, 21, 22, *range(FEW + 2)]]
    assert [places[pair] for pair in in_line] == list(range(1, FEW + 6))


def test_an_edition_with_workers_of_its_own_waits_for_nobody_else(world) -> None:
    other = make_world()
    other.challenge.queue = "own"
    other.challenge.save()
    world.claim(world.finder(), (0, "cat"))
    other.claim(other.finder(), (0, "cat"))
    pair = other.pair(0, "cat").pk
    assert queue_places(other.challenge, [pair]) == {pair: 1}


def test_the_pace_of_scoring_is_that_of_the_last_five_minutes(world) -> None:
    world.claim(world.finder(), *[(place, "cat") for place in range(12)])
    world.score(0, {"cat": 0.1})
    world.pass_time(400)
    for place in range(1, 7):
        world.score(place, {"cat": 0.1})
    assert scoring_pace(world.challenge, world.pass_time(15)) == Pace(done=6, seconds=20.0)
    claims = list(with_details(submissions_of(Submission.objects.first().participation)))
    waits = waits_of(world.challenge, claims, world.clock)
    assert [waits.places.get(world.pair(place, "cat").pk) for place in (0, 7, 11)] == [None, 1, 5]
    assert [waits.seconds.get(world.pair(place, "cat").pk) for place in (7, 11)] == [4, 17]


def test_there_is_no_estimate_before_anything_was_scored(world) -> None:
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    claims = list(with_details(submissions_of(finder)))
    [view] = claim_views(claims, {}, waits_of(world.challenge, claims, world.clock))
    assert (view.position, view.wait_seconds, view.wait) == (1, None, "")


def test_a_claim_that_was_taken_back_stands_in_no_line(world) -> None:
    first, second = world.finder(), world.finder()
    [claim] = world.claim(first, (0, "cat"))
    world.claim(second, (0, "cat"))
    retract_submission(participation=first, submission_id=claim.submission.pk, at=world.pass_time(1))
    claims = list(with_details(submissions_of(first)))
    [view] = claim_views(claims, {}, waits_of(world.challenge, claims, world.clock))
    assert (view.position, view.wait_seconds) == (None, None)


def test_raters_are_waited_for_by_the_answers_that_are_missing(db) -> None:
    world = make_world(policy=Policy(quorum=2))
    world.claim(world.finder(), *[(place, "cat") for place in range(6)])
    for place in range(6):
        world.score(place, {"cat": 0.1})
    began = world.clock
    for place in range(3):
        world.rate(world.pair(place, "cat"), YES, YES)
    pace = count_rating_pace(world.challenge, world.clock)
    first = world.pair(0, "cat").ratings.order_by("created_at").first().created_at
    assert pace == Pace(done=6, seconds=(world.clock - first).total_seconds())
    assert first > began
    missing = 3 * 2
    assert seconds_to_verdict(world.challenge, pairs=3, at=world.clock) == pytest.approx(
        missing * pace.seconds / 6, abs=1
    )


def test_each_claim_of_a_file_is_counted_once_however_far_it_is(db) -> None:
    world = make_world(pictures=40, policy=Policy(quorum=1))
    finder = world.finder()
    upload = submitted(world, finder, range(14))
    claims = {claim.pair.image_id: claim.pk for claim in Submission.objects.select_related("pair")}
    retract_submission(participation=finder, submission_id=claims[world.images[13].pk], at=world.pass_time(1))
    for place in range(3):
        world.score(place, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES)
    world.claim(world.finder(), (30, "cat"))
    progress = upload_progress(upload, world.challenge, world.clock)
    assert progress == UploadProgress(
        queued=10,
        in_review=2,
        settled=1,
        unscorable=0,
        retracted=1,
        first_place=2,
        last_place=11,
        seconds=None,
    )
    assert (progress.claims, progress.scored, progress.done, progress.moving) == (14, 3, 2, True)


def test_answers_that_nobody_could_have_looked_for_say_nothing_of_the_pace(db) -> None:
    world, pairs = in_review(Policy(provisional_seconds=0, quorum=7), *[0.1] * 6)
    raters = world.raters(5)
    for pair in pairs:
        say(world, pair, [YES] * 5, raters)
    assert count_rating_pace(world.challenge, world.pass_time(60)) == STANDSTILL
    assert seconds_to_verdict(world.challenge, pairs=6, at=world.clock) is None


def test_a_rule_that_stops_early_is_waited_for_by_what_its_pairs_took_lately(db) -> None:
    world, pairs = in_review(Policy(provisional_seconds=0, verdict_rule="lead", quorum=7), *[0.1] * 8)
    raters = world.raters(4)
    assert answers_a_pair(world.challenge) == 2.0
    for pair in pairs[:4]:
        say(world, pair, [YES, NO, YES, YES], raters)
    assert answers_a_pair(world.challenge) == 2.0
    for pair in pairs[4:6]:
        say(world, pair, [YES, YES], raters)
    assert answers_a_pair(world.challenge) == pytest.approx((4 * 4 + 2 * 2) / 6)
    decide_policy(challenge=world.challenge, policy=Policy(verdict_rule="majority"))
    assert answers_a_pair(world.challenge) == 5.0
