"""Putting another policy in force in an edition whose pairs are rated."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, PolicyDecision, PolicyVersion
from cats4ml.challenges.rosters import lock_rosters
from cats4ml.review.actions.settling import basis_of, settle_as_read, settle_by
from cats4ml.review.ballots import Ballot, read_ballots, tally_of
from cats4ml.review.models import VerdictBasis
from cats4ml.review.policy_previews import Preview, PreviewInTheMaking
from cats4ml.review.policy_readings import EditionFacts, Fate, Reader, Under, pair_under, pairs_and_ballots, rated_pairs
from cats4ml.review.skills import skills_of
from cats4ml.rules.answers import Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.ledger import counted_ratings
from cats4ml.submissions.actions.settlement import send_back, settle_anew
from cats4ml.submissions.endings import machines_say_yes
from cats4ml.submissions.models import Pair

logger = logging.getLogger(__name__)
BLOCK = 1_000


class PolicyRefused(Exception):
    """Why a policy can't be put in force, in a sentence that says what to do. Nothing was written."""


def apply_policy(
    *,
    challenge: Challenge,
    policy: Policy,
    reason: str,
    by: User | None,
    at: datetime,
    settled: bool,
    reopen: bool = False,
) -> Preview:
    """Put a policy in force, in one transaction. Twice is once.

    Pairs in review whose answers are enough by it are settled. With `settled` the settled pairs are read again too,
    each from its answers in the order in which they came: where it ends otherwise, or earns otherwise, it settles anew,
    and the ledger gets entries with the reason. A pair that would need more answers keeps its verdict and its policy,
    or goes back to review with `reopen`. What an expert decided, or was imported, keeps its verdict. Without `settled`,
    settled pairs stay as they are. Returns what was done, of the pairs that were looked at.

    Raises `PolicyRefused` without a reason or in a final edition.
    """
    if not reason.strip():
        raise PolicyRefused("Say why: another verdict rule is put in force only with a reason.")
    with transaction.atomic():
        # Nobody scores meanwhile, and nobody settles: what a pair is read with stays as it is.
        lock_rosters([challenge.pk], shared=False)
        edition = Challenge.objects.select_related("policy").get(pk=challenge.pk)
        if edition.is_final:
            raise PolicyRefused("This challenge is final: its board stands.")
        list(rated_pairs(edition, settled=settled).select_for_update(no_key=True).values_list("pk"))
        former = edition.policy_id
        version = decide_policy(challenge=edition, policy=policy, by=by)
        _say_anew(edition, policy)
        work = _Work(edition, version, reason=reason.strip(), by=by, at=at, reopen=reopen)
        done = work.read_all(settled=settled)
        if former != version.pk or work.written:
            _keep(edition, version, done, work, settled=settled)
            dispatch.after_commit(dispatch.ring_board, edition.pk, edition.queue)
    challenge.policy = version
    return done


def _say_anew(edition: Challenge, policy: Policy) -> None:
    """The machines' verdict of the pairs in review, at the threshold in force from now on."""
    waiting = rated_pairs(edition, settled=False)
    waiting.filter(machine_mean__gte=policy.threshold, machine_yes=False).update(machine_yes=True)
    waiting.filter(machine_mean__lt=policy.threshold, machine_yes=True).update(machine_yes=False)


def _keep(edition: Challenge, version: PolicyVersion, done: Preview, work: _Work, *, settled: bool) -> None:
    PolicyDecision.objects.create(
        challenge=edition,
        policy=version,
        reason=work.reason,
        settled_too=settled,
        changed=len(done.of(Fate.ENDS_OTHERWISE)),
        reopened=len(done.of(Fate.NEEDS_MORE)) if work.reopen else 0,
        by=work.by,
        created_at=work.at,
    )
    logger.info("%s: policy %d is in force; %d pairs read again", edition.slug, version.version, work.written)


class _Read(NamedTuple):
    """A pair as it was read: `anew` where its verdict comes from its answers, not from what stands."""

    under: Under
    ballots: Sequence[Ballot]
    anew: bool


