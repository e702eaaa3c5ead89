"""Building a release: one worker at a time, from the start where one died, and nothing to be read before all is there.

A row of `Release` is the order. Whoever builds holds an advisory lock of the database's on it for as long as their
connection lives: so nobody builds beside them, and a build that died is known by a lock that nobody holds.
"""

from __future__ import annotations

import logging
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from cats4ml.locking import Lock, alone
from cats4ml.releases import layout, storage
from cats4ml.releases.dispatch import ring_release
from cats4ml.releases.models import FROZEN, ON_THE_WAY, Release, ReleaseFile, ReleaseState
from cats4ml.releases.progress import Meter, Progress, kept_in_row
from cats4ml.releases.reading import BuildRefused
from cats4ml.releases.stored import files_below, written
from cats4ml.releases.tree import SPOOL, SPOOLED, Tree, write_tree

logger = logging.getLogger(__name__)

STALLED_AFTER = timedelta(seconds=20)


def build(release: Release, *, out: Path | None = None, progress: Progress | None = None, at: datetime) -> Release:
    """Build a release that waits, and write a copy of its tree to `out`. Gives the release as it is then.

    Nothing is built where it isn't on order, or somebody is at it. What goes wrong is kept in the row in words, and no
    file is left; a surprise is raised after that. `progress` is told the step, what is done and the total. Raises
    `storage.CopyRefused` for the copy alone.
    """
    with alone(Lock.RELEASE, release.pk) as free:
        current = Release.objects.select_related("challenge__policy", "former").get(pk=release.pk)
        if free and current.state in ON_THE_WAY:
            _build_or_say_why(current, progress, at)
    current.refresh_from_db()
    if out is not None and current.state in FROZEN:
        storage.copy_to(current, out)
    return current


def build_waiting(*, release_id: int, at: datetime) -> None:
    """`build` for a worker, to whom the release may be gone."""
    release = Release.objects.filter(pk=release_id).first()
    if release is not None:
        build(release, at=at)


def sweep(*, at: datetime) -> int:
    """Ring for releases that are on order and that nobody builds: the message was lost, or the builder died."""
    rung = 0
    stalled = Release.objects.filter(state__in=ON_THE_WAY, requested_at__lte=at - STALLED_AFTER)
    for release in stalled.select_related("challenge"):
        with alone(Lock.RELEASE, release.pk) as free:
            if not free:
                continue
        ring_release(release.challenge, release.pk)
        rung += 1
    return rung


def _build_or_say_why(release: Release, progress: Progress | None, at: datetime) -> None:
    try:
        _build(release, progress, at)
    except BuildRefused as refusal:
        _fail(release, f"{refusal} Mend it, and try again.")
    except OSError as error:
        logger.warning("%s was not built: %s", release, error)
        _fail(release, f"It could not be written: {error.strerror or error}.")
    except Exception:
        _fail(release, "It could not be built; the worker’s log says why.")
        raise


def _build(release: Release, progress: Progress | None, at: datetime) -> None:
    prefix = storage.prefix_of(release.challenge, release.version)
    storage.remove(prefix)  # what a worker left that was killed
    _start(release, at)
    told = [progress] if progress is not None else []
    with kept_in_row(release) as row, tempfile.TemporaryDirectory(prefix="cats4ml-release-") as folder:
        meter = Meter(row, *told)
        root, spool = Path(folder) / "tree", Path(folder) / SPOOL
        root.mkdir()
        tree = write_tree(release, root=root, spool=spool, at=at, meter=meter)
        paths = files_below(root)
        kept = []
        for place, path in enumerate(paths):
            meter.to("Keeping files", place, len(paths))
            kept.append(_kept(release, root, path, prefix))
        _finish(release, tree, kept, spool)
    for tell in told:
        tell("", 1, 1)


def _start(release: Release, at: datetime) -> None:
    challenge = release.challenge
    release.state, release.step, release.done, release.total = ReleaseState.BUILDING, "", 0, 1
    release.frozen_at, release.policy_id, release.roster_id = at, challenge.policy_id, challenge.roster_id
    # Only what others could read: a changelog that compares with a release that nobody got says nothing to them.
    before = Release.objects.filter(challenge=challenge, number__lt=release.number, state=ReleaseState.PUBLISHED)
    release.former = before.order_by("-number").first()
    release.save(update_fields=["state", "step", "done", "total", "frozen_at", "policy", "roster", "former"])


def _kept(release: Release, root: Path, path: str, prefix: str) -> ReleaseFile:
    one = written(root, path)
    return ReleaseFile(
        release=release,
        path=path,
        part=layout.part_of(path),
        is_archive=path in layout.ARCHIVES.values(),
        file=storage.keep(root, path, prefix=prefix),
        bytes=one.size,
        sha256=one.sha256,
    )


def _finish(release: Release, tree: Tree, files: list[ReleaseFile], spool: Path) -> None:
    """Make it readable, all at once."""
    with transaction.atomic():
        current = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
        with connection.cursor() as cursor:
            columns = ", ".join(SPOOLED)
            cursor.execute(
                f"CREATE TEMP TABLE spooled ON COMMIT DROP AS SELECT {columns} FROM releases_releasepair WHERE false"  # noqa: S608
            )
            with spool.open("rb") as rows:
                cursor.copy_expert(f"COPY spooled ({columns}) FROM STDIN (FORMAT csv)", rows)
            cursor.execute(
                f"INSERT INTO releases_releasepair (release_id, {columns}) SELECT %s, {columns} FROM spooled",  # noqa: S608
                [release.pk],
            )
            cursor.execute("DROP TABLE spooled")
        ReleaseFile.objects.bulk_create(files)
        current.state, current.step, current.done, current.total = ReleaseState.READY, "", 1, 1
        current.counts, current.root_digest, current.error = tree.counts, tree.root_digest, ""
        current.save(update_fields=["state", "step", "done", "total", "counts", "root_digest", "error"])


def _fail(release: Release, error: str) -> None:
    found = Release.objects.filter(pk=release.pk, state__in=ON_THE_WAY)
    found.update(state=ReleaseState.FAILED, step="", error=error[:500])
    # Last, for a storage that can't be reached raises here too; what it keeps is removed when it is built again.
    storage.remove(storage.prefix_of(release.challenge, release.version))
