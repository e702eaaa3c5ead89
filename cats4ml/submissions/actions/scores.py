"""Predictions become the machine scores of pairs."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.db.models.functions import Greatest, Least

from cats4ml.catalog.models import Prediction
from cats4ml.challenges.models import Challenge, RosterMember
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.moves import move_pairs
from cats4ml.submissions.models import Pair
from scoring.ensemble import machine_says_yes, machine_score

logger = logging.getLogger(__name__)

STALLED_AFTER = timedelta(seconds=60)


def apply_scores(*, image_ids: Iterable[int], at: datetime) -> int:
    """Move the queued pairs of these images on, where every classifier of their roster has spoken.

    The machine score is the mean over the roster of the probability of the pair's label; only classifiers that know
    the label speak. Returns how many pairs moved.
    """
    moved = 0
    with transaction.atomic():
        pairs = list(
            Pair.objects.select_for_update(of=("self",), no_key=True)
            .filter(image__in=list(image_ids), state=PairState.QUEUED)
            .select_related("label", "challenge__policy", "challenge__roster")
            .order_by("pk")
        )
        by_challenge: dict[Challenge, list[Pair]] = defaultdict(list)
        for pair in pairs:
            by_challenge[pair.challenge].append(pair)
        for challenge, group in by_challenge.items():
            moved += _apply_to_challenge(challenge, group, at)
            transaction.on_commit(partial(dispatch.ring_board, challenge.pk, challenge.queue), robust=True)
    return moved


def _apply_to_challenge(challenge: Challenge, pairs: Sequence[Pair], at: datetime) -> int:
    members = [
        member.classifier
        for member in RosterMember.objects.filter(roster=challenge.roster)
        .select_related("classifier")
        .order_by("position")
    ]
    predictions = {
        (one.image_id, one.classifier_id): one.probabilities
        for one in Prediction.objects.filter(image__in=[pair.image_id for pair in pairs], classifier__in=members)
    }
    scored: list[Pair] = []
    unknown: list[Pair] = []
    for pair in pairs:
        if any((pair.image_id, member.pk) not in predictions for member in members):
            continue
        values = [
            predictions[pair.image_id, member.pk][member.outputs.index(pair.label.key)]
            for member in members
            if pair.label.key in member.outputs
        ]
        (scored if values else unknown).append(pair)
        if values:
            _set_score(pair, values, challenge, at)
        else:
            pair.unscorable_reason = "No classifier of the roster knows this label."
    move_pairs(
        scored,
        PairState.IN_REVIEW,
        at=at,
        fields=["machine_mean", "machine_spread", "machine_yes", "roster", "scored_at"],
    )
    move_pairs(unknown, PairState.UNSCORABLE, at=at, fields=["unscorable_reason"])
    return len(scored) + len(unknown)


def _set_score(pair: Pair, values: Sequence[float], challenge: Challenge, at: datetime) -> None:
    score = machine_score(values)
    pair.machine_mean = score.mean
    pair.machine_spread = score.spread
    pair.machine_yes = machine_says_yes(score.mean, threshold=challenge.rules.threshold)
    pair.roster = challenge.roster
    pair.scored_at = at


def requeue_unscorable(*, challenge: Challenge, at: datetime) -> int:
    """Try the edition's unscorable pairs again, once their cause is mended. Returns how many there were."""
    with transaction.atomic():
        pairs = list(
            Pair.objects.select_for_update(of=("self",), no_key=True)
            .filter(challenge=challenge, state=PairState.UNSCORABLE)
            .order_by("pk")
        )
        for pair in pairs:
            pair.unscorable_reason = ""
            pair.score_requested_at = at
            pair.score_requests = 1
        fields = ["unscorable_reason", "score_requested_at", "score_requests"]
        move_pairs(pairs, PairState.QUEUED, at=at, fields=fields)
        images = {pair.image_id for pair in pairs}
        if images:
            transaction.on_commit(partial(dispatch.request_scores, challenge, images), robust=True)
    return len(pairs)


def requeue_stalled(*, at: datetime, limit: int = 2000) -> int:
    """Ring again for queued pairs that were asked for more than a minute ago, oldest first.

    A message may be lost with its worker or with the broker; recording is idempotent, so that ringing once too often
    only costs the worker a look. Each further ring waits a minute longer, lest a worker that is merely busy drowns
    in repeats. Returns the number of pairs rung for.
    """
    rings = Least(Greatest(F("score_requests"), 1), 10)
    due = ExpressionWrapper(F("score_requested_at") + rings * Value(STALLED_AFTER), output_field=DateTimeField())
    stalled = list(
        Pair.objects.filter(state=PairState.QUEUED, score_requested_at__lt=at - STALLED_AFTER)
        .alias(due=due)
        .filter(due__lt=at)
        .select_related("challenge__roster")
        .order_by("score_requested_at", "pk")[:limit]
    )
    Pair.objects.filter(pk__in=[pair.pk for pair in stalled], state=PairState.QUEUED).update(
        score_requested_at=at, score_requests=F("score_requests") + 1
    )
    by_challenge: dict[Challenge, set[int]] = defaultdict(set)
    for pair in stalled:
        by_challenge[pair.challenge].add(pair.image_id)
    for challenge, images in by_challenge.items():
        logger.info("%s: asking again for the scores of %d pictures", challenge.slug, len(images))
        dispatch.request_scores(challenge, images)
    return len(stalled)
