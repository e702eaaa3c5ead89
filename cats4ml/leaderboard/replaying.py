"""The board rebuilt from its evidence: answers and classifiers' outputs, verdicts, outcomes, credits, lines.

Nothing of what was computed before is taken at its word: each step is done again by the rules, by the policy and the
roster that the pair names, and compared with what is kept. The first difference is named.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from cats4ml.challenges.models import Challenge
from cats4ml.leaderboard.differences import Different, differ, names_of
from cats4ml.leaderboard.evidence import Edition, Evidence
from cats4ml.leaderboard.replayed_board import kept_lines
from cats4ml.locking import one_snapshot
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.credit import points_for
from cats4ml.rules.ledger import BrokenLedger, Entry, standing_entries
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import Outcome, Verdict, VerdictRule, Vote, verdict_of
from cats4ml.submissions.endings import Ending, ending_of
from cats4ml.submissions.models import AdjudicationKind, Credit, TallySource
from cats4ml.submissions.near_copies import earlier_near_copy

_COUNTED_AS = {Outcome.FALSE_NEGATIVE.value: "false_negatives", Outcome.FALSE_POSITIVE.value: "false_positives"}
_PENDING = (PairState.QUEUED, PairState.IN_REVIEW)


@dataclass(frozen=True)
class Replay:
    """What was rebuilt: so many entries of the ledger, pairs and lines of the board. `means_not_kept`: pairs whose mean
    rests on classifiers' outputs that are not kept, so that it was taken at its word."""

    equal: bool
    first_difference: dict[str, Any] | None
    credits: int
    pairs: int
    standings: int
    means_not_kept: int


def replay_credits(challenge: Challenge) -> Replay:
    """Rebuild an edition's credits and board from the evidence, and compare. Nothing is written.

    One snapshot of the database is read, by the block: memory does not grow with the number of pairs.
    """
    with one_snapshot():
        replay = _Replaying(challenge)
        difference = None
        try:
            replay.pairs_and_credits()
            replay.board()
        except Different as found:
            difference = found.facts
        return Replay(
            equal=difference is None,
            first_difference=difference,
            credits=replay.credits,
            pairs=replay.pairs,
            standings=replay.standings,
            means_not_kept=replay.means_not_kept,
        )


