"""Recorded votes on real pictures, played once more through the platform: claims, workers, ratings, verdicts."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from cats4ml.challenges.editions import set_queue, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolImage
from cats4ml.console.progress import Log, Progress
from cats4ml.console.replay_data import ReplayData
from cats4ml.console.replay_edition import Stage
from cats4ml.console.workers import EditionWorkers, WorkersFailed, edition_workers
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.queries import standings
from cats4ml.review.actions.answering import finalise_due, rate_pair
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.claims import submit_pairs
from cats4ml.submissions.actions.recording import mark_unscorable
from cats4ml.submissions.actions.scores import requeue_stalled
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import ClaimRow

CLAIMS_AT_ONCE = 5_000
LOOK_SECONDS = 0.2
RING_SECONDS = 15.0
PATIENCE_SECONDS = 900.0
# A task may fail once by bad luck; what fails three times with nothing scored between will fail again.
MOST_FAILURES = 3
# What the scoring worker takes as SCORING_BACKEND.
BACKENDS = ("auto", "torch", "onnxruntime")
# Two backends differ by less than this: only pairs so near to the threshold can come out otherwise.
NEAR = 0.01
INTERRUPTED = "The replay ended before this picture was scored."


class ReplayFailed(Exception):
    """Why a replay couldn't go on, and what is left of it."""


@dataclass(frozen=True)
class Figures:
    """What a replay came to. `ratings`: the answers that were cast; `not_asked`: recorded answers that the platform
    had no place for, because their pair was unscorable or had its quorum. The four outcomes, `unscorable` and
    `in_review` count pairs and add up to `pairs`. `scoring_seconds`: from the first claim until nothing was queued.
    `backend`: the one that the workers were told to use. `near_threshold`: the pairs whose machine score lies within
    `NEAR` of the threshold, so that the replays of two backends can be compared pair by pair."""

    challenge: str
    images: int
    pairs: int
    ratings: int
    not_asked: int
    unscorable: int
    in_review: int
    outcomes: dict[str, int]
    scoring_seconds: float
    rating_seconds: float
    standings: list[dict[str, Any]]
    backend: str
    near_threshold: list[dict[str, Any]]


def play(*, stage: Stage, data: ReplayData, classifiers_dir: Path, backend: str, log: Log) -> Figures:
    """Claim every rated pair, have it scored by workers of the edition's own, and cast every recorded answer.

    `backend`: one of `BACKENDS`, what the scoring worker computes with.

    Afterwards the edition is closed to claims and ordinary workers own it. However it ends, no worker is left; if it
    fails, what was not scored is marked so, the edition is paused, and the cause goes on: `WorkersFailed`,
    `ReplayFailed` or whatever else it was.
    """
    challenge = stage.challenge
    try:
        log.say("Starting a scoring worker and a web worker.")
        with edition_workers(
            challenge, classifiers_dir=classifiers_dir, settings_of_workers={"SCORING_BACKEND": backend}
        ) as workers:
            began = time.monotonic()
            _claim(stage, data)
            await_scores(challenge, workers, total=len(data.pairs), log=log)
            scored = time.monotonic()
            cast = _cast(stage, data, log)
            rated = time.monotonic()
    except BaseException:
        _leave_tidy(challenge)
        raise
    set_queue(challenge=challenge, queue="")
    set_status(challenge=challenge, status=ChallengeStatus.CLOSED)
    recount_board(challenge=challenge, at=timezone.now())
    return _figures(
        challenge,
        cast=cast,
        recorded=len(data.ratings),
        scoring_seconds=round(scored - began, 2),
        rating_seconds=round(rated - scored, 2),
        backend=backend,
    )


def _claim(stage: Stage, data: ReplayData) -> None:
    rows = [ClaimRow(line, image_id, key) for line, (image_id, key) in enumerate(data.pairs, start=1)]
    for start in range(0, len(rows), CLAIMS_AT_ONCE):
        chunk = rows[start : start + CLAIMS_AT_ONCE]
        for answer in submit_pairs(participation=stage.finder, rows=chunk, at=timezone.now()):
            if answer.problem is not None:
                row = answer.row
                raise ReplayFailed(f"the claim of {row.image_id},{row.label_id} was refused: {answer.problem.label}")


def await_scores(challenge: Challenge, workers: EditionWorkers, *, total: int, log: Log) -> None:
    """Return once no pair is queued. Raises `WorkersFailed` where the workers die or fail again and again."""
    queued = Pair.objects.filter(challenge=challenge, state=PairState.QUEUED)
    moved_at = rang_at = time.monotonic()
    failures_then = failures = workers.failures()
    with Progress(total, "Scoring pairs", log) as progress:
        while waiting := queued.count():
            now = time.monotonic()
            if progress.done != total - waiting:
                moved_at, failures_then = now, failures
                progress.to(total - waiting)
            failed_before, failures = failures, workers.failures()
            if failures - failures_then >= MOST_FAILURES:
                raise WorkersFailed(f"The workers fail again and again.{workers.why_failing()}")
            if workers.check() or failures > failed_before:
                # What a dead worker or a failed task held is lost: ask for it now, not in a minute.
                dispatch.request_scores(challenge, set(queued.values_list("image_id", flat=True)))
            if now - rang_at > RING_SECONDS:
                rang_at = now
                requeue_stalled(at=timezone.now())
            if now - moved_at > PATIENCE_SECONDS:
                raise WorkersFailed(f"Nothing was scored for {PATIENCE_SECONDS:.0f} s.{workers.why_failing()}")
            time.sleep(LOOK_SECONDS)
        progress.to(total)


