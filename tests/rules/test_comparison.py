"""Rules side by side: each asks as it would on the site, and nothing is learned from the question that is asked."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.answers import Answer
from cats4ml.rules.comparison import (
    CONTENDERS,
    Answered,
    Contender,
    Counts,
    Lesson,
    Question,
    ask,
    base_rate,
    compare_on,
    counted,
    folds_of,
    learn,
    record_of,
    results_of,
)
from cats4ml.rules.policy import Policy
from cats4ml.rules.skill import AVERAGE, Odds, Record
from cats4ml.rules.verdicts import Rule, Verdict, VerdictRule, Vote, read_votes

LETTERS = {"y": Answer.YES, "n": Answer.NO, "d": Answer.DONT_KNOW}


def said(text: str) -> list[tuple[str, Answer]]:
    return [(f"r{place}", LETTERS[letter]) for place, letter in enumerate(text)]


def question(
    text: str, truth: Verdict = Verdict.YES, *, machine_yes: bool | None = None, picture: str = "p"
) -> Question:
    return Question(picture, "cat", tuple(said(text)), truth, machine_yes)


@pytest.mark.parametrize(
    ("kind", "text", "verdict", "ratings"),
    [
        ("majority", "yydnn", Verdict.UNDECIDED, 5),
        ("majority_of_known", "yydny", Verdict.YES, 5),
        ("majority_of_known", "yyy", Verdict.YES, 3),  # all that was recorded
        ("lead", "yynnn", Verdict.YES, 2),
        ("lead", "yndyny", Verdict.YES, 6),
        ("lead", "yn", Verdict.UNDECIDED, 2),
        ("weighted", "nn", Verdict.NO, 2),
    ],
)
def test_a_rule_takes_the_answers_one_after_the_other_until_it_asks_for_no_more(
    kind: str, text: str, verdict: Verdict, ratings: int
) -> None:
    found = ask(question(text), said(text), rule=Rule(kind=VerdictRule(kind)), lesson=Lesson(base_rate=0.3))
    assert found == Answered(verdict, ratings, credited=False)


@given(st.text("ynd", min_size=1, max_size=12), st.sampled_from(CONTENDERS), st.floats(0.1, 0.9))
def test_what_is_asked_is_the_shortest_run_that_settles(text: str, contender: Contender, rate: float) -> None:
    lesson = Lesson(base_rate=rate)
    found = ask(question(text), said(text), rule=contender.rule, lesson=lesson)
    size = len(text)
    rule = replace(
        contender.rule, quorum=min(contender.rule.quorum, size), max_ratings=min(contender.rule.max_ratings, size)
    )
    readings = [
        read_votes([Vote(answer) for _, answer in said(text)[:number]], rule=rule, prior_yes=rate)
        for number in range(size + 1)
    ]
    first = next(reading for reading in readings if reading.settled)
    assert found == Answered(first.verdict or Verdict.UNDECIDED, first.ratings, credited=False)


def test_wrong_and_undecided_are_told_apart_and_a_credit_is_denied_where_the_reference_says_otherwise() -> None:
    truth_no = question("yynnn", Verdict.NO, machine_yes=False)
    found = [
        counted(truth_no, Answered(Verdict.YES, 2, credited=True)),
        counted(truth_no, Answered(Verdict.NO, 5, credited=False)),
        counted(truth_no, Answered(Verdict.UNDECIDED, 4, credited=False)),
    ]
    assert found == [
        Counts(questions=1, ratings=2, wrong=1, credited=1, denied=1),
        Counts(questions=1, ratings=5),
        Counts(questions=1, ratings=4, undecided=1),
    ]


@pytest.mark.parametrize(
    ("text", "machine_yes", "min_lead", "credited"),
    [
        ("yy", False, 1, True),  # a false negative
        ("yy", True, 1, False),  # an agreement
        ("nn", True, 1, True),  # a false positive
        ("yy", None, 1, False),  # nobody knows what the machines say
        ("yyy", False, 3, True),
        ("yynny", False, 3, False),  # never ahead by three: ambiguous
    ],
)
def test_a_pair_is_credited_where_people_and_machines_differ_and_the_answers_are_enough(
    text: str, machine_yes: bool | None, min_lead: int, credited: bool
) -> None:
    rule = Rule(kind=VerdictRule.LEAD, min_lead=min_lead)
    assert ask(question(text, machine_yes=machine_yes), said(text), rule=rule, lesson=Lesson()).credited == credited


def test_a_lesson_holds_what_so_many_controls_teach() -> None:
    controls = [question("yn", Verdict.YES, picture="a"), question("nd", Verdict.NO, picture="b")]
    lesson = learn(controls, number=None, coins=2, draw=random.Random(0))
    assert record_of([(Verdict.YES, Answer.YES), (Verdict.NO, Answer.NO), (Verdict.UNDECIDED, Answer.YES)]) == Record(
        if_yes=Odds(1, 0, 0), if_no=Odds(0, 1, 0)
    )
    assert sorted(lesson.skills) == ["r0", "r1"]
    assert lesson.base_rate == 0.5  # two answers where the truth was yes, two where it was no
    assert learn(controls, number=0, coins=2, draw=random.Random(0)) == Lesson({}, AVERAGE, 0.5)
    one = learn(controls, number=1, coins=2, draw=random.Random(0))
    assert one.skills != lesson.skills


def test_the_questions_about_one_picture_are_in_one_half() -> None:
    questions = [question("y", picture=f"p{number // 3}") for number in range(30)]
    folds = folds_of(questions, random.Random(1))
    assert (len(folds), sorted(folds.values())) == (10, [0] * 5 + [1] * 5)


def test_nothing_is_learned_from_the_question_that_is_asked() -> None:
    """Two raters are right but about the picture that is asked: whoever learned from it would follow the third."""
    controls = [question("yyn", Verdict.YES, picture=f"p{number}") for number in range(8)]
    controls += [question("nny", Verdict.NO, picture=f"q{number}") for number in range(8)]
    odd = question("nny", Verdict.YES, picture="odd")
    played = list(compare_on([odd], controls=[*controls, odd], replicates=3, seed=1, base_rate_of_controls=True))[-1]
    assert played.by_picture["weighted"]["odd"].wrong == 3


def test_the_same_seed_gives_the_same_figures_and_every_contender_its_intervals() -> None:
    questions = [
        question(
            "yyyny" if number % 3 else "nnndy", Verdict.YES if number % 3 else Verdict.NO, picture=f"p{number // 2}"
        )
        for number in range(24)
    ]

    def figures(seed: int) -> dict[str, object]:
        played = list(compare_on(questions, controls=questions, replicates=2, seed=seed, base_rate_of_controls=False))[
            -1
        ]
        return {one.name: results_of(played, one.name, seed=seed) for one in CONTENDERS}

    first, again, other = figures(5), figures(5), figures(6)
    assert first == again
    assert first != other
    majority = first["majority"]
    assert majority == {
        "ratings": 5.0,
        "error": 0.0,
        "undecided": 0.0,
        "credited_error": None,
        "ci95": {
            "ratings": pytest.approx([5.0, 5.0]),
            "error": [0.0, 0.0],
            "undecided": [0.0, 0.0],
            "credited_error": None,
        },
    }
    assert (
        results_of(
            list(compare_on([], controls=questions, replicates=1, seed=1, base_rate_of_controls=True))[-1], "x", seed=1
        )
        is None
    )


def test_the_base_rate_is_that_of_people_drawn_a_little_to_a_half() -> None:
    truths = [Verdict.YES] * 5 + [Verdict.NO] * 2 + [Verdict.UNDECIDED] * 9
    assert base_rate([question("y", truth) for truth in truths]) == pytest.approx(6 / 9)
    assert base_rate([]) == 0.5


def test_the_four_rules_are_compared_at_the_parameters_that_a_policy_has_by_default() -> None:
    plain = {one.name: one.rule for one in CONTENDERS[:4]}
    assert plain == {kind.value: Policy(verdict_rule=kind.value).rule for kind in VerdictRule}
    assert len({one.name for one in CONTENDERS}) == len(CONTENDERS)
