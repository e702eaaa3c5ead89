"""A run over many pictures: several at once, written in batches, to be interrupted and gone on with at any time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.utils import timezone

from cats4ml.catalog.fetching.patience import Turns
from cats4ml.catalog.fetching.picture import Got, NotGot, Sources, StorageTrouble, fetch_picture
from cats4ml.catalog.fetching.sources import BucketMissing, Wanted
from cats4ml.catalog.fetching.writing import record_results
from cats4ml.catalog.hiding import all_taken_down_bytes
from cats4ml.catalog.models import Image
from cats4ml.catalog.storage import PictureFolder

BATCH = 64
LOOK_SECONDS = 1.0
# So many pictures one after the other that no server answers for: the trouble is not the pictures'.
LEAST_STREAK = 20

Result = Got | NotGot


class FetchStopped(Exception):
    """Why a run can't go on, in a sentence that says how to mend it."""


@dataclass
class Tally:
    """What a run came to so far."""

    fetched: int = 0
    failed: int = 0
    bytes: int = 0

    @property
    def done(self) -> int:
        return self.fetched + self.failed


@dataclass
class _Run:
    sources: Sources
    parallel: int
    tally: Tally
    stop: threading.Event = field(default_factory=threading.Event)
    waiting: list[Result] = field(default_factory=list)  # to be written
    streak: list[NotGot] = field(default_factory=list)  # kept until it is known whose fault it is


def waiting_for_fetch(images: QuerySet[Image], *, retry_failed: bool) -> QuerySet[Image]:
    """Those that have no file yet and aren't taken down; those that failed before only with `retry_failed`."""
    lacking = images.filter(file="", hidden_at=None)
    return lacking if retry_failed else lacking.filter(fetch_failure=None)


def fetch(
    images: QuerySet[Image],
    *,
    sources: Sources,
    parallel: int,
    limit: int | None = None,
    retry_failed: bool = False,
    tell: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Fetch the pictures of these images that have none, `limit` at most, `parallel` at once.

    What came is written in batches, also where the run is interrupted; `tell` hears of each. Raises `FetchStopped`
    where the storage can't be written, the bucket isn't there or nobody answers: what can't be told of single pictures
    is then written of none.
    """
    if isinstance(default_storage, PictureFolder):
        default_storage.remove_forgotten()
    sources = replace(sources, refused=frozenset(all_taken_down_bytes()))
    run = _Run(sources, parallel, Tally())
    turns = Turns(sources.patience, run.stop)
    todo = waiting_for_fetch(images, retry_failed=retry_failed)
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="fetch")
    pending: set[Future[Result]] = set()
    try:
        for wanted in _wanted(todo, limit):
            pending.add(pool.submit(fetch_picture, wanted, sources, turns))
            if len(pending) >= 2 * parallel:
                _collect(run, pending, tell)
        while pending:
            _collect(run, pending, tell)
        run.waiting += run.streak
    except (StorageTrouble, BucketMissing) as error:
        raise FetchStopped(str(error)) from error
    finally:
        run.stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        _take_what_came(run, pending)
        _write(run, tell)
    return run.tally


def _wanted(todo: QuerySet[Image], limit: int | None) -> Iterator[Wanted]:
    """In the order of their ids, asked for piece by piece: another run beside this one may have got some meanwhile."""
    fields = ("pk", "image_id", "subset", "rotation", "original_url", "original_bytes", "original_md5", "thumbnail_url")
    rows = todo.order_by("pk").values_list(*fields)
    last, left = 0, limit
    while left is None or left > 0:
        chunk = list(rows.filter(pk__gt=last)[: BATCH if left is None else min(BATCH, left)])
        if not chunk:
            return
        last, left = chunk[-1][0], None if left is None else left - len(chunk)
        yield from (Wanted(*row) for row in chunk)


def _collect(run: _Run, pending: set[Future[Result]], tell: Callable[[Tally], None]) -> None:
    """Wait for some, take them out, sort them, and write where enough came."""
    done, _ = wait(pending, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
    for one in done:
        pending.remove(one)
        _sort(run, one.result())
    if len(run.streak) >= max(LEAST_STREAK, 2 * run.parallel):
        last = run.streak[-1]
        run.streak = []
        raise FetchStopped(
            f"no server answers for one picture after the other: {last.detail}\nCan this machine reach them?"
        )
    if len(run.waiting) >= BATCH or not done:
        _write(run, tell)


def _sort(run: _Run, result: Result) -> None:
    if isinstance(result, NotGot) and result.unheard:
        run.streak.append(result)
        return
    run.waiting += [*run.streak, result]
    run.streak = []


def _take_what_came(run: _Run, pending: set[Future[Result]]) -> None:
    """After the end: what threads had in hand and finished."""
    for one in pending:
        if not one.cancelled() and one.exception() is None:
            result = one.result()
            if isinstance(result, Got) or not result.temporary:
                run.waiting.append(result)


def _write(run: _Run, tell: Callable[[Tally], None]) -> None:
    if not run.waiting:
        return
    results, run.waiting = run.waiting, []
    record_results(results, at=timezone.now())
    got = [one for one in results if isinstance(one, Got)]
    run.tally.fetched += len(got)
    run.tally.failed += len(results) - len(got)
    run.tally.bytes += sum(one.bytes for one in got)
    tell(run.tally)
