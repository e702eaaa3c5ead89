"""Telling finders what became of their pairs: once an hour and edition, by the clock, and never within a settlement."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.urls import reverse

from cats4ml.accounts.models import Notice, NoticeKind
from cats4ml.accounts.notices import notify
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Submission

AN_HOUR = timedelta(hours=1)
# So many whole hours are looked at: a clock that stood still for a while leaves nobody untold.
HOURS_BACK = 6
ADVERSE = (Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE)


def tell_of_settled(*, at: datetime) -> int:
    """Tell of the pairs that were settled in each of the last whole hours. Twice is once. Returns how many were told
    now. Who claimed a pair that was settled already is told nothing of it."""
    end = at.replace(minute=0, second=0, microsecond=0)
    return sum(_tell_of(end - (number + 1) * AN_HOUR) for number in reversed(range(HOURS_BACK)))


def _tell_of(hour: datetime) -> int:
    claims = Submission.objects.filter(
        pair__settled_at__gte=hour,
        pair__settled_at__lt=hour + AN_HOUR,
        retracted_at=None,
        after_settlement=False,
        participation__left_at=None,
        participation__disqualified_at=None,
    )
    rows = (
        claims.order_by()
        .values_list("participation", "participation__challenge")
        .annotate(settled=Count("pk"), adverse=Count("pk", filter=Q(pair__outcome__in=ADVERSE)))
    )
    counted = list(rows)
    people = Participation.objects.select_related("user").in_bulk([part for part, *_ in counted])
    told_before = set(
        Notice.objects.filter(
            user__in={one.user_id for one in people.values()},
            key__in={_key(edition, hour) for _, edition, *_ in counted},
        ).values_list("user_id", "key")
    )
    editions = Challenge.objects.in_bulk({challenge for _, challenge, *_ in counted})
    told = 0
    for part, challenge, settled, adverse in counted:
        edition, key = editions[challenge], _key(challenge, hour)
        if (people[part].user_id, key) in told_before:
            continue
        told += len(
            notify(
                users=[people[part].user],
                kind=NoticeKind.PAIRS,
                what="pairs_settled",
                key=key,
                at=hour + AN_HOUR,
                url=reverse("pages:mine", args=[edition.slug]),
                values={"edition": edition.title, "settled": settled, "adverse": adverse},
            )
        )
    return told


def _key(challenge: int, hour: datetime) -> str:
    return f"settled-{challenge}-{hour:%Y-%m-%dT%H}"
