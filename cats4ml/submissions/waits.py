"""Where claims stand in the queues for a score and for raters, and how fast these queues move."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Max, Min, Q

from cats4ml.challenges.models import Challenge
from cats4ml.heartbeats import SCORING, last_beats, silent_since
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import answers_asked
from cats4ml.rules.waits import LEAST_DONE, STANDSTILL, Pace, answers_missing, seconds_until_done
from cats4ml.submissions.dispatch import FEW
from cats4ml.submissions.models import Pair, Submission, TallySource, Upload
from scoring.contract import queue_name

SCORING_WINDOW = timedelta(minutes=5)
RATING_WINDOW = timedelta(days=1)
# Ratings come in over hours: counting them anew for every look of everybody would cost more than it tells.
RATING_PACE_SECONDS = 60
# Nobody has looked at a picture in less.
LEAST_LOOK = 0.3
# So many settled pairs say how many answers one takes.
NEWEST = 200

# The queued pairs that share this edition's workers, in the order in which these get them: what was claimed in one act
# goes as one, few pictures (somebody waits) before many (a file), and within that in the order of claims.
_PLACES = """
WITH queued AS (
    SELECT pair.id, count(*) OVER (PARTITION BY pair.challenge_id, pair.created_at) > %s AS many
    FROM submissions_pair pair JOIN challenges_challenge challenge ON challenge.id = pair.challenge_id
    WHERE pair.state = 'queued' AND challenge.queue = %s
), placed AS (
    SELECT id, row_number() OVER (ORDER BY many, id) AS place FROM queued
)
"""
_OF_PAIRS = "SELECT id, place FROM placed WHERE id = ANY(%s)"
_OF_UPLOAD = """
SELECT min(place), max(place) FROM placed
WHERE id IN (SELECT pair_id FROM submissions_submission WHERE upload_id = %s AND retracted_at IS NULL)
"""


@dataclass(frozen=True)
class Waits:
    """By pair, its place in the queue for a score; by pair, the seconds until its score or its verdict, where there is
    data to tell. `silent_since`: where pairs wait for a score and no scoring worker was heard lately, when one was."""

    places: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, int] = field(default_factory=dict)
    silent_since: datetime | None = None


NO_WAITS = Waits()


def scoring_pace(challenge: Challenge, at: datetime) -> Pace:
    """How many pairs the workers of this edition scored in the last minutes."""
    found = Pair.objects.filter(scored_at__gt=at - SCORING_WINDOW, scored_at__lte=at, challenge__queue=challenge.queue)
    return _pace(found.aggregate(n=Count("pk"), first=Min("scored_at")), at)


class RatingPace(NamedTuple):
    """What raters did lately, and how many answers a pair takes in the end."""

    pace: Pace
    each: float


def rating_pace(challenge: Challenge, at: datetime) -> RatingPace:
    """How many answers raters gave in this edition within the last day, and how many a pair took, counted at most once
    a minute."""
    key = f"rating-pace-{challenge.pk}-{challenge.policy_id}"
    known: tuple[int, float, float] | None = cache.get(key)
    if known is None:
        counted = count_rating_pace(challenge, at)
        known = counted.done, counted.seconds, answers_a_pair(challenge)
        cache.set(key, known, RATING_PACE_SECONDS)
    done, seconds, each = known
    return RatingPace(Pace(done, seconds), each)


def count_rating_pace(challenge: Challenge, at: datetime) -> Pace:
    """Answers that came faster than a look takes are left out: recorded or simulated ones, with which an edition is
    begun, say nothing of how fast people rate."""
    given = Pair.objects.filter(
        challenge=challenge,
        ratings__created_at__gt=at - RATING_WINDOW,
        ratings__created_at__lte=at,
        ratings__seconds__gte=max(challenge.rules.fast_seconds, LEAST_LOOK),
    )
    return _pace(given.aggregate(n=Count("ratings"), first=Min("ratings__created_at")), at)


def answers_a_pair(challenge: Challenge) -> float:
    """How many answers the newest settled pairs took under the policy in force, on average; where these are too few to
    say, the fewest that its rule may settle with."""
    newest = (
        Pair.objects.filter(challenge=challenge, state=PairState.SETTLED, tally_source=TallySource.RATINGS)
        .order_by("-pk")
        .values_list("policy_id", "adjudicated_reason", "yes_ratings", "no_ratings", "dont_know_ratings")
    )
    taken = [sum(tally) for policy, word, *tally in newest[:NEWEST] if policy == challenge.policy_id and not word]
    if len(taken) >= LEAST_DONE:
        return sum(taken) / len(taken)
    return float(answers_asked(challenge.rules)[0])


def _pace(counted: dict[str, object], at: datetime) -> Pace:
    number, first = counted["n"], counted["first"]
    if not isinstance(number, int) or not isinstance(first, datetime):
        return STANDSTILL
    return Pace(number, (at - first).total_seconds())


def queue_places(challenge: Challenge, pairs: Collection[int]) -> dict[int, int]:
    """The place in line for a score of each of these pairs that is queued, from 1."""
    if not pairs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_PLACES + _OF_PAIRS, [FEW, challenge.queue, list(pairs)])
        return dict(cursor.fetchall())


def places_of_upload(upload: Upload, challenge: Challenge) -> tuple[int, int] | None:
    """The first and the last place in line of a file's queued pairs; None where none is queued."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES + _OF_UPLOAD, [FEW, challenge.queue, upload.pk])
        first, last = cursor.fetchone()
    return None if first is None else (first, last)


