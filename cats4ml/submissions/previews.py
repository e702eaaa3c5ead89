"""What another roster would change: for each pair, and for each participant. Read from what is stored, writing nothing.

The action that applies a roster asks here too, under its locks: what is shown is what is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet

from cats4ml.catalog.models import ScoringFailure
from cats4ml.challenges.models import Challenge, Participation, PoolImage, RosterVersion
from cats4ml.challenges.rosters import needed_classifiers
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.endings import Ending, counted_tally, ending_of
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, TallySource
from cats4ml.submissions.near_copies import earlier_near_copy
from cats4ml.submissions.queries import valid_claims
from cats4ml.submissions.voices import Score, Unscorable, Voice, score_of, score_pairs, voices_of
from cats4ml.ui.reasons import points_in_words
from scoring.ensemble import machine_says_yes

SCORED = (PairState.IN_REVIEW, PairState.SETTLED)
FAILED = "A classifier of the roster failed at this picture. Once that is mended, manage.py roster asks it again."
# What the classifiers say is read for so many pairs at a time.
BLOCK = 10_000


class Fate(StrEnum):
    """What becomes of a pair: it ends otherwise, its score alone changes, nothing does; or its score stays because too
    few classifiers know the label or one failed at the picture, some have not seen the picture, or it was settled
    elsewhere and can't be scored."""

    ENDS_OTHERWISE = "ends_otherwise"
    SCORE_CHANGES = "score_changes"
    SAME = "same"
    UNSCORABLE = "unscorable"
    NOT_PREDICTED = "not_predicted"
    IMPORTED = "imported"


@dataclass(frozen=True)
class Reading:
    """A pair under one roster. `outcome` is empty while it is in review; `points` are those of its first claimant."""

    mean: float | None
    yes: bool
    outcome: str
    uncredited: str
    points: int

    @property
    def earned(self) -> str:
        return points_in_words(self.points)


@dataclass(frozen=True)
class Change:
    """One pair under the old roster and the new. `new` and `score` are None where it keeps its score, which `reason`
    explains."""

    pair: Pair
    fate: Fate
    old: Reading
    new: Reading | None = None
    score: Score | None = None
    reason: str = ""
    owner: Participation | None = None


@dataclass(frozen=True)
class Balance:
    """What a participant loses and gains, in points."""

    participation: Participation
    lost: int
    gained: int

    @property
    def net(self) -> int:
        return self.gained - self.lost


@dataclass(frozen=True)
class Preview:
    """Every scored pair of an edition under another roster, in the order of their ids."""

    roster: RosterVersion
    changes: tuple[Change, ...]

    def of(self, fate: Fate) -> list[Change]:
        return [change for change in self.changes if change.fate == fate]

    @property
    def counts(self) -> dict[str, int]:
        """How many pairs have each fate."""
        return {fate.value: sum(change.fate == fate for change in self.changes) for fate in Fate}

    @property
    def balances(self) -> list[Balance]:
        """Who loses and who gains, largest loss first; nobody whose points stay as they are."""
        lost: dict[Participation, int] = {}
        gained: dict[Participation, int] = {}
        for change in self.of(Fate.ENDS_OTHERWISE):
            if change.owner is not None and change.new is not None:
                lost[change.owner] = lost.get(change.owner, 0) + change.old.points
                gained[change.owner] = gained.get(change.owner, 0) + change.new.points
        found = [Balance(owner, lost[owner], gained[owner]) for owner in lost if lost[owner] or gained[owner]]
        return sorted(found, key=lambda one: (one.net, one.participation.pk))


def scored_pairs(challenge: Challenge) -> QuerySet[Pair]:
    """The pairs that have a score: in review, and settled."""
    return (
        Pair.objects.filter(challenge=challenge, state__in=SCORED)
        .select_related("image")
        .prefetch_related("label", "policy")  # few, and shared by all pairs
        .order_by("pk")
    )


def preview_roster(*, challenge: Challenge, roster: RosterVersion) -> Preview:
    """What applying a roster would do now. A handful of queries, however many pairs there are, and a few more for each
    pair that would earn and whose picture has near-copies."""
    pairs = list(scored_pairs(challenge))
    facts = _Facts(challenge, roster)
    needed = needed_classifiers(challenge)
    changes = []
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        voices = voices_of(block, roster_id=roster.pk)
        for pair in block:
            result = score_of(voices[pair.pk], label=pair.label.name, needed=needed)
            if result is None and facts.failed_for(pair, voices[pair.pk]):
                result = Unscorable(FAILED)
            changes.append(_change(pair, result, facts))
    return Preview(roster, tuple(changes))


