"""The policy in plain words, so that the rules on the page are the rules in force."""

from __future__ import annotations

from cats4ml.rules.policy import PROPORTIONAL, REVEAL_SETTLED, Policy
from cats4ml.rules.ranking import TIE_RULE
from cats4ml.rules.reasons import count_in_words
from cats4ml.rules.verdicts import DontKnow, VerdictRule, read_votes


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _one_of(labels: int) -> str:
    return "its one label" if labels == 1 else f"one of the {labels:,} labels"


def answers_asked(policy: Policy) -> tuple[int, int]:
    """The fewest and the most answers with which a pair is settled."""
    return read_votes([], rule=policy.rule).missing, policy.rule.most


def raters_in_words(policy: Policy) -> str:
    """How many people look at a pair: "five people", "two to seven people"."""
    least, most = answers_asked(policy)
    number = count_in_words(most) if least == most else f"{count_in_words(least)} to {count_in_words(most)}"
    return f"{number} {'person' if most == 1 else 'people'}"


def verdict_in_words(policy: Policy) -> str:
    """The verdict rule of a policy in a few sentences."""
    least, most = answers_asked(policy)
    number = count_in_words(most) if least == most else f"{count_in_words(least)} to {count_in_words(most)}"
    look = f"{number} {'rater looks' if most == 1 else 'raters look'} at each pair.".capitalize()
    words = {
        VerdictRule.MAJORITY: _majority,
        VerdictRule.MAJORITY_OF_KNOWN: _majority_of_known,
        VerdictRule.LEAD: _lead,
        VerdictRule.WEIGHTED: _weighted,
    }[VerdictRule(policy.verdict_rule)](policy)
    return " ".join([look, *words, *_asked_of_adverse(policy, least)])


def _replaced(policy: Policy) -> list[str]:
    if policy.dont_know != DontKnow.REPLACED:
        return []
    most = count_in_words(policy.rule.most)
    return [f"For a “don’t know” somebody else is asked, up to {most} answers."]


def _majority(policy: Policy) -> list[str]:
    end = "If they can’t agree, the pair is ambiguous."
    if policy.dont_know == DontKnow.REPLACED:
        return [*_replaced(policy), "More than half of all answers must be the same yes or no.", end]
    needed = count_in_words(policy.quorum // 2 + 1).capitalize()
    return [f"{needed} must give the same yes or no; “don’t know” is an answer too.", end]


def _majority_of_known(policy: Policy) -> list[str]:
    return [
        *_replaced(policy),
        "More yes than no, or more no than yes, decides among those who knew.",
        "If it is even, the pair is ambiguous.",
    ]


def _lead(policy: Policy) -> list[str]:
    lead, most = count_in_words(policy.lead), count_in_words(policy.max_ratings)
    after = f"after {most} answer{'' if policy.max_ratings == 1 else 's'}"
    return [
        f"As soon as yes or no is {lead} ahead, it decides; “don’t know” sides with nobody.",
        f"If neither is {after}, the one with more decides; if it is even, the pair is ambiguous.",
    ]


def _weighted(policy: Policy) -> list[str]:
    sure, most = f"{100 * policy.bound:.4g}%", count_in_words(policy.max_ratings)
    if policy.dont_know == DontKnow.EVIDENCE:
        dont_know = "so does “don’t know”, which some give more often where the answer is yes, and some where it is no"
    else:
        dont_know = "“don’t know” counts for nothing"
    after = f"after {most} answer{'' if policy.max_ratings == 1 else 's'}"
    return [
        f"Each answer counts by how well its rater has answered before; {dont_know}.",
        f"As soon as yes or no is {sure} sure, it decides. If neither is {after}, the likelier one decides.",
    ]


def _asked_of_adverse(policy: Policy, least: int) -> list[str]:
    """What a verdict that earns credit needs besides, where it is more than any verdict needs."""
    asked = []
    if policy.min_ratings > least:
        asked.append(f"at least {count_in_words(policy.min_ratings)} answers")
    if policy.min_lead > 1:
        asked.append(f"yes or no {count_in_words(policy.min_lead)} ahead")
    return [f"An adverse pair needs {' and '.join(asked)}; short of it the pair is ambiguous."] if asked else []


def expert_in_words(policy: Policy) -> str:
    earns = "It earns like any other" if policy.adjudicated_earns else "It earns nothing"
    return f"An expert may decide a pair that raters can’t agree on, with a reason. {earns}."


def afterwards_in_words(policy: Policy) -> list[str]:
    """What can follow after raters have answered: an expert's word, and a dispute."""
    disputed = ["You may dispute how a pair of yours ended, once, as long as raters are at work."]
    return [expert_in_words(policy), *(disputed if policy.takes_disputes else [])]


def machines_in_words(policy: Policy) -> str:
    """When the machines say yes, and how many classifiers that takes where it takes more than one."""
    rule = f"The machines say yes where the mean of the classifiers is {policy.threshold:g} or more."
    if policy.min_classifiers == 1:
        return rule
    needed = count_in_words(policy.min_classifiers)
    return f"{rule} A pair is scored where at least {needed} classifiers know its label."


def credit_in_words(policy: Policy) -> list[str]:
    """What an adverse pair earns, and which ones earn nothing."""
    points = _plural(policy.points_per_adverse, "point")
    if policy.credit_rule == PROPORTIONAL:
        earned = (
            f"earns up to {points}: the further the machines’ mean is from what people see, the more, and one at least"
        )
    else:
        earned = f"earns {points}"
    rules = [f"Where people and machines disagree, the pair is adverse and {earned}."]
    if not policy.near_threshold_scores and policy.near_margin > 0:
        rules.append(
            f"Where the mean is nearer than {policy.near_margin:g} to {policy.threshold:g} the machines were unsure. "
            "Such a pair is rated and released, and earns nothing."
        )
    return rules


def rules_in_words(policy: Policy, *, labels: int, near_copies: bool = False) -> list[str]:
    """The rules of an edition as sentences, in the order in which a newcomer needs them.

    `near_copies`: whether the edition's pool holds pictures that its organiser found to be near-copies.
    """
    rules = [
        f"A claim is one picture of the pool with {_one_of(labels)}. Use the pictures as they are.",
        f"You start with {_plural(policy.base_quota, 'claim')}. Each adverse pair gives you "
        f"{policy.bonus_per_adverse:,} more. A pair that can’t be scored costs nothing.",
        machines_in_words(policy),
        verdict_in_words(policy),
        *credit_in_words(policy),
        *afterwards_in_words(policy),
        "The first to claim a pair gets the credit. A later claim of the same pair is kept, costs nothing, and earns "
        "only if every earlier claim falls away.",
    ]
    if near_copies:
        rules.append(
            "Some pictures of the pool are near-copies of each other. Of such pictures with one label, the pair that "
            "is claimed first gets the credit; the others are rated and released, and earn nothing."
        )
    if policy.roles_exclusive:
        rules.append("Find or rate, never both. Nobody rates a pair of their own or of their team.")
    else:
        rules.append("Nobody rates a pair of their own or of their team.")
    if policy.reveal_score == REVEAL_SETTLED:
        rules.append("You see the machine score of your pairs once they are settled.")
    return [*rules, TIE_RULE]
