"""The settled pairs of an edition with all that was released of them, as a stream in constant memory."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from cats4ml.challenges.models import Challenge
from cats4ml.releases.frame import Frame
from cats4ml.releases.rows import settled_pairs
from cats4ml.review.models import Rating, RatingState, VerdictBasis
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import DontKnow, Verdict, VerdictRule, verdict_of
from cats4ml.submissions.models import Pair, TallySource
from cats4ml.submissions.voices import voices_of

PAIRS_AT_A_TIME = 1000
# As `rules.verdicts`: what adds up to nothing in exact numbers is undecided.
NOTHING = 1e-9
_COLUMNS = (
    "challenge", "split", "verdict", "outcome", "yes_ratings", "no_ratings", "dont_know_ratings", "machine_yes",
    "machine_mean", "machine_spread", "machine_voices", "tally_source", "adjudicated_reason", "reopened_reason",
    "policy", "roster", "settled_at", "image__image_id", "label__key", "label__name",
)  # fmt: skip


class BuildRefused(Exception):
    """Why the edition can't be released as it is, in a sentence."""


class GivenAnswer(NamedTuple):
    """One row of `ratings.csv` but for its task."""

    worker: str
    answer: str
    seconds: float
    counted: bool
    evidence: float | None


@dataclass(frozen=True, slots=True)
class ReleasedPair:
    """One pair as it is released; `pk` is ours and stays here."""

    pk: int
    position: int
    image_id: str
    label_id: str
    label_name: str
    split: str
    verdict: str
    outcome: str
    tally: Tally
    machine_yes: bool
    machine_mean: float | None
    machine_spread: float | None
    machine_voices: int | None
    tally_source: str
    adjudicated: bool
    policy: int
    rules: Policy
    roster: int | None
    prior_yes: float | None
    posterior: float | None
    settled_at: datetime
    scores: dict[str, float | None]
    answers: list[GivenAnswer]

    @property
    def by_tally(self) -> Verdict:
        """The verdict that its counts alone would give by its policy's rule."""
        return verdict_of(self.tally, rule=self.rules.verdict_rule)


class _Reading(NamedTuple):
    """A pair's answers, and what a weighted rule makes of those that counted."""

    answers: list[GivenAnswer]
    tally: Tally
    prior_yes: float | None
    log_odds: float | None
    all_stand: bool


def read_pairs(challenge: Challenge, frame: Frame) -> Iterator[ReleasedPair]:
    """Every settled pair in the order of a release, a thousand at a time through a cursor of the database's.

    Raises `BuildRefused` for a pair whose verdict its answers don't explain: nobody could recount it.
    """
    rows = settled_pairs(challenge).select_related("image", "label").only(*_COLUMNS)
    pairs = rows.iterator(chunk_size=PAIRS_AT_A_TIME)
    position = 1
    while block := list(islice(pairs, PAIRS_AT_A_TIME)):
        yield from _released(block, frame, position)
        position += len(block)


def _released(block: Sequence[Pair], frame: Frame, position: int) -> Iterator[ReleasedPair]:
    bases = {one.pair_id: one for one in _last_bases(block)}
    given = _final_answers(block)
    scores = _scores(block, frame)
    for place, pair in enumerate(block, start=position):
        assert pair.policy_id is not None, "a settled pair remembers its policy"
        assert pair.settled_at is not None, "a settled pair remembers when"
        version, policy = frame.policies[pair.policy_id]
        read = _read(pair, given.get(pair.pk, ()), bases.get(pair.pk), policy, frame)
        yield ReleasedPair(
            pk=pair.pk,
            position=place,
            image_id=pair.image.image_id,
            label_id=pair.label.key,
            label_name=pair.label.name,
            split=pair.split,
            verdict=pair.verdict,
            outcome=pair.outcome,
            tally=pair.tally,
            machine_yes=bool(pair.machine_yes),
            machine_mean=pair.machine_mean,
            machine_spread=pair.machine_spread,
            machine_voices=pair.machine_voices,
            tally_source=pair.tally_source,
            adjudicated=_is_decided(pair, read, policy),
            policy=version,
            rules=policy,
            roster=frame.rosters[pair.roster_id] if pair.roster_id is not None else None,
            prior_yes=read.prior_yes,
            posterior=None if read.log_odds is None else 1.0 / (1.0 + math.exp(-read.log_odds)),
            settled_at=pair.settled_at,
            scores=scores.get(pair.pk, {}),
            answers=read.answers,
        )


