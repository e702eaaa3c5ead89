"""Sentences that more than one document of a release needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cats4ml.releases.figures import PartFigures
from cats4ml.releases.frame import Frame
from cats4ml.rules.verdicts import VerdictRule

SELECTED = (
    "The set was selected against the ensemble of these classifiers: on false negatives and false positives the "
    "ensemble is wrong by "
    "construction, and each of its members nearly always. Figures of a roster’s member on this set say nothing about "
    "how good it is, "
    "and can’t be compared with those of a classifier that was not in the roster."
)
USES = (
    "Made for testing image classifiers where they are confidently wrong: by outcome, by label and by kind of error. "
    "Made also for the "
    "study of how raters agree: every answer is there, with the time it took.",
    "Not a sample of anything: rates of error on it are no rates of error in the world.",
)
BIASES = (
    "Finders chose the pictures, so that what is easy to search for and what is thought to be funny or hard is more "
    "frequent than elsewhere.",
    "Finders could see which kinds of pictures earned, and looked for more of them: near-copies and runs of one idea "
    "are likely.",
)
LIMITS = (
    "A verdict is what a few raters saw in one picture with one question in mind. Where they could not agree the "
    "pair is ambiguous, and that is "
    "an answer too: a classifier should not be judged by it.",
    "A label that is not in a pair is not said to be absent from the picture.",
)


def count_of(number: int, noun: str) -> str:
    """`count_of(9412, "pair")` → '9,412 pairs'. Releases are in English, whoever makes them."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_order(items: Iterable[str]) -> str:
    return "; ".join(items) + "."


def how_to_read(frame: Frame, figures: PartFigures) -> Iterator[str]:
    """How a verdict and an outcome are read off a row of `pairs.csv`, and for how many rows that fails."""
    yield (
        "`pairs.csv` has no verdict and no outcome: they follow from the three counts and `machine_score`, which is "
        "the ensemble’s yes (1) or "
        "no (0) and not its mean."
    )
    rules = sorted({policy.verdict_rule for version, policy in frame.policies.values() if version in figures.policies})
    for rule in rules:
        yield f"* Policies with the rule `{rule}`: {_READING[VerdictRule(rule)]}"
    yield (
        "People yes and machines no is a false negative, people no and machines yes a false positive, the same an "
        "agreement, undecided "
        "ambiguous."
    )
    if not figures.not_by_tally and not figures.not_by_row:
        yield f"Every one of the {count_of(figures.pairs, 'row')} of this part reads so."
        return
    yield (
        f"Of the {count_of(figures.pairs, 'row')} of this part, {figures.not_by_tally:,} have another verdict than "
        "that, because an expert "
        f"decided or because answers count by their rater’s skill, and {figures.not_by_row:,} another outcome, for "
        "that reason or because too "
        "few answers stood against the machines. `pairs.jsonl` and the Parquet files have verdict and outcome of "
        "every pair."
    )


_READING = {
    VerdictRule.MAJORITY: "yes (no) where more than half of all counts are yes (no), else undecided.",
    VerdictRule.MAJORITY_OF_KNOWN: "yes where yes is more than no, no where no is more than yes, else undecided.",
    VerdictRule.LEAD: "yes where yes is more than no, no where no is more than yes, else undecided.",
    VerdictRule.WEIGHTED: (
        "mostly yes where yes is more than no and no where no is more than yes; but answers count by their rater’s "
        "skill."
    ),
}
