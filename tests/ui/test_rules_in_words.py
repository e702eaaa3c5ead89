"""Reasons and rules in words: what people read must be what the rules did."""

from __future__ import annotations

from itertools import product

import pytest

from cats4ml.rules.answers import Tally
from cats4ml.rules.credit import NoCredit
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome, Verdict, VerdictRule, outcome_of, verdict_of
from cats4ml.ui.policy_words import raters_in_words, rules_in_words, tie_rule, verdict_in_words
from cats4ml.ui.reasons import (
    adjudicated_reason,
    points_in_words,
    settled_reason,
    too_few_classifiers,
)
from cats4ml.ui.words import count_in_words


@pytest.mark.parametrize(
    ("counts", "verdict", "outcome", "mean", "machine_yes", "words"),
    [
        ((4, 1, 0), "yes", "false_negative", 0.08, False,
         "Four of five raters said yes, the machines’ mean was 0.08: a false negative."),
        ((0, 5, 0), "no", "false_positive", 0.9, True,
         "All five raters said no, the machines’ mean was 0.90: a false positive."),
        ((1, 0, 0), "yes", "agreement", 0.7, True,
         "The rater said yes, the machines’ mean was 0.70: an agreement."),
        ((2, 2, 1), "undecided", "ambiguous", 0.5, True,
         "Two raters said yes, two said no and one didn’t know, the machines’ mean was 0.50: ambiguous."),
        ((0, 1, 4), "undecided", "ambiguous", 0.1, False,
         "Nobody said yes, one said no and four didn’t know, the machines’ mean was 0.10: ambiguous."),
        ((2, 0, 3), "undecided", "ambiguous", 0.1, False,
         "Two raters said yes, none said no and three didn’t know, the machines’ mean was 0.10: ambiguous."),
        ((11, 1, 0), "yes", "false_negative", None, False,
         "11 of 12 raters said yes, the machines said no: a false negative."),
    ],
)  # fmt: skip
def test_reason_says_what_people_and_machines_said(counts, verdict, outcome, mean, machine_yes, words) -> None:
    reason = settled_reason(
        tally=Tally(*counts), verdict=Verdict(verdict), outcome=Outcome(outcome), mean=mean, machine_yes=machine_yes
    )
    assert reason == words


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (NoCredit.KNOWN_UNKNOWN, "but the machines were unsure: it earns nothing by this challenge’s rules."),
        (NoCredit.NEAR_COPY, "but a near-copy of this picture was claimed before: it earns nothing."),
    ],
)  # fmt: skip
def test_reason_says_why_an_adverse_pair_earns_nothing(why, words) -> None:
    reason = settled_reason(
        tally=Tally(yes=5),
        verdict=Verdict.YES,
        outcome=Outcome.FALSE_NEGATIVE,
        mean=0.45,
        machine_yes=False,
        uncredited=why,
    )
    assert reason == f"All five raters said yes, the machines’ mean was 0.45: a false negative, {words}"


def test_reason_of_an_unscorable_pair_names_the_label_and_who_knows_it() -> None:
    assert [too_few_classifiers(label="Bird", knowing=knowing, needed=3) for knowing in (0, 1, 2)] == [
        "No classifier of the roster knows the label Bird.",
        "Only one classifier of the roster knows the label Bird; three are needed.",
        "Only two classifiers of the roster know the label Bird; three are needed.",
    ]


@pytest.mark.parametrize(
    ("verdict", "outcome", "mean", "uncredited", "words"),
    [
        ("yes", "false_negative", 0.08, None,
         "An expert decided: yes. “The tail is in view.” The machines’ mean was 0.08: a false negative."),
        ("no", "agreement", None, None,
         "An expert decided: no. “The tail is in view.” The machines said no: an agreement."),
        ("undecided", "ambiguous", 0.5, None,
         "An expert looked too and could not tell. “The tail is in view.” The machines’ mean was 0.50: ambiguous."),
        ("yes", "false_negative", 0.08, NoCredit.ADJUDICATED,
         "An expert decided: yes. “The tail is in view.” The machines’ mean was 0.08: a false negative, but an expert "
         "decided it: by this challenge’s rules that earns nothing."),
    ],
)  # fmt: skip
def test_reason_of_an_expert_says_what_they_decided_and_why(verdict, outcome, mean, uncredited, words) -> None:
    said = adjudicated_reason(
        verdict=Verdict(verdict),
        reason=" The tail is in view. ",
        outcome=Outcome(outcome),
        mean=mean,
        machine_yes=False,
        uncredited=uncredited,
    )
    assert said == words


@pytest.mark.parametrize("rule", list(VerdictRule))
def test_every_tally_has_a_reason_that_is_one_sentence(rule: VerdictRule) -> None:
    for counts in product(range(8), repeat=3):
        if not 0 < sum(counts) <= 7:
            continue
        tally = Tally(*counts)
        verdict = verdict_of(tally, rule=rule)
        outcome = outcome_of(machine_yes=True, verdict=verdict)
        words = settled_reason(tally=tally, verdict=verdict, outcome=outcome, mean=0.75, machine_yes=True)
        assert (words[0].isupper(), words[-1], words.count(": "), " no raters" in words) == (True, ".", 1, False)


def test_points_and_counts_in_words() -> None:
    assert [points_in_words(points) for points in (0, 1, 2)] == ["No point.", "1 point.", "2 points."]
    assert [count_in_words(number) for number in (0, 1, 5, 10, 11)] == ["no", "one", "five", "ten", "11"]


