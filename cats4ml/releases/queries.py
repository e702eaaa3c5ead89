"""Questions about releases: which there are, and who may read which file."""

from __future__ import annotations

from django.db.models import QuerySet

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.releases.models import Release, ReleaseFile, ReleasePart, ReleaseState


def releases_of(challenge: Challenge) -> QuerySet[Release]:
    """Every release of the edition, newest first: for its organisers."""
    return Release.objects.filter(challenge=challenge).order_by("-number")


def released(challenge: Challenge) -> QuerySet[Release]:
    """The published releases of the edition, newest first."""
    return releases_of(challenge).filter(state=ReleaseState.PUBLISHED)


def may_read(file: ReleaseFile, viewer: Viewer) -> bool:
    """Whether this person may have a file: organisers once the release is frozen; everybody what is about it and its
    public part once it is published, and the rest once that was freed."""
    release = file.release
    if release.state not in (ReleaseState.READY, ReleaseState.PUBLISHED):
        return False
    if viewer.is_organiser:
        return True
    if release.state != ReleaseState.PUBLISHED:
        return False
    return file.part in (ReleasePart.COMMON, ReleasePart.PUBLIC) or release.freed_at is not None
