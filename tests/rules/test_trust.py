"""How often a rater is asked what is known, and what pauses them: careless answers, and never honest ones."""

from __future__ import annotations

import csv
import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.trust import (
    FAST_ANSWERS,
    Given,
    Signal,
    WarmUp,
    binomial_tail,
    control_rate,
    controls_failing,
    is_control_due,
    longest_honest_run,
    same_answer,
    too_fast,
    warm_up,
)
from tests.console.commands import shared_data

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
POLICY = Policy()
counts = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_the_rate_of_controls_falls_with_those_that_were_right() -> None:
    right = [control_rate(n, n, policy=POLICY) for n in (0, 3, 6, 12, 20, 35, 200)]
    assert [round(rate, 3) for rate in right] == [0.15, 0.15, 0.117, 0.073, 0.048, 0.03, 0.03]
    assert control_rate(20, 40, policy=POLICY) == 0.15


@given(counts, st.integers(0, 50), st.integers(0, 50))
def test_the_rate_stays_between_the_policys_two(count, one, other) -> None:
    most, least = max(one, other), min(one, other)
    rate = control_rate(*count, policy=Policy(control_percent=most, control_percent_least=least))
    assert least / 100 <= rate + 1e-12
    assert rate <= most / 100 + 1e-12


@given(counts)
def test_another_control_right_never_raises_the_rate(count) -> None:
    right, answered = count
    rate = control_rate(right, answered, policy=POLICY)
    assert control_rate(right + 1, answered + 1, policy=POLICY) <= rate + 1e-12
    assert control_rate(right, answered + 1, policy=POLICY) >= rate - 1e-12


def test_a_control_is_due_as_often_as_the_rate_says() -> None:
    draw = random.Random(4)
    due = [is_control_due(draw.random(), rate=0.15) for _ in range(10_000)]
    assert 1350 < sum(due) < 1650
    assert (is_control_due(0.0, rate=0.0), is_control_due(0.999, rate=1.0)) == (False, True)


WARM_UPS = (
    # right so far, in hand, left in stock → done, of, whether another is asked, failed
    ("", 0, 30, WarmUp(0, 6, True, False)),
    ("+++", 2, 25, WarmUp(3, 6, True, False)),
    ("++++", 2, 24, WarmUp(4, 6, False, False)),
    ("++++--", 0, 24, WarmUp(6, 6, False, False)),
    ("++--+", 1, 24, WarmUp(5, 6, True, False)),  # the sixth decides, so that a seventh is given out ahead
    ("++--+", 2, 23, WarmUp(5, 7, True, False)),
    ("++--++", 1, 23, WarmUp(6, 7, False, False)),
    ("++--+-", 0, 24, WarmUp(6, 12, True, False)),  # a second time
    ("++--+-++++", 0, 20, WarmUp(10, 12, True, False)),
    ("++--+-++++++", 0, 18, WarmUp(12, 12, False, False)),
    ("++--+-------", 0, 18, WarmUp(12, 12, False, True)),
    ("++--+-", 0, 5, WarmUp(6, 6, False, True)),  # too few for a second time
    ("++--+-++--", 0, 0, WarmUp(10, 10, False, True)),
    ("+++", 0, 0, WarmUp(3, 3, False, False)),  # all that there are
    ("+--", 0, 0, WarmUp(3, 3, False, True)),
    ("", 0, 0, WarmUp(0, 0, False, False)),
)


@pytest.mark.parametrize(("answers", "held", "left", "stands"), WARM_UPS)
def test_a_warm_up_is_judged_by_its_answers(answers, held, left, stands) -> None:
    assert warm_up([one == "+" for one in answers], held, left, policy=POLICY) == stands


@pytest.mark.parametrize(
    ("answers", "held", "left", "passed", "stands"),
    [
        ("++", 1, 9, 3, WarmUp(2, 6, True, False)),  # others take the place of what was passed over
        ("", 0, 0, 6, WarmUp(0, 0, False, True)),  # all of it passed over is no warm-up
        ("++", 0, 0, 10, WarmUp(2, 2, False, True)),
        ("++", 1, 1, 2, WarmUp(2, 4, True, False)),
        ("++++", 0, 0, 2, WarmUp(4, 4, False, False)),  # enough of six
        ("+++", 1, 0, 2, WarmUp(3, 4, False, False)),
        ("+++-", 0, 0, 2, WarmUp(4, 4, False, True)),
        ("++--+-", 0, 0, 6, WarmUp(6, 6, False, True)),
        ("++--+-+", 0, 0, 5, WarmUp(7, 7, False, True)),  # nor is a second time
        ("++--+-++++", 0, 0, 2, WarmUp(10, 10, False, False)),
    ],
)
def test_nobody_gets_round_a_warm_up_by_passing_its_questions_over(answers, held, left, passed, stands) -> None:
    assert warm_up([one == "+" for one in answers], held, left, passed, policy=POLICY) == stands