def test_verdict_rule_in_words_follows_the_policy() -> None:
    assert verdict_in_words(Policy()) == (
        "Five raters look at each pair. Three must give the same yes or no; “don’t know” is an answer too. "
        "If they can’t agree, the pair is ambiguous."
    )
    assert verdict_in_words(Policy(quorum=1)).startswith("One rater looks at each pair. One must give")
    assert verdict_in_words(Policy(quorum=3, verdict_rule="majority_of_known")) == (
        "Three raters look at each pair. More yes than no, or more no than yes, decides among those who knew. "
        "If it is even, the pair is ambiguous."
    )


@pytest.mark.parametrize(
    ("policy", "people", "words"),
    [
        (
            Policy(verdict_rule="lead", max_ratings=7),
            "two to seven people",
            "Two to seven raters look at each pair. As soon as yes or no is two ahead, it decides; “don’t know” sides "
            "with nobody. If neither is after seven answers, the one with more decides; if it is even, the pair is "
            "ambiguous.",
        ),
        (
            Policy(verdict_rule="weighted", bound=0.975, max_ratings=5),
            "two to five people",
            "Two to five raters look at each pair. Each answer counts by how well its rater has answered before; "
            "“don’t know” counts for nothing. As soon as yes or no is 97.5% sure, it decides. If neither is after five "
            "answers, the likelier one decides.",
        ),
        (
            Policy(verdict_rule="majority_of_known", quorum=3, dont_know="replaced", max_ratings=6, min_lead=2),
            "three to six people",
            "Three to six raters look at each pair. For a “don’t know” somebody else is asked, up to six answers. More "
            "yes than no, or more no than yes, decides among those who knew. If it is even, the pair is ambiguous. An "
            "adverse pair needs yes or no two ahead; short of it the pair is ambiguous.",
        ),
        (
            Policy(quorum=1, verdict_rule="majority_of_known"),
            "one person",
            "One rater looks at each pair. More yes than no, or more no than yes, decides among those who knew. If it "
            "is even, the pair is ambiguous.",
        ),
    ],
)
def test_rules_that_stop_early_say_how_many_are_asked(policy, people, words) -> None:
    assert (raters_in_words(policy), verdict_in_words(policy)) == (people, words)


def test_reasons_say_what_was_weighed_what_fell_short_and_what_an_expert_said() -> None:
    def reason(tally: Tally, verdict: str, outcome: str, **more: object) -> str:
        return settled_reason(
            tally=tally, verdict=Verdict(verdict), outcome=Outcome(outcome), mean=0.08, machine_yes=False, **more
        )

    assert reason(Tally(2, 0, 0), "yes", "ambiguous") == (
        "All two raters said yes, the machines’ mean was 0.08, but this challenge asks more of an adverse pair: "
        "ambiguous."
    )
    assert reason(Tally(1, 2, 0), "yes", "false_negative") == (
        "Weighed by how well each rater answers, one yes and two no make a yes, the machines’ mean was 0.08: a false "
        "negative."
    )
    assert reason(Tally(2, 2, 0), "yes", "false_negative", adjudicated=True) == (
        "An expert said yes, the machines’ mean was 0.08: a false negative."
    )
    assert reason(Tally(2, 2, 0), "undecided", "ambiguous", adjudicated=True) == (
        "An expert said that it can’t be told, the machines’ mean was 0.08: ambiguous."
    )


def test_rules_in_words_are_the_policy_in_force() -> None:
    policy = Policy(threshold=0.3, base_quota=1000, bonus_per_adverse=7, points_per_adverse=2, roles_exclusive=False)
    rules = rules_in_words(policy, labels=1)
    assert rules == [
        "A claim is one picture of the pool with its one label. Use the pictures as they are.",
        "You start with 1,000 claims. Each adverse pair gives you 7 more. A pair that can’t be scored costs nothing.",
        "The machines say yes where the mean of the classifiers is 0.3 or more.",
        verdict_in_words(policy),
        "Where people and machines disagree, the pair is adverse and earns 2 points.",
        "An expert may decide a pair that raters can’t agree on, with a reason. It earns like any other.",
        "You may dispute how a pair of yours ended, once, as long as raters are at work.",
        (
            "The first to claim a pair gets the credit. A later claim of the same pair is kept, costs nothing, and "
            "earns only if every earlier claim falls away."
        ),
        "Nobody rates a pair of their own or of their team.",
        "You see the machine score of your pairs once they are settled.",
        tie_rule(),
    ]
    assert "Find or rate, never both. Nobody rates a pair of their own or of their team." in rules_in_words(
        Policy(), labels=3
    )
    assert len(rules_in_words(Policy(reveal_score="scored"), labels=3)) == 10


def test_rules_in_words_tell_what_earns_and_what_does_not() -> None:
    policy = Policy(
        min_classifiers=2,
        near_margin=0.15,
        near_threshold_scores=False,
        credit_rule="proportional",
        points_per_adverse=10,
        adjudicated_earns=False,
        takes_disputes=False,
    )
    plain = rules_in_words(Policy(), labels=3)
    told = [rule for rule in rules_in_words(policy, labels=3, near_copies=True) if rule not in plain]
    assert told == [
        (
            "The machines say yes where the mean of the classifiers is 0.5 or more. "
            "A pair is scored where at least two classifiers know its label."
        ),
        (
            "Where people and machines disagree, the pair is adverse and earns up to 10 points: the further the "
            "machines’ mean is from what people see, the more, and one at least."
        ),
        (
            "Where the mean is nearer than 0.15 to 0.5 the machines were unsure. "
            "Such a pair is rated and released, and earns nothing."
        ),
        "An expert may decide a pair that raters can’t agree on, with a reason. It earns nothing.",
        (
            "Some pictures of the pool are near-copies of each other. "
            "Of such pictures with one label, the pair that is claimed first gets the credit; "
            "the others are rated and released, and earn nothing."
        ),
    ]