def seconds_to_verdict(challenge: Challenge, *, pairs: int, at: datetime) -> int | None:
    """How long until raters are through with so many pairs, in the order in which they get them.

    The answers that pairs in review have already are spread over them as on average.
    """
    review = Pair.objects.filter(challenge=challenge, state=PairState.IN_REVIEW).aggregate(
        pairs=Count("pk", distinct=True), given=Count("ratings", filter=Q(ratings__state__in=["final", "provisional"]))
    )
    share = min(1.0, pairs / review["pairs"]) if review["pairs"] else 0.0
    pace, each = rating_pace(challenge, at)
    missing = answers_missing(pairs=pairs, each=each, given=int(review["given"] * share))
    return seconds_until_done(missing, pace)


def waits_of(challenge: Challenge, claims: Iterable[Submission], at: datetime) -> Waits:
    """Places and estimates of these claims of one edition, which were read `with_details`. A handful of queries,
    however many there are, and none where nothing waits."""
    standing = [claim for claim in claims if claim.retracted_at is None]
    queued = [claim.pair_id for claim in standing if claim.pair.state == PairState.QUEUED]
    in_review = [claim for claim in standing if claim.pair.state == PairState.IN_REVIEW]
    seconds: dict[int, int | None] = {}
    places = queue_places(challenge, queued)
    silent = None
    if places:
        pace = scoring_pace(challenge, at)
        silent = silent_since(last_beats(), queue_name(SCORING, challenge.queue), at)
        if silent is None:  # else nobody can tell
            seconds |= {pair: seconds_until_done(place, pace) for pair, place in places.items()}
    if in_review:
        ahead = {claim.pair_id: int(getattr(claim, "review_ahead", 0)) + 1 for claim in in_review}
        longest = seconds_to_verdict(challenge, pairs=max(ahead.values()), at=at)
        if longest is not None:
            seconds |= {pair: round(longest * number / max(ahead.values())) for pair, number in ahead.items()}
    return Waits(places, {pair: one for pair, one in seconds.items() if one is not None}, silent)


@dataclass(frozen=True)
class UploadProgress:
    """How far the claims of a submitted file have come, each counted once. `seconds` until all have a score, or, once
    all have, until all are settled; None where there is no data to tell."""

    queued: int
    in_review: int
    settled: int
    unscorable: int
    retracted: int
    first_place: int | None
    last_place: int | None
    seconds: int | None

    @property
    def claims(self) -> int:
        return self.queued + self.in_review + self.settled + self.unscorable + self.retracted

    @property
    def kept(self) -> int:
        """The claims that were not taken back."""
        return self.claims - self.retracted

    @property
    def scored(self) -> int:
        return self.in_review + self.settled

    @property
    def done(self) -> int:
        return self.claims - self.queued - self.in_review

    @property
    def moving(self) -> bool:
        return self.done < self.claims


def upload_progress(upload: Upload, challenge: Challenge, at: datetime) -> UploadProgress:
    claims = Submission.objects.filter(upload=upload)
    rows = claims.filter(retracted_at=None).order_by().values_list("pair__state").annotate(n=Count("pk"))
    counts: dict[str, int] = dict(rows)
    queued, in_review = counts.get(PairState.QUEUED, 0), counts.get(PairState.IN_REVIEW, 0)
    places = places_of_upload(upload, challenge) if queued else None
    seconds = None
    if places is not None:
        seconds = seconds_until_done(places[1], scoring_pace(challenge, at))
    elif in_review:
        newest = claims.filter(retracted_at=None, pair__state=PairState.IN_REVIEW).aggregate(at=Max("pair__created_at"))
        ahead = Pair.objects.filter(challenge=challenge, state=PairState.IN_REVIEW, created_at__lte=newest["at"])
        seconds = seconds_to_verdict(challenge, pairs=ahead.count(), at=at)
    return UploadProgress(
        queued=queued,
        in_review=in_review,
        settled=counts.get(PairState.SETTLED, 0),
        unscorable=counts.get(PairState.UNSCORABLE, 0),
        retracted=claims.filter(retracted_at__isnull=False).count() + counts.get(PairState.WITHDRAWN, 0),
        first_place=places[0] if places else None,
        last_place=places[1] if places else None,
        seconds=seconds,
    )
