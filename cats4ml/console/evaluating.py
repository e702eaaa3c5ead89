"""Classifiers of the catalogue run on a release's pictures, by workers that listen or by workers of one's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from cats4ml.challenges.models import Challenge
from cats4ml.console.ahead import LOOK_SECONDS, LOST_SECONDS, MOST_FAILURES, MOST_TRIES, somebody
from cats4ml.console.progress import Log, Progress
from cats4ml.console.workers import EditionWorkers, WorkersFailed
from cats4ml.releases.classifier_scores import unseen_pictures
from cats4ml.releases.evaluation_runs import PICTURES_AT_A_TIME
from cats4ml.releases.models import Evaluation
from cats4ml.submissions.dispatch import request_predictions


def have_seen(evaluations: Sequence[Evaluation], *, challenge: Challenge, classifiers_dir: Path, log: Log) -> None:
    """Have the classifiers of these evaluations see every picture that they have not seen; nothing is done twice.

    Raises `WorkersFailed` where the workers die or answer nothing.
    """
    lacking = _lacking(evaluations)
    if not lacking:
        return
    with somebody(challenge, classifiers_dir, log) as (asked, workers), Progress(lacking, "Scoring", log) as bar:
        _work(evaluations, asked, lacking, workers=workers, bar=bar)


def _lacking(evaluations: Sequence[Evaluation]) -> int:
    return sum(
        unseen_pictures(one.release, one.classifier).count() for one in evaluations if one.classifier is not None
    )


def _work(
    evaluations: Sequence[Evaluation],
    challenge: Challenge,
    total: int,
    *,
    workers: EditionWorkers | None,
    bar: Progress,
) -> None:
    failures = workers.failures() if workers else 0
    left, tries, moved = total, 0, 0.0
    while left:
        died = workers is not None and workers.check() > 0
        if workers is not None and workers.failures() - failures >= MOST_FAILURES:
            raise WorkersFailed(f"The workers fail again and again.{workers.why_failing()}")
        if died or time.monotonic() - moved > LOST_SECONDS:
            if tries == MOST_TRIES:
                raise WorkersFailed(f"{left:,} pictures got no answer, asked {tries} times: look at the workers’ log.")
            _ask(evaluations, challenge)
            tries, moved = tries + 1, time.monotonic()
        time.sleep(LOOK_SECONDS)
        now = _lacking(evaluations)
        if now < left:
            left, tries, moved = now, 1, time.monotonic()
            bar.to(total - left)


def _ask(evaluations: Sequence[Evaluation], challenge: Challenge) -> None:
    for one in evaluations:
        if one.classifier is None:
            continue
        pictures = list(unseen_pictures(one.release, one.classifier).values_list("pk", flat=True))
        for start in range(0, len(pictures), PICTURES_AT_A_TIME):
            request_predictions(challenge, pictures[start : start + PICTURES_AT_A_TIME], [one.classifier])
