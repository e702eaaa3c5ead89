"""The files of a real site, from the command line."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

pytest.importorskip("cats4ml.challenges.data_files")


def test_every_table_of_a_challenge_comes_and_is_what_the_site_says_it_is(bench, tmp_path) -> None:
    ada = bench.as_finder()
    ended = ada("download", "labels", "images", "-o", tmp_path, "--json")
    offered = {one["kind"]: one for one in ada("download", "--json").json}
    assert (ended.code, [one["kind"] for one in ended.json]) == (0, ["labels", "images"])
    for one in ended.json:
        content = Path(one["file"]).read_bytes()
        said = offered[one["kind"]]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (said["bytes"], said["sha256"])
    with (tmp_path / "images.csv").open(newline="") as file:
        assert [row["ImageID"] for row in csv.DictReader(file)] == [one.image_id for one in bench.world.images]
    assert [one["received"] for one in ada("download", "labels", "images", "-o", tmp_path, "--json").json] == [0, 0]
