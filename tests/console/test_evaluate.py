"""``manage.py evaluate``: a release in the database, and one in a folder."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from cats4ml.releases.models import Evaluation
from tests.releases.tested import ensemble, pairs_of, predictions, released, truth


def evaluate(*arguments: object) -> dict:
    out = io.StringIO()
    call_command("evaluate", *map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def write_folder(release, folder, *parts: str) -> None:
    """The pairs of a release as it lies in a folder."""
    for part in parts:
        lines = [
            json.dumps(
                {
                    "position": one.position,
                    "image_id": one.pair.image.image_id,
                    "label_id": one.pair.label.key,
                    "split": one.split,
                    "verdict": one.verdict,
                    "outcome": one.outcome,
                    "machine_score": int(one.machine_yes),
                }
            )
            for one in pairs_of(release)
            if one.split == part
        ]
        (folder / part).mkdir(parents=True)
        (folder / part / "pairs.jsonl").write_text("".join(f"{line}\n" for line in lines))


def test_a_file_and_the_roster_are_counted_at_once_and_only_once(db, tmp_path) -> None:
    world, release = released()
    slug, file = world.challenge.slug, tmp_path / "p.csv"
    file.write_bytes(predictions(release, truth))
    for place in range(len(world.images)):
        world.score(place, {"cat": 0.9, "dog": 0.1})
    for _ in range(2):
        [one] = evaluate(slug, "1", "--predictions", file, "--name", "net")["evaluations"]
        roster = evaluate(slug, "1", "--all-roster")["evaluations"]
    assert (one["name"], list(one["figures"])) == ("net", ["public"])
    assert one["figures"]["public"]["all"]["accuracy"][0] == 1.0
    assert one["heldout"]["adverse"]["value"] == 0.9
    assert [(member["name"], member["in_roster"]) for member in roster] == [("one", True), ("two", True)]
    assert Evaluation.objects.count() == 3
    out = io.StringIO()
    call_command("evaluate", slug, "1", "--classifier", "two", stdout=out)
    assert out.getvalue().splitlines()[0] == "two (the set was selected against it)"


def test_a_folder_needs_no_database_and_has_the_same_figures(db, tmp_path) -> None:
    world, release = released()
    write_folder(release, tmp_path / "whole", "public", "heldout")
    write_folder(release, tmp_path / "open", "public")
    (tmp_path / "p.csv").write_bytes(predictions(release, ensemble))
    (tmp_path / "public.csv").write_bytes(predictions(release, ensemble, only="public"))
    there = evaluate("--folder", tmp_path / "whole", "--predictions", tmp_path / "p.csv")["evaluations"][0]
    [here] = evaluate(world.challenge.slug, "1", "--predictions", tmp_path / "p.csv", "--name", "p.csv")["evaluations"]
    stored = Evaluation.objects.get()
    assert there["figures"] == stored.results["parts"]
    for what in ("figures", "by_label"):
        assert there[what]["public"] == here[what]["public"]
    arguments = ["--folder", tmp_path / "open", "--predictions", tmp_path / "public.csv", "--json"]
    ended = subprocess.run(
        [sys.executable, "manage.py", "evaluate", *arguments],
        capture_output=True,
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"},
        check=True,
    )
    assert json.loads(ended.stdout)["evaluations"][0]["figures"] == {"public": stored.results["parts"]["public"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "1"], "say one of --predictions, --classifier and --all-roster"),
        (["x", "1", "--predictions", "p", "--all-roster"], "say one of"),
        (["--all-roster"], "say which release"),
        (["x", "1", "--folder", "d", "--predictions", "p"], "without SLUG and VERSION"),
        (["x", "1", "--predictions", "p"], "needs a --name"),
        (["x", "1", "--predictions", "p", "--name", "n", "--threshold", "1"], "between 0 and 1"),
        (["x", "1", "--all-roster"], "there is no release '1' of 'x'"),
        (["--folder", "/nowhere", "--predictions", "p"], "this is no release"),
    ],
)
def test_wrong_use_is_said(db, arguments, said) -> None:
    with pytest.raises(CommandError, match=said):
        evaluate(*arguments)


def test_bad_rows_and_bad_releases_are_named(db, tmp_path) -> None:
    _, release = released(pictures=2)
    write_folder(release, tmp_path / "whole", "public", "heldout")
    file = tmp_path / "p.csv"
    file.write_text("image_id,label_id,score\nz,cat,0.5\n")
    with pytest.raises(CommandError, match="line 2: The pair z, cat is not in this release"):
        evaluate("--folder", tmp_path / "whole", "--predictions", file)
    with pytest.raises(CommandError, match=r"p2\.csv: No such file"):
        evaluate("--folder", tmp_path / "whole", "--predictions", tmp_path / "p2.csv")
    (tmp_path / "whole" / "public" / "pairs.jsonl").write_text("{}\n")
    with pytest.raises(CommandError, match="line 1: this is no pair of a release"):
        evaluate("--folder", tmp_path / "whole", "--predictions", file)
