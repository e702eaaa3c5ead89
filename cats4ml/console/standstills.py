"""Work that stands still: found out, told to the organisers once each time, and over by itself when it moves again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.urls import reverse

from cats4ml.accounts.mail import waiting_mails_are_shown
from cats4ml.accounts.models import MailState, NoticeKind, OutgoingMail, User
from cats4ml.accounts.notice_words import WORDS
from cats4ml.accounts.notices import notify
from cats4ml.challenges.data_files import ON_THE_WAY as FILES_ON_THE_WAY
from cats4ml.challenges.models import Challenge, ChallengeStatus, DataFile, PoolOrder
from cats4ml.challenges.organisers import organisers_of
from cats4ml.challenges.pool_orders import FINISHED
from cats4ml.console.models import Standstill, StandstillKind
from cats4ml.heartbeats import CLOCK, SCORING, WEB, last_beats, silent_since
from cats4ml.leaderboard.models import Board
from cats4ml.locking import Lock, alone, hold_if_free
from cats4ml.releases.evaluation_runs import UNFINISHED
from cats4ml.releases.models import ON_THE_WAY as RELEASES_ON_THE_WAY
from cats4ml.releases.models import Evaluation, Release
from cats4ml.review.models import ON_THE_WAY as POLICIES_ON_THE_WAY
from cats4ml.review.models import PolicyWork
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair
from cats4ml.ui.words import date_text
from scoring.contract import queue_name

# Scores and orders may take so long when all is well.
STANDS_AFTER = timedelta(minutes=2)
# A mail is tried again by itself, later each time; a mail server's short sleep is nobody's business.
MAIL_AFTER = timedelta(minutes=10)
LIVE = (ChallengeStatus.OPEN, ChallengeStatus.PAUSED, ChallengeStatus.CLOSED)


@dataclass(frozen=True)
class Found:
    """Something that stands still now."""

    kind: StandstillKind
    since: datetime
    number: int = 0
    queue: str = ""


def look(*, at: datetime) -> list[Standstill]:
    """Note what stands still and what moves again, and tell the organisers of what is new. Twice is once.

    Nothing is done where another process looks at this moment. Returns what stands still.
    """
    with transaction.atomic():
        if not hold_if_free(Lock.STANDSTILLS, 0):
            return standing_still()
        found = {(one.kind, one.queue): one for one in find(at)}
        open_ones = {(StandstillKind(row.kind), row.queue): row for row in Standstill.objects.filter(ended_at=None)}
        over = [row.pk for key, row in open_ones.items() if key not in found]
        Standstill.objects.filter(pk__in=over).update(ended_at=at)
        for key, one in found.items():
            if key not in open_ones:
                _begin(one, at)
            else:
                Standstill.objects.filter(pk=open_ones[key].pk).update(number=one.number)
    return standing_still()


def standing_still(challenge: Challenge | None = None) -> list[Standstill]:
    """What stands still now, as it was noticed; for an edition without what concerns other editions' workers alone."""
    rows = Standstill.objects.filter(ended_at=None).order_by("pk")
    if challenge is not None:
        rows = rows.filter(Q(queue=challenge.queue) | Q(queue=""))
    return list(rows)


def _begin(one: Found, at: datetime) -> None:
    row = Standstill.objects.create(kind=one.kind, queue=one.queue, since=one.since, number=one.number, noticed_at=at)
    values = values_of(row)
    for users, url in _people_to_tell(one):
        notify(
            users=users,
            kind=NoticeKind.STALLED,
            what=f"stalled_{one.kind.value}",
            key=f"stalled-{row.pk}",
            at=at,
            url=url,
            values=values,
        )


def values_of(row: Standstill) -> dict[str, object]:
    """What the words of `accounts.notice_words` about it name."""
    return {
        "since": row.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "number": row.number,
        "queue": queue_name(SCORING, row.queue),
    }


def in_words(row: Standstill) -> tuple[str, str]:
    """What stands still, and what to do, in the reader's language and zone."""
    title, text = WORDS[f"stalled_{row.kind}"]
    return str(title), str(text) % {**values_of(row), "since": date_text(row.since, "short")}


