"""An import from its beginning to its end, or from where it was interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.db import Error, connection, transaction

from cats4ml.catalog.models import ImportRun, ImportState
from cats4ml.catalog.openimages.files import FileRefused, Form, fingerprint, opened, recognise
from cats4ml.catalog.openimages.kinds import Kind, Written, kind_of
from cats4ml.catalog.openimages.records import Lines
from cats4ml.catalog.openimages.reports import write_report
from cats4ml.catalog.openimages.rows import UNKNOWN_IMAGE, UNKNOWN_LABEL, Batch

Clock = Callable[[], datetime]
Follow = Callable[[int], None]
"""Is told, again and again, how many bytes of the file as it lies on the disk are done."""


class ImportStopped(Exception):
    """The import can't go on now, for a reason that may pass. What was written stays; the same call goes on there."""


@dataclass(frozen=True)
class Imported:
    """What an import came to, over all its runs. `resumed_at` is the line after which this call went on, or 0."""

    run: ImportRun
    resumed_at: int

    @property
    def good(self) -> int:
        return self.run.rows - self.run.bad - self.run.passed_over

    @property
    def unchanged(self) -> int:
        """Rows that said what was known, the same row twice in one batch included."""
        return self.good - self.run.new - self.run.changed


def import_file(
    *,
    path: Path,
    source: str,
    kind: str = "",
    collection: str,
    vocabulary: str,
    only_known: bool = False,
    clock: Clock,
    follow: Follow,
) -> Imported:
    """Bring a file of Open Images into the catalogue, batch by batch; each is written whole or not at all.

    `source` is what people call the file, `kind` what it must be, if that is known. Rows that are not good are counted,
    and kept in the run's report, and stop nothing. With `only_known` rows about an image or a label that isn't in the
    catalogue are passed over and not bad. Where the same file was interrupted, goes on there; where it was finished,
    begins anew and changes nothing. Two at once of one file can't be: one of them stops.

    Raises `FileRefused` for what is no such file, and `ImportStopped`.
    """
    form = recognise(path, kind)
    run = _run_for(path, source, form.kind, collection, vocabulary, clock())
    resumed_at = run.line
    with _telling_how_to_go_on(run):
        importer = _Importer(run, form, kind_of(form, collection=collection, vocabulary=vocabulary))
        importer.pass_over = frozenset({UNKNOWN_IMAGE, UNKNOWN_LABEL} if only_known else ())
        importer.go_through(path, clock, follow)
    run.refresh_from_db()
    return Imported(run, resumed_at)


def _run_for(path: Path, source: str, kind: str, collection: str, vocabulary: str, at: datetime) -> ImportRun:
    run, _ = ImportRun.objects.get_or_create(
        kind=kind,
        fingerprint=fingerprint(path, collection, vocabulary),
        state=ImportState.RUNNING,
        defaults={"source": source, "started_at": at, "updated_at": at},
    )
    with transaction.atomic():
        # Waits for the last words of a call that was killed, should its batch still be on the way.
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
    if not run.report:
        run.report = str(Path(settings.HOME) / "imports" / f"openimages-{kind}-{run.pk}.csv")
        run.save(update_fields=["report"])
    return run


@contextmanager
def _telling_how_to_go_on(run: ImportRun) -> Iterator[None]:
    try:
        yield
    except FileRefused:
        # Nothing of it is done, so that nothing is to be gone on with.
        ImportRun.objects.filter(pk=run.pk, offset=0).delete()
        raise
    except (Error, OSError) as error:
        words = str(error).strip().partition("\n")[0]
        raise ImportStopped(
            f"{run.source}: stopped after line {run.line:,}: {words}. What was written stays. Mend that, and the same"
            " call goes on there."
        ) from error


class _Taken(NamedTuple):
    """A batch, and where the file stands after it: its unpacked bytes, its lines, its bytes on the disk."""

    batch: Batch
    offset: int
    line: int
    position: int


class _Importer:
    """One call's work on a run."""

    def __init__(self, run: ImportRun, form: Form, kind: Kind) -> None:
        self.pass_over: frozenset[str] = frozenset()
        self._run = run
        self._form = form
        self._kind = kind

    def go_through(self, path: Path, clock: Clock, follow: Follow) -> None:
        offset = max(self._run.offset, self._form.offset)
        with opened(path, offset) as (stream, file), ThreadPoolExecutor(max_workers=1) as ahead:
            lines = Lines(stream, offset=offset, number=max(self._run.line, self._form.line))
            # The next batch is read while the database writes this one.
            coming = ahead.submit(self._read, lines, file)
            while (taken := coming.result()) is not None:
                coming = ahead.submit(self._read, lines, file)
                with transaction.atomic():
                    self._take_turn()
                    with connection.cursor() as cursor:
                        written = self._kind.write(cursor, taken.batch)
                    changes = self._note(written, taken, clock())
                # The run in memory is the former one until all is committed.
                for name, value in changes.items():
                    setattr(self._run, name, value)
                follow(taken.position)
        _finish(self._run, clock())

    def _read(self, lines: Lines, file: BinaryIO) -> _Taken | None:
        """The next batch, and nothing at the end. Asks no database: it runs beside the thread that does."""
        begin = lines.offset
        try:
            batch = self._kind.read(lines)
        except FileRefused as error:
            raise FileRefused(f"{self._run.source}: {error}") from error
        return _Taken(batch, lines.offset, lines.number, file.tell()) if lines.offset > begin else None

    def _take_turn(self) -> None:
        """Lock the run, and compare: nobody else may have gone on meanwhile."""
        now = ImportRun.objects.select_for_update().get(pk=self._run.pk)
        if (now.offset, now.state) != (self._run.offset, self._run.state):
            raise ImportStopped(f"{self._run.source}: another call imports the same file just now. This one stopped.")

    def _note(self, written: Written, taken: _Taken, at: datetime) -> dict[str, object]:
        """Write how far the run is, with the rows themselves; returns what is new of it."""
        run = self._run
        bad = [*taken.batch.bad, *written.bad]
        kept = sorted(row for row in bad if row.reason not in self.pass_over)
        reasons = Counter(row.reason for row in bad)
        changes: dict[str, object] = {
            "offset": taken.offset,
            "line": taken.line,
            "rows": run.rows + taken.batch.read,
            "new": run.new + written.new,
            "changed": run.changed + written.changed,
            "bad": run.bad + len(kept),
            "passed_over": run.passed_over + len(bad) - len(kept),
            "reasons": dict(Counter(run.reasons) + reasons),
            "report_bytes": write_report(Path(run.report), at=run.report_bytes, bad=kept, already=run.reasons),
            "updated_at": at,
        }
        ImportRun.objects.filter(pk=run.pk).update(**changes)
        return changes


def _finish(run: ImportRun, at: datetime) -> None:
    ImportRun.objects.filter(pk=run.pk).update(state=ImportState.FINISHED, updated_at=at, finished_at=at)
