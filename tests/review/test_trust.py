"""Who is paused and by what, and what an organiser decides about it."""

from __future__ import annotations

import pytest

from cats4ml.challenges.actions import decide_policy
from cats4ml.review.models import EditionSkill, Lease, LeaseEnd, PauseCause, PauseDecision, RaterPause, RatingState
from cats4ml.review.trust import PauseRefused, decide_pause, look_at, pause_rater
from cats4ml.rules.policy import Policy
from cats4ml.rules.trust import Signal
from cats4ml.submissions.models import Pair
from tests.factories import START, World, make_user, make_world
from tests.review.asked import MIXED, WARM_UP, answer, give, respond, stock

RESUMED, ENDED = PauseDecision.RESUMED, PauseDecision.ENDED


@pytest.fixture
def wide(db) -> World:
    """An edition with 45 pictures, all of them claimed as owls, no warm-up, and pauses after short runs."""
    world = make_world(pictures=45, policy=Policy(warm_up=0, same_answers=10))
    world.claim(world.finder(), *((place, "owl") for place in range(45)))
    return world


def rate(world: World, rater, answers: str, *, start: int = 0, seconds: float = 3.0) -> None:
    """Have a rater answer pair after pair, for good."""
    pairs = list(Pair.objects.order_by("pk"))
    said = {"y": "yes", "n": "no", "d": "dont_know"}
    for pair, letter in zip(pairs[start:], answers, strict=False):
        answer(world, give(world, rater, pair), said[letter], seconds=seconds)


def look(world: World, rater) -> tuple[str, dict] | None:
    pause = look_at(rater=rater, at=world.pass_time(1))
    return None if pause is None else (pause.cause, pause.evidence)


def test_every_signal_has_its_cause() -> None:
    assert {signal.value for signal in Signal} | {"organiser"} == set(PauseCause.values)


def test_honest_answers_pause_nobody(wide) -> None:
    rater = wide.rater()
    stock(wide, MIXED, range(30, 40))
    assert look(wide, rater) is None
    for start in range(0, 40, 4):
        rate(wide, rater, "ynnd", start=start)
        assert look(wide, rater) is None
    assert RaterPause.objects.count() == 0


def test_too_fast_pauses_and_takes_back_what_is_in_hand(wide) -> None:
    rater = wide.rater()
    rate(wide, rater, "yn" * 10, seconds=0.2)
    held = give(wide, rater, Pair.objects.last())
    figures = {"answers": 20, "median_seconds": 0.2, "fast_seconds": 0.6}
    assert look(wide, rater) == ("too_fast", figures)
    held.refresh_from_db()
    assert (held.ended, held.closed_at) == (LeaseEnd.WITHDRAWN, wide.clock)
    assert look(wide, rater) == ("too_fast", figures)
    assert RaterPause.objects.count() == 1


@pytest.mark.parametrize("state", [RatingState.PROVISIONAL, RatingState.LATE, RatingState.DISCOUNTED])
def test_only_final_answers_are_looked_at(wide, state) -> None:
    rater = wide.rater()
    for pair in Pair.objects.all()[:25]:
        answer(wide, give(wide, rater, pair), "yes", seconds=0.1, state=state)
    assert look(wide, rater) is None


def test_the_same_answer_pauses_where_controls_say_otherwise(wide) -> None:
    decide_policy(
        challenge=wide.challenge,
        policy=Policy(warm_up=0, same_answers=10, controls_right_percent=0, control_percent=50),
    )
    rater = wide.rater()
    controls = [one for one in stock(wide, MIXED, range(8)) if one.truth == "yes"]
    rate(wide, rater, "n" * 9)
    assert look(wide, rater) is None
    for one in controls[:3]:
        answer(wide, give(wide, rater, one), "no")
    assert look(wide, rater) is None
    answer(wide, give(wide, rater, controls[3]), "no")
    assert look(wide, rater) == ("same_answer", {"answer": "no", "in_a_row": 13, "controls_against_it": 4})


def test_where_no_is_usual_a_long_run_of_it_is_not_held_against_anybody(wide) -> None:
    EditionSkill.objects.create(challenge=wide.challenge, pooled={}, base_rate=0.05, rebuilt_at=START)
    usual, unusual = wide.raters(2)
    rate(wide, usual, "n" * 45)
    rate(wide, unusual, "y" * 45)
    assert look(wide, usual) is None
    assert look(wide, unusual) == ("same_answer", {"answer": "yes", "in_a_row": 40, "controls_against_it": 0})


