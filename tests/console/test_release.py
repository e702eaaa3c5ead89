"""``manage.py release``: an imported release comes out again, byte for byte, with everything that belongs to one."""

from __future__ import annotations

import io
import json
from pathlib import Path

import mlcroissant
import pyarrow.parquet
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cats4ml.challenges.models import Challenge
from cats4ml.releases.models import Release
from tests.console.commands import command_json, shared_data

pytestmark = pytest.mark.django_db

RELEASED = (
    "image_id,label_id,label_name,hum_yes_rating,hum_no_rating,hum_dont_know_rating,machine_score\n"
    "8d699f27eeb9a208,/m/01d30f,Teacher,3,1,1,1\n"
    '0119301a01cee4e8,/m/0x,"Bread, ""toast""",0,0,6,0\n'
    "8d699f27eeb9a208,/m/015p6,Bird,4,1,0,0\n"
    "0119301a01cee4e8,/m/01d30f,Teacher,0,5,0,1\n"
)


def refusal(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("release", *map(str, arguments), stdout=io.StringIO(), stderr=io.StringIO())
    return str(caught.value)


def test_an_imported_release_comes_out_as_it_went_in(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "imported.csv"
    path.write_text(RELEASED, encoding="utf-8", newline="")
    command_json("import_release", path, "--challenge", "small")
    out = tmp_path / "out"
    answer = command_json("release", "small", "--version", "2021.1", "--notes", "As published.", "--out", out)
    release = Release.objects.get()
    assert {key: value for key, value in answer.items() if key != "seconds"} == {
        "release": release.pk,
        "version": "2021.1",
        "pairs": 4,
        "public": 4,
        "heldout": 0,
        "root": release.root_digest,
        "out": str(out),
    }
    assert (out / "pairs.csv").read_bytes() == (out / "public" / "pairs.csv").read_bytes() == path.read_bytes()
    first = json.loads((out / "public" / "pairs.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert {key: first[key] for key in ("tally_source", "verdict", "outcome", "machine_mean", "roster", "scores")} == {
        "tally_source": "imported",
        "verdict": "yes",
        "outcome": "agreement",
        "machine_mean": None,
        "roster": None,
        "scores": {},
    }
    assert (out / "public" / "ratings.csv").read_text() == "task,worker,label,seconds,counted,evidence\n"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    whole = load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in whole.items()} == {"public": 4}
    (shard,) = (out / "heldout" / "data").iterdir()
    assert (shard.name, pyarrow.parquet.read_table(shard).num_rows) == ("heldout-00000-of-00001.parquet", 0)
    empty = mlcroissant.Dataset(str(out / "heldout" / "croissant.json"))
    assert (empty.metadata.ctx.issues.errors, list(empty.records("pairs"))) == (set(), [])


def test_a_release_is_written_to_an_empty_folder_or_refused_before_it_is_made(tmp_path) -> None:
    path = tmp_path / "imported.csv"
    path.write_text(RELEASED, encoding="utf-8", newline="")
    command_json("import_release", path, "--challenge", "small")
    assert "is not empty" in refusal("small", "--out", tmp_path)
    assert "There is no challenge 'other'" in refusal("other", "--out", tmp_path / "out")
    assert "can’t be a version" in refusal("small", "--version", "a b", "--out", tmp_path / "out")
    assert "has no release" in refusal("small", "--copy", "--version", "1", "--out", tmp_path / "out")
    assert (Release.objects.count(), (tmp_path / "out").exists()) == (0, False)
    made = command_json("release", "small", "--out", tmp_path / "out")
    assert "There is a release 1 already" in refusal("small", "--version", "1", "--out", tmp_path / "again")
    copied = command_json("release", "small", "--version", "1", "--copy", "--out", tmp_path / "again")
    assert (copied["root"], Release.objects.count()) == (made["root"], 1)
    files = [
        {one.relative_to(root): one.read_bytes() for one in root.rglob("*") if one.is_file()}
        for root in (tmp_path / "out", tmp_path / "again")
    ]
    assert files[0] == files[1]


def test_the_release_of_2021_comes_out_as_it_went_in(tmp_path) -> None:
    path = shared_data("cats4ml", "release_part.csv")
    command_json("import_release", path, "--challenge", "real")
    answer = command_json("release", "real", "--out", tmp_path / "out")
    assert (tmp_path / "out" / "pairs.csv").read_bytes() == path.read_bytes()
    counts = Release.objects.get().counts["public"]
    assert (answer["pairs"], answer["heldout"], counts["false_negative"], counts["false_positive"]) == (
        4643, 0, 1888, 443,
    )  # fmt: skip
    assert Challenge.objects.get().releases.get().root_digest == answer["root"]
