"""`manage.py pool` as an organiser runs it."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolCount, PoolDraw
from cats4ml.challenges.presets import CATS4ML_2021
from tests.console.commands import command_json
from tests.open_images import BIRD, BUN, MACHINE, OTHER_BUN, OWL, make_draft, make_labels, make_pictures, say


def spoken(*arguments: object) -> str:
    out = io.StringIO()
    call_command("pool", *map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def labels(db: None) -> dict[str, Label]:
    """Twenty pictures of birds, of which the last five are of the validation set, and a bun."""
    labels = make_labels()
    for image in (make_pictures(range(15)) | make_pictures(range(15, 20), subset="validation")).values():
        say(image, labels[BIRD])
    say(make_pictures([30])[30], labels[BUN], MACHINE, 0.9)
    return labels


def test_it_makes_the_challenge_chooses_its_labels_and_draws(labels) -> None:
    arguments = ("birds", "--title", "Birds", "--label", "bird", "--label", BUN, "--subset", "train", "--seed", "s")
    assert spoken(*arguments, "--size", 12) == (
        "16 pictures fit; 12 are drawn by the seed s, 12 of them are new\n"
        "           15  Bird (/m/015p6)\n"
        "            1  Bun (/m/01bun)\n"
        "Challenge birds: 2 target labels, 12 pictures in the pool\n"
    )
    challenge = Challenge.objects.get()
    assert (challenge.status, challenge.vocabulary, PoolCount.objects.count()) == ("draft", "openimages", 1)
    again = command_json("pool", *arguments, "--size", 12)
    assert (again["draw"]["added"], again["draw"]["recorded"], again["pool"]) == (0, False, 12)
    # Without labels and seed: those of the challenge, and that of its last draw.
    more = command_json("pool", "birds", "--size", 14, "--subset", "train")
    assert (more["seed"], more["draw"]["added"], more["pool"], PoolDraw.objects.count()) == ("s", 2, 14, 2)


def test_a_dry_run_changes_nothing(labels) -> None:
    said = spoken("birds", "--title", "Birds", "--label", BIRD, "--seed", "s", "--dry-run")
    assert said.startswith("20 pictures fit; 20 are drawn by the seed s, 20 of them would be new\n")
    assert (Challenge.objects.count(), PoolDraw.objects.count(), PoolCount.objects.count()) == (0, 0, 0)


def test_a_label_is_taken_off(labels) -> None:
    spoken("birds", "--title", "Birds", "--label", BIRD, "--label", BUN)
    said = spoken("birds", "--remove-label", BUN)
    assert said == "No target label any more: /m/01bun\nChallenge birds: 1 target labels, 21 pictures in the pool\n"


def test_the_preset_needs_the_class_descriptions_and_names_its_source(labels) -> None:
    arguments = ("cats", "--title", "CATS", "--preset", "cats4ml-2021", "--seed", "s")
    with pytest.raises(CommandError, match="import the class descriptions first"):
        spoken(*arguments)
    assert Challenge.objects.count() == 0
    add_labels(vocabulary="openimages", labels=[NewLabel(key, name) for key, name in CATS4ML_2021.labels.items()])
    figures = command_json("pool", *arguments)
    assert (figures["labels"], figures["pool"], figures["source"]) == (
        23, 15, "Aroyo et al., CATS4ML 2021 data release, CC BY 4.0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere", "--label", BIRD), "there is no challenge 'nowhere': to make it, give it a --title"),
        (("birds", "--label", "Bun"), f"several labels have the name 'Bun': say which by its id: {BUN}, {OTHER_BUN}"),
        (("birds",), "no label is chosen: name at least one, or choose a preset"),
        (("birds", "--label", BIRD, "--size", "0"), "the size should be a whole number from 1 to 1,000,000,000, not 0"),
        (
            ("birds", "--label", BIRD, "--per-label", 10**30),
            "the number for each label should be a whole number from 1",
        ),
        (("birds", "--label", BIRD, "--seed", "s" * 65), "a seed should have 1 to 64 characters, not 65"),
        (("fresh", "--title", "N" * 121), "a challenge's title should have 1 to 120 characters, not 121"),
        (
            ("fresh", "--title", "N", "--vocabulary", "v" * 41),
            "a challenge's vocabulary should have 1 to 40 characters",
        ),
        (("birds", "--label", BIRD, "--vocabulary", "digits"), "has labels of the vocabulary openimages, not digits"),
        (("open", "--label", OWL), "open has left the draft"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(labels, arguments, words) -> None:
    make_draft()
    Challenge.objects.filter(pk=make_draft("open").pk).update(status=ChallengeStatus.OPEN)
    with pytest.raises(CommandError) as refusal:
        spoken(*arguments)
    assert words in str(refusal.value)
    assert PoolDraw.objects.count() == 0
