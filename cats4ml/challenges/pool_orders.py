"""Draws that organisers order in the browser: at once where the catalogue is small, by a worker where it is large.

A row of `PoolOrder` is the order. Whoever carries it out holds an advisory lock on it for as long as their connection
lives: a draw that died is known by a lock that nobody holds, and is begun again; the draw itself may run twice.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Image
from cats4ml.catalog.words import refresh_words
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.dispatch import ring_pool_order
from cats4ml.challenges.models import ActKind, Challenge, PoolOrder, PoolOrderState
from cats4ml.challenges.pool_counts import count_pool
from cats4ml.challenges.pools import Drawn, PoolChoice, PoolRefused, check_choice, draw_pool, locked_draft
from cats4ml.locking import Lock, alone

FINISHED = (PoolOrderState.DONE, PoolOrderState.FAILED)
STALLED_AFTER = timedelta(seconds=20)
SURPRISED = "It could not be drawn; the worker’s log says why. Order it again."


def order_draw(
    *, challenge: Challenge, choice: PoolChoice, seed: str, dry_run: bool, by: User | None, at: datetime
) -> PoolOrder:
    """Have a pool drawn, or with `dry_run` have counted what fits. The row says how far it is, or why it failed.

    Of a catalogue that is read in a moment it is done before this returns. Raises `PoolRefused` for a senseless choice,
    an edition that has left the draft, and while another draw of the edition is on its way.
    """
    check_choice(choice, seed)
    with transaction.atomic():
        current = locked_draft(challenge)
        if PoolOrder.objects.filter(challenge=current).exclude(state__in=FINISHED).exists():
            raise PoolRefused(gettext("another draw of this challenge is on its way: wait until it is done"))
        order, _ = PoolOrder.objects.update_or_create(
            challenge=current,
            defaults={
                "choice": asdict(choice),
                "seed": seed,
                "dry_run": dry_run,
                "state": PoolOrderState.WAITING,
                "result": {},
                "error": "",
                "done": 0,
                "total": 0,
                "by": by,
                "requested_at": at,
                "finished_at": None,
            },
        )
    if _is_small(choice.collection):
        carry_out(order=order.pk, at=at)
        order.refresh_from_db()
    else:
        ring_pool_order(challenge, order.pk)
    return order


def _is_small(collection: str) -> bool:
    """Whether the collection is read within a moment; looks at no more pictures than that."""
    most: int = settings.DATA_AT_ONCE_PICTURES
    return Image.objects.filter(collection=collection)[: most + 1].count() <= most


def carry_out(*, order: int, at: datetime) -> None:
    """Draw what was ordered, count the pool and write its pictures' words. May run twice; nothing is done where the
    order is finished or somebody is at it. A refusal is kept in the row; a surprise too, and is raised after that."""
    with alone(Lock.POOL_ORDER, order) as free:
        row = PoolOrder.objects.select_related("challenge", "by").filter(pk=order).first() if free else None
        if row is None or row.state in FINISHED:
            return
        try:
            _carry_out(row, at)
        except PoolRefused as refusal:
            _keep(row, state=PoolOrderState.FAILED, error=str(refusal)[:500], finished_at=at)
        except Exception:
            _keep(row, state=PoolOrderState.FAILED, error=SURPRISED, finished_at=at)
            raise


def _carry_out(row: PoolOrder, at: datetime) -> None:
    challenge = row.challenge
    choice = choice_of(row)
    if row.state in (PoolOrderState.WAITING, PoolOrderState.DRAWING):
        _keep(row, state=PoolOrderState.DRAWING)
        with transaction.atomic():
            drawn = draw_pool(challenge=challenge, choice=choice, seed=row.seed, at=at, by=row.by, dry_run=row.dry_run)
            if drawn.recorded:
                _record(row, drawn, at)
            after = PoolOrderState.DONE if row.dry_run else PoolOrderState.COUNTING
            _keep(row, state=after, result=asdict(drawn), finished_at=at if row.dry_run else None)
        if row.dry_run:
            return
    count_pool(challenge_id=challenge.pk, at=at)
    _keep(row, state=PoolOrderState.WORDS, total=challenge.pool.count())
    images = Image.objects.filter(pk__in=challenge.pool.values("image"))
    refresh_words(images=images, follow=lambda done: _keep(row, done=done))
    _keep(row, state=PoolOrderState.DONE, finished_at=at)


def choice_of(row: PoolOrder) -> PoolChoice:
    values = dict(row.choice)
    values |= {name: tuple(values[name]) for name in ("labels", "annotations")}
    return PoolChoice(**values)


def _record(row: PoolOrder, drawn: Drawn, at: datetime) -> None:
    said = f"Drew {drawn.added:,} picture{'' if drawn.added == 1 else 's'} into the pool"
    details = {"choice": row.choice, "seed": row.seed, "matching": drawn.matching, "added": drawn.added}
    record_act(challenge=row.challenge, kind=ActKind.EDITED, summary=said, by=row.by, at=at, details=details)


def _keep(row: PoolOrder, **values: Any) -> None:
    """Write how far it is; a later order of the same row is left alone."""
    PoolOrder.objects.filter(pk=row.pk, requested_at=row.requested_at).update(**values)


def sweep(*, at: datetime) -> int:
    """Ring for orders that nobody carries out: the message was lost, or the worker died."""
    stalled = PoolOrder.objects.exclude(state__in=FINISHED).filter(requested_at__lte=at - STALLED_AFTER)
    rung = 0
    for row in stalled.select_related("challenge"):
        with alone(Lock.POOL_ORDER, row.pk) as free:
            if not free:
                continue
        ring_pool_order(row.challenge, row.pk)
        rung += 1
    return rung