def _cast(stage: Stage, data: ReplayData, log: Log) -> int:
    """Cast the recorded answers in the order of the file, each as its rater. Returns how many were asked for."""
    pairs = {
        (image_id, key): pk
        for image_id, key, pk in Pair.objects.filter(challenge=stage.challenge).values_list(
            "image__image_id", "label__key", "pk"
        )
    }
    cast = 0
    with _relaxed_commits(), Progress(len(data.ratings), "Casting ratings", log) as progress:
        for one in data.ratings:
            rater = stage.raters[one.rater]
            rating = rate_pair(rater=rater, pair_id=pairs[one.pair], answer=one.answer, at=timezone.now())
            cast += rating is not None
            progress.add()
        finalise_due(at=timezone.now())
    return cast


@contextmanager
def _relaxed_commits() -> Iterator[None]:
    """Commits that don't wait for the disk: nothing is torn by a crash, only the last moments of a replay are lost.

    The first commit after the block waits for all of them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
        try:
            yield
        finally:
            cursor.execute("RESET synchronous_commit")


def _leave_tidy(challenge: Challenge) -> None:
    """Leave nothing that ordinary workers would try for ever with classifiers that they may not have."""
    queued = Pair.objects.filter(challenge=challenge, state=PairState.QUEUED)
    for image_id in set(queued.values_list("image_id", flat=True)):
        mark_unscorable(image_id=image_id, reason=INTERRUPTED, at=timezone.now())
    set_queue(challenge=challenge, queue="")
    set_status(challenge=challenge, status=ChallengeStatus.PAUSED)


def what_is_left(challenge: Challenge) -> str:
    """The state of an edition whose replay failed, in a sentence, and how to go on."""
    by_state = dict(Pair.objects.filter(challenge=challenge).order_by().values_list("state").annotate(n=Count("pk")))
    states = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in sorted(by_state.items()))
    return (
        f"The challenge {challenge.slug} is left as far as it came, paused ({states or 'no pair claimed'})."
        " No worker is left. To replay, run the command again, with another --challenge."
    )


def _figures(
    challenge: Challenge, *, cast: int, recorded: int, scoring_seconds: float, rating_seconds: float, backend: str
) -> Figures:
    pairs = Pair.objects.filter(challenge=challenge).order_by()
    by_state = dict(pairs.values_list("state").annotate(n=Count("pk")))
    by_outcome = dict(pairs.values_list("outcome").annotate(n=Count("pk")))
    return Figures(
        challenge=challenge.slug,
        images=PoolImage.objects.filter(challenge=challenge).count(),
        pairs=sum(by_state.values()),
        ratings=cast,
        not_asked=recorded - cast,
        unscorable=by_state.get(PairState.UNSCORABLE, 0),
        in_review=by_state.get(PairState.IN_REVIEW, 0),
        outcomes={outcome.value: by_outcome.get(outcome, 0) for outcome in sorted(Outcome)},
        scoring_seconds=scoring_seconds,
        rating_seconds=rating_seconds,
        standings=[
            {
                "rank": line.rank,
                "name": line.name,
                "points": line.points,
                "false_negatives": line.false_negatives,
                "false_positives": line.false_positives,
            }
            for line in standings(challenge)
        ],
        backend=backend,
        near_threshold=near_threshold(challenge),
    )


def near_threshold(challenge: Challenge) -> list[dict[str, Any]]:
    """The pairs that are so near to the threshold that another backend may say otherwise, in the order of their ids."""
    threshold = challenge.rules.threshold
    near = Pair.objects.filter(
        challenge=challenge, machine_mean__gte=threshold - NEAR, machine_mean__lte=threshold + NEAR
    )
    rows = near.order_by("image__image_id", "label__key").values_list("image__image_id", "label__key", "machine_mean")
    return [{"image_id": image, "label_id": label, "machine_mean": mean} for image, label, mean in rows]


def write_scores(challenge: Challenge, path: Path) -> None:
    """Write `image_id,class_index,machine_mean` of every scored pair. Raises `OSError`."""
    scored = Pair.objects.filter(challenge=challenge, machine_mean__isnull=False)
    rows = scored.order_by("image__image_id", "label__key")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_id", "class_index", "machine_mean"])
        writer.writerows(rows.values_list("image__image_id", "label__key", "machine_mean"))
