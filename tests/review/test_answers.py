"""An answer from provisional to final: what counts, what is undone, what comes late."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.review.actions.answering import cast_rating, finalise_due, finalise_rating, rate_pair, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.rights import AlreadyRated, RatingRefused
from cats4ml.review.models import Lease, Rating, RatingState
from cats4ml.review.queries import final_tally
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World, make_world

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
FINAL, PROVISIONAL, LATE = (state.value for state in (RatingState.FINAL, RatingState.PROVISIONAL, RatingState.LATE))


@pytest.fixture
def waiting(world) -> World:
    """A world in which three pairs wait for raters."""
    world.claim(world.finder(), (0, "cat"), (1, "cat"), (2, "cat"))
    for place in range(3):
        world.score(place, {"cat": 0.1})
    return world


def cast(world: World, rater, answer: Answer, seconds: float = 1) -> Rating:
    lease = hold_leases(rater=rater, at=world.clock)[0]
    return cast_rating(rater=rater, token=lease.token, answer=answer, at=world.pass_time(seconds))


def states(rater) -> list[tuple[str, str]]:
    return list(Rating.objects.filter(rater=rater).order_by("pk").values_list("answer", "state"))


def test_an_answer_is_provisional_until_the_next_one(waiting) -> None:
    rater = waiting.rater()
    cast(waiting, rater, YES)
    assert states(rater) == [("yes", PROVISIONAL)]
    cast(waiting, rater, NO)
    assert states(rater) == [("yes", FINAL), ("no", PROVISIONAL)]


def test_an_answer_becomes_final_after_the_policys_seconds(waiting) -> None:
    rater = waiting.rater()
    cast(waiting, rater, YES)
    assert (finalise_due(at=waiting.pass_time(29)), states(rater)) == (0, [("yes", PROVISIONAL)])
    assert (finalise_due(at=waiting.pass_time(1)), states(rater)) == (1, [("yes", FINAL)])
    assert finalise_due(at=waiting.pass_time(1)) == 0


def test_only_final_answers_are_counted(waiting) -> None:
    pair = waiting.pair(0, "cat")
    waiting.rate(pair, YES, NO, DONT_KNOW)
    rater = waiting.rater()
    cast(waiting, rater, YES)
    assert final_tally(pair)[0] == Tally(1, 1, 1)
    finalise_due(at=waiting.pass_time(30))
    pair.refresh_from_db()
    assert (final_tally(pair)[0], pair.tally) == (Tally(2, 1, 1), Tally(2, 1, 1))


def test_the_last_answer_settles_the_pair_only_when_it_is_final(waiting) -> None:
    pair = waiting.pair(0, "cat")
    waiting.rate(pair, YES, YES, YES, YES)
    rating = cast(waiting, waiting.rater(), NO)
    assert (waiting.pair(0, "cat").state, Credit.objects.count()) == (PairState.IN_REVIEW, 0)
    finalise_rating(rating_id=rating.pk, at=waiting.pass_time(30))
    settled = waiting.pair(0, "cat")
    assert (settled.state, settled.outcome, settled.tally) == ("settled", "false_negative", Tally(4, 1, 0))
    assert Credit.objects.get().ratings == list(Rating.objects.order_by("pk").values_list("pk", flat=True))
    assert finalise_rating(rating_id=rating.pk, at=waiting.pass_time(30)) is False
    assert Credit.objects.count() == 1


def test_the_same_answer_sent_twice_is_taken_once(waiting) -> None:
    rater = waiting.rater()
    lease = hold_leases(rater=rater, at=waiting.clock)[0]
    answers = [cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(1)) for _ in range(2)]
    assert (answers[0].pk, states(rater)) == (answers[1].pk, [("yes", PROVISIONAL)])


def test_a_second_and_different_answer_is_refused(waiting) -> None:
    rater = waiting.rater()
    lease = hold_leases(rater=rater, at=waiting.clock)[0]
    cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(1))
    with pytest.raises(AlreadyRated, match="Undo that answer first"):
        cast_rating(rater=rater, token=lease.token, answer=NO, at=waiting.pass_time(1))
    assert states(rater) == [("yes", PROVISIONAL)]


def test_nobody_answers_with_somebody_elses_question(waiting) -> None:
    lease = hold_leases(rater=waiting.rater(), at=waiting.clock)[0]
    for token in (lease.token, uuid.uuid4()):
        with pytest.raises(RatingRefused, match="isn’t yours"):
            cast_rating(rater=waiting.rater(), token=token, answer=YES, at=waiting.pass_time(1))
    assert Rating.objects.count() == 0


def test_a_late_answer_is_kept_and_not_counted(waiting) -> None:
    rater = waiting.rater()
    lease = hold_leases(rater=rater, at=waiting.clock)[0]
    cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(120))
    assert states(rater) == [("yes", LATE)]
    finalise_due(at=waiting.pass_time(60))
    assert (states(rater), final_tally(lease.pair)[0]) == ([("yes", LATE)], Tally())
    with pytest.raises(RatingRefused, match="final"):
        undo_rating(rater=rater, at=waiting.clock)


def test_an_answer_to_a_pair_that_settled_meanwhile_is_late(db) -> None:
    world = make_world(policy=Policy(quorum=1, lease_seconds=600))
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    slow = world.rater()
    lease = hold_leases(rater=slow, at=world.clock)[0]
    Lease.objects.update(expires_at=world.clock + timedelta(seconds=2))
    world.pass_time(3)
    world.rate(world.pair(0, "cat"), YES)
    Lease.objects.filter(pk=lease.pk).update(closed_at=None, ended="", expires_at=world.clock + timedelta(seconds=600))
    cast_rating(rater=slow, token=lease.token, answer=NO, at=world.pass_time(1))
    assert states(slow) == [("no", LATE)]
    assert (world.pair(0, "cat").outcome, world.pair(0, "cat").tally) == ("false_negative", Tally(1, 0, 0))


def test_undo_within_the_time_gives_the_question_back_and_nothing_was_counted(waiting) -> None:
    rater = waiting.rater()
    rating = cast(waiting, rater, YES)
    lease = undo_rating(rater=rater, at=waiting.pass_time(29))
    assert (states(rater), lease.pk, lease.closed_at) == ([], rating.lease_id, None)
    assert hold_leases(rater=rater, at=waiting.clock)[0].token == lease.token
    cast_rating(rater=rater, token=lease.token, answer=NO, at=waiting.pass_time(1))
    finalise_due(at=waiting.pass_time(30))
    assert (states(rater), final_tally(lease.pair)[0]) == ([("no", FINAL)], Tally(no=1))


def test_an_undone_answer_never_lets_one_more_person_in(waiting) -> None:
    pair = waiting.pair(0, "cat")
    waiting.rate(pair, YES, YES, YES, YES)
    rater, other = waiting.raters(2)
    cast(waiting, rater, YES)
    undo_rating(rater=rater, at=waiting.pass_time(1))
    assert pair not in [lease.pair for lease in hold_leases(rater=other, at=waiting.clock, count=3)]


def test_answering_and_undoing_in_turns_keeps_nobody_from_a_pair_for_ever(waiting) -> None:
    rater = waiting.rater()
    token = hold_leases(rater=rater, at=waiting.clock)[0].token
    began = waiting.clock
    for _ in range(7):
        cast_rating(rater=rater, token=token, answer=YES, at=waiting.pass_time(29))
        assert undo_rating(rater=rater, at=waiting.pass_time(29)).expires_at <= began + timedelta(seconds=450)
    cast_rating(rater=rater, token=token, answer=YES, at=waiting.pass_time(29))
    with pytest.raises(RatingRefused, match="You have had this question for long"):
        undo_rating(rater=rater, at=waiting.pass_time(29))
    assert states(rater) == [("yes", PROVISIONAL)]


def test_only_the_last_answer_is_undone_and_only_in_time(waiting) -> None:
    rater = waiting.rater()
    with pytest.raises(RatingRefused, match="no answer to undo"):
        undo_rating(rater=rater, at=waiting.clock)
    cast(waiting, rater, YES)
    cast(waiting, rater, NO)
    undo_rating(rater=rater, at=waiting.pass_time(1))
    with pytest.raises(RatingRefused, match="final by now"):
        undo_rating(rater=rater, at=waiting.clock)
    cast(waiting, rater, NO)
    with pytest.raises(RatingRefused, match="final by now"):
        undo_rating(rater=rater, at=waiting.pass_time(30))
    assert states(rater) == [("yes", FINAL), ("no", PROVISIONAL)]


def test_an_answer_is_not_counted_once_the_edition_is_final(waiting) -> None:
    pair = waiting.pair(0, "cat")
    waiting.rate(pair, YES, YES, YES, YES)
    rater = waiting.rater()
    cast(waiting, rater, YES)
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    finalise_due(at=waiting.pass_time(30))
    assert (states(rater), waiting.pair(0, "cat").state) == ([("yes", LATE)], PairState.IN_REVIEW)
    assert Credit.objects.count() == 0


def test_without_time_to_undo_an_answer_is_final_at_once_and_settles_its_pair(db) -> None:
    world = make_world(policy=Policy(quorum=2, provisional_seconds=0))
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    first, second = world.raters(2)
    cast(world, first, YES)
    assert (states(first), world.pair(0, "cat").tally) == ([("yes", FINAL)], Tally(yes=1))
    with pytest.raises(RatingRefused, match="final by now"):
        undo_rating(rater=first, at=world.clock)
    rating = cast(world, second, YES)
    pair = world.pair(0, "cat")
    assert (pair.outcome, pair.tally, rating.final_at) == ("false_negative", Tally(yes=2), world.clock)
    assert Credit.objects.get().ratings == list(Rating.objects.order_by("pk").values_list("pk", flat=True))
    assert finalise_due(at=world.pass_time(30)) == 0


def test_a_recorded_answer_is_taken_by_the_rules_of_any_other(waiting) -> None:
    pair, other = waiting.pair(0, "cat"), waiting.pair(1, "cat")
    claimant = waiting.finder()
    waiting.claim(claimant, (2, "cat"))
    rater = waiting.rater()

    def record(answer: Answer, pair: Pair, rater=rater) -> tuple[str, str] | None:
        rating = rate_pair(rater=rater, pair_id=pair.pk, answer=answer, at=waiting.pass_time(1))
        return rating and (rating.answer, rating.state)

    assert record(YES, pair) == ("yes", PROVISIONAL)
    assert record(NO, pair) is None
    assert record(NO, other) == ("no", PROVISIONAL)
    assert states(rater) == [("yes", FINAL), ("no", PROVISIONAL)]
    assert Lease.objects.filter(rater=rater, closed_at=None).count() == 0
    waiting.rate(pair, YES, YES, YES)
    held = waiting.rater()
    lease = hold_leases(rater=held, at=waiting.clock, count=1, only=Pair.objects.filter(pk=pair.pk))[0]
    assert record(YES, pair, waiting.rater()) is None
    assert record(DONT_KNOW, pair, held) == ("dont_know", PROVISIONAL)
    with pytest.raises(AlreadyRated):
        cast_rating(rater=held, token=lease.token, answer=YES, at=waiting.clock)
    finalise_due(at=waiting.pass_time(30))
    assert (waiting.pair(0, "cat").tally, record(YES, pair, waiting.rater())) == (Tally(4, 0, 1), None)
    with pytest.raises(RatingRefused, match="as a rater"):
        record(YES, waiting.pair(2, "cat"), claimant)


def test_the_seconds_of_an_answer_run_from_the_picture_in_view(waiting) -> None:
    rater = waiting.rater()
    cast(waiting, rater, YES, seconds=7)
    cast(waiting, rater, YES, seconds=3)
    assert list(Rating.objects.order_by("pk").values_list("seconds", flat=True)) == [7.0, 3.0]


def test_the_database_refuses_two_answers_of_one_rater_to_a_pair(waiting) -> None:
    rating = cast(waiting, waiting.rater(), YES)
    lease = Lease.objects.create(
        pair=rating.pair, rater=rating.rater, created_at=waiting.clock, expires_at=waiting.clock + timedelta(hours=1)
    )
    fields = {"answer": "no", "state": PROVISIONAL, "created_at": waiting.clock, "seconds": 1}
    with pytest.raises(DatabaseError, match="one_rating_per_rater_and_pair"), transaction.atomic():
        Rating.objects.create(pair=rating.pair, rater=rating.rater, lease=lease, **fields)
    assert Pair.objects.filter(state=PairState.IN_REVIEW).count() == 3
