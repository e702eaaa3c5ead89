"""Putting another policy in force in an edition whose pairs are rated, and undoing that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import decide_policy, put_policy_back
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.models import ActKind, Challenge, PolicyDecision, PolicyVersion
from cats4ml.challenges.rosters import lock_rosters
from cats4ml.review.actions.repoliced_pairs import PairWriter, Read
from cats4ml.review.policy_previews import Preview, PreviewInTheMaking
from cats4ml.review.policy_readings import EditionFacts, Fate, Reader, pair_under, pairs_and_ballots, rated_pairs
from cats4ml.review.policy_undoing import undone_readings
from cats4ml.review.skills import skills_of
from cats4ml.rules.policy import Policy
from cats4ml.submissions import dispatch

logger = logging.getLogger(__name__)

PROGRESS_EVERY = 200


class PolicyRefused(Exception):
    """Why a policy can't be put in force, in a sentence that says what to do. Nothing was written."""


def nobody_asks(done: int) -> None:
    """Progress that is told to nobody."""


def apply_policy(
    *,
    challenge: Challenge,
    policy: Policy,
    reason: str,
    by: User | None,
    at: datetime,
    settled: bool,
    reopen: bool = False,
    progress: Callable[[int], None] = nobody_asks,
) -> Preview:
    """Put a policy in force, in one transaction. Twice is once.

    Pairs in review whose answers are enough by it are settled. With `settled` the settled pairs are read again too,
    each from its answers in the order in which they came: where it ends otherwise, or earns otherwise, it settles anew,
    and the ledger gets entries with the reason. A pair that would need more answers keeps its verdict and its policy,
    or goes back to review with `reopen`. What an expert decided, or was imported, keeps its verdict. Without `settled`,
    settled pairs stay as they are. How each pair stood is written down for `undo_policy`. `progress` is told how many
    pairs were read. Returns what was done, of the pairs that were looked at.

    Raises `PolicyRefused` without a reason or in a final edition.
    """
    check_policy_may_change(challenge, reason)
    with transaction.atomic():
        edition = _locked(challenge, settled=settled)
        former = edition.policy
        version = decide_policy(challenge=edition, policy=policy, by=by)
        _say_anew(edition, policy)
        writer = PairWriter(edition, reserved_decision(), reason=reason.strip(), by=by, at=at)
        facts = EditionFacts(edition)
        made = PreviewInTheMaking(facts, reopen=reopen)
        writer.write(_applied(edition, version, facts, made, settled=settled, reopen=reopen, progress=progress))
        done = made.preview()
        if former is None or former.pk != version.pk or writer.written:
            back = len(done.of(Fate.NEEDS_MORE)) if reopen else 0
            _keep(PolicyDecision(policy=version, former=former, settled_too=settled, reopened=back), done, writer)
    challenge.policy = version
    return done


def undo_policy(
    *,
    decision: PolicyDecision,
    reason: str,
    by: User | None,
    at: datetime,
    progress: Callable[[int], None] = nobody_asks,
) -> Preview:
    """Take a decision about the policy back, in one transaction: the policy before it is in force again.

    Each pair that the decision touched, and that still has its policy, goes back to the policy and the verdict that it
    had; one that it settled goes back to review unless its answers are enough. Credits move by entries with the reason.
    Pairs that raters settled since keep the policy that settled them. It is a decision of its own, which can be undone
    in turn. Raises `PolicyRefused` without a reason, in a final edition, and where `why_not_undone` says why not.
    """
    challenge = decision.challenge
    check_policy_may_change(challenge, reason)
    with transaction.atomic():
        edition = _locked(challenge, settled=True)
        refusal = why_not_undone(decision, edition)
        if refusal:
            raise PolicyRefused(refusal)
        former, replaced = decision.former, edition.policy
        assert former is not None, "else the decision could not be undone"
        put_policy_back(challenge=edition, version=former)
        _say_anew(edition, former.value)
        writer = PairWriter(edition, reserved_decision(), reason=reason.strip(), by=by, at=at)
        facts = EditionFacts(edition)
        made = PreviewInTheMaking(facts, reopen=False)
        writer.write(_undone(edition, decision, facts, made, progress=progress))
        done = made.preview()
        undoing = PolicyDecision(policy=former, former=replaced, undoes=decision, settled_too=decision.settled_too)
        undoing.reopened = writer.sent_back
        _keep(undoing, done, writer)
    challenge.policy = former
    return done


