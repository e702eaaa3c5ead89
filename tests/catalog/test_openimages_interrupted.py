"""Imports that were stopped at some point, and what the same call does then."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection, transaction
from django.utils import timezone

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import Annotation, Image, ImportRun, ImportState
from cats4ml.catalog.openimages import COLLECTION, kinds
from cats4ml.catalog.openimages.records import BadRow
from cats4ml.catalog.openimages.reports import write_report
from cats4ml.catalog.openimages.runs import ImportStopped, import_file
from cats4ml.console.workers import database_url
from tests.catalog.openimages_files import IMAGE_HEADER, LABEL_HEADER, image_row, write
from tests.console.commands import command_json

ROWS = 60_000


def bad_or_good(number: int) -> str:
    return image_row(number, Rotation="45" if number % 1000 == 0 else "0", Title='"two\nlines"')


def child(path: Path) -> subprocess.Popen[bytes]:
    """The command in a process of its own, on the database of this test."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_openimages", str(path), "--json"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextmanager
def held_up_at(number: int) -> Iterator[None]:
    """An import can't get past this row meanwhile: somebody writes it, and it isn't known yet whether for good."""
    with transaction.atomic():
        Image.objects.create(collection=COLLECTION, image_id=image_row(number).partition(",")[0])
        yield
        transaction.set_rollback(True)


def wait_for_rows(process: subprocess.Popen[bytes], number: int) -> None:
    while not ImportRun.objects.filter(rows__gte=number).exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_import_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "images.csv", IMAGE_HEADER, *(bad_or_good(number) for number in range(ROWS)))
    with held_up_at(ROWS - 1):
        process = child(path)
        wait_for_rows(process, 1)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    run = ImportRun.objects.get()
    assert run.state == ImportState.RUNNING
    assert Image.objects.count() == run.new == run.rows - run.bad
    half = Path(run.report).read_bytes()
    # What a batch that was not committed had written already.
    Path(run.report).write_bytes(half[: run.report_bytes] + b"99,half a li")

    answer = command_json("import_openimages", path)
    figures = {name: answer[name] for name in ("rows", "new", "changed", "unchanged", "bad", "resumed_at_line")}
    assert figures == {
        "rows": ROWS,
        "new": ROWS - 60,
        "changed": 0,
        "unchanged": 0,
        "bad": 60,
        "resumed_at_line": run.line,
    }
    assert Image.objects.count() == ROWS - 60
    with Path(answer["report"]).open(newline="") as file:
        assert [int(row["line"]) for row in csv.DictReader(file)] == [2 + 2 * place * 1000 for place in range(60)]
    again = command_json("import_openimages", path)
    assert [again[name] for name in ("new", "changed", "unchanged", "resumed_at_line")] == [0, 0, ROWS - 60, 0]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ctrl_c_says_that_it_goes_on(tmp_path: Path) -> None:
    path = write(tmp_path / "images.csv", IMAGE_HEADER, *(bad_or_good(number) for number in range(ROWS)))
    with held_up_at(ROWS - 1):
        process = child(path)
        wait_for_rows(process, 1)
        process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said.decode().rstrip().endswith("Interrupted: what was written stays, and the same call goes on there.")
    assert command_json("import_openimages", path)["new"] == ROWS - 60


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLASSES_AT_ONCE", "IMAGES_AT_ONCE", "LABELS_AT_ONCE"):
        monkeypatch.setattr(kinds, name, 10)


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_batches_are_whole_or_not_there(tmp_path: Path) -> None:
    """The table refuses a row of the third batch, as a full disk would."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE catalog_image ADD CONSTRAINT full_disk CHECK (title <> 'too much')")
    rows = [image_row(number, Title="too much" if number == 25 else "t") for number in range(40)]
    path = write(tmp_path / "images.csv", IMAGE_HEADER, *rows)
    with pytest.raises(CommandError, match=r"stopped after line 21: .*full_disk.* the same call goes on there"):
        command_json("import_openimages", path)
    assert Image.objects.count() == 20
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE catalog_image DROP CONSTRAINT full_disk")
    answer = command_json("import_openimages", path)
    assert (answer["rows"], answer["new"], answer["resumed_at_line"]) == (40, 40, 21)


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_a_report_that_can_not_be_written_stops_the_batch(tmp_path: Path, settings: object) -> None:
    settings.HOME = tmp_path / "home"  # type: ignore[attr-defined]
    (tmp_path / "home").write_text("a file where the folder should be")
    path = write(tmp_path / "images.csv", IMAGE_HEADER, *(image_row(n) for n in range(15)), "bad", image_row(16))
    with pytest.raises(CommandError, match="stopped after line 11"):
        command_json("import_openimages", path)
    assert Image.objects.count() == 10
    (tmp_path / "home").unlink()
    answer = command_json("import_openimages", path)
    assert (answer["rows"], answer["new"], answer["bad"]) == (17, 16, 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_of_two_imports_of_one_file_one_stops(tmp_path: Path) -> None:
    """The other one is further than this one knows."""
    path = write(tmp_path / "images.csv", IMAGE_HEADER, *(image_row(number) for number in range(40)))

    def overtake(_done: int) -> None:
        ImportRun.objects.update(offset=12_345)

    with pytest.raises(ImportStopped, match="another call imports the same file"):
        import_file(
            path=path,
            source="images.csv",
            collection="openimages",
            vocabulary="openimages",
            clock=timezone.now,
            follow=overtake,
        )
    assert Image.objects.count() == 10


@pytest.mark.django_db
@pytest.mark.usefixtures("small_batches")
def test_a_file_that_was_mended_meanwhile_is_read_from_its_beginning(tmp_path: Path) -> None:
    add_labels(vocabulary="openimages", labels=[NewLabel("/m/01", "One")])
    Image.objects.bulk_create([Image(collection="openimages", image_id=f"{number:016x}") for number in range(40)])
    rows = [f"{number:016x},machine,/m/01,0.5" for number in range(40)]
    path = write(tmp_path / "labels.csv", LABEL_HEADER, *rows)

    def interrupt(_done: int) -> None:
        raise KeyboardInterrupt

    options = {"source": "l", "collection": "openimages", "vocabulary": "openimages", "clock": timezone.now}
    with pytest.raises(KeyboardInterrupt):
        import_file(path=path, follow=interrupt, **options)  # type: ignore[arg-type]
    assert Annotation.objects.count() == 10
    write(path, LABEL_HEADER, rows[0].replace("0.5", "0.7"), *rows[1:])
    answer = command_json("import_openimages", path)
    assert [answer[name] for name in ("rows", "new", "changed", "unchanged")] == [40, 30, 1, 9]


def test_a_report_that_was_removed_meanwhile_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "imports" / "report.csv"
    at = write_report(path, at=0, bad=[BadRow(2, "no name", "/m/01,")], already={})
    path.unlink()
    length = write_report(path, at=at, bad=[BadRow(9, "no name", "/m/09,")], already={"no name": 1})
    assert (path.read_bytes(), length) == (b'line,reason,row\r\n9,no name,"/m/09,"\r\n', 37)
