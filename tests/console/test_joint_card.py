"""An organiser puts a joint card on an edition, and its pictures are found by what words mean."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management.base import CommandError
from django.test import Client

from cats4ml.catalog.actions import NewLabel, add_classifier, add_images, add_labels, store_picture
from cats4ml.catalog.models import Embedding, Image, Prediction
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_roster
from cats4ml.challenges.editions import create_edition, set_queue, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.console.rosters import read_roster
from cats4ml.console.workers import edition_workers
from cats4ml.rules.policy import Policy
from tests.console.commands import command_json
from tests.console.recordings import CLASSES, ROSTER
from tests.web import HTMX

A_DIGIT = 6  # pictures of each digit in the pool


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A joint card that knows handwritten digits, its files, and scans that it has not seen."""
    path = tmp_path_factory.mktemp("joint")
    command = [sys.executable, "-m", "tests.models_zoo.joint_model", str(path)]
    subprocess.run(command, cwd=settings.BASE_DIR, check=True)
    return path


def make_pool(folder: Path) -> Challenge:
    roster, classes = folder / "roster.toml", folder / "classes.csv"
    roster.write_text(ROSTER.replace('weights = "three.pth"', 'weights = ""\nseed = 7'))
    classes.write_text("class_index,name\n" + "".join(f"{key},{name}\n" for key, name in enumerate(CLASSES)))
    cards = read_roster(roster, classifiers_dir=folder, classes=classes)
    vocabulary = cards[0]["vocabulary"]
    challenge = create_edition(slug="meant", title="Meant", summary="", vocabulary=vocabulary, policy=Policy())
    decide_roster(challenge=challenge, classifiers=[add_classifier(card=card) for card in cards])
    labels = [NewLabel(str(key), name) for key, name in enumerate(CLASSES)]
    add_target_labels(challenge=challenge, labels=add_labels(vocabulary=vocabulary, labels=labels))
    images = []
    for digit in range(10):
        for path in sorted(folder.glob(f"{digit}-*.png"))[:A_DIGIT]:
            key, sha = store_picture(content=path.read_bytes(), suffix=".png")
            images.append(Image(image_id=path.stem, file=key, sha256=sha, width=260, height=260))
    add_pool_images(challenge=challenge, images=add_images(collection="meant", images=images))
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    return challenge


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_words_find_the_pictures_they_mean_by_real_workers(folder) -> None:
    challenge = make_pool(folder)
    shown = command_json("joint_card", "meant", folder / "joint.toml", "--classifiers-dir", folder)
    assert (shown["card"], shown["dimensions"], shown["images"], shown["embedded"]) == (
        "digits and their names", 16, 10 * A_DIGIT, 0,
    )  # fmt: skip
    address = "/challenges/meant/explore/meaning/?q=the+number+seven"

    first, again = (
        command_json("score_catalog", "meant", "--embeddings", "--classifiers-dir", folder) for _ in range(2)
    )
    assert [(came["scored"], came["now"], came["embedded"], came["left"]) for came in (first, again)] == [
        (10 * A_DIGIT, 10 * A_DIGIT, 10 * A_DIGIT, 0),
        (10 * A_DIGIT, 0, 10 * A_DIGIT, 0),
    ]
    challenge.refresh_from_db()
    assert Embedding.objects.filter(classifier=challenge.joint_classifier).count() == 10 * A_DIGIT
    assert not Prediction.objects.filter(classifier=challenge.joint_classifier).exists()

    set_queue(challenge=challenge, queue="meant")
    client = Client()
    with edition_workers(challenge, classifiers_dir=folder) as workers:
        assert "A scoring worker works out “the number seven”." in client.get(address).content.decode()
        deadline = time.monotonic() + 120
        while (reply := client.get(address, headers=HTMX)).status_code == 204 and time.monotonic() < deadline:
            workers.check()
            time.sleep(0.1)
    rows = [one.key for one in reply.context["rows"]]
    assert [key[0] for key in rows[:A_DIGIT]] == ["7"] * A_DIGIT
    assert len(rows) == 48
    assert client.get(f"{address}&page=2").context["rows"][0].key not in rows

    assert command_json("joint_card", "meant", "--remove")["card"] == ""
    assert client.get(address).status_code == 404


def test_a_card_that_cannot_be_used_changes_nothing(world, folder, tmp_path) -> None:
    slug = world.challenge.slug
    broken = tmp_path / "joint.toml"
    text = (folder / "joint.toml").read_text()
    for change, message in {
        ("dimensions = 16", "dimensions = 15"): r"gives an output of shape \(2, 16\) for two texts; its card says",
        ("text.pt2", "none.pt2"): r"text.weights: 'none\.pt2' can't be read from the folder",
    }.items():
        broken.write_text(text.replace(*change))
        with pytest.raises(CommandError, match=message):
            command_json("joint_card", slug, broken, "--classifiers-dir", folder)
    with pytest.raises(CommandError, match="there is no challenge 'nowhere'"):
        command_json("joint_card", "nowhere", "--remove")
    with pytest.raises(CommandError, match="name the card's FILE, or say --remove"):
        command_json("joint_card", slug)
    world.challenge.refresh_from_db()
    assert world.challenge.joint_classifier is None


def test_a_card_whose_files_are_known_elsewhere_is_refused(world, folder) -> None:
    slug, moved = world.challenge.slug, folder / "moved.toml"
    command_json("joint_card", slug, folder / "joint.toml", "--classifiers-dir", folder)
    (folder / "other.pt2").write_bytes((folder / "text.pt2").read_bytes())
    moved.write_text((folder / "joint.toml").read_text().replace("text.pt2", "other.pt2"))
    with pytest.raises(CommandError, match=r"known here with weights as 'text\.pt2', the file has it as 'other\.pt2'"):
        command_json("joint_card", slug, moved, "--classifiers-dir", folder)