@given(
    st.lists(st.booleans(), max_size=40),
    st.integers(0, 3),
    st.integers(0, 40),
    st.integers(0, 12),
    st.integers(0, 20),
)
def test_a_warm_up_ends(answers, held, left, wanted, passed) -> None:
    """However it goes: it asks only for what is there, never says that more is done than there is, and after twice
    its length and what was in hand it asks no more."""
    policy = Policy(warm_up=wanted)
    stands = warm_up(answers, held, left, passed, policy=policy)
    assert stands.done == len(answers) <= stands.of
    if stands.wants:
        assert left > 0
        assert not stands.failed
        assert len(answers) + held < 2 * wanted + held + 1
    elif not stands.failed and not held:
        assert stands.done == stands.of


def answers(text: str, seconds: float = 3.0) -> list[Given]:
    """`y n d`: an answer to a pair; `Y N` with the control's truth before it: `yN` is a no to a control whose truth is
    yes."""
    found, truth = [], None
    for letter in text:
        answer = {"y": YES, "n": NO, "d": DONT_KNOW}[letter.lower()]
        if letter.isupper():
            found[-1:] = [Given(answer, seconds, found[-1].answer)]
        else:
            found.append(Given(answer, seconds, truth))
    return found


def test_answers_faster_than_a_look_pause() -> None:
    fast, slow = Given(YES, 0.3), Given(NO, 2.0)
    figures = {"answers": 20, "median_seconds": 0.3, "fast_seconds": 0.6}
    assert too_fast([fast] * FAST_ANSWERS, policy=POLICY) == (Signal.TOO_FAST, figures)
    assert too_fast([*[slow] * 200, *[fast, slow] * 4, *[fast] * 12], policy=POLICY) == (Signal.TOO_FAST, figures)
    assert too_fast([fast] * (FAST_ANSWERS - 1), policy=POLICY) is None
    assert too_fast([fast, slow] * 20, policy=POLICY) is None
    assert too_fast([fast] * 50, policy=Policy(fast_seconds=0)) is None
    assert too_fast([Given(YES, 0.0)] * 50, policy=POLICY) is None


def test_the_same_answer_in_spite_of_controls_pauses() -> None:
    run = answers("y" + "n" * 34 + "yN" * 4 + "n" * 2)
    figures = {"answer": "no", "in_a_row": 40, "controls_against_it": 4}
    assert same_answer(run, policy=POLICY) == (Signal.SAME_ANSWER, figures)
    assert same_answer(run[:-1], policy=POLICY) is None
    assert same_answer(answers("n" * 37 + "yN" * 3), policy=POLICY) is None
    assert same_answer(answers("d" * 36 + "yDnDyDnD"), policy=POLICY) is not None
    assert same_answer(run * 10, policy=Policy(same_answers=0)) is None
    assert same_answer([], policy=POLICY) is None


def test_where_the_truth_is_nearly_always_no_a_long_run_of_no_is_honest() -> None:
    rare = answers("n" * 500)
    assert same_answer(rare, policy=POLICY, share=0.99) is None
    assert same_answer(answers("n" * 100 + "nN" * 30 + "n" * 100), policy=POLICY, share=0.95) is None
    assert same_answer(answers("n" * 160), policy=POLICY, share=0.5) == (
        Signal.SAME_ANSWER, {"answer": "no", "in_a_row": 160, "controls_against_it": 0},
    )  # fmt: skip
    assert [longest_honest_run(share, policy=POLICY) for share in (0.5, 0.95, 0.99, 1.0)] == [160, 270, 1375, 1375]