class _Replaying:
    def __init__(self, challenge: Challenge) -> None:
        self.challenge = Challenge.objects.select_related("policy").get(pk=challenge.pk)
        self.credits = self.pairs = self.standings = self.means_not_kept = 0
        self._edition = Edition(self.challenge)
        self._totals: dict[int, Counter[str]] = {}
        self._read: dict[tuple[int, tuple[str, ...]], Verdict] = {}
        self._corrected: dict[int, str] = {}

    def pairs_and_credits(self) -> None:
        for one in self._edition.evidence():
            self.pairs += 1
            self.credits += len(one.entries)
            self._check_score(one)
            earned = self._check_end(one)
            self._check_ledger(one, earned)
            self._count(one, earned)
        written = Credit.objects.filter(challenge=self.challenge).count()
        if written != self.credits:
            raise Different("credit", f"the ledger has {written} entries, of this edition's pairs {self.credits}")

    # What the machines said, and what the raters did.

    def _check_score(self, one: Evidence) -> None:
        pair = one.pair
        if pair.roster_id is None:
            return
        if one.score is None:
            self.means_not_kept += 1
            return
        if pair.machine_mean is None or not math.isclose(one.score.mean, pair.machine_mean, rel_tol=1e-9, abs_tol=1e-9):
            differ("mean", one, expected=one.score.mean, found=pair.machine_mean)

    def _check_end(self, one: Evidence) -> Ending | None:
        """How the pair ends by its evidence, which is how it is kept; None where it is not settled."""
        pair = one.pair
        if pair.state != PairState.SETTLED:
            self._check_open(one)
            return None
        if pair.policy_id not in self._edition.policies:
            differ("policy", one, expected="one of this edition's", found=pair.policy_id)
        policy = self._edition.policies[pair.policy_id or 0]
        verdict = self._verdict(one, policy)
        ending = self._ending(one, verdict, policy)
        corrected = self._is_corrected(one, ending)
        if pair.machine_yes != ending.machine_yes:
            differ("machine_yes", one, expected=ending.machine_yes, found=pair.machine_yes)
        if corrected:
            self._corrected[pair.pk] = ending.outcome.value
            return ending
        for what, expected, found in (
            ("verdict", verdict.value, pair.verdict),
            ("outcome", ending.outcome.value, pair.outcome),
            # Of what nobody claims nobody asks whether a near-copy came first.
            ("uncredited", (ending.uncredited or "") if one.claims else pair.uncredited, pair.uncredited),
        ):
            if expected != found:
                differ(what, one, expected=str(expected), found=found)
        return ending

    def _check_open(self, one: Evidence) -> None:
        pair = one.pair
        if pair.verdict or pair.outcome or pair.uncredited:
            differ("outcome", one, expected="", found=pair.outcome or pair.verdict or pair.uncredited)
        if pair.tally_source == TallySource.RATINGS:
            self._check_tally(one, Tally.of(Answer(each.answer) for each in one.answers))

    def _check_tally(self, one: Evidence, tally: Tally) -> None:
        if one.pair.tally != tally:
            differ("tally", one, expected=_words(tally), found=_words(one.pair.tally))

    def _is_corrected(self, one: Evidence, ending: Ending) -> bool:
        """Whether an organiser made the pair ambiguous once the edition was final: the board stands all the same."""
        pair = one.pair
        ambiguous = (pair.verdict, pair.outcome) == (Verdict.UNDECIDED, Outcome.AMBIGUOUS)
        return self.challenge.is_final and ambiguous and bool(pair.reopened_reason)

    # From answers to a verdict.

    def _verdict(self, one: Evidence, policy: Policy) -> Verdict:
        if one.pair.tally_source == TallySource.IMPORTED:
            return verdict_of(one.pair.tally, rule=policy.verdict_rule)
        self._check_answers(one)
        if one.pair.adjudicated_reason:
            return _decided(one)
        if self.challenge.is_final and _expert_came_last(one):
            return _decided(one, corrected=True)
        if one.basis is None:  # settled before it was written down what a verdict was read from
            return verdict_of(one.pair.tally, rule=policy.verdict_rule)
        if self._edition.policies[one.basis.policy_id].rule != policy.rule:
            differ("verdict", one, expected="read by the rule of its policy", found=f"policy row {one.basis.policy_id}")
        return self._verdict_in(one)

    def _check_answers(self, one: Evidence) -> None:
        """That the answers which the verdict rests on are there, final, and what they were."""
        answers = {each.rating: each.answer for each in one.answers}
        if one.basis is None:
            self._check_tally(one, Tally.of(Answer(each) for each in answers.values()))
            return
        votes = {vote["rating"]: vote["answer"] for vote in one.basis.votes}
        for rating, answer in votes.items():
            # An expert's verdict stands when the raters' answers are taken out.
            if rating not in answers and one.pair.adjudicated_reason and rating in one.ratings:
                continue
            if answers.get(rating) != answer:
                differ("rating", one, expected=answer, found=answers.get(rating, "no final answer"), rating=rating)
        if not one.pair.adjudicated_reason:
            first = [each.rating for each in one.answers[: len(votes)]]
            if first != list(votes):
                differ("rating", one, expected=list(votes), found=first)
        self._check_tally(one, Tally.of(Answer(answers[each]) for each in votes if each in answers))

    def _verdict_in(self, one: Evidence) -> Verdict:
        basis = one.basis
        assert basis is not None, "whoever asks has looked"
        policy = self._edition.policies[basis.policy_id]
        answers = tuple(vote["answer"] for vote in basis.votes)
        key = (basis.policy_id, answers)
        if policy.verdict_rule != VerdictRule.WEIGHTED and key in self._read:
            return self._read[key]
        votes = [Vote(Answer(one["answer"]), Skill(Odds(*one["if_yes"]), Odds(*one["if_no"]))) for one in basis.votes]
        reading = read_in_order(votes, rule=policy.rule, prior_yes=basis.prior_yes, least=len(votes))
        if reading.verdict is None or reading.ratings != len(votes):
            differ("verdict", one, expected="read from enough answers", found=len(votes))
        if not math.isclose(reading.posterior, basis.posterior, rel_tol=1e-9, abs_tol=1e-12):
            differ("posterior", one, expected=reading.posterior, found=basis.posterior)
        self._read[key] = reading.verdict
        return reading.verdict

    # From the verdict to what it earns.

    def _ending(self, one: Evidence, verdict: Verdict, policy: Policy) -> Ending:
        pair = one.pair
        imported = pair.tally_source == TallySource.IMPORTED

        def ending(*, near_copy: bool) -> Ending:
            return ending_of(
                verdict=verdict,
                mean=pair.machine_mean,
                machine_yes=bool(pair.machine_yes),
                near_copy=near_copy,
                policy=policy,
                tally=None if imported else pair.tally,
                adjudicated=bool(pair.adjudicated_reason) or (self.challenge.is_final and _expert_came_last(one)),
            )

        alone = ending(near_copy=False)
        if alone.points and pair.image_id in self._edition.in_groups:
            return ending(near_copy=earlier_near_copy(pair) is not None)
        return alone

    def _check_ledger(self, one: Evidence, ending: Ending | None) -> None:
        try:
            standing = standing_entries(one.entries)
        except BrokenLedger as broken:
            raise Different("credit", str(broken), credit=broken.entry, **names_of(one)) from broken
        expected = self._earned(one, ending)
        found = [(each.submission, each.participation, each.points, each.outcome) for each in standing]
        if found != expected:
            differ("credit", one, expected=_credits(expected), found=_credits(found))
        for entry in one.entries:
            self._check_ground(one, entry)

    def _earned(self, one: Evidence, ending: Ending | None) -> list[tuple[int, int, int, str]]:
        imported = one.pair.tally_source == TallySource.IMPORTED
        if ending is None or not ending.points or not one.claims or imported:
            return []
        return [(one.claims[0].submission, one.claims[0].participation, ending.points, ending.outcome.value)]

    def _check_ground(self, one: Evidence, entry: Entry) -> None:
        """That an entry's points are those of what it says that it rests on, and that this is there."""
        ground = one.grounds[entry.id]
        policy = self._edition.policies.get(ground.policy)
        points = 0 if policy is None else points_for(entry.outcome, policy=policy, mean=ground.mean)
        if points != abs(entry.points):
            differ("credit", one, expected=points, found=abs(entry.points), credit=entry.id)
        missing = sorted(set(ground.ratings) - one.ratings)
        if missing:
            differ("credit", one, expected=f"rating {missing[0]}", found="no such rating", credit=entry.id)
        same = ground.roster == one.pair.roster_id and one.score is not None
        if same and ground.mean is not None and not math.isclose(ground.mean, one.score.mean, abs_tol=1e-9):  # type: ignore[union-attr]
            differ("credit", one, expected=one.score.mean, found=ground.mean, credit=entry.id)  # type: ignore[union-attr]

    # From credits to the board.

    def _count(self, one: Evidence, ending: Ending | None) -> None:
        for _, participation, points, outcome in self._earned(one, ending):
            self._totals.setdefault(participation, Counter()).update({"points": points, _COUNTED_AS[outcome]: 1})
        if one.claims:
            state = PairState(one.pair.state)
            counts = {"settled": int(state is PairState.SETTLED), "pending": int(state in _PENDING)}
            self._totals.setdefault(one.claims[0].participation, Counter()).update(counts)

    def board(self) -> None:
        """The lines by the credits as they were rebuilt, by the ledger, and as they are kept."""
        for lines in kept_lines(self.challenge, self._totals, corrected=self._corrected):
            self.standings = lines


def _decided(one: Evidence, *, corrected: bool = False) -> Verdict:
    """The expert's verdict by the log of what experts decided."""
    last = one.adjudication
    if last is None or last.kind != AdjudicationKind.DECIDED:
        differ("verdict", one, expected="an expert's decision in the log", found="none")
    if not corrected and last.reason != one.pair.adjudicated_reason:
        differ("verdict", one, expected=last.reason, found=one.pair.adjudicated_reason)
    return Verdict(last.verdict)


def _expert_came_last(one: Evidence) -> bool:
    """Whether an expert's decision stood when a pair was corrected: that takes it off the pair, and not off the log."""
    last, basis = one.adjudication, one.basis
    decided = last is not None and last.kind == AdjudicationKind.DECIDED
    return bool(
        decided
        and not one.pair.adjudicated_reason
        and last is not None
        and (basis is None or last.created_at > basis.created_at)
    )


def _words(tally: Tally) -> str:
    return f"{tally.yes} yes, {tally.no} no, {tally.dont_know} don't know"


def _credits(rows: list[tuple[int, int, int, str]]) -> list[dict[str, Any]]:
    names = ("submission", "participation", "points", "outcome")
    return [dict(zip(names, row, strict=True)) for row in rows]
