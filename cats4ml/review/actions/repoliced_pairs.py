"""Writing what another policy made of pairs: verdicts, credits, what they rest on, and how each pair stood before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, PolicyVersion
from cats4ml.review.actions.settling import basis_of, settle_as_read, settle_by
from cats4ml.review.ballots import Ballot, Voters, read_ballots, tally_of
from cats4ml.review.models import RepolicedPair, VerdictBasis
from cats4ml.review.policy_readings import Fate, Under
from cats4ml.rules.answers import Tally
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.ledger import counted_ratings
from cats4ml.submissions.actions.settlement import send_back, settle_anew, settle_pair
from cats4ml.submissions.endings import machines_say_yes
from cats4ml.submissions.models import Pair

BLOCK = 1_000


class Read(NamedTuple):
    """A pair as it was read by `version`. `former`: the policy that settled it before, None where it was in review.
    `anew`: its verdict comes from its answers, not from what stands; `basis`: from these answers and what they were
    worth then, not from what they are worth now."""

    under: Under
    former: int | None
    ballots: Sequence[Ballot]
    version: PolicyVersion
    voters: Voters
    anew: bool
    basis: VerdictBasis | None


class PairWriter:
    """Writes the pairs of one decision. The caller holds their locks and the transaction.

    `decision` is the number of the decision, which may be written after its pairs.
    """

    def __init__(self, edition: Challenge, decision: int, *, reason: str, by: User | None, at: datetime) -> None:
        self.edition, self.decision = edition, decision
        self.reason, self.by, self.at = reason, by, at
        self.written = self.sent_back = 0

    def write(self, reads: Iterable[Read]) -> None:
        found = iter(reads)
        while block := list(islice(found, BLOCK)):
            self._write_down(block)
            self._write(block)
            self.written += len(block)

    def _write_down(self, block: Sequence[Read]) -> None:
        """How these pairs stood before."""
        settled = [one.under.pair for one in block if one.former is not None]
        last = VerdictBasis.objects.filter(pair__in=settled).order_by("pair_id", "-pk").distinct("pair_id")
        bases = dict(last.values_list("pair_id", "pk"))
        rows = [
            RepolicedPair(
                decision_id=self.decision,
                pair_id=one.under.pair,
                former_policy_id=one.former,
                former_basis_id=bases.get(one.under.pair),
            )
            for one in block
        ]
        RepolicedPair.objects.bulk_create(rows, batch_size=BLOCK)

    def _write(self, block: Sequence[Read]) -> None:
        pairs = Pair.objects.in_bulk([one.under.pair for one in block])
        bases: list[VerdictBasis] = []
        stays: dict[tuple[PolicyVersion, Tally, bool], list[int]] = defaultdict(list)
        for one in block:
            pair = pairs[one.under.pair]
            pair.challenge = self.edition
            if one.under.fate is Fate.SETTLES:
                self._settle_first(pair, one)
            elif one.under.fate is Fate.NEEDS_MORE:
                self._send_back(pair, one.ballots)
            elif one.under.fate is Fate.ENDS_OTHERWISE:
                bases += self._settle(pair, one)
            else:
                used = one.ballots[: one.under.new.answers]
                policy = one.version.value
                yes = machines_say_yes(mean=pair.machine_mean, machine_yes=bool(pair.machine_yes), policy=policy)
                stays[one.version, tally_of(used) if one.anew else pair.tally, yes].append(pair.pk)
                bases += [self._basis(pair, one, used)] if one.anew else []
        for (version, tally, yes), same in stays.items():
            Pair.objects.filter(pk__in=same).update(
                policy=version,
                machine_yes=yes,
                yes_ratings=tally.yes,
                no_ratings=tally.no,
                dont_know_ratings=tally.dont_know,
            )
        VerdictBasis.objects.bulk_create(bases, batch_size=BLOCK)

    def _settle_first(self, pair: Pair, one: Read) -> None:
        """Settle a pair that is in review."""
        if one.basis is None:
            settle_as_read(pair, one.ballots, policy=one.version, voters=one.voters, at=self.at)
            return
        used = one.ballots[: len(one.basis.votes)]
        settle_pair(
            pair=pair,
            verdict=Verdict(one.under.new.verdict),
            tally=tally_of(used),
            policy=one.version,
            ratings=[ballot.rating for ballot in used],
            at=self.at,
            reason=self.reason,
            by=self.by,
        )
        self._basis(pair, one, used).save()

    def _send_back(self, pair: Pair, ballots: Sequence[Ballot]) -> None:
        self.sent_back += 1
        send_back(
            pair=pair,
            tally=tally_of(ballots),
            least_ratings=pair.least_ratings,
            reason=self.reason,
            by=self.by,
            at=self.at,
        )

    def _settle(self, pair: Pair, one: Read) -> list[VerdictBasis]:
        """Settle a settled pair anew."""
        known = {"policy": one.version, "reason": self.reason, "by": self.by, "at": self.at}
        if one.anew and one.basis is None:
            reading = read_ballots(pair, one.ballots, policy=one.version.value, voters=one.voters)
            return [settle_by(pair, reading, one.ballots, voters=one.voters, **known)]  # type: ignore[arg-type]
        if one.basis is not None:
            used = one.ballots[: len(one.basis.votes)]
            verdict, tally, ratings = Verdict(one.under.new.verdict), tally_of(used), [each.rating for each in used]
        else:
            used, verdict, tally, ratings = [], Verdict(pair.verdict), pair.tally, counted_ratings(pair)
        settle_anew(pair=pair, verdict=verdict, tally=tally, ratings=ratings, **known)  # type: ignore[arg-type]
        return [self._basis(pair, one, used)] if one.basis is not None else []

    def _basis(self, pair: Pair, one: Read, used: Sequence[Ballot]) -> VerdictBasis:
        if one.basis is not None:
            return VerdictBasis(
                pair=pair,
                policy=one.version,
                votes=one.basis.votes,
                prior_yes=one.basis.prior_yes,
                posterior=one.basis.posterior,
                created_at=self.at,
            )
        reading = read_ballots(pair, used, policy=one.version.value, voters=one.voters)
        return basis_of(pair, used, policy=one.version, voters=one.voters, reading=reading, at=self.at)
