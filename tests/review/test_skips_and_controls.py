"""Skipping questions; and control questions, which behave as any other."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from cats4ml.challenges.models import Participation
from cats4ml.review.actions import reports
from cats4ml.review.actions.answering import cast_rating, finalise_due, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.rights import AlreadyRated, RaterPaused, RatingRefused
from cats4ml.review.actions.skipping import skip, skips_left
from cats4ml.review.models import (
    ControlQuestion,
    Device,
    Lease,
    LeaseEnd,
    PictureReport,
    RaterPause,
    Rating,
    ReportKind,
    Waiting,
)
from cats4ml.review.queries import waiting_for
from cats4ml.review.trust import pause_rater
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from tests.factories import World, make_user, make_world
from tests.review.asked import WARM_UP, stock

YES, NO = Answer.YES, Answer.NO


@pytest.fixture
def waiting(db) -> World:
    """Six pairs wait; a rater may skip two of a hundred questions."""
    world = make_world(policy=Policy(skips_per_hundred=2))
    world.claim(world.finder(), *[(place, "cat") for place in range(6)])
    for place in range(6):
        world.score(place, {"cat": 0.1})
    return world


def next_lease(world: World, rater: Participation) -> Lease:
    return hold_leases(rater=rater, at=world.pass_time(1), count=1)[0]


def ask_control(world: World, rater: Participation, use: str = "mixed") -> Lease:
    """A control question in the rater's hands."""
    control = ControlQuestion.objects.create(
        challenge=world.challenge,
        image=world.images[5],
        label=world.challenge.target_labels.get(label__key="owl").label,
        truth="yes",
        use=use,
    )
    return Lease.objects.create(
        control=control,
        rater=rater,
        created_at=world.clock,
        shown_at=world.clock,
        expires_at=world.clock + timedelta(seconds=120),
    )


def ratings(rater: Participation) -> list[tuple[str, str]]:
    return list(Rating.objects.filter(rater=rater).order_by("pk").values_list("answer", "state"))


def test_a_skipped_pair_never_comes_back_to_who_skipped_it_and_its_place_is_free(waiting) -> None:
    rater = waiting.rater()
    lease = next_lease(waiting, rater)
    skipped = skip(rater=rater, token=lease.token, at=waiting.pass_time(1))
    assert (skipped.ended, Waiting.objects.get(pair=lease.pair).places) == (LeaseEnd.SKIPPED, 5)
    seen = {one.pair for one in hold_leases(rater=rater, at=waiting.clock, count=6)}
    assert (len(seen), lease.pair in seen, lease.pair in waiting_for(waiting.rater())) == (5, False, True)


def test_a_skip_sent_twice_is_one_skip(waiting) -> None:
    rater = waiting.rater()
    lease = next_lease(waiting, rater)
    for _ in range(2):
        skip(rater=rater, token=lease.token, at=waiting.pass_time(1))
    assert skips_left(rater) == 1


def test_no_more_than_the_policys_skips_of_the_last_hundred_questions(waiting) -> None:
    rater = waiting.rater()
    for left in (2, 1):
        assert skips_left(rater) == left
        skip(rater=rater, token=next_lease(waiting, rater).token, at=waiting.pass_time(1))
    lease = next_lease(waiting, rater)
    with pytest.raises(RatingRefused, match="2 of every 100 questions, and you have"):
        skip(rater=rater, token=lease.token, at=waiting.pass_time(1))
    assert (skips_left(rater), next_lease(waiting, rater).pk) == (0, lease.pk)


def test_skips_come_back_with_the_questions_that_follow(waiting) -> None:
    rater = waiting.rater()
    for _ in range(2):
        skip(rater=rater, token=next_lease(waiting, rater).token, at=waiting.pass_time(1))
    pair = waiting.pair(0, "cat")
    Lease.objects.bulk_create(
        Lease(
            pair=pair,
            rater=rater,
            created_at=waiting.clock,
            shown_at=waiting.clock,
            expires_at=waiting.clock + timedelta(seconds=1),
            closed_at=waiting.clock,
            ended="answered",
        )
        for _ in range(99)
    )
    assert skips_left(rater) == 1


