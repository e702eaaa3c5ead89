"""What quotas are counted from, for all finders of an edition at once."""

from __future__ import annotations

from django.db.models import Count, Sum

from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.submissions.models import Credit, Submission
from cats4ml.submissions.queries import GIVEN_BACK


def quota_claims(challenge: Challenge) -> dict[int, int]:
    """By finder, how many of their claims the quota counts."""
    finders = Participation.objects.filter(challenge=challenge, role=Role.FINDER, disqualified_at=None)
    counted = Submission.objects.filter(charged=True, retracted_at=None, participation__in=finders)
    counted = counted.exclude(pair__state__in=GIVEN_BACK).order_by()
    used = dict(counted.values_list("participation").annotate(n=Count("pk")))
    return {finder: used.get(finder, 0) for finder in finders.values_list("pk", flat=True)}


def adverse_by_finder(challenge: Challenge) -> dict[int, int]:
    """By finder, how many adverse pairs the ledger credits them with."""
    entries = Credit.objects.filter(challenge=challenge).order_by()
    return dict(entries.values_list("participation").annotate(n=Sum("adverse")))
