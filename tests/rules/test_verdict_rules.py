"""Every verdict rule over every tally that it can meet: when it stops, what it says, and how many it asks."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.skill import AVERAGE, MOST_EVIDENCE, Odds, Record, Skill, pooled_skill, skilled
from cats4ml.rules.verdicts import (
    LEAST_RATERS,
    QUORUM_RULES,
    DontKnow,
    Outcome,
    Rule,
    Verdict,
    VerdictRule,
    Vote,
    is_enough,
    outcome_of,
    read_votes,
    verdict_of,
)

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
TALLIES = [Tally(*counts) for counts in product(range(10), repeat=3) if sum(counts) <= 9]

PLAIN = [
    Rule(kind=VerdictRule.MAJORITY),
    Rule(kind=VerdictRule.MAJORITY_OF_KNOWN, quorum=3),
    Rule(kind=VerdictRule.MAJORITY, quorum=3, max_ratings=5, dont_know=DontKnow.REPLACED),
    Rule(kind=VerdictRule.LEAD),
    Rule(kind=VerdictRule.LEAD, lead=3, max_ratings=5),
    Rule(kind=VerdictRule.LEAD, lead=1, max_ratings=3),
]
WEIGHTED = [
    Rule(kind=VerdictRule.WEIGHTED),
    Rule(kind=VerdictRule.WEIGHTED, bound=0.99, max_ratings=6),
    Rule(kind=VerdictRule.WEIGHTED, dont_know=DontKnow.EVIDENCE),
]
RULES = st.builds(
    Rule,
    kind=st.sampled_from(VerdictRule),
    quorum=st.integers(1, 9),
    lead=st.integers(1, 4),
    max_ratings=st.integers(1, 9),
    bound=st.floats(0.55, 0.999),
    dont_know=st.sampled_from(DontKnow),
    min_ratings=st.integers(1, 4),
    min_lead=st.integers(1, 4),
)
SHARES = st.tuples(*[st.floats(0.01, 1.0)] * 3).map(lambda counts: Odds(*counts).shares())
SKILLS = st.builds(Skill, if_yes=SHARES, if_no=SHARES)
VOTES = st.lists(st.builds(Vote, st.sampled_from(Answer), SKILLS), max_size=9)


def votes_of(tally: Tally, skill: Skill = AVERAGE) -> list[Vote]:
    return [Vote(answer, skill) for answer in [YES] * tally.yes + [NO] * tally.no + [DONT_KNOW] * tally.dont_know]


def more(tally: Tally, answer: Answer) -> Tally:
    return Tally.of([answer, *(vote.answer for vote in votes_of(tally))])


def fewest_to_settle(tally: Tally, rule: Rule, machine_yes: bool | None) -> int:
    """How many further answers it takes at the least, by trying all of them."""
    reached, answers = {tally}, 0
    while not any(read_votes(votes_of(one), rule=rule, machine_yes=machine_yes).settled for one in reached):
        reached = {more(one, answer) for one in reached for answer in Answer}
        answers += 1
    return answers


@pytest.mark.parametrize("machine_yes", [None, True, False])
@pytest.mark.parametrize("minimum", [{}, {"min_ratings": 3}, {"min_lead": 2}, {"min_lead": 3}])
@pytest.mark.parametrize("rule", PLAIN)
def test_missing_is_the_fewest_answers_with_which_the_pair_could_settle(
    rule: Rule, minimum: dict[str, int], machine_yes: bool | None
) -> None:
    asked = Rule(**{**vars(rule), **minimum})
    found = [read_votes(votes_of(tally), rule=asked, machine_yes=machine_yes).missing for tally in TALLIES]
    assert found == [fewest_to_settle(tally, asked, machine_yes) for tally in TALLIES]


@pytest.mark.parametrize("rule", [*PLAIN, *WEIGHTED])
def test_every_tally_is_either_settled_or_asks_for_more_and_never_beyond_the_most(rule: Rule) -> None:
    for tally in TALLIES:
        reading = read_votes(votes_of(tally), rule=rule)
        assert (reading.settled, reading.worth_asking) == (reading.missing == 0, reading.missing > 0)
        assert reading.ratings == tally.total
        assert tally.total + reading.missing <= max(rule.most, tally.total)


@given(VOTES, RULES, st.sampled_from([None, True, False]), st.floats(0.05, 0.95))
def test_the_rule_asks_on_until_it_settles_whoever_answers(
    votes: list[Vote], rule: Rule, machine_yes: bool | None, prior_yes: float
) -> None:
    reading = read_votes(votes, rule=rule, machine_yes=machine_yes, prior_yes=prior_yes)
    assert reading.settled == (reading.missing == 0)
    if len(votes) >= rule.most:
        assert reading.settled
    assert 0.0 < reading.posterior < 1.0


@given(VOTES, RULES, st.randoms(use_true_random=False))
def test_the_order_of_the_answers_says_nothing(votes: list[Vote], rule: Rule, order: object) -> None:
    shuffled = list(votes)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert read_votes(shuffled, rule=rule) == read_votes(votes, rule=rule)


@pytest.mark.parametrize("rule", PLAIN)
def test_yes_and_no_are_treated_alike(rule: Rule) -> None:
    mirror = {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES, Verdict.UNDECIDED: Verdict.UNDECIDED, None: None}
    swapped = {tally: Tally(yes=tally.no, no=tally.yes, dont_know=tally.dont_know) for tally in TALLIES}
    found = [read_votes(votes_of(tally), rule=rule) for tally in TALLIES]
    mirrored = [read_votes(votes_of(swapped[tally]), rule=rule) for tally in TALLIES]
    assert [(one.verdict, one.missing) for one in mirrored] == [(mirror[one.verdict], one.missing) for one in found]


@pytest.mark.parametrize(("lead", "most"), [(1, 3), (2, 5), (2, 9), (3, 5)])
def test_lead_settles_once_an_answer_is_ahead_by_so_many_or_nobody_else_is_asked(lead: int, most: int) -> None:
    rule = Rule(kind=VerdictRule.LEAD, lead=lead, max_ratings=most)
    found = {tally: read_votes(votes_of(tally), rule=rule).verdict for tally in TALLIES}
    assert found == {
        tally: verdict_of(tally, rule=VerdictRule.MAJORITY_OF_KNOWN)
        if abs(tally.yes - tally.no) >= lead or tally.total >= most
        else None
        for tally in TALLIES
    }


def test_a_dont_know_that_is_replaced_takes_no_place_in_the_quorum() -> None:
    rule = Rule(kind=VerdictRule.MAJORITY, quorum=3, max_ratings=5, dont_know=DontKnow.REPLACED)
    found = [read_votes(votes_of(tally), rule=rule) for tally in (Tally(2, 0, 1), Tally(2, 1, 2), Tally(1, 1, 3))]
    assert [(one.verdict, one.missing) for one in found] == [
        (None, 1),
        (Verdict.UNDECIDED, 0),  # two of five, and nobody else may be asked
        (Verdict.UNDECIDED, 0),
    ]
    assert read_votes(votes_of(Tally(3, 0, 1)), rule=rule).verdict == Verdict.YES


def test_weighted_stops_once_it_is_sure_enough_and_never_with_one_rater() -> None:
    rule = Rule(kind=VerdictRule.WEIGHTED, bound=0.9, max_ratings=5)
    sharp = Skill(if_yes=Odds(0.97, 0.02, 0.01), if_no=Odds(0.02, 0.97, 0.01))
    blunt = Skill(if_yes=Odds(0.6, 0.39, 0.01), if_no=Odds(0.39, 0.6, 0.01))
    alone = read_votes([Vote(YES, sharp)], rule=rule)
    assert (alone.verdict, alone.missing, alone.posterior > 0.9) == (None, LEAST_RATERS - 1, True)
    found = [
        read_votes(votes, rule=rule).verdict
        for votes in (
            [Vote(YES, sharp), Vote(YES, blunt)],
            [Vote(YES, blunt), Vote(YES, blunt)],
            [Vote(YES, sharp), Vote(NO, blunt), Vote(NO, blunt)],
            [Vote(YES, blunt), Vote(NO, blunt), Vote(YES, blunt), Vote(NO, blunt), Vote(YES, blunt)],
        )
    ]
    assert found == [Verdict.YES, None, None, Verdict.YES]


@given(st.lists(st.sampled_from(Answer), max_size=8), st.sampled_from(WEIGHTED), st.floats(0.1, 0.9))
def test_weighted_never_settles_before_its_missing_answers_even_by_the_best_raters(
    answers: list[Answer], rule: Rule, prior_yes: float
) -> None:
    best = Skill(if_yes=Odds(0.998, 0.001, 0.001), if_no=Odds(0.001, 0.998, 0.001))
    votes = [Vote(answer) for answer in answers]
    missing = read_votes(votes, rule=rule, prior_yes=prior_yes).missing
    for number in range(missing):
        for answer in Answer:
            later = read_votes([*votes, *[Vote(answer, best)] * number], rule=rule, prior_yes=prior_yes)
            assert not later.settled


@given(VOTES, st.builds(Vote, st.just(YES), st.just(AVERAGE)), st.floats(0.05, 0.95))
def test_a_yes_of_an_average_rater_makes_yes_likelier_and_the_prior_is_where_it_begins(
    votes: list[Vote], another: Vote, prior_yes: float
) -> None:
    rule = Rule(kind=VerdictRule.WEIGHTED)
    before = read_votes(votes, rule=rule, prior_yes=prior_yes).posterior
    assert read_votes([*votes, another], rule=rule, prior_yes=prior_yes).posterior > before
    assert math.isclose(read_votes([], rule=rule, prior_yes=prior_yes).posterior, prior_yes)


def test_a_dont_know_is_evidence_only_by_that_policy() -> None:
    shy = Skill(if_yes=Odds(0.9, 0.05, 0.05), if_no=Odds(0.05, 0.45, 0.5))
    votes = [Vote(DONT_KNOW, shy), Vote(DONT_KNOW, shy)]
    ignored = read_votes(votes, rule=Rule(kind=VerdictRule.WEIGHTED))
    read = read_votes(votes, rule=Rule(kind=VerdictRule.WEIGHTED, dont_know=DontKnow.EVIDENCE))
    assert (ignored.verdict, ignored.posterior, read.verdict, read.posterior < 0.02) == (None, 0.5, Verdict.NO, True)


@pytest.mark.parametrize("rule", [*PLAIN, *WEIGHTED])
@pytest.mark.parametrize("machine_yes", [True, False])
def test_an_adverse_verdict_needs_its_minimum_or_all_the_answers_there_may_be(rule: Rule, machine_yes: bool) -> None:
    asked = Rule(**{**vars(rule), "min_ratings": 3, "min_lead": 3})
    for tally in TALLIES:
        reading = read_votes(votes_of(tally), rule=asked, machine_yes=machine_yes)
        plain = read_votes(votes_of(tally), rule=rule)
        if reading.verdict in (None, Verdict.UNDECIDED):
            continue
        enough = is_enough(tally, verdict=reading.verdict, rule=asked)
        outcome = outcome_of(machine_yes=machine_yes, verdict=reading.verdict, enough=enough)
        assert reading.verdict == plain.verdict
        if outcome in (Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE):
            assert abs(tally.yes - tally.no) >= 3
        if (reading.verdict is Verdict.YES) == machine_yes:
            assert outcome is Outcome.AGREEMENT
        elif not enough:
            assert (outcome, tally.total >= rule.most) == (Outcome.AMBIGUOUS, True)


@pytest.mark.parametrize("rule", [*PLAIN, *WEIGHTED])
def test_a_reopened_pair_waits_for_its_least_answers(rule: Rule) -> None:
    for tally in TALLIES:
        reading = read_votes(votes_of(tally), rule=rule, least=9)
        assert reading.settled == (tally.total >= 9)


@pytest.mark.parametrize("kind", sorted(QUORUM_RULES))
def test_quorum_rules_never_look_at_skill(kind: VerdictRule) -> None:
    sharp = Skill(if_yes=Odds(0.99, 0.005, 0.005), if_no=Odds(0.005, 0.99, 0.005))
    rule = Rule(kind=kind)
    found = [read_votes(votes_of(tally, sharp), rule=rule) for tally in TALLIES]
    plain = [read_votes(votes_of(tally), rule=rule) for tally in TALLIES]
    assert [(one.verdict, one.missing) for one in found] == [(one.verdict, one.missing) for one in plain]


RECORDS = st.builds(
    Record,
    if_yes=st.tuples(*[st.integers(0, 40)] * 3).map(lambda counts: Odds(*map(float, counts))),
    if_no=st.tuples(*[st.integers(0, 40)] * 3).map(lambda counts: Odds(*map(float, counts))),
)


def test_nobodys_answer_is_worth_more_than_the_most() -> None:
    perfect = skilled(Record(Odds(1e6, 0, 0), Odds(0, 1e6, 0)), prior=AVERAGE)
    assert [perfect.evidence(answer) for answer in Answer] == [MOST_EVIDENCE, -MOST_EVIDENCE, 0.0]


@given(RECORDS)
def test_a_rater_without_a_record_is_the_prior_and_a_long_record_outweighs_it(record: Record) -> None:
    assert skilled(Record(), prior=AVERAGE) == Skill(AVERAGE.if_yes.shares(), AVERAGE.if_no.shares())
    skill = skilled(record, prior=AVERAGE)
    assert math.isclose(skill.if_yes.total, 1.0)
    assert math.isclose(skill.if_no.total, 1.0)
    for side, counts, prior in (
        (skill.if_yes, record.if_yes, AVERAGE.if_yes),
        (skill.if_no, record.if_no, AVERAGE.if_no),
    ):
        if counts.total:
            ends = sorted((counts.shares().yes, prior.yes))
            assert ends[0] - 1e-9 <= side.yes <= ends[1] + 1e-9


@given(RECORDS)
def test_with_one_coin_both_sides_are_learned_together(record: Record) -> None:
    skill = skilled(record, prior=AVERAGE, coins=1)
    mirrored = Odds(skill.if_no.no, skill.if_no.yes, skill.if_no.dont_know)
    assert all(math.isclose(one, other) for one, other in zip(skill.if_yes, mirrored, strict=True))


def test_the_pooled_prior_is_all_raters_together() -> None:
    two = [Record(Odds(30, 10, 0), Odds(0, 20, 0)), Record(Odds(50, 10, 20), Odds(4, 20, 0))]
    whole = Record(Odds(80, 20, 20), Odds(4, 40, 0))
    assert pooled_skill(two) == skilled(whole, prior=AVERAGE)