class _Work:
    """One application of a policy. The caller holds the locks of the pairs and the transaction."""

    def __init__(
        self, edition: Challenge, version: PolicyVersion, *, reason: str, by: User | None, at: datetime, reopen: bool
    ) -> None:
        self.edition, self.version = edition, version
        self.reason, self.by, self.at, self.reopen = reason, by, at, reopen
        self.written = 0
        self._facts = EditionFacts(edition)
        self._reader = Reader(version.value, skills_of(edition))
        self._voters = self._reader.voters

    def read_all(self, *, settled: bool) -> Preview:
        made = PreviewInTheMaking(self._facts, reopen=self.reopen)
        found = self._readings(made, settled=settled)
        while block := list(islice(found, BLOCK)):
            self._write(block)
        return made.preview()

    def _readings(self, made: PreviewInTheMaking, *, settled: bool) -> Iterator[_Read]:
        for pair, ballots in pairs_and_ballots(self.edition, settled=settled):
            under = pair_under(pair, ballots, self._reader, self._facts)
            made.add(under)
            touched = under.changes or (under.fate is Fate.SAME and pair.policy_id != self.version.pk)
            if touched or (self.reopen and under.fate is Fate.NEEDS_MORE):
                yield _Read(under, ballots, anew=not self._facts.stands(pair, self._reader))

    def _write(self, block: Sequence[_Read]) -> None:
        pairs = Pair.objects.in_bulk([one.under.pair for one in block])
        bases: list[VerdictBasis] = []
        stays: dict[tuple[Tally, bool], list[int]] = defaultdict(list)
        for one in block:
            pair = pairs[one.under.pair]
            pair.challenge = self.edition
            if one.under.fate is Fate.SETTLES:
                settle_as_read(pair, one.ballots, policy=self.version, voters=self._voters, at=self.at)
            elif one.under.fate is Fate.NEEDS_MORE:
                self._send_back(pair, one.ballots)
            elif one.under.fate is Fate.ENDS_OTHERWISE:
                bases += self._settle(pair, one)
            else:
                used = one.ballots[: one.under.new.answers]
                yes = machines_say_yes(
                    mean=pair.machine_mean, machine_yes=bool(pair.machine_yes), policy=self.version.value
                )
                stays[tally_of(used) if one.anew else pair.tally, yes].append(pair.pk)
                bases += [self._basis(pair, used)] if one.anew else []
        for (tally, yes), same in stays.items():
            Pair.objects.filter(pk__in=same).update(
                policy=self.version,
                machine_yes=yes,
                yes_ratings=tally.yes,
                no_ratings=tally.no,
                dont_know_ratings=tally.dont_know,
            )
        VerdictBasis.objects.bulk_create(bases, batch_size=BLOCK)
        self.written += len(block)

    def _send_back(self, pair: Pair, ballots: Sequence[Ballot]) -> None:
        send_back(
            pair=pair,
            tally=tally_of(ballots),
            least_ratings=pair.least_ratings,
            reason=self.reason,
            by=self.by,
            at=self.at,
        )

    def _settle(self, pair: Pair, one: _Read) -> list[VerdictBasis]:
        if one.anew:
            reading = read_ballots(pair, one.ballots, policy=self.version.value, voters=self._voters)
            basis = settle_by(
                pair,
                reading,
                one.ballots,
                policy=self.version,
                voters=self._voters,
                reason=self.reason,
                by=self.by,
                at=self.at,
            )
            return [basis]
        settle_anew(
            pair=pair,
            verdict=Verdict(pair.verdict),
            tally=pair.tally,
            policy=self.version,
            ratings=counted_ratings(pair),
            reason=self.reason,
            by=self.by,
            at=self.at,
        )
        return []

    def _basis(self, pair: Pair, used: Sequence[Ballot]) -> VerdictBasis:
        reading = read_ballots(pair, used, policy=self.version.value, voters=self._voters)
        return basis_of(pair, used, policy=self.version, voters=self._voters, reading=reading, at=self.at)