def test_undoing_and_waiting_do_not_bring_a_skipped_pair_back(waiting) -> None:
    rater = waiting.rater()
    lease = next_lease(waiting, rater)
    cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(1))
    with pytest.raises(RatingRefused, match="Undo that answer first"):
        skip(rater=rater, token=lease.token, at=waiting.clock)
    undo_rating(rater=rater, at=waiting.pass_time(1))
    skip(rater=rater, token=lease.token, at=waiting.pass_time(1))
    with pytest.raises(RatingRefused, match="no answer to undo"):
        undo_rating(rater=rater, at=waiting.clock)
    later = waiting.pass_time(1000)
    assert lease.pair not in [one.pair for one in hold_leases(rater=rater, at=later, count=6)]


def test_a_question_that_ran_out_cannot_be_skipped_comes_back_and_counts_as_a_skip(waiting) -> None:
    rater = waiting.rater()
    lease = next_lease(waiting, rater)
    with pytest.raises(RatingRefused, match="has ended"):
        skip(rater=rater, token=lease.token, at=waiting.pass_time(120))
    assert (next_lease(waiting, rater).pair, skips_left(rater)) == (lease.pair, 1)


def test_nobody_skips_somebody_elses_question(waiting) -> None:
    lease = next_lease(waiting, waiting.rater())
    for token in (lease.token, uuid.uuid4()):
        with pytest.raises(RatingRefused, match="isn’t yours"):
            skip(rater=waiting.rater(), token=token, at=waiting.clock)


def test_a_skipped_control_is_a_skip(waiting) -> None:
    rater = waiting.rater()
    lease = ask_control(waiting, rater)
    skip(rater=rater, token=lease.token, at=waiting.pass_time(1))
    lease.refresh_from_db()
    assert (lease.ended, skips_left(rater), Rating.objects.count()) == ("skipped", 1, 0)


def test_a_control_is_answered_undone_and_made_final_as_a_pair_is(waiting) -> None:
    rater = waiting.rater()
    lease = ask_control(waiting, rater)
    assert next_lease(waiting, rater).pk == lease.pk
    rating = cast_rating(rater=rater, token=lease.token, answer=NO, at=waiting.pass_time(2), device=Device.PHONE)
    assert (rating.control, rating.pair, rating.device, rating.seconds) == (lease.control, None, "phone", 3.0)
    again = cast_rating(rater=rater, token=lease.token, answer=NO, at=waiting.pass_time(1))
    with pytest.raises(AlreadyRated):
        cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.clock)
    assert (again.pk, undo_rating(rater=rater, at=waiting.pass_time(1)).pk) == (rating.pk, lease.pk)
    assert (ratings(rater), next_lease(waiting, rater).pk) == ([], lease.pk)
    cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(1))
    pair = next_lease(waiting, rater)
    cast_rating(rater=rater, token=pair.token, answer=NO, at=waiting.pass_time(1))
    assert ratings(rater) == [("yes", "final"), ("no", "provisional")]
    assert finalise_due(at=waiting.pass_time(30)) == 1


def test_a_control_becomes_final_by_time_too_and_counts_for_no_pair(waiting) -> None:
    rater = waiting.rater()
    cast_rating(rater=rater, token=ask_control(waiting, rater).token, answer=YES, at=waiting.pass_time(1))
    assert (finalise_due(at=waiting.pass_time(29)), finalise_due(at=waiting.pass_time(1))) == (0, 1)
    assert (ratings(rater), Waiting.objects.filter(answers__gt=0).count()) == ([("yes", "final")], 0)


def test_an_answer_to_a_control_that_ran_out_is_late(waiting) -> None:
    rater = waiting.rater()
    cast_rating(rater=rater, token=ask_control(waiting, rater).token, answer=YES, at=waiting.pass_time(120))
    assert ratings(rater) == [("yes", "late")]