def _last_bases(block: Sequence[Pair]) -> Iterator[VerdictBasis]:
    rows = VerdictBasis.objects.filter(pair__in=[pair.pk for pair in block])
    yield from rows.order_by("pair_id", "-pk").distinct("pair_id")


def _final_answers(block: Sequence[Pair]) -> Mapping[int, list[tuple[int, int, str, float]]]:
    rows = Rating.objects.filter(pair__in=[pair.pk for pair in block], state=RatingState.FINAL)
    found: dict[int, list[tuple[int, int, str, float]]] = defaultdict(list)
    columns = ("pair_id", "pk", "rater_id", "answer", "seconds")
    for pair, *answer in rows.order_by("pair_id", "final_at", "pk").values_list(*columns):
        assert pair is not None, "asked for by pair"
        found[pair].append(tuple(answer))
    return found


def _scores(block: Sequence[Pair], frame: Frame) -> dict[int, dict[str, float | None]]:
    """By pair, what each classifier of its roster says, None where it doesn't know the label."""
    by_roster: dict[int, list[Pair]] = defaultdict(list)
    for pair in block:
        if pair.roster_id is not None:
            by_roster[pair.roster_id].append(pair)
    found: dict[int, dict[str, float | None]] = {}
    for roster, pairs in by_roster.items():
        silent: dict[str, float | None] = {
            frame.keys[member.classifier_id]: None for member in frame.members[frame.rosters[roster]]
        }
        for pk, voices in voices_of(pairs, roster_id=roster).items():
            found[pk] = silent | {frame.keys[voice.classifier]: voice.probability for voice in voices}
    return found


def _read(
    pair: Pair,
    given: Sequence[tuple[int, int, str, float]],
    basis: VerdictBasis | None,
    policy: Policy,
    frame: Frame,
) -> _Reading:
    votes = {vote["rating"]: vote for vote in basis.votes} if basis is not None else {}
    weighs = policy.verdict_rule == VerdictRule.WEIGHTED and basis is not None
    answers, evidence, counted = [], [], []
    for pk, rater, answer, seconds in given:
        # Settled before it was written down what a verdict was read from: all that is final.
        counts = pk in votes or basis is None
        worth = _evidence(votes[pk], policy) if weighs and counts else None
        answers.append(GivenAnswer(frame.worker(rater), answer, seconds, counts, worth))
        if counts:
            counted.append(answer)
        if worth is not None:
            evidence.append(worth)
    prior = basis.prior_yes if weighs and basis is not None else None
    log_odds = None if prior is None else math.log(prior / (1.0 - prior)) + math.fsum(evidence)
    return _Reading(answers, Tally.of(counted), prior, log_odds, basis is None or len(counted) == len(votes))


def _evidence(vote: Mapping[str, object], policy: Policy) -> float:
    """What an answer was worth when it was counted."""
    skill = Skill(if_yes=Odds(*vote["if_yes"]), if_no=Odds(*vote["if_no"]))  # type: ignore[misc]
    return skill.evidence(Answer(str(vote["answer"])), dont_know=policy.dont_know == DontKnow.EVIDENCE)


def _is_decided(pair: Pair, read: _Reading, policy: Policy) -> bool:
    """Whether the verdict is a decision and no reading: an expert's, or an organiser's who reopened the pair when the
    edition was final, or who took an expert's decision back after answers of it had been discounted."""
    if pair.tally_source != TallySource.IMPORTED and read.tally != pair.tally:
        raise BuildRefused(
            f"{_named(pair)} has the tally {_told(pair.tally)}, and its answers are {_told(read.tally)}."
        )
    if pair.adjudicated_reason:
        return True
    if _reading_of(pair.tally, read.log_odds, policy) == pair.verdict:
        return False
    if pair.reopened_reason or not read.all_stand:
        return True
    raise BuildRefused(f"{_named(pair)} has the verdict {pair.verdict}, which its answers don’t give.")


def _reading_of(tally: Tally, log_odds: float | None, policy: Policy) -> Verdict:
    if log_odds is None:
        return verdict_of(tally, rule=policy.verdict_rule)
    if abs(log_odds) < NOTHING:
        return Verdict.UNDECIDED
    return Verdict.YES if log_odds > 0 else Verdict.NO


def _named(pair: Pair) -> str:
    return f"The pair {pair.image.image_id}, {pair.label.key}"


def _told(tally: Tally) -> str:
    return f"{tally.yes} yes, {tally.no} no, {tally.dont_know} don’t know"
