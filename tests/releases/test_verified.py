"""What the platform releases is what the verifier, which shares no code with it, counts again."""

from __future__ import annotations

import json
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cats4ml.releases.models import Release
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.releases.storage import copy_to
from cats4ml_client.verifying import verify_release
from tests.releases.small_world import frozen, settle_some


@pytest.fixture
def release(world) -> Release:
    return frozen(settle_some(world))


def told(*arguments: object, code: int = 0) -> dict:
    out = StringIO()
    call = partial(call_command, "verify_release", *map(str, arguments), "--json", stdout=out, stderr=StringIO())
    if code:
        with pytest.raises(CommandError) as ended:
            call()
        assert ended.value.returncode == code
    else:
        call()
    return json.loads(out.getvalue())


def test_a_release_is_verified_whole_in_part_and_as_a_zip(release, tmp_path) -> None:
    copy_to(release, tmp_path)
    report = told(tmp_path, "--root", release.root_digest)
    counts = {
        name: report["checked"][name] for name in ("pairs", "ratings", "verdicts", "outcomes", "means", "archives")
    }
    assert (report["ok"], report["parts"], report["first_difference"]) == (True, ["public", "heldout"], None)
    assert counts == {
        "pairs": 5, "ratings": 10, "verdicts": 5, "outcomes": 5, "means": 5, "archives": ["heldout.zip", "public.zip"],
    }  # fmt: skip
    assert told(tmp_path / "public.zip", "--root", release.root_digest)["parts"] == ["public"]
    ratings = tmp_path / "public" / "ratings.csv"
    ratings.write_text(ratings.read_text().replace(",yes,", ",no,", 1))
    assert told(tmp_path, code=1)["first_difference"]["file"] == "public/ratings.csv"
    with pytest.raises(CommandError, match="neither a folder nor a file") as ended:
        call_command("verify_release", str(tmp_path / "nothing"))
    assert ended.value.returncode == 2


def test_a_release_with_a_pair_of_every_kind_is_verified(released: Path) -> None:
    report = told(released)
    assert (report["first_difference"], report["checked"]["pairs"], report["checked"]["verdicts"]) == (None, 7, 6)
    assert [line.partition(":")[0] for line in report["not_proven"]][1:2] == ["The verdicts of 1 adjudicated pairs"]


FIGURES = [
    ("README.md", ": 5 in the public part"),
    ("README.md", "| False negative | 2"),
    ("CHANGELOG.md", "7 pairs: "),
    ("public/README.md", "\n5 pairs of 7"),
    ("public/README.md", "| Ambiguous | 1"),
    ("public/datasheet.md", "has 5 pairs"),
    ("public/datasheet.md", "decided: 1"),
    ("public/datasheet.md", "about 5 pictures"),
    ("public/datasheet.md", "gave 15"),
    ("public/datasheet.md", "| False positive | 2"),
    ("public/datasheet.md", "answers | pairs |\n| --- | --- |\n| 3 | 5"),
    ("heldout/datasheet.md", "has 2 pairs"),
]


def test_figures_that_people_read_first_are_those_that_were_counted(released: Path) -> None:
    for name, figure in FIGURES:
        path = released / name
        text = path.read_text(encoding="utf-8")
        assert figure in text, (name, figure)
        number = next(one for one in reversed(figure) if one.isdecimal())
        place = figure.rindex(number)
        path.write_text(text.replace(figure, f"{figure[:place]}9{figure[place + 1 :]}", 1), encoding="utf-8")
        found = verify_release(released).differences
        assert [(one.file, one.what) for one in found][-1] == (name, "A figure is not what was counted."), figure
        path.write_text(text, encoding="utf-8")


def test_an_imported_release_is_the_imported_file_again_and_verified(db, tmp_path) -> None:
    rows = "aa,/m/01,Cat,4,1,0,0\nbb,/m/01,Cat,0,5,0,1\naa,/m/02,'Owl, tawny',2,2,1,1\n".replace("'", '"')
    (tmp_path / "in.csv").write_text(",".join(RELEASED_COLUMNS) + "\n" + rows)
    call_command(
        "import_release", str(tmp_path / "in.csv"), "--challenge", "again", stdout=StringIO(), stderr=StringIO()
    )
    call_command("release", "again", "--out", str(tmp_path / "out"), stdout=StringIO(), stderr=StringIO())
    assert (tmp_path / "out" / "pairs.csv").read_bytes() == (tmp_path / "in.csv").read_bytes()
    report = told(tmp_path / "out", "--root", Release.objects.get().root_digest)
    assert (report["ok"], report["checked"]["pairs"], report["checked"]["tallies"]) == (True, 3, 0)
    assert report["not_proven"][:2] == [
        "The tallies of 3 imported pairs: their single answers are not known.",
        "What the machines said of 3 pairs: their scores are not known, only the side.",
    ]
