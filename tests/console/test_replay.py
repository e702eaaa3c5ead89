"""Recorded votes played through real workers."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.console import replaying
from cats4ml.review.models import Rating
from cats4ml.submissions.models import Pair
from tests.console.commands import command_json, shared_data
from tests.console.recordings import make_recording, make_roster, write


@pytest.fixture
def recording(tmp_path):
    return make_recording(tmp_path / "recording")


@pytest.fixture(scope="session")
def roster(tmp_path_factory):
    return make_roster(tmp_path_factory.mktemp("classifiers"))


def refusal(recording, roster, *more: str) -> str:
    file, classifiers = roster
    with pytest.raises(CommandError) as caught:
        command_json("replay", recording, "--roster", file, "--classifiers-dir", classifiers, *more)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_recorded_votes_go_the_whole_way_through_real_workers(recording, roster, tmp_path) -> None:
    file, classifiers = roster
    scores = tmp_path / "scores.csv"
    to = ("--challenge", "votes", "--scores", scores)
    figures = command_json("replay", recording, "--roster", file, "--classifiers-dir", classifiers, *to)
    scored = Pair.objects.filter(machine_mean__isnull=False).order_by("image__image_id", "label__key")
    rows = scored.values_list("image__image_id", "label__key", "machine_mean")
    assert scores.read_text() == "image_id,class_index,machine_mean\n" + "".join(
        f"{image},{label},{mean}\n" for image, label, mean in rows
    )
    assert len(rows) == 6
    assert (figures.pop("backend"), figures.pop("near_threshold")) == ("auto", [])
    assert figures.pop("scoring_seconds") > 0
    assert figures.pop("rating_seconds") > 0
    assert figures == {
        "challenge": "votes",
        "images": 4,
        "pairs": 8,
        "ratings": 27,
        "not_asked": 11,
        "unscorable": 2,
        "in_review": 1,
        "outcomes": {"agreement": 2, "ambiguous": 1, "false_negative": 1, "false_positive": 1},
        "standings": [
            {
                "rank": 1,
                "name": User.objects.get(username="replay-finder-votes").public_name,
                "points": 2,
                "false_negatives": 1,
                "false_positives": 1,
            }
        ],
    }
    challenge = Challenge.objects.get(slug="votes")
    assert (challenge.status, challenge.queue) == (ChallengeStatus.CLOSED, "")
    assert set(User.objects.values_list("is_simulated", flat=True)) == {True}
    # In the order of the file, each as its rater, none left provisional.
    ratings = Rating.objects.filter(pair__image__image_id="second", pair__label__key="5").order_by("pk")
    assert list(ratings.values_list("rater__user__username", "answer", "state")) == [
        ("replay-rater-votes-ann", "yes", "final"),
        ("replay-rater-votes-ben", "yes", "final"),
        ("replay-rater-votes-cleo", "no", "final"),
        ("replay-rater-votes-dan", "no", "final"),
        ("replay-rater-votes-eve", "dont_know", "final"),
    ]
    reasons = dict(Pair.objects.filter(state="unscorable").values_list("image__image_id", "unscorable_reason"))
    assert {image: reason.split(".")[0] for image, reason in reasons.items()} == {
        "broken": "The picture can’t be read",
        "gone": "The picture is missing",
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_classifier_that_cannot_be_loaded_ends_the_replay_with_the_log_and_nothing_running(
    recording, roster, tmp_path, monkeypatch
) -> None:
    file, _ = roster
    (tmp_path / "three.pth").write_bytes(b"no weights")
    seen: dict[psutil.Process, str] = {}
    claim = replaying._claim

    def look_and_claim(*args) -> None:
        seen.update((worker, worker.environ()["SCORING_BACKEND"]) for worker in worker_children())
        claim(*args)

    monkeypatch.setattr(replaying, "_claim", look_and_claim)
    message = refusal(recording, (file, tmp_path), "--challenge", "votes", "--backend", "torch")
    assert "The workers fail again and again." in message
    assert "classifier 'always three' (three.pth)" in message
    assert "The challenge votes is left as far as it came, paused (8 unscorable). No worker is left." in message
    assert list(seen.values()) == ["torch", "torch"]
    assert not [worker for worker in seen if worker.is_running()]
    challenge = Challenge.objects.get(slug="votes")
    assert (challenge.status, challenge.queue) == (ChallengeStatus.PAUSED, "")


def worker_children() -> list[psutil.Process]:
    """Our child processes that are Celery workers."""
    return [child for child in psutil.Process().children() if "celery" in child.cmdline()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("ratings.csv", "first,3,ann,no", "line 40: rater ann answered this pair on line 2 already"),
        ("ratings.csv", "nobody,3,ann,yes", "line 40: image 'nobody' is not in images.csv"),
        ("ratings.csv", "first,77,ann,yes", "line 40: class '77' is not in classes.csv"),
        ("ratings.csv", "first,7,ann,maybe", "line 40: answer should be one of yes, no, dont_know, is 'maybe'"),
        ("ratings.csv", "first,7,,yes", "line 40: rater should have 1 to 60 characters"),
        ("ratings.csv", "first,7,ann", "line 40: has 3 fields, the header 4"),
        ("images.csv", "first,images/first.png,x", "line 7: image_id 'first' is empty, too long or stands there twice"),
        ("images.csv", "up,../first.png,x", "line 7: file should be a path below recording, is '../first.png'"),
        ("images.csv", "root,/first.png,x", "line 7: file should be a path below recording, is '/first.png'"),
        ("classes.csv", "3,drei", "line 12: class_index '3' is empty, too long or stands there twice"),
        ("classes.csv", "10,", "line 12: the name should have 1 to 200 characters, has 0"),
    ],
)
def test_a_bad_row_names_file_and_line_and_nothing_is_made(recording, tmp_path, file, line, reason) -> None:
    with (recording / file).open("a") as table:
        table.write(f"{line}\n")
    message = refusal(recording, (tmp_path / "no.toml", tmp_path))
    assert f"{file} {reason}" in message
    assert not Challenge.objects.exists()
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("file", ["images.csv", "classes.csv", "ratings.csv"])
def test_a_missing_file_or_column_is_named(recording, tmp_path, file) -> None:
    header = (recording / file).read_text().splitlines()[0].split(",")
    write(recording / file, ",".join(header[1:]))
    assert f"{file} line 1: no column {header[0]} in" in refusal(recording, (tmp_path / "no.toml", tmp_path))
    (recording / file).unlink()
    assert f"{file}: can't be read: No such file" in refusal(recording, (tmp_path / "no.toml", tmp_path))


@pytest.mark.django_db
def test_what_is_wrong_with_the_roster_is_said_before_anything_is_made(
    recording, roster, tmp_path, monkeypatch
) -> None:
    file, classifiers = roster
    assert "no such folder" in refusal(tmp_path / "none", roster)
    assert "can't be read" in refusal(recording, (tmp_path / "none.toml", classifiers))
    assert "three.pth" in refusal(recording, (file, tmp_path))
    keyed = tmp_path / "keyed.toml"
    ten = ", ".join(f'"{key}"' for key in "012a456789")
    keyed.write_text(file.read_text().replace('column = "class_index"', f"keys = [{ten}]"))
    assert "no classifier of the roster knows 1 of the rated classes: 3" in refusal(recording, (keyed, classifiers))
    mixed = tmp_path / "mixed.toml"
    other = file.read_text().replace("always three", "other").replace("replayed-digits", "other-digits")
    mixed.write_text(file.read_text() + other)
    assert "these have: other-digits, replayed-digits" in refusal(recording, (mixed, classifiers))
    assert "--quorum must be" in refusal(recording, roster, "--quorum", "0")
    assert "--backend must be one of auto, torch, onnxruntime, not 'abacus'" in refusal(
        recording, roster, "--backend", "abacus"
    )
    monkeypatch.setenv("SCORING_BACKEND", "slide rule")
    assert "SCORING_BACKEND must be one of auto, torch, onnxruntime" in refusal(recording, roster)
    assert not Challenge.objects.exists()


def test_pairs_near_the_threshold_are_listed_with_their_means_to_compare_two_backends(world) -> None:
    world.claim(world.finder(), *[(place, "owl") for place in range(5)])
    for place, mean in enumerate([0.495, 0.48, 0.5, 0.52, 0.5078125]):
        world.score(place, {"owl": mean})
    assert replaying.near_threshold(world.challenge) == [
        {"image_id": world.images[place].image_id, "label_id": "owl", "machine_mean": pytest.approx(mean, abs=1e-3)}
        for place, mean in [(0, 0.495), (2, 0.5), (4, 0.5078125)]
    ]


@pytest.mark.django_db
def test_an_existing_slug_is_refused(recording, roster) -> None:
    Challenge.objects.create(slug="votes", title="Votes", vocabulary="x")
    assert "there is a challenge 'votes' already" in refusal(recording, roster, "--challenge", "votes")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def part_of_the_recording(source: Path, folder: Path, *, every: int) -> None:
    """One picture of every so many of a recording, with all its votes, as a recording of its own."""
    folder.mkdir()
    for name in ("images", "classes.csv"):
        (folder / name).symlink_to(source / name)
    images = rows_of(source / "images.csv")[::every]
    kept = {row["image_id"] for row in images}
    ratings = [row for row in rows_of(source / "ratings.csv") if row["image_id"] in kept]
    for name, rows in (("images.csv", images), ("ratings.csv", ratings)):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def outcomes_by_hand(ratings: Path, scores: Path) -> Counter[str]:
    """What the published votes make of the machine's means, three of five deciding."""
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows_of(ratings):
        votes[row["image_id"], row["class_index"]][row["answer"]] += 1
    means = {(row["image_id"], row["class_index"]): float(row["machine_mean"]) for row in rows_of(scores)}
    assert means.keys() == votes.keys()
    outcomes: Counter[str] = Counter()
    for pair, tally in votes.items():
        people = next((answer for answer in ("yes", "no") if tally[answer] >= 3), None)
        machine = "yes" if means[pair] >= 0.5 else "no"
        if people is None:
            outcomes["Ambiguous"] += 1
        elif people == machine:
            outcomes["Agreement"] += 1
        else:
            outcomes["False negative" if people == "yes" else "False positive"] += 1
    return outcomes


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_real_votes_and_real_classifiers_end_as_by_hand(tmp_path) -> None:
    """An eighth of the recording goes the whole way; of all of it `tests/scoring/test_real_classifiers.py` knows the
    figures, and `manage.py replay` prints them."""
    source, folder, scores = shared_data("imagenet"), tmp_path / "part", tmp_path / "scores.csv"
    part_of_the_recording(source, folder, every=8)
    roster = settings.BASE_DIR / "benchmarks" / "imagenet_roster.toml"
    out, log = io.StringIO(), io.StringIO()
    arguments = [str(folder), "--roster", str(roster), "--classifiers-dir", str(source / "classifiers")]
    call_command("replay", *arguments, "--scores", str(scores), stdout=out, stderr=log)
    assert "Challenge replay-1: 33 images, 208 pairs, 1,040 ratings" in out.getvalue()
    found = dict(re.findall(r"^  (\w[\w ]*\w) +([\d,]+)$", out.getvalue(), re.MULTILINE))
    counts = {name: int(count.replace(",", "")) for name, count in found.items()}
    wanted = outcomes_by_hand(folder / "ratings.csv", scores)
    assert {name: counts[name] for name in wanted} == wanted
    assert (counts["Unscorable"], counts["In review"]) == (0, 0)
    assert min(wanted.values()) > 0
    assert len(wanted) == 4