def test_failing_controls_pause_and_right_ones_do_not(wide) -> None:
    decide_policy(challenge=wide.challenge, policy=Policy(warm_up=0, control_percent=50, control_percent_least=50))
    controls = stock(wide, MIXED, range(12))
    good, bad = wide.raters(2)
    for place, one in enumerate(controls[:8]):
        answer(wide, give(wide, good, one), one.truth if place % 4 else ("no" if one.truth == "yes" else "yes"))
        assert look(wide, good) is None
    looks = []
    for one in controls[:6]:
        answer(wide, give(wide, bad, one), "no" if one.truth == "yes" else "yes")
        looks.append(look(wide, bad))
    figures = {"right": 0, "answered": 5, "wanted_percent": 60}
    assert looks == [None] * 4 + [("controls", figures)] * 2


def test_a_failed_warm_up_pauses_only_after_the_second_one(wide) -> None:
    decide_policy(challenge=wide.challenge, policy=Policy(warm_up=3, controls_right_percent=60))
    stock(wide, WARM_UP, range(6))
    rater = wide.rater()
    looks = []
    for right in (True, False, False, True, False, False):
        respond(wide, rater, right=right)
        looks.append(look(wide, rater))
    figures = {"right": 2, "answered": 6, "wanted_percent": 60}
    assert looks == [None] * 5 + [("warm_up", figures)]


def test_where_there_is_no_second_warm_up_the_first_decides(wide) -> None:
    decide_policy(challenge=wide.challenge, policy=Policy(warm_up=3))
    stock(wide, WARM_UP, range(4))
    failed, passed = wide.raters(2)
    for right in (True, False, False):
        respond(wide, failed, right=right)
    for right in (True, False, True):
        respond(wide, passed, right=right)
    assert look(wide, failed) == ("warm_up", {"right": 1, "answered": 3, "wanted_percent": 60})
    assert look(wide, passed) is None


def test_a_resumed_rater_is_judged_by_later_answers_alone(wide) -> None:
    organiser, rater = make_user(), wide.rater()
    rate(wide, rater, "yn" * 10, seconds=0.2)
    pause = look_at(rater=rater, at=wide.pass_time(1))
    decided = decide_pause(pause=pause, decision=RESUMED, by=organiser, note="A slow network.", at=wide.pass_time(1))
    assert (decided.decision, decided.decided_by, decided.note) == (RESUMED, organiser, "A slow network.")
    assert look(wide, rater) is None
    rate(wide, rater, "yn" * 9, start=20, seconds=0.2)
    assert look(wide, rater) is None
    rate(wide, rater, "yn", start=38, seconds=0.2)
    assert look(wide, rater)[0] == "too_fast"
    assert RaterPause.objects.count() == 2


def test_an_organiser_pauses_and_decides_once(wide) -> None:
    organiser, rater = make_user(), wide.rater()
    lease = give(wide, rater, Pair.objects.first())
    pause = pause_rater(rater=rater, by=organiser, note="They asked for it.", at=wide.pass_time(1))
    assert pause_rater(rater=rater, by=organiser, note="Again", at=wide.pass_time(1)) == pause
    assert (pause.cause, pause.note) == (PauseCause.ORGANISER, "They asked for it.")
    assert Lease.objects.get(pk=lease.pk).ended == LeaseEnd.WITHDRAWN
    assert look_at(rater=rater, at=wide.pass_time(1)) == pause
    ended = decide_pause(pause=pause, decision=ENDED, by=organiser, note="", at=wide.pass_time(1))
    assert decide_pause(pause=pause, decision=ENDED, by=organiser, note="", at=wide.pass_time(1)).decided_at == (
        ended.decided_at
    )
    assert look_at(rater=rater, at=wide.pass_time(1)) == pause
    back = decide_pause(pause=pause, decision=RESUMED, by=organiser, note="Let back.", at=wide.pass_time(1))
    assert (back.decision, back.note) == (RESUMED, "Let back.")
    with pytest.raises(PauseRefused, match="went on after that pause"):
        decide_pause(pause=pause, decision=ENDED, by=organiser, note="", at=wide.pass_time(1))
    assert look_at(rater=rater, at=wide.pass_time(1)) is None
    name = rater.public_name
    assert [(act.summary, act.reason, act.by) for act in wide.acts()] == [
        (f"Paused {name}", "They asked for it.", organiser),
        (f"Ended the part of {name}", "", organiser),
        (f"Let {name} go on rating", "Let back.", organiser),
    ]  # fmt: skip