def missing_images(challenge: Challenge, roster: RosterVersion) -> set[int]:
    """Pictures of pairs that some classifier of the roster, of those that know the label, has not seen.

    Those of queued pairs too. Pictures that are not known here can't be shown to it and are left out.
    """
    rows = Pair.objects.filter(challenge=challenge, state__in=[PairState.QUEUED, *SCORED]).exclude(image__file="")
    pairs = list(rows.select_related("label").order_by("pk"))
    scores = score_pairs(pairs, roster_id=roster.pk, needed=needed_classifiers(challenge))
    return {pair.image_id for pair in pairs if scores[pair.pk] is None}


class _Facts:
    """What the ledger, the claims and the near-copies say of these pairs, each asked once for all of them."""

    def __init__(self, challenge: Challenge, roster: RosterVersion) -> None:
        self.threshold = challenge.rules.threshold if challenge.policy is not None else Policy().threshold
        reversed_since = Credit.objects.filter(reverses=OuterRef("pk"))
        earned = Credit.objects.filter(challenge=challenge).exclude(kind=CreditKind.REVERSED)
        live = earned.filter(~Exists(reversed_since)).values_list("pair_id", "points", "participation_id")
        self.points = {pair: points for pair, points, _ in live}
        firsts = Submission.objects.filter(valid_claims(), pair__challenge=challenge).order_by("pair_id", "id")
        owners = dict(firsts.distinct("pair_id").values_list("pair_id", "participation_id"))
        owners |= {pair: earner for pair, _, earner in live}
        # One object for each person, however many pairs they claimed.
        people = Participation.objects.select_related("user", "team").in_bulk(set(owners.values()))
        self.owners: Mapping[int, Participation] = {pair: people[owner] for pair, owner in owners.items()}
        failures = ScoringFailure.objects.filter(image__in=scored_pairs(challenge).order_by().values("image"))
        of_roster = failures.filter(Q(classifier=None) | Q(classifier__rosters=roster))
        self._failed = frozenset(of_roster.values_list("image_id", "classifier_id"))
        grouped = PoolImage.objects.filter(challenge=challenge, copy_group__isnull=False)
        self.in_groups = frozenset(grouped.values_list("image_id", flat=True))

    def failed_for(self, pair: Pair, voices: Sequence[Voice]) -> bool:
        """Whether a classifier that is still to speak of this pair was asked and could not."""
        waiting = [voice.classifier for voice in voices if voice.probability is None]
        return any({(pair.image_id, one), (pair.image_id, None)} & self._failed for one in waiting)


def _change(pair: Pair, result: Score | Unscorable | None, facts: _Facts) -> Change:
    old = Reading(
        mean=pair.machine_mean,
        yes=bool(pair.machine_yes),
        outcome=pair.outcome,
        uncredited=pair.uncredited,
        points=facts.points.get(pair.pk, 0),
    )
    if isinstance(result, Unscorable):
        return Change(pair, Fate.UNSCORABLE, old, reason=result.reason)
    if result is None:
        imported = pair.tally_source == TallySource.IMPORTED
        return Change(pair, Fate.IMPORTED if imported else Fate.NOT_PREDICTED, old)
    owner = facts.owners.get(pair.pk)
    new = _reading(pair, result, old, owner, facts)
    if (new.outcome, new.uncredited, new.points) != (old.outcome, old.uncredited, old.points):
        fate = Fate.ENDS_OTHERWISE
    else:
        fate = Fate.SAME if new == old else Fate.SCORE_CHANGES
    return Change(pair, fate, old, new, result, owner=owner)


def _reading(pair: Pair, score: Score, old: Reading, owner: Participation | None, facts: _Facts) -> Reading:
    """The pair under the new score: in review it has no outcome yet, settled it keeps its verdict and its policy."""
    if pair.state != PairState.SETTLED or pair.policy is None:
        yes = machine_says_yes(score.mean, threshold=facts.threshold)
        return replace(old, mean=score.mean, yes=yes)
    policy = pair.policy.value

    def ending(*, near_copy: bool) -> Ending:
        return ending_of(
            verdict=Verdict(pair.verdict),
            mean=score.mean,
            machine_yes=old.yes,
            near_copy=near_copy,
            policy=policy,
            tally=counted_tally(pair),
            adjudicated=bool(pair.adjudicated_reason),
        )

    found = ending(near_copy=False)
    if found.points and pair.image_id in facts.in_groups and earlier_near_copy(pair) is not None:
        found = ending(near_copy=True)
    earns = owner is not None and pair.tally_source != TallySource.IMPORTED
    return Reading(
        mean=score.mean,
        yes=found.machine_yes,
        outcome=found.outcome.value,
        uncredited=found.uncredited or "",
        points=found.points if earns else 0,
    )