def _people_to_tell(one: Found) -> Iterator[tuple[Iterable[User], str]]:
    """Those who organise an edition that runs, with its console's address; then who organises the site. `notify` tells
    nobody twice."""
    editions = Challenge.objects.filter(status__in=LIVE).order_by("-pk")
    if one.kind in (StandstillKind.SCORING, StandstillKind.SCORES):
        editions = editions.filter(queue=one.queue)
    url = ""
    for edition in editions:
        url = reverse("console:overview", args=[edition.slug])
        yield [part.user for part in organisers_of(edition)], url
    yield User.objects.filter(is_superuser=True, is_active=True), url


def find(at: datetime) -> Iterator[Found]:
    beats = last_beats()
    clock, web = silent_since(beats, CLOCK, at), silent_since(beats, WEB, at)
    if clock is not None:
        yield Found(StandstillKind.CLOCK, clock)
    if web is not None:
        yield Found(StandstillKind.WEB, web)
    # Without a web worker nobody writes down that a scoring worker was heard.
    yield from _scores(at, beats, web_lives=web is None)
    yield from _orders(at)
    yield from _boards(at)
    if not waiting_mails_are_shown():  # where there is no mail server they lie there to be read
        mails = OutgoingMail.objects.filter(state=MailState.WAITING, next_try_at__lt=at - MAIL_AFTER)
        yield from _counted(StandstillKind.MAIL, mails, "next_try_at")


def _scores(at: datetime, beats: Mapping[str, datetime], *, web_lives: bool) -> Iterator[Found]:
    """Of each queue on which pairs wait: nobody was heard, or whoever was heard has scored none for long."""
    queued = Pair.objects.filter(state=PairState.QUEUED, challenge__status__in=LIVE).order_by()
    for row in queued.values("challenge__queue").annotate(n=Count("pk"), oldest=Min("state_changed_at")):
        queue, oldest = row["challenge__queue"], row["oldest"]
        silent = silent_since(beats, queue_name(SCORING, queue), at)
        if silent is not None and web_lives:
            yield Found(StandstillKind.SCORING, silent, row["n"], queue)
        elif oldest < at - STANDS_AFTER and not _scored_since(at - STANDS_AFTER, queue):
            yield Found(StandstillKind.SCORES, oldest, row["n"], queue)


def _scored_since(moment: datetime, queue: str) -> bool:
    scored = Pair.objects.filter(challenge__queue=queue)
    return (
        scored.filter(scored_at__gt=moment).exists()
        or scored.filter(state=PairState.UNSCORABLE, state_changed_at__gt=moment).exists()
    )


def _orders(at: datetime) -> Iterator[Found]:
    kinds: list[tuple[StandstillKind, QuerySet[Any], str, Lock]] = [
        (
            StandstillKind.POLICY,
            PolicyWork.objects.filter(state__in=POLICIES_ON_THE_WAY),
            "requested_at",
            Lock.POLICY_WORK,
        ),
        (StandstillKind.RELEASE, Release.objects.filter(state__in=RELEASES_ON_THE_WAY), "requested_at", Lock.RELEASE),
        (StandstillKind.DATA_FILE, DataFile.objects.filter(state__in=FILES_ON_THE_WAY), "requested_at", Lock.DATA_FILE),
        (StandstillKind.EVALUATION, Evaluation.objects.filter(state__in=UNFINISHED), "created_at", Lock.EVALUATION),
        (StandstillKind.POOL, PoolOrder.objects.exclude(state__in=FINISHED), "requested_at", Lock.POOL_ORDER),
    ]
    for kind, rows, asked, lock in kinds:
        old = dict(rows.filter(**{f"{asked}__lt": at - STANDS_AFTER}).values_list("pk", asked))
        waiting = [moment for pk, moment in old.items() if _nobody_is_at(lock, pk)]
        if waiting:
            yield Found(kind, min(waiting), len(waiting))


def _nobody_is_at(lock: Lock, key: int) -> bool:
    with alone(lock, key) as free:
        return free


def _boards(at: datetime) -> Iterator[Found]:
    """A count that takes long rests long; `actions.REST` times is what it takes at most."""
    late = Board.objects.filter(challenge__status__in=LIVE, counted_at__lt=at - STANDS_AFTER)
    rested = late.filter(counted_at__lt=at - STANDS_AFTER - F("seconds") * timedelta(seconds=10))
    yield from _counted(StandstillKind.BOARD, rested, "counted_at")


def _counted(kind: StandstillKind, rows: QuerySet[Any], field: str) -> Iterator[Found]:
    counted = rows.order_by().aggregate(n=Count("pk"), first=Min(field))
    if counted["n"]:
        yield Found(kind, counted["first"], counted["n"])
