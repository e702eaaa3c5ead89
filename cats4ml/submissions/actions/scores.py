"""Predictions become the machine scores of pairs."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Greatest, Least

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Challenge
from cats4ml.challenges.rosters import lock_rosters
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.awarding import free_near_copies, lock_with_near_copies
from cats4ml.submissions.actions.moves import move_pairs
from cats4ml.submissions.models import Pair
from cats4ml.submissions.voices import Score, Unscorable, score_pairs
from scoring.ensemble import machine_says_yes

logger = logging.getLogger(__name__)

STALLED_AFTER = timedelta(seconds=60)
# One press of a button: more than this would fill the broker before a worker has had a look.
MOST_SENT = 20_000
SCORE_FIELDS = ("machine_mean", "machine_spread", "machine_voices", "machine_yes", "roster", "scored_at")


def apply_scores(*, image_ids: Iterable[int], at: datetime) -> int:
    """Move the queued pairs of these images on, where every classifier that knows their label has spoken.

    The machine score is the weighted mean of the probability of the pair's label over the classifiers of the roster in
    force that know the label; where too few of them do, the pair is unscorable, and a near-copy that was settled after
    it earns what it would have without it. Returns how many pairs moved.
    """
    queued = Pair.objects.filter(image__in=list(image_ids), state=PairState.QUEUED)
    moved = 0
    with transaction.atomic():
        editions = list(queued.order_by().values_list("challenge", flat=True).distinct())
        lock_rosters(editions, shared=True)
        rows = queued.filter(challenge__in=editions).select_related("label").order_by("pk")
        pairs = list(rows.select_for_update(of=("self",), no_key=True))
        # Read under the lock: until we are done no other roster comes in force.
        challenges = Challenge.objects.select_related("policy").in_bulk({pair.challenge_id for pair in pairs})
        by_challenge: dict[Challenge, list[Pair]] = defaultdict(list)
        for pair in pairs:
            by_challenge[challenges[pair.challenge_id]].append(pair)
        for challenge, group in by_challenge.items():
            moved += _apply_to_challenge(challenge, group, at)
            dispatch.after_commit(dispatch.ring_board, challenge.pk, challenge.queue)
    ended = [pair for pair in pairs if pair.state == PairState.UNSCORABLE]
    if ended:
        # By themselves, for locks are taken in the order of ids; there are few of these.
        with transaction.atomic():
            lock_with_near_copies(Pair.objects.filter(pk__in=[pair.pk for pair in ended]))
            free_near_copies(pairs=ended, at=at)
    return moved


def _apply_to_challenge(challenge: Challenge, pairs: Sequence[Pair], at: datetime) -> int:
    assert challenge.roster_id is not None, "pairs exist only in an edition with a roster"
    found = score_pairs(pairs, roster_id=challenge.roster_id, needed=challenge.rules.min_classifiers)
    scored: list[Pair] = []
    unscorable: list[Pair] = []
    for pair in pairs:
        result = found[pair.pk]
        if isinstance(result, Score):
            set_score(pair, result, roster_id=challenge.roster_id, policy=challenge.rules, at=at)
            scored.append(pair)
        elif isinstance(result, Unscorable):
            pair.unscorable_reason = result.reason[:300]
            unscorable.append(pair)
    move_pairs(scored, PairState.IN_REVIEW, at=at, fields=SCORE_FIELDS)
    move_pairs(unscorable, PairState.UNSCORABLE, at=at, fields=["unscorable_reason"])
    return len(scored) + len(unscorable)


def set_score(pair: Pair, score: Score, *, roster_id: int, policy: Policy, at: datetime) -> None:
    """Put a machine score into a pair, not saved yet: the caller saves `SCORE_FIELDS`."""
    pair.machine_mean = score.mean
    pair.machine_spread = score.spread
    pair.machine_voices = score.voices
    pair.machine_yes = machine_says_yes(score.mean, threshold=policy.threshold)
    pair.roster_id = roster_id
    pair.scored_at = at


def requeue_unscorable(*, challenge: Challenge, at: datetime, by: User | None = None) -> int:
    """Try the edition's unscorable pairs again, once their cause is mended. Returns how many there were.

    It goes into the log of what organisers did. Twice is once: the second time there are none.
    """
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
            _record_requeue(challenge, "Tried to score {} again that couldn’t be scored", len(pairs), by=by, at=at)
            dispatch.after_commit(dispatch.request_scores, challenge, images)
    return len(pairs)


def send_again(*, challenge: Challenge, stalled_since: datetime, at: datetime, by: User | None = None) -> int:
    """Ring now for the edition's pairs that have been queued since before `stalled_since`, the oldest first and at most
    `MOST_SENT` of them, whenever the sweep would have rung again. Returns for how many.

    For an organiser who has started a scoring worker and won't wait. Recording is idempotent, so that twice costs a
    worker a look; each pair that was rung for is asked for anew by the sweep after the usual time.
    """
    with transaction.atomic():
        queued = Pair.objects.filter(challenge=challenge, state=PairState.QUEUED, state_changed_at__lt=stalled_since)
        found = list(queued.order_by("state_changed_at", "pk").values_list("pk", "image_id")[:MOST_SENT])
        # One that got its score meanwhile is left as it is.
        number = Pair.objects.filter(pk__in=[pk for pk, _ in found], state=PairState.QUEUED).update(
            score_requested_at=at, score_requests=F("score_requests") + 1
        )
        if number:
            _record_requeue(challenge, "Sent {} to the scoring workers again", number, by=by, at=at)
            dispatch.after_commit(dispatch.request_scores, challenge, {image for _, image in found})
    return number


def _record_requeue(challenge: Challenge, words: str, number: int, *, by: User | None, at: datetime) -> None:
    pairs = "1 pair" if number == 1 else f"{number:,} pairs"
    record_act(
        challenge=challenge,
        kind=ActKind.REQUEUED,
        summary=f"{words.format(pairs)}.",
        by=by,
        at=at,
        details={"pairs": number},
    )


def requeue_stalled(*, at: datetime, limit: int = 2000) -> int:
    """Ring again for queued pairs that were asked for more than a minute ago, oldest first.

    A message may be lost with its worker or with the broker; recording is idempotent, so that ringing once too often
    only costs the worker a look. Where messages still wait for the workers each further ring waits a minute longer,
    lest workers that are merely busy drown in repeats; where none waits it is certain that these pairs' were lost, or
    are in a worker's hands, and no ring waits longer than a minute. Returns the number of pairs rung for.
    """
    rings = Least(Greatest(F("score_requests"), 1), 10)
    due = ExpressionWrapper(F("score_requested_at") + rings * Value(STALLED_AFTER), output_field=DateTimeField())
    asked_before = Pair.objects.filter(state=PairState.QUEUED, score_requested_at__lt=at - STALLED_AFTER)
    queues = set(asked_before.order_by().values_list("challenge__queue", flat=True).distinct())
    idle = [queue for queue in queues if dispatch.nothing_waits(queue)]
    stalled = list(
        asked_before.alias(due=due)
        .filter(Q(due__lt=at) | Q(challenge__queue__in=idle))
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
