"""Any bytes at all: a clear refusal, or counts that add up; and what one bad row may cost."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import Annotation, Image, ImportRun, Label
from cats4ml.catalog.openimages import kinds
from cats4ml.catalog.openimages.files import FileRefused
from cats4ml.catalog.openimages.runs import Imported, import_file
from tests.catalog.openimages_files import IMAGE_HEADER, KERZE, LABEL_HEADER, image_row

pytestmark = pytest.mark.django_db

FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
HEADS = st.sampled_from(
    [f"{LABEL_HEADER}\n", f"{IMAGE_HEADER}\n", "/m/01,One\n", "LabelName,DisplayName\n", '{"LabelName": "/m/01", ', ""]
).map(str.encode)
GOOD_LABEL = f"{1:016x},machine,/m/01,0.5\n".encode()
GOOD_IMAGE = f"{KERZE}\n".encode()
PIECES = st.sampled_from(
    [
        GOOD_LABEL,
        GOOD_IMAGE,
        b'"',
        b"\n",
        b"\r\n",
        b",",
        b"\0",
        b"\xff",
        b"/m/02,Two\n",
        b'"a\nb"',
        b"\\.",
        b"1e5",
        b"}]",
    ]
)
BYTES = st.one_of(st.binary(max_size=40), PIECES)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLASSES_AT_ONCE", "IMAGES_AT_ONCE", "LABELS_AT_ONCE"):
        monkeypatch.setattr(kinds, name, 3)


def import_bytes(content: bytes) -> Imported:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        return import_file(
            path=path,
            source="file",
            collection="openimages",
            vocabulary="openimages",
            clock=timezone.now,
            follow=lambda _done: None,
        )


def everything() -> list[int]:
    return [model.objects.count() for model in (Label, Image, Annotation)]


def prepare() -> None:
    for model in (Annotation, Label, Image, ImportRun):
        model.objects.all().delete()
    add_labels(vocabulary="openimages", labels=[NewLabel("/m/01", "One")])
    Image.objects.create(collection="openimages", image_id=f"{1:016x}")


@FUZZ
@given(head=HEADS, pieces=st.lists(BYTES, max_size=12))
@example(head=f"{LABEL_HEADER}\n".encode(), pieces=[b'"', b"\n", b"\xff", b"\n", GOOD_LABEL])
@example(head=f"{IMAGE_HEADER}\n".encode(), pieces=[GOOD_IMAGE, b'"', b"\n" * 60, GOOD_IMAGE])
def test_any_bytes_are_refused_or_counted(head: bytes, pieces: list[bytes]) -> None:
    prepare()
    before = everything()
    try:
        imported = import_bytes(head + b"".join(pieces))
    except FileRefused:
        assert (everything(), ImportRun.objects.count()) == (before, 0)
        return
    run = imported.run
    assert run.rows == imported.good + run.bad
    assert imported.unchanged >= 0
    assert sum(run.reasons.values()) == run.bad
    # A root that nobody described is made a label, and is no row.
    roots = int(run.kind == "hierarchy") * (Label.objects.count() - before[0])
    assert sum(everything()) - sum(before) - roots == (0 if run.kind == "hierarchy" else run.new)
    again = import_bytes(head + b"".join(pieces))
    assert (again.run.rows, again.run.new, again.run.bad) == (run.rows, 0, run.bad)


@FUZZ
@given(
    rubbish=st.lists(st.one_of(st.binary(max_size=60), PIECES).map(lambda piece: piece.replace(b"\n", b"")), max_size=5)
)
def test_lines_of_rubbish_cost_no_good_row(rubbish: list[bytes]) -> None:
    """Unless a quote makes two of them one proper field, for then that is what the file says."""
    lines = [line.replace(b'"', b"") + b'"' for line in rubbish]
    prepare()
    rows = [image_row(number, Title="t").encode() for number in range(2, 7)]
    mixed = [piece for place, row in enumerate(rows) for piece in (*lines[place : place + 1], row)]
    import_bytes(b"".join(line + b"\n" for line in [IMAGE_HEADER.encode(), *mixed]))
    kept = Image.objects.exclude(image_id=f"{1:016x}").order_by("image_id").values_list("image_id", flat=True)
    assert list(kept)[-5:] == [f"{number:016x}" for number in range(2, 7)]
