"""Scores pictures: each is read and decoded once, for all classifiers, and batches fill across messages.

    message threads ──▶ waiting ──▶ decoder threads ──▶ ready ──▶ one engine thread ──▶ answers
                        (urgent first)                            (all forward passes)

Reading, decoding, copying and forward passes overlap. All forward passes are made by one thread: torch and a GPU are
quickest so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType

import torch

from models_zoo.batch import Batch
from models_zoo.classifier import Runnable
from models_zoo.pictures import perceptual_hash
from models_zoo.preprocess import Geometry, Pixels, geometry, least_side, pixels
from models_zoo.spec import ClassifierSpec
from scoring.answers import Scored, answer
from scoring.classifiers import ClassifierCache
from scoring.contract import INTERACTIVE, ImageRef, ScoreRequest, ScoreResult
from scoring.forward import Begun, Forward, Row
from scoring.images import PictureError, PictureStore, StorageTroubleError, decoded
from scoring.lanes import Item, Lanes
from scoring.meter import Meter

logger = logging.getLogger(__name__)

BATCH_ON_CPU = 8  # more is no quicker there, and keeps urgent pictures waiting
BATCH_ON_CUDA = 64
KNOWN = 2048  # pictures whose numbers are kept, for messages that come twice

Outcome = Scored | PictureError | StorageTroubleError
Picture = tuple[str, str]


class EngineClosedError(RuntimeError):
    """The engine was closed with work in hand, or before."""


@dataclass(eq=False)
class _Job:
    """One picture to be read once and shown to some classifiers."""

    ref: ImageRef
    classifiers: dict[str, Runnable]
    asked_at: float
    future: Future[Outcome] = field(default_factory=Future)
    item: Item | None = None

    @property
    def picture(self) -> Picture:
        return (self.ref.key, self.ref.sha256)


@dataclass(frozen=True)
class _Load:
    """A decoded picture in each of the shapes that its classifiers want."""

    shapes: dict[Geometry, Pixels]
    perceptual_hash: str


@dataclass(frozen=True)
class _Pass:
    """A forward pass under way, with what it is about. `waited`: how long the engine had stood still for it."""

    jobs: list[_Job]
    loads: list[_Load]
    begun: Begun
    started: float
    waited: float


class Engine:
    """What a worker process scores with. For use by several threads at once; `close` it, or use it in a `with` block.

    `threads`: how many read and decode. `batch`: the most pictures in a forward pass, by default as the device likes.
    """

    def __init__(self, store: PictureStore, cache: ClassifierCache, *, threads: int, batch: int | None = None) -> None:
        self._store = store
        self._cache = cache
        self._on_cuda = cache.compute.device.type == "cuda"
        size = batch or (BATCH_ON_CUDA if self._on_cuda else BATCH_ON_CPU)
        self._lanes = Lanes(batch=size, room=2 * size + threads, most_urgent=INTERACTIVE)
        self._guard = threading.Lock()
        self._flying: dict[Picture, list[_Job]] = {}
        self._known: OrderedDict[Picture, Scored] = OrderedDict()
        self._forward = Forward()
        self._meter = Meter()
        torch.set_num_threads(cache.compute.threads)
        work = [self._decode_all] * threads + [self._score_all]
        self._threads = [threading.Thread(target=one, name=one.__name__, daemon=True) for one in work]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads. What is still waiting raises `EngineClosedError` where it was asked for."""
        left = self._lanes.close()
        for thread in self._threads:
            thread.join()
        for item in left + self._lanes.close():  # the second are those that were being decoded
            item.subject.future.set_exception(EngineClosedError("the engine was closed"))

    def score(self, request: ScoreRequest) -> list[ScoreResult]:
        """A result for each picture of `request`, in its order, without those that the storage couldn't give.

        What is wrong with a single picture is in its result. Raises `FieldError` for a card that isn't well-formed,
        `ClassifierError` for a classifier that can't be loaded, and `EngineClosedError`.
        """
        loaded = self._cache.ensemble([ClassifierSpec.from_dict(card) for card in request.classifiers])
        classifiers = {classifier.spec.digest: classifier for classifier in loaded}
        asked = [(ref, *self._ask(ref, classifiers, request.priority)) for ref in request.images]
        results: list[ScoreResult] = []
        for ref, known, jobs in asked:
            outcomes: list[Outcome] = [*known, *(job.future.result() for job in jobs)]
            trouble = [outcome for outcome in outcomes if isinstance(outcome, StorageTroubleError)]
            if trouble:
                logger.warning("left picture %s out, to be asked for again: %s", ref.key, trouble[0])
            else:
                results.append(answer(ref, outcomes, tuple(classifiers), embed=request.embed))
        return results

    def _ask(self, ref: ImageRef, classifiers: Mapping[str, Runnable], urgency: int) -> tuple[list[Scored], list[_Job]]:
        """What is known of a picture, and the jobs that will tell the rest: such as are under way, and a new one.

        `classifiers` by digest.
        """
        picture = (ref.key, ref.sha256)
        with self._guard:
            known = self._known.get(picture)
            have = known.row.numbers.keys() if known else ()
            missing = {digest: one for digest, one in classifiers.items() if digest not in have}
            jobs: list[_Job] = []
            for job in self._flying.get(picture, ()):
                if missing.keys() & job.classifiers.keys():
                    jobs.append(job)
                    missing = {digest: one for digest, one in missing.items() if digest not in job.classifiers}
                    if job.item is not None:
                        self._lanes.hurry(job.item, urgency)
            if missing:
                jobs.append(self._new_job(ref, missing, urgency))
        return [known] if known else [], jobs

    def _new_job(self, ref: ImageRef, classifiers: dict[str, Runnable], urgency: int) -> _Job:
        job = _Job(ref, classifiers, time.monotonic())
        job.item = Item(urgency, group=tuple(classifiers), subject=job)
        if not self._lanes.put(job.item):
            raise EngineClosedError("the engine was closed")
        self._flying.setdefault(job.picture, []).append(job)
        return job

    def _done(self, job: _Job, outcome: Outcome | Exception) -> None:
        with self._guard:
            jobs = self._flying[job.picture]
            jobs.remove(job)
            if not jobs:
                del self._flying[job.picture]
            if isinstance(outcome, Scored) and job.ref.sha256:  # without a checksum the file may be another by now
                self._keep(job.picture, outcome)
        if isinstance(outcome, Scored | PictureError | StorageTroubleError):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)

    def _keep(self, picture: Picture, scored: Scored) -> None:
        before = self._known.pop(picture, None)
        numbers = (before.row.numbers if before else {}) | scored.row.numbers
        self._known[picture] = Scored(scored.perceptual_hash, Row(numbers))
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)

    def _decode_all(self) -> None:
        """A decoder thread."""
        while (item := self._lanes.take_to_decode()) is not None:
            job: _Job = item.subject
            try:
                item.load = self._prepare(job)
            except (PictureError, StorageTroubleError) as expected:
                self._lanes.dropped()
                self._done(job, expected)
            except MemoryError:
                self._lanes.dropped()
                self._done(job, StorageTroubleError("memory ran out while it was decoded"))
            except Exception as surprise:  # raised where the picture was asked for
                self._lanes.dropped()
                self._done(job, surprise)
            else:
                self._lanes.decoded(item)

    def _prepare(self, job: _Job) -> _Load:
        data = self._store.read(job.ref)
        inputs = {geometry(one.spec.input): one.spec.input for one in job.classifiers.values()}
        sides = sorted({least_side(spec) for spec in inputs.values()})
        pictures = {side: decoded(data, least_side=side) for side in sides}
        shapes = {shape: pixels(pictures[least_side(spec)], spec) for shape, spec in inputs.items()}
        return _Load(shapes, perceptual_hash(pictures[sides[0]]))

    def _score_all(self) -> None:
        """The engine thread. On CUDA the next pass is begun before the last one is waited for."""
        under_way: _Pass | None = None
        while True:
            before = time.monotonic()
            items = self._lanes.take_batch(wait=under_way is None)
            if not items and under_way is None:
                return
            following = self._begin(items, before) if items else None
            if under_way is not None:
                self._finish(under_way)
                under_way = None
            if following is not None and self._on_cuda:
                under_way = following
            elif following is not None:
                self._finish(following)

    def _begin(self, items: Sequence[Item], before: float) -> _Pass | None:
        jobs: list[_Job] = [item.subject for item in items]
        loads: list[_Load] = [item.load for item in items]
        for item in items:
            item.load = None
        started = time.monotonic()
        waited = max(0.0, started - max(before, min(job.asked_at for job in jobs)))
        try:
            begun = self._forward.begin(Batch.of([load.shapes for load in loads]), jobs[0].classifiers)
        except Exception as surprise:  # raised where the pictures were asked for
            self._fail(jobs, surprise)
            return None
        return _Pass(jobs, loads, begun, started, waited)

    def _finish(self, one: _Pass) -> None:
        try:
            rows = self._forward.finish(one.begun)
        except Exception as surprise:  # raised where the pictures were asked for
            self._fail(one.jobs, surprise)
            return
        self._meter.note(pictures=len(rows), started=one.started, waited=one.waited)
        for job, load, row in zip(one.jobs, one.loads, rows, strict=True):
            trouble = StorageTroubleError(row.trouble) if row.trouble else None
            self._done(job, trouble or Scored(load.perceptual_hash, row))

    def _fail(self, jobs: Sequence[_Job], surprise: Exception) -> None:
        for job in jobs:
            self._done(job, surprise)
