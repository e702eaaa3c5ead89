"""Releases of a real site, from the command line."""

from __future__ import annotations

from cats4ml.releases.actions import publish
from tests.factories import START
from tests.releases.small_world import frozen, settle_some


def test_a_release_is_listed_downloaded_verified_and_a_change_of_it_found(bench, tmp_path) -> None:
    world = settle_some(bench.world)
    release = frozen(world)
    ada = bench.as_finder()
    none = ada("releases")
    assert (none.code, none.err) == (1, "cats4ml: Nothing is released yet.\n")
    publish(release=release, by=None, at=world.pass_time(60))
    root = release.root_digest
    [row] = ada("releases", "--json").json
    assert (row["version"], row["root_digest"], row["public_pairs"]) == ("1", root, release.counts["public"]["pairs"])
    folder = tmp_path / "one"
    first = ada("download-release", "1", "-o", folder, "--json").json
    again = ada("download-release", f"{bench.url}/challenges/digits/releases/1/", "-o", folder, "--json").json
    assert (first["root_digest"], first["received"], again["received"]) == (root, first["bytes"], 0)
    assert sorted(one.name for one in folder.iterdir()) == [
        "CHANGELOG.md", "MANIFEST.sha256", "README.md", "public", "release.json",
    ]  # fmt: skip
    sound = ada("verify", folder, "--root", root)
    assert (sound.code, sound.out.splitlines()[0]) == (0, "digits, release 1: public")
    by_version = ada("verify", "1", "--json").json
    assert (by_version["ok"], "both came from" in by_version["not_proven"][0]) == (True, True)
    ratings = folder / "public" / "ratings.csv"
    ratings.write_text(ratings.read_text().replace(",yes,", ",no,", 1))
    wrong = ada("verify", folder, "--json")
    assert (wrong.code, wrong.json["first_difference"]["file"]) == (1, "public/ratings.csv")
    mended = ada("download-release", "-o", folder, "--json").json
    assert (mended["received"], ada("verify", folder).code) == (ratings.stat().st_size, 0)
    assert ada("download-release", "2").err == "cats4ml: There is no release “2”.\nThere are: 1.\n"
    assert (ada("verify", "no/such/folder").code, ada("verify", "http://127.0.0.1:1/x").code) == (2, 2)
    assert release.frozen_at > START


def test_the_held_out_part_comes_for_organisers_alone(bench, tmp_path) -> None:
    world = settle_some(bench.world)
    release = frozen(world)
    publish(release=release, by=None, at=world.pass_time(60))
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    assert bench.as_finder()("download-release", "-o", theirs, "--part", "all").code == 0
    olga = bench.as_organiser()
    assert olga("download-release", "-o", mine, "--part", "all").code == 0
    assert ((theirs / "heldout").exists(), (mine / "heldout" / "nonce").exists()) == (False, True)
    report = olga("verify", mine, "--root", release.root_digest, "--json").json
    assert (report["ok"], report["parts"]) == (True, ["public", "heldout"])
