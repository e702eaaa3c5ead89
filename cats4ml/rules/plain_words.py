"""The policy in plain words, so that the rules on the page are the rules in force."""

from __future__ import annotations

from cats4ml.rules.policy import PROPORTIONAL, REVEAL_SETTLED, Policy
from cats4ml.rules.ranking import TIE_RULE
from cats4ml.rules.reasons import count_in_words
from cats4ml.rules.verdicts import VerdictRule


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _one_of(labels: int) -> str:
    return "its one label" if labels == 1 else f"one of the {labels:,} labels"


def verdict_in_words(policy: Policy) -> str:
    """The verdict rule of a policy in two or three sentences."""
    raters = f"{count_in_words(policy.quorum)} rater{'' if policy.quorum == 1 else 's'}".capitalize()
    look = "looks at" if policy.quorum == 1 else "look at"
    if policy.verdict_rule == VerdictRule.MAJORITY:
        needed = policy.quorum // 2 + 1
        return (
            f"{raters} {look} each pair. {count_in_words(needed).capitalize()} must give the same yes or no; "
            "“don’t know” is an answer too. If they can’t agree, the pair is ambiguous."
        )
    return (
        f"{raters} {look} each pair. More yes than no, or more no than yes, decides among those who knew. "
        "If it is even, the pair is ambiguous."
    )


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
