"""A release as others read it: its very rows, and the same rows through pandas, pyarrow, datasets, mlcroissant and
crowd-kit."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlcroissant
import pandas as pd
import pyarrow.parquet
import pytest
from crowdkit.aggregation import MajorityVote

# The tree is made in the database of the tests, which is there where a test of the session asks for it.
pytestmark = pytest.mark.django_db
PARTS = ("public", "heldout")
OWL = '=Owl, "the"'


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def every_pair(released: Path) -> list[dict[str, Any]]:
    pairs = [pair for part in PARTS for pair in lines(released / part / "pairs.jsonl")]
    return sorted(pairs, key=lambda pair: pair["position"])


def test_every_settled_pair_is_there_once_in_the_order_of_the_first_claims(released) -> None:
    keys = ("position", "image_id", "label_id", "split", "verdict", "outcome", "adjudicated", "policy", "machine_score")
    found = [tuple(pair[key] for key in keys) for pair in every_pair(released)]
    assert found == [
        (1, "0000000000000000", "cat", "heldout", "yes", "agreement", False, 1, 1),
        (2, "0000000000000001", "cat", "public", "no", "false_positive", False, 1, 1),
        (3, "0000000000000002", "dog", "public", "yes", "false_negative", False, 1, 0),
        (4, "0000000000000003", "owl", "public", "undecided", "ambiguous", False, 1, 0),
        (5, "0000000000000004", "owl", "public", "yes", "false_negative", True, 1, 0),
        (6, "0000000000000007", "dog", "public", "no", "false_positive", False, 2, 1),
        (7, "0000000000000000", "dog", "heldout", "no", "agreement", False, 2, 0),
    ]


def test_a_pair_is_told_with_all_that_is_known_of_it(released) -> None:
    assert lines(released / "public" / "pairs.jsonl")[2] == {
        "position": 4,
        "image_id": "0000000000000003",
        "label_id": "owl",
        "label_name": OWL,
        "split": "public",
        "verdict": "undecided",
        "outcome": "ambiguous",
        "hum_yes_rating": 1,
        "hum_no_rating": 1,
        "hum_dont_know_rating": 1,
        "machine_score": 0,
        "machine_mean": pytest.approx(0.3, abs=1e-7),
        "machine_spread": 0.0,
        "machine_voices": 2,
        "tally_source": "ratings",
        "adjudicated": False,
        "policy": 1,
        "roster": 1,
        "prior_yes": None,
        "posterior": None,
        "settled_at": "2026-11-02T09:02:35.000000Z",
        "scores": {"one": pytest.approx(0.3, abs=1e-7), "two": pytest.approx(0.3, abs=1e-7)},
    }


def test_pairs_csv_has_the_released_columns_of_both_parts_and_formulas_as_they_are(released) -> None:
    whole = table(released / "pairs.csv")
    assert whole[0] == [
        "image_id", "label_id", "label_name", "hum_yes_rating", "hum_no_rating", "hum_dont_know_rating",
        "machine_score",
    ]  # fmt: skip
    assert whole[4] == ["0000000000000003", "owl", OWL, "1", "1", "1", "0"]
    in_parts = {part: table(released / part / "pairs.csv")[1:] for part in PARTS}
    split = [pair["split"] for pair in every_pair(released)]
    assert [row for row, part in zip(whole[1:], split, strict=True) if part == "public"] == in_parts["public"]
    assert [row for row, part in zip(whole[1:], split, strict=True) if part == "heldout"] == in_parts["heldout"]


def test_a_weighted_verdict_follows_from_the_prior_and_the_evidence_of_each_answer(released) -> None:
    pair = lines(released / "public" / "pairs.jsonl")[-1]
    rows = [row for row in table(released / "public" / "ratings.csv")[1:] if row[0] == "0000000000000007:dog"]
    assert [(row[2], row[4]) for row in rows] == [("no", "1"), ("yes", "1"), ("no", "1")]
    prior = math.log(pair["prior_yes"] / (1 - pair["prior_yes"]))
    log_odds = prior + math.fsum(float(row[5]) for row in rows)
    assert (log_odds < 0, pair["verdict"]) == (True, "no")
    assert pair["posterior"] == pytest.approx(1 / (1 + math.exp(-log_odds)), rel=1e-12)


def test_texts_of_others_are_harmless_in_csv_and_exact_in_json(released) -> None:
    assert table(released / "heldout" / "images.csv")[1][:5] == [
        "0000000000000000", "'-Ada", "https://host.example/ada/", '\'+1, "é"',
        "https://creativecommons.org/licenses/by/2.0/",
    ]  # fmt: skip
    assert table(released / "public" / "labels.csv")[3] == [
        "owl", f"'{OWL}", f"Is there a {OWL} in this picture?", "Real ones\nalone.",
    ]  # fmt: skip


def test_what_is_about_the_release_tells_nothing_of_the_held_out_answers(released) -> None:
    about = json.loads((released / "release.json").read_text(encoding="utf-8"))
    assert about["counts"] == {
        "pairs": 7,
        "public": {
            "pairs": 5, "false_negative": 2, "false_positive": 2, "agreement": 0, "ambiguous": 1, "adjudicated": 1,
            "imported": 0, "ratings": 15, "counted": 15, "images": 5,
        },
        "heldout": {"pairs": 2},
        "ratings": 15,  # of the public part, for the sum of both would tell how many the other needed
        "raters": 3,
        "finders": 1,
    }  # fmt: skip
    assert (about["policies"], about["rosters"], about["former"]) == ([1, 2], [1], None)
    assert about["columns"]["scores.csv"] == ["image_id", "label_id", "machine_mean", "one", "two"]


def test_the_manifests_pin_every_file_of_both_parts(released) -> None:
    files = {path.relative_to(released).as_posix() for path in released.rglob("*") if path.is_file()}

    def pinned(folder: Path) -> dict[str, str]:
        found = {}
        for line in (folder / "MANIFEST.sha256").read_text(encoding="utf-8").splitlines():
            digest, path = line.split("  ")
            place = (folder / path).resolve()
            assert hashlib.sha256(place.read_bytes()).hexdigest() == digest
            found[place.relative_to(released.resolve()).as_posix()] = digest
        return found

    outer, inner = pinned(released), pinned(released / "heldout")
    assert outer.keys() & inner.keys() == set()
    assert files - outer.keys() - inner.keys() == {"MANIFEST.sha256", "public.zip", "heldout.zip"}
    assert "pairs.csv" in inner
    with zipfile.ZipFile(released / "public.zip") as public, zipfile.ZipFile(released / "heldout.zip") as heldout:
        assert set(public.namelist()) == {path for path in outer if not path.startswith("heldout/")} | {
            "MANIFEST.sha256"
        }
        assert set(heldout.namelist()) == inner.keys() | {"heldout/MANIFEST.sha256"}
        assert heldout.read("pairs.csv") == (released / "pairs.csv").read_bytes()


@pytest.mark.parametrize("part", PARTS)
def test_parquet_holds_what_the_json_lines_hold(released, part) -> None:
    (shard,) = (released / part / "data").iterdir()
    assert shard.name == f"{part}-00000-of-00001.parquet"
    rows = pyarrow.parquet.read_table(shard).to_pylist()
    for row in rows:
        row["settled_at"] = f"{row['settled_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        row["scores"] = {one["classifier"]: one["score"] for one in row["scores"]}
    assert rows == lines(released / part / "pairs.jsonl")


def test_pandas_reads_the_tables(released) -> None:
    pairs = pd.read_csv(released / "pairs.csv", dtype={"image_id": str})
    counts = pairs[["hum_yes_rating", "hum_no_rating", "hum_dont_know_rating"]].sum(axis=1)
    assert counts.tolist() == [3, 3, 3, 3, 3, 3, 2]
    scores = pd.read_csv(released / "public" / "scores.csv", dtype={"image_id": str})
    assert (scores[["one", "two"]].mean(axis=1) - scores["machine_mean"]).abs().max() < 1e-12


def test_crowd_kit_aggregates_the_answers(released) -> None:
    answers = pd.concat([pd.read_csv(released / part / "ratings.csv") for part in PARTS])
    said = MajorityVote().fit_predict(answers[["task", "worker", "label"]]).to_dict()
    clear = {f"{pair['image_id']}:{pair['label_id']}": pair["verdict"] for pair in every_pair(released)
             if not pair["adjudicated"] and pair["verdict"] != "undecided"}  # fmt: skip
    assert {task: said[task] for task in clear} == clear


def test_datasets_loads_a_release_by_the_words_of_its_cards(released, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.chdir(released)
    for name in ("README.md", "public/README.md", "heldout/README.md"):
        card = (released / name).read_text(encoding="utf-8")
        code = card.partition("```python\n")[2].partition("```")[0]
        found: dict[str, Any] = {}
        exec(code, found)
        assert len(found.get("pairs", found.get("public"))) == (2 if name.startswith("heldout") else 5)
    assert "howpublished" not in card
    assert "datasets.load_dataset(os.getcwd())" in (released / "README.md").read_text(encoding="utf-8")


def test_datasets_loads_the_whole_release_and_the_public_part_alone(released, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    from datasets import load_dataset

    whole = load_dataset(str(released), cache_dir=str(tmp_path))
    public = load_dataset(str(released / "public"), cache_dir=str(tmp_path))
    assert {split: rows["position"][:] for split, rows in whole.items()} == {
        "public": [2, 3, 4, 5, 6],
        "heldout": [1, 7],
    }
    assert public["public"][4] == whole["public"][4]
    assert whole["heldout"][0]["scores"] == [
        {"classifier": key, "score": score}
        for key, score in lines(released / "heldout" / "pairs.jsonl")[0]["scores"].items()
    ]


@pytest.mark.parametrize("part", PARTS)
def test_mlcroissant_finds_nothing_wrong_and_reads_the_records(released, part) -> None:
    dataset = mlcroissant.Dataset(str(released / part / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert dataset.metadata.conforms_to[0] == "http://mlcommons.org/croissant/1.1"
    told = lines(released / part / "pairs.jsonl")
    read = list(dataset.records("pairs"))
    for key in ("position", "hum_yes_rating", "machine_mean", "adjudicated"):
        assert [record[f"pairs/{key}"] for record in read] == [pair[key] for pair in told]
    assert [record["pairs/image_id"].decode() for record in read] == [pair["image_id"] for pair in told]
    assert [record["pairs/settled_at"].to_pydatetime() for record in read] == [
        datetime.fromisoformat(pair["settled_at"]) for pair in told
    ]
    answers = table(released / part / "ratings.csv")[1:]
    assert [record["ratings/task"].decode() for record in dataset.records("ratings")] == [row[0] for row in answers]
    about = json.loads((released / part / "croissant.json").read_text(encoding="utf-8"))
    assert about["rai:annotatorDemographics"] == ["Unknown: the platform asks nothing of the kind. 3 raters answered."]
    named = {one["contentUrl"]: one["sha256"] for one in about["distribution"] if one["@type"] == "cr:FileObject"}
    assert named == {path: hashlib.sha256((released / part / path).read_bytes()).hexdigest() for path in named}


def test_the_datasheet_says_how_to_read_a_row_and_for_how_many_that_fails(released) -> None:
    sheet = (released / "public" / "datasheet.md").read_text(encoding="utf-8")
    facts = [
        "1 finder made the claims of both parts; 3 raters gave 15 answers",
        "Of the 5 rows of this part, 1 have another verdict than that",
        "The set was selected against the ensemble of these classifiers",
        "**Policy 2.** The machines say yes where the mean of the classifiers is 0.5 or more.",
        "1 in review and 1 not scored yet",
        "> Your finds are published.",
    ]
    assert [fact for fact in facts if fact not in sheet] == []
