"""Pairs of a published release: settled elsewhere, with tallies and without ratings, claims or credit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import Challenge
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.split import split_of
from cats4ml.rules.verdicts import Outcome, outcome_of, verdict_of
from cats4ml.submissions.models import Pair, TallySource


@dataclass(frozen=True)
class SettledElsewhere:
    """One released pair: what the machines said (their mean is not released) and how the raters' answers add up."""

    image: Image
    label: Label
    tally: Tally
    machine_yes: bool


def import_settled_pairs(*, challenge: Challenge, pairs: Sequence[SettledElsewhere], at: datetime) -> Counter[Outcome]:
    """Write released pairs into an edition, settled by its policy in force, and count their outcomes.

    The verdict is that of the tally as it stands, however many answers it holds: nobody can be asked again. Ids
    ascend in the order given, so that an export has the rows in the order of the file. The caller has made the images
    and labels targets and holds the transaction. Raises `IntegrityError` for a pair that exists.
    """
    policy = challenge.rules
    rows = []
    for one in pairs:
        verdict = verdict_of(one.tally, rule=policy.verdict_rule)
        outcome = outcome_of(machine_yes=one.machine_yes, verdict=verdict)
        rows.append(_row(challenge, one, verdict.value, outcome.value, at))
    Pair.objects.bulk_create(rows, batch_size=1000)
    return Counter(Outcome(row.outcome) for row in rows)


def _row(challenge: Challenge, one: SettledElsewhere, verdict: str, outcome: str, at: datetime) -> Pair:
    split = split_of(
        seed=challenge.split_seed,
        image_id=one.image.image_id,
        label_id=one.label.key,
        heldout_percent=challenge.rules.heldout_percent,
    )
    return Pair(
        challenge=challenge,
        image=one.image,
        label=one.label,
        state=PairState.SETTLED,
        state_changed_at=at,
        created_at=at,
        split=split,
        machine_yes=one.machine_yes,
        tally_source=TallySource.IMPORTED,
        yes_ratings=one.tally.yes,
        no_ratings=one.tally.no,
        dont_know_ratings=one.tally.dont_know,
        verdict=verdict,
        outcome=outcome,
        policy=challenge.policy,
        settled_at=at,
    )
