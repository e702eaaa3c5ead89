"""The ids of a paid crowd's workers: who came is told from others by a keyed digest, and the ids go after a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.crypto import salted_hmac

from cats4ml.challenges.models import Participation
from cats4ml.review.models import CrowdIdentity, Study, StudyVisit


def worker_digest(*, study_id: int, external_id: str) -> str:
    """What a study knows a worker by once the id is gone. Another study's is another, so that no two can be joined."""
    return salted_hmac(f"cats4ml.study-{study_id}", external_id, algorithm="sha256").hexdigest()


def kept_for() -> timedelta:
    return timedelta(days=settings.CROWD_IDS_KEPT_DAYS)


def ids_go_at(visit: StudyVisit) -> datetime:
    """When a visit's ids are deleted: so long after it ended (or began, where it has no end), or after its study was
    closed, whichever comes first."""
    ended = visit.completed_at or visit.started_at
    closed = visit.study.closed_at
    return (ended if closed is None or visit.study.is_open else min(ended, closed)) + kept_for()


def forget_ids(*, at: datetime) -> int:
    """Delete the ids whose time is over, and the digests of studies that have been closed as long. Twice is once.
    Returns how many ids went."""
    until = at - kept_for()
    long_closed = Q(visit__study__is_open=False, visit__study__closed_at__lte=until)
    ended = CrowdIdentity.objects.annotate(ended=Coalesce(F("visit__completed_at"), F("visit__started_at")))
    number, _ = ended.filter(Q(ended__lte=until) | long_closed).delete()
    StudyVisit.objects.filter(
        study__is_open=False, study__closed_at__lte=until, worker__isnull=False, identity=None
    ).update(worker=None)
    return number


def knows_its_workers(study: Study) -> bool:
    """Whether a study could still tell a worker who comes a second time."""
    return not _forgotten(study).exists()


def _forgotten(study: Study) -> QuerySet[StudyVisit]:
    return StudyVisit.objects.filter(study=study, worker=None)


def forget_ids_of(*, rater: Participation) -> None:
    """Delete the ids of one rater's visits at once. Twice is once."""
    CrowdIdentity.objects.filter(visit__rater=rater).delete()
