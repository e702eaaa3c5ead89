"""Questions over several apps."""

from __future__ import annotations

from cats4ml.catalog.hiding import shown
from cats4ml.challenges.models import Challenge
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Pair


def example_pair_of_pictures(challenge: Challenge) -> list[Pair]:
    """The pairs that the organiser chose to show with their outcome: a false positive, then a false negative.

    Empty unless there is one of each, so that the page never shows half an example.
    """
    chosen = (
        shown(Pair.objects.filter(challenge=challenge, is_example=True, state=PairState.SETTLED))
        .select_related("image", "label", "policy")
        .order_by("pk")
    )
    found = {pair.outcome: pair for pair in chosen}
    wanted = [found.get(Outcome.FALSE_POSITIVE), found.get(Outcome.FALSE_NEGATIVE)]
    if not all(wanted):
        return []
    examples = [pair for pair in wanted if pair is not None]
    for pair in examples:
        pair.question = challenge.question_about(pair.label)  # type: ignore[attr-defined]
    return examples
