"""An evaluation from waiting to done: in steps that may each run twice, taken up again where a worker died.

Who counts holds an advisory lock of the database's on the evaluation for as long as their connection lives, so that
nobody counts beside them.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from cats4ml.challenges.models import Challenge
from cats4ml.locking import Lock, alone
from cats4ml.releases.classifier_scores import scores_of, unseen_pictures
from cats4ml.releases.evaluating import Case, Counted, Versus, cases_of, compare_with, count
from cats4ml.releases.evaluation_dispatch import ring_evaluation
from cats4ml.releases.evaluations import group_of, lock_edition
from cats4ml.releases.models import Evaluation, EvaluationSource, EvaluationState
from cats4ml.releases.predictions import pack_scores, unpack_scores
from cats4ml.rules.evaluation import Kind
from cats4ml.rules.heldout import SHOWN_KINDS, Told, bits_told, tell
from cats4ml.rules.split import Split
from cats4ml.submissions.dispatch import nothing_waits, request_predictions
from scoring.contract import AHEAD

UNFINISHED = (EvaluationState.WAITING, EvaluationState.RUNNING)
STALLED_AFTER = timedelta(seconds=20)
ASK_AGAIN_AFTER = timedelta(minutes=3)
# Where no message waits for a worker any more, what was asked for is lost or in hand.
ASK_AGAIN_WHEN_IDLE = timedelta(seconds=75)
# Pictures that are asked for at a time; when they are seen, the next ones are.
PICTURES_AT_A_TIME = 2_000
MOST_COMPARED = 50


def advance(*, evaluation_id: int, at: datetime) -> None:
    """Take an evaluation on: ask for predictions that are lacking, or count. Nothing is done where it is finished or
    somebody else is at it. What goes wrong is kept in it in words; a surprise is raised after that."""
    with alone(Lock.EVALUATION, evaluation_id) as free:
        if not free:
            return
        one = (
            Evaluation.objects.select_related("release__challenge__roster", "release__policy", "classifier", "by")
            .filter(pk=evaluation_id, state__in=UNFINISHED)
            .first()
        )
        if one is None:
            return
        try:
            if one.source == EvaluationSource.PREDICTIONS or _all_seen(one, at):
                _count(one, at)
        except Exception:
            _update(one, state=EvaluationState.FAILED, error="It could not be counted; the worker’s log says why.")
            raise


def _all_seen(one: Evaluation, at: datetime) -> bool:
    """Whether the classifier has seen every picture that it can; where not, what is lacking is asked for, and again
    where nothing has moved for minutes."""
    assert one.classifier is not None, "the database says so"
    unseen = unseen_pictures(one.release, one.classifier)
    done = one.total - unseen.count()
    if done == one.total:
        return True
    lost = one.touched_at is not None and done == one.done and _is_lost(one.release.challenge, at - one.touched_at)
    if one.state == EvaluationState.WAITING or lost:
        pictures = list(unseen.values_list("pk", flat=True))
        for start in range(0, len(pictures), PICTURES_AT_A_TIME):
            chunk = pictures[start : start + PICTURES_AT_A_TIME]
            request_predictions(one.release.challenge, chunk, [one.classifier], priority=AHEAD)
    moved = lost or done != one.done or one.state == EvaluationState.WAITING
    _update(one, state=EvaluationState.RUNNING, done=done, **({"touched_at": at} if moved else {}))
    return False


def _is_lost(challenge: Challenge, waited: timedelta) -> bool:
    return waited >= ASK_AGAIN_AFTER or (waited >= ASK_AGAIN_WHEN_IDLE and nothing_waits(challenge.queue))


def _count(one: Evaluation, at: datetime) -> None:
    cases = cases_of(one.release)
    scores = _scores(one)
    _update(one, state=EvaluationState.RUNNING, done=0, total=len(cases), touched_at=at)
    whole = _gives_heldout(cases, scores)
    counted = count(cases, scores, threshold=one.threshold, whole=whole, progress=lambda done: _update(one, done=done))
    compared = compare_with(cases, scores, threshold=one.threshold, whole=whole, others=_earlier(one, cases))
    with transaction.atomic():
        lock_edition(one.release.challenge_id)
        results = {**counted.results, "compared": compared, "told": _told(one, counted)}
        _update(
            one,
            state=EvaluationState.DONE,
            results=results,
            by_label=counted.by_label,
            scores=pack_scores(scores),
            done=len(cases),
            finished_at=at,
        )


def _scores(one: Evaluation) -> array[float]:
    if one.source == EvaluationSource.PREDICTIONS:
        return unpack_scores(one.scores)
    assert one.classifier is not None, "the database says so"
    return scores_of(one.release, one.classifier)


def _gives_heldout(cases: Sequence[Case], scores: array[float]) -> bool:
    """Whether any held-out pair has an answer. Predictions have them all or none."""
    return any(case.part == Split.HELDOUT and not math.isnan(scores[case.place]) for case in cases)


def _earlier(one: Evaluation, cases: Sequence[Case]) -> Iterator[Versus]:
    """Each earlier classifier on this release, the newest first, one after the other in memory."""
    rows = Evaluation.objects.filter(release=one.release_id, state=EvaluationState.DONE, pk__lt=one.pk)
    found = rows.order_by("-pk").values_list("uuid", "scores", "threshold")[:MOST_COMPARED]
    for uuid, packed, threshold in found.iterator(chunk_size=1):
        scores = unpack_scores(packed)
        yield Versus(str(uuid), scores, threshold, _gives_heldout(cases, scores))


def _told(one: Evaluation, counted: Counted) -> dict[str, Any]:
    """What may be told of the held-out part, by kind; nothing where an answer about it is lacking. The caller holds
    the lock of the edition, so that what was told before is all there is."""
    unanswered = counted.results["unanswered"].get(Split.HELDOUT, 0)
    if not counted.whole or unanswered:
        return {}
    ladder = one.source == EvaluationSource.PREDICTIONS and one.by is not None
    rows = Evaluation.objects.filter(release__challenge=one.release.challenge_id, state=EvaluationState.DONE)
    if ladder:
        assert one.by is not None, "it was just looked at"
        before = rows.filter(source=EvaluationSource.PREDICTIONS, by__in=group_of(one.by))
    else:
        before = rows.filter(Q(source=EvaluationSource.CLASSIFIER) | Q(by=None))
    earlier: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for release, told in before.values_list("release", "results__told"):
        if told:
            earlier[release].append(told)
    return {kind.value: _told_of(kind, one, counted, earlier, ladder=ladder).to_dict() for kind in SHOWN_KINDS}


def _told_of(
    kind: Kind, one: Evaluation, counted: Counted, earlier: Mapping[int, Sequence[dict[str, Any]]], *, ladder: bool
) -> Told:
    """Releases of an edition hold the same held-out pairs, so what was told on the others uses up this one's bits."""
    reports = {
        release: [told[kind.value] for told in those if told[kind.value]["why"] in ("", "not_above")]
        for release, those in earlier.items()
    }
    here = reports.pop(one.release_id, [])
    elsewhere = sum(
        bits_told(those[0]["pairs"], reports=len(those), ladder=ladder) for those in reports.values() if those
    )
    levels = [report["level"] for report in here if report["level"] is not None]
    share = counted.sheet.share(Split.HELDOUT, kind)
    return tell(
        right=share.successes,
        pairs=share.trials,
        before=len(here),
        best=max(levels, default=None),
        ladder=ladder,
        elsewhere=elsewhere,
    )


def _update(one: Evaluation, **values: Any) -> None:
    """Write these as long as the evaluation is not finished."""
    Evaluation.objects.filter(pk=one.pk, state__in=UNFINISHED).update(**values)


def sweep(*, at: datetime) -> int:
    """Ring for evaluations that nobody is at: the message was lost, the worker died, or a classifier's predictions are
    on their way. Returns how many."""
    waiting = Evaluation.objects.filter(state__in=UNFINISHED)
    rung = 0
    for one in waiting.filter(created_at__lte=at - STALLED_AFTER).select_related("release__challenge").defer("scores"):
        with alone(Lock.EVALUATION, one.pk) as free:
            if not free:
                continue
        ring_evaluation(one.release.challenge, one.pk)
        rung += 1
    return rung