def test_controls_pause_only_where_chance_is_excluded() -> None:
    wrong, right, unknown = Given(YES, 2.0, NO), Given(NO, 2.0, NO), Given(DONT_KNOW, 2.0, NO)
    figures = {"right": 0, "answered": 5, "wanted_percent": 60}
    assert controls_failing([wrong] * 4, policy=POLICY) is None
    assert controls_failing([wrong] * 5, policy=POLICY) == (Signal.CONTROLS, figures)
    assert controls_failing([wrong] * 10 + [right] * 14, policy=POLICY) is None
    assert controls_failing([wrong, right] * 16, policy=POLICY) is not None
    assert controls_failing([unknown] * 60, policy=POLICY) is None
    assert controls_failing([Given(YES, 2.0)] * 60, policy=POLICY) is None
    assert controls_failing([wrong] * 60 + [right] * 60, policy=POLICY) is None
    assert controls_failing([wrong] * 60, policy=Policy(controls_right_percent=0)) is None


@given(st.integers(0, 60), st.floats(0.0, 1.0))
def test_a_binomial_tail_is_a_share_that_grows(trials, chance) -> None:
    tails = [binomial_tail(number, trials, chance) for number in range(trials + 1)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(1.0)


def simulated(draw: random.Random, number: int, *, skill: float, share_yes: float, rate: float, seconds: float):
    """An honest rater's answers: right as often as their skill, looking `seconds` at the median."""
    for _ in range(number):
        control = draw.random() < rate
        truth = YES if draw.random() < (0.5 if control else share_yes) else NO
        answer = truth if draw.random() < skill else (NO if truth is YES else YES)
        yield Given(answer, draw.lognormvariate(0, 0.5) * seconds, truth if control else None)


def paused_after(found, *, share_yes: float) -> Signal | None:
    """The first signal over somebody's whole work, looked at after each answer as the platform does."""
    given: list[Given] = []
    for one in found:
        given.append(one)
        share = {YES: share_yes, NO: 1 - share_yes}.get(one.answer, 0.5)
        controls = [one for one in given if one.truth is not None][-120:]
        suspicion = (
            (controls_failing(controls, policy=POLICY) if one.truth is not None else None)
            or too_fast(given[-FAST_ANSWERS:], policy=POLICY)
            or same_answer(given[-1400:], policy=POLICY, share=share)
        )
        if suspicion is not None:
            return suspicion.signal
    return None


@pytest.mark.parametrize("share_yes", [0.5, 0.05, 0.98])
def test_honest_raters_work_on(share_yes) -> None:
    """Fifty raters who are right on four of five answer 600 questions each, at a quick pace: nobody is paused."""
    draw = random.Random(2021)
    work = [simulated(draw, 600, skill=0.8, share_yes=share_yes, rate=0.1, seconds=1.5) for _ in range(50)]
    assert [paused_after(one, share_yes=share_yes) for one in work] == [None] * 50


def test_who_does_not_look_is_paused() -> None:
    draw = random.Random(2021)
    guessing = [simulated(draw, 600, skill=0.5, share_yes=0.5, rate=0.15, seconds=1.0) for _ in range(20)]
    assert [paused_after(one, share_yes=0.5) for one in guessing].count(Signal.CONTROLS) >= 18
    hasty = [simulated(draw, 60, skill=0.8, share_yes=0.5, rate=0.1, seconds=0.3) for _ in range(20)]
    assert {paused_after(one, share_yes=0.5) for one in hasty} == {Signal.TOO_FAST}


def test_of_the_recorded_raters_only_the_one_who_answers_the_wrong_way_round_is_paused() -> None:
    """78 people answered 584 questions on which experts had agreed by majority; 77 had 65% to 90% of them right."""
    truths, given = {}, defaultdict(list)
    for row in csv.DictReader(shared_data("imagenet", "gold.csv").open(encoding="utf-8")):
        yes, no = int(row["expert_yes"]), int(row["expert_no"])
        if yes != no:
            truths[row["image_id"], row["class_index"]] = YES if yes > no else NO
    for row in csv.DictReader(shared_data("imagenet", "gold_ratings.csv").open(encoding="utf-8")):
        truth = truths.get((row["image_id"], row["class_index"]))
        if truth is not None:
            given[row["rater"]].append(Given(Answer(row["answer"]), 2.0, truth))
    draw, paused = random.Random(5), {}
    for rater, rows in given.items():
        shuffled = draw.sample(rows, 100)
        if any(controls_failing(shuffled[: number + 1], policy=POLICY) for number in range(100)):
            paused[rater] = sum(one.right for one in rows) / len(rows)
    assert (len(given), [round(share, 2) for share in paused.values()]) == (78, [0.22])