def why_not_undone(decision: PolicyDecision, edition: Challenge) -> str:
    """Why a decision can't be undone, in a sentence; empty where it can."""
    if PolicyDecision.objects.filter(undoes=decision).exists():
        return _("This decision has been undone already.")
    last = PolicyDecision.objects.filter(challenge=edition).order_by("-pk").first()
    if last is None or last.pk != decision.pk or edition.policy_id != decision.policy_id:
        return _("Another policy came in force since. Undo that first, or put the policy that you want in force.")
    if decision.former_id is None:
        return _("What was in force before is not known here. Put the policy that you want in force instead.")
    return ""


def check_policy_may_change(challenge: Challenge, reason: str) -> None:
    """Raises `PolicyRefused` without a reason or in a final edition."""
    if not reason.strip():
        raise PolicyRefused(_("Say why: another policy is put in force only with a reason."))
    if challenge.is_final:
        raise PolicyRefused(_("This challenge is final: its board stands."))


def reserved_decision() -> int:
    """The id of a decision that is written last, once it is known what it did; rows that point to it come before it,
    in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('challenges_policydecision', 'id'))")
        [number] = cursor.fetchone()
    return int(number)


def _locked(challenge: Challenge, *, settled: bool) -> Challenge:
    """The edition as it is once nobody scores or settles its pairs any more: what they are read with stays as it is."""
    lock_rosters([challenge.pk], shared=False)
    # Nobody makes it final from here on, until this is done.
    Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
    edition = Challenge.objects.select_related("policy").get(pk=challenge.pk)
    check_policy_may_change(edition, "looked at before")
    list(rated_pairs(edition, settled=settled).select_for_update(no_key=True).values_list("pk"))
    return edition


def _applied(
    edition: Challenge,
    version: PolicyVersion,
    facts: EditionFacts,
    made: PreviewInTheMaking,
    *,
    settled: bool,
    reopen: bool,
    progress: Callable[[int], None],
) -> Iterator[Read]:
    """The pairs that the policy touches, as they were read."""
    reader = Reader(version.value, skills_of(edition))
    for number, (pair, ballots) in enumerate(pairs_and_ballots(edition, settled=settled), start=1):
        if number % PROGRESS_EVERY == 0:
            progress(number)
        under = pair_under(pair, ballots, reader, facts)
        made.add(under)
        touched = under.changes or (under.fate is Fate.SAME and pair.policy_id != version.pk)
        if touched or (reopen and under.fate is Fate.NEEDS_MORE):
            anew = not facts.stands(pair, reader)
            yield Read(under, pair.policy_id, ballots, version, reader.voters, anew=anew, basis=None)


def _undone(
    edition: Challenge,
    decision: PolicyDecision,
    facts: EditionFacts,
    made: PreviewInTheMaking,
    *,
    progress: Callable[[int], None],
) -> Iterator[Read]:
    for number, one in enumerate(undone_readings(edition, decision, facts), start=1):
        if number % PROGRESS_EVERY == 0:
            progress(number)
        made.add(one.under, goes_back=one.goes_back)
        if one.under.fate is Fate.WAITS or (one.under.fate is Fate.NEEDS_MORE and not one.goes_back):
            continue
        voters, former = one.reader.voters, one.pair.policy_id
        yield Read(one.under, former, one.ballots, one.version, voters, anew=one.anew, basis=one.basis)


def _say_anew(edition: Challenge, policy: Policy) -> None:
    """The machines' verdict of the pairs in review, at the threshold in force from now on."""
    waiting = rated_pairs(edition, settled=False)
    waiting.filter(machine_mean__gte=policy.threshold, machine_yes=False).update(machine_yes=True)
    waiting.filter(machine_mean__lt=policy.threshold, machine_yes=True).update(machine_yes=False)


def _keep(decision: PolicyDecision, done: Preview, writer: PairWriter) -> None:
    edition = writer.edition
    decision.pk, decision.challenge = writer.decision, edition
    decision.reason, decision.by, decision.created_at = writer.reason, writer.by, writer.at
    decision.changed = len(done.of(Fate.ENDS_OTHERWISE))
    decision.save(force_insert=True)
    said = "Went back to policy" if decision.undoes_id else "Put policy"
    record_act(
        challenge=edition,
        kind=ActKind.POLICY,
        summary=f"{said} {decision.policy.version}{'' if decision.undoes_id else ' in force'}",
        details={
            "decision": decision.pk,
            "undoes": decision.undoes_id,
            "policy": decision.policy.version,
            "former": decision.former.version if decision.former else None,
            "settled_too": decision.settled_too,
            "changed": decision.changed,
            "reopened": decision.reopened,
            **(difference(decision.former.values, decision.policy.values) if decision.former else {}),
        },
        reason=decision.reason,
        by=decision.by,
        at=decision.created_at,
    )
    dispatch.after_commit(dispatch.ring_board, edition.pk, edition.queue)
    logger.info("%s: policy %d is in force; %d pairs read again", edition.slug, decision.policy.version, writer.written)
