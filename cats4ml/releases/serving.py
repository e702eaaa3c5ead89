"""Releases for whoever may see them: which there are, which of their files, and these as they are handed out."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.releases.layout import is_everybodys
from cats4ml.releases.models import Release, ReleaseFile, ReleaseState
from cats4ml.releases.queries import may_read, released, releases_of
from cats4ml.releases.withdrawing import replacement_of
from cats4ml.ui.served_files import AN_HOUR, ASK_AGAIN, ServedFile

LONGEST_PATH = 200


class ReleaseWithdrawn(Exception):
    """The files of this release are served no more. The sentence says why, and which release stands in its stead."""


def withdrawn_in_words(release: Release) -> str:
    """Empty for a release that stands."""
    if release.withdrawn_at is None:
        return ""
    instead = replacement_of(release)
    words = _("Release %(version)s was withdrawn on %(day)s: a picture in it was taken down.")
    said = words % {"version": release.version, "day": date_format(release.withdrawn_at, "DATE_FORMAT")}
    if instead is None:
        return " ".join([said, _("A new release without it is being prepared.")])
    return " ".join([said, _("Release %(version)s stands in its stead.") % {"version": instead.version}])


def seen_by(viewer: Viewer, challenge: Challenge) -> QuerySet[Release]:
    """The published releases of the edition, newest first; for organisers the frozen ones too."""
    shown = releases_of(challenge) if viewer.is_organiser else released(challenge)
    frozen = (ReleaseState.READY, ReleaseState.PUBLISHED)
    return shown.filter(state__in=frozen).select_related("challenge", "former")


def readable_files(release: Release, viewer: Viewer) -> list[ReleaseFile]:
    """The files that this person may have, in the order of their paths."""
    files = ReleaseFile.objects.filter(release=release).select_related("release").order_by("path")
    return [file for file in files if may_read(file, viewer)]


def find_file(release: Release, path: str, viewer: Viewer) -> ReleaseFile:
    """The file of exactly this path. One that this person may not have is as one that there isn't. Raises
    `ReleaseWithdrawn` where the files are served no more."""
    if len(path) <= LONGEST_PATH and "\x00" not in path:
        file = ReleaseFile.objects.filter(release=release, path=path).select_related("release__challenge").first()
        if file is not None and may_read(file, viewer):
            check_served(release)
            return file
    raise Http404(_("This release has no such file."))


def check_served(release: Release) -> None:
    """Raises `ReleaseWithdrawn`."""
    if release.withdrawn_at is not None:
        raise ReleaseWithdrawn(withdrawn_in_words(release))


def served(file: ReleaseFile) -> ServedFile:
    """The file as it is handed out. What everybody may have they may keep for ever: it never changes."""
    release = file.release
    open_to_all = release.published_at is not None and (is_everybodys(file.path) or release.freed_at is not None)
    name = file.path.rpartition("/")[2]
    return ServedFile(
        stored=str(file.file),
        name=f"{release.challenge.slug}-{release.version}-{name}" if file.is_archive else name,
        size=file.bytes,
        sha256=file.sha256,
        written_at=release.frozen_at,
        caching=AN_HOUR if open_to_all else ASK_AGAIN,
    )