def test_a_warm_up_answer_is_final_at_once_because_its_truth_is_told(waiting) -> None:
    rater = waiting.rater()
    lease = ask_control(waiting, rater, use="warm_up")
    cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(1))
    with pytest.raises(RatingRefused, match="final by now"):
        undo_rating(rater=rater, at=waiting.clock)
    assert ratings(rater) == [("yes", "final")]


def test_a_picture_of_a_control_is_reported_as_any_other(waiting) -> None:
    rater = waiting.rater()
    lease = ask_control(waiting, rater)
    said = {"rater": rater, "token": lease.token, "kind": ReportKind.BROKEN}
    first = report_picture(**said, note="", at=waiting.pass_time(1))
    again = report_picture(**said, note="", at=waiting.pass_time(1))
    lease.refresh_from_db()
    assert (first.pk, first.control, first.pair, lease.ended) == (again.pk, lease.control, None, "reported")
    assert next_lease(waiting, rater).control is None


@pytest.mark.parametrize("how", ["skip", "report"])
def test_who_passes_a_warm_up_over_has_not_passed_it(db, how) -> None:
    """Else anybody would get round it: what is asked next would count."""
    world = make_world(pictures=12, policy=Policy(warm_up=2))
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    stock(world, WARM_UP, range(6, 8))
    rater = world.rater()
    for _ in range(2):
        token = next_lease(world, rater).token
        if how == "skip":
            skip(rater=rater, token=token, at=world.pass_time(1))
        else:
            report_picture(rater=rater, token=token, kind=ReportKind.BROKEN, note="", at=world.pass_time(1))
    assert RaterPause.objects.get(rater=rater).cause == "warm_up"
    with pytest.raises(RaterPaused):
        next_lease(world, rater)


def test_reports_run_out_as_skips_do(waiting, monkeypatch) -> None:
    monkeypatch.setattr(reports, "MOST_REPORTS", 2)
    rater = waiting.rater()
    said = {"rater": rater, "kind": ReportKind.OTHER, "note": ""}
    first, second, third = [lease.token for lease in hold_leases(rater=rater, at=waiting.clock, count=3)]
    for token in (first, second):
        report_picture(**said, token=token, at=waiting.pass_time(1))
    with pytest.raises(RatingRefused, match="You have reported 2 of your last 100 questions"):
        report_picture(**said, token=third, at=waiting.pass_time(1))
    report_picture(**said, token=first, at=waiting.pass_time(1))  # sent twice
    assert (PictureReport.objects.count(), next_lease(waiting, rater).token) == (2, third)


@pytest.mark.parametrize("how", ["skip", "report"])
def test_who_passed_a_question_over_does_not_answer_it_after_all(waiting, how) -> None:
    """An answer that nothing looks at would still count for the end of a paid study."""
    rater = waiting.rater()
    lease = next_lease(waiting, rater)
    if how == "skip":
        skip(rater=rater, token=lease.token, at=waiting.pass_time(1))
    else:
        report_picture(rater=rater, token=lease.token, kind=ReportKind.OTHER, note="", at=waiting.pass_time(1))
    with pytest.raises(RatingRefused, match="passed this question over"):
        cast_rating(rater=rater, token=lease.token, answer=YES, at=waiting.pass_time(1))
    assert ratings(rater) == []


def test_a_paused_rater_takes_nothing_back(waiting) -> None:
    rater = waiting.rater()
    cast_rating(rater=rater, token=next_lease(waiting, rater).token, answer=YES, at=waiting.pass_time(1))
    pause_rater(rater=rater, by=make_user(), note="", at=waiting.clock)
    with pytest.raises(RaterPaused):
        undo_rating(rater=rater, at=waiting.clock)
    assert (ratings(rater), Lease.objects.filter(rater=rater, closed_at=None).count()) == ([("yes", "provisional")], 0)
