"""Putting a policy in force, or taking a decision back, as work for a worker.

One transaction does it, so that no board ever shows half a policy, and what was previewed is what is done. A worker
that is killed leaves nothing behind, and a sweep has the work begun anew. Meanwhile raters' answers wait. Whoever works
holds an advisory lock of the database's for as long as their connection lives: a lock that nobody holds says that the
worker died.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, PolicyDecision
from cats4ml.locking import Lock, alone
from cats4ml.review.actions.repolicing import (
    PolicyRefused,
    apply_policy,
    check_policy_may_change,
    undo_policy,
    why_not_undone,
)
from cats4ml.review.models import ON_THE_WAY, PolicyWork, WorkState
from cats4ml.review.policy_previews import Preview
from cats4ml.review.policy_readings import Fate, rated_pairs
from cats4ml.rules.policy import Policy
from cats4ml.submissions import dispatch
from scoring.contract import BULK, WEB_QUEUE, queue_name

logger = logging.getLogger(__name__)

WORK_OFF = "cats4ml.review.tasks.work_off_policy"
# So few pairs are read while the organiser waits.
AT_ONCE = 300
STALLED_AFTER = timedelta(seconds=20)
MOST_STARTS = 3
PROGRESS_SECONDS = 3_600


def request_policy(
    *,
    challenge: Challenge,
    policy: Policy,
    reason: str,
    by: User | None,
    at: datetime,
    settled: bool,
    reopen: bool = False,
) -> PolicyWork:
    """Have a policy put in force (`apply_policy`), at once where few pairs are concerned and else by a worker.

    Raises `PolicyRefused` as that does, and while another policy is being put in force in this edition.
    """
    check_policy_may_change(challenge, reason)
    work = PolicyWork(challenge=challenge, values=policy.to_dict(), settled=settled, reopen=reopen)
    return _request(work, reason, by, at)


def request_undo(*, decision: PolicyDecision, reason: str, by: User | None, at: datetime) -> PolicyWork:
    """Have a decision taken back (`undo_policy`), as `request_policy` has one carried out. Raises `PolicyRefused` where
    `undo_policy` does, and while another policy is being put in force."""
    check_policy_may_change(decision.challenge, reason)
    refusal = why_not_undone(decision, Challenge.objects.get(pk=decision.challenge_id))
    if refusal:
        raise PolicyRefused(refusal)
    return _request(PolicyWork(challenge=decision.challenge, undoes=decision, settled=True), reason, by, at)


def _request(work: PolicyWork, reason: str, by: User | None, at: datetime) -> PolicyWork:
    challenge = work.challenge
    work.reason, work.by, work.requested_at = reason.strip(), by, at
    work.total = rated_pairs(challenge, settled=work.settled).count()
    try:
        with transaction.atomic():
            work.save(force_insert=True)
    except IntegrityError as error:
        raise PolicyRefused(
            _("A policy is being put in force here at this moment. Wait until that is done.")
        ) from error
    if work.total <= AT_ONCE:
        work_off(work=work.pk, at=at)
        work = PolicyWork.objects.select_related("challenge", "decision").get(pk=work.pk)
        if work.state == WorkState.FAILED:
            raise PolicyRefused(work.error)
        challenge.refresh_from_db()
    else:
        dispatch.after_commit(ring, work)
    return work


def ring(work: PolicyWork) -> None:
    queue = queue_name(WEB_QUEUE, work.challenge.queue)
    dispatch.send(WORK_OFF, queue, priority=BULK, work=work.pk)


def newest_work(challenge: Challenge) -> PolicyWork | None:
    return PolicyWork.objects.filter(challenge=challenge).select_related("decision").order_by("-pk").first()


def progress_of(work: PolicyWork) -> int:
    """How many pairs were read so far. It is told outside the transaction that reads them."""
    return int(cache.get(_progress_key(work.pk), 0))


def _progress_key(work: int) -> str:
    return f"policy-work-{work}"


def work_off(*, work: int, at: datetime) -> None:
    """Carry an order out. Nothing is done where it is carried out already or somebody is at it.

    What is refused is kept in words; so is a surprise, which is raised after that.
    """
    with alone(Lock.POLICY_WORK, work) as free:
        row = PolicyWork.objects.select_related("challenge", "undoes__challenge", "by").filter(pk=work).first()
        if not free or row is None or row.state not in ON_THE_WAY:
            return
        if row.starts >= MOST_STARTS:
            _fail(row, "A worker began it three times and died each time. Nothing has changed.", at)
            return
        PolicyWork.objects.filter(pk=work).update(state=WorkState.WORKING, starts=F("starts") + 1)
        try:
            with transaction.atomic():
                before = _last_decision(row)
                done = _carry_out(row, at)
                _finish(row, done, before, at)
        except PolicyRefused as refusal:
            _fail(row, str(refusal), at)
        except Exception:
            _fail(row, "It went wrong, and nothing has changed; the worker’s log says why.", at)
            raise


def _carry_out(row: PolicyWork, at: datetime) -> Preview:
    def progress(done: int) -> None:
        cache.set(_progress_key(row.pk), done, timeout=PROGRESS_SECONDS)

    if row.undoes is not None:
        return undo_policy(decision=row.undoes, reason=row.reason, by=row.by, at=at, progress=progress)
    return apply_policy(
        challenge=row.challenge,
        policy=Policy.from_dict(row.values),
        reason=row.reason,
        by=row.by,
        at=at,
        settled=row.settled,
        reopen=row.reopen,
        progress=progress,
    )


def _last_decision(row: PolicyWork) -> PolicyDecision | None:
    return PolicyDecision.objects.filter(challenge=row.challenge_id).order_by("-pk").first()


def _finish(row: PolicyWork, done: Preview, before: PolicyDecision | None, at: datetime) -> None:
    decision = _last_decision(row)
    if decision == before:  # nothing was to be changed
        decision = None
    PolicyWork.objects.filter(pk=row.pk).update(
        state=WorkState.DONE,
        finished_at=at,
        decision=decision,
        ended_otherwise=len(done.of(Fate.ENDS_OTHERWISE)),
        settles=len(done.of(Fate.SETTLES)),
        sent_back=decision.reopened if decision is not None else 0,
    )


def _fail(row: PolicyWork, error: str, at: datetime) -> None:
    rows = PolicyWork.objects.filter(pk=row.pk, state__in=ON_THE_WAY)
    rows.update(state=WorkState.FAILED, error=error[:300], finished_at=at)


def sweep_policy_work(*, at: datetime) -> int:
    """Ring for orders that nobody carries out: the message was lost, or the worker died. Returns how many."""
    stalled = PolicyWork.objects.filter(state__in=ON_THE_WAY, requested_at__lte=at - STALLED_AFTER)
    rung = 0
    for row in stalled.select_related("challenge"):
        with alone(Lock.POLICY_WORK, row.pk) as free:
            pass
        if free:
            ring(row)
            rung += 1
    return rung
