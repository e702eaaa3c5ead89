"""The command that proposes, previews and applies another roster."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cats4ml.catalog.models import Classifier
from cats4ml.challenges.actions import decide_roster, propose_roster
from cats4ml.challenges.editions import set_queue
from cats4ml.challenges.models import Challenge
from cats4ml.console.rosters import RosterRefused, new_members, read_entries
from cats4ml.rules.answers import Answer
from cats4ml.submissions.actions.recording import record_scores
from cats4ml.submissions.models import Credit
from scoring.contract import SCORE_IMAGES, ScoreResult, pack
from tests.console.commands import command_json
from tests.factories import World, make_user
from tests.messages import drain

TABLE = """
[[classifier]]
name = "{name}"
family = "builtin"
architecture = "digits_perceptron"
weights = "{name}.pth"
{more}
activation = "softmax"
source = "made for a test"
licence = "Apache-2.0"
[classifier.input]
resize = [10, 10]
size = [10, 10]
colour = "grey"
mean = [0.5]
std = [0.5]
[classifier.labels]
vocabulary = "{vocabulary}"
keys = {keys}
"""


@pytest.fixture
def folder(tmp_path, world):
    """A roster of two classifiers; the weights are read for their checksum alone."""
    tables = []
    for name, more in (("small", ""), ("large", "weight = 3.0")):
        (tmp_path / f"{name}.pth").write_bytes(name.encode())
        keys = list(world.labels)
        tables.append(TABLE.format(name=name, more=more, vocabulary=world.challenge.slug, keys=keys))
    (tmp_path / "roster.toml").write_text("".join(tables))
    set_queue(challenge=world.challenge, queue=world.challenge.slug)
    return tmp_path


def settle(world: World) -> None:
    """One false negative of ada's."""
    world.claim(world.finder(make_user("ada")), (0, "cat"))
    world.score(0, {"cat": 0.25})
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5)


def command(world: World, folder, *more: object) -> dict:
    return command_json("roster", world.challenge.slug, *more, "--classifiers-dir", folder)


def test_a_roster_is_proposed_asked_about_previewed_and_applied(world, folder) -> None:
    settle(world)
    nothing = {"score_changes": 0, "same": 0, "unscorable": 0, "not_predicted": 0, "imported": 0, "ends_otherwise": 0}
    shown = {"challenge": world.challenge.slug, "version": 2, "labels_not_scored": []}
    proposed = command(world, folder, folder / "roster.toml")
    waiting = {"in_force": False, "pictures_missing": 1, "pairs": {**nothing, "not_predicted": 1}, "balances": []}
    assert proposed == {**shown, **waiting}
    [request] = [kwargs["request"] for task, kwargs in drain(f"scoring.{world.challenge.slug}") if task == SCORE_IMAGES]
    assert [card["name"] for card in request["classifiers"]] == ["small", "large"]
    with pytest.raises(CommandError, match="1 picture has not been seen"):
        command(world, folder, "--apply", 2, "--reason", "Better.")

    values = {"small": 0.25, "large": 0.75}
    digests = {one.name: one.digest for one in Classifier.objects.filter(name__in=values)}
    packed = {digests[name]: pack([value, 0.0, 0.0]) for name, value in values.items()}
    record_scores(results=[ScoreResult(world.images[0].pk, packed)], at=world.pass_time(1))
    told = {"pairs": {**nothing, "ends_otherwise": 1}, "balances": [{"name": "ada", "lost": 1, "gained": 0}]}
    ready = command(world, folder, folder / "roster.toml", "--propose")
    assert ready == {**shown, **told, "in_force": False, "pictures_missing": 0}
    applied = command(world, folder, "--apply", 2, "--reason", "Better.")
    assert applied == {**shown, **told, "in_force": True, "pictures_missing": 0}
    pair = world.pair(0, "cat")
    assert (pair.machine_mean, pair.outcome, pair.roster.version) == (0.625, "agreement", 2)
    assert Credit.objects.last().reason == "Better."


def test_a_roster_is_decided_at_once_where_no_pair_is_scored(world, folder) -> None:
    assert command(world, folder, folder / "roster.toml", "--decide")["in_force"] is True
    roster = Challenge.objects.get(pk=world.challenge.pk).roster
    assert list(roster.members.order_by("position").values_list("classifier__name", "weight")) == [
        ("small", 1.0),
        ("large", 3.0),
    ]
    decide_roster(challenge=world.challenge, classifiers=world.classifiers)
    settle(world)
    with pytest.raises(CommandError, match="propose the roster, and then --apply it"):
        command(world, folder, folder / "roster.toml", "--decide")


def test_the_command_says_in_words_what_to_do_next(world, folder) -> None:
    settle(world)
    out = io.StringIO()
    call_command("roster", world.challenge.slug, folder / "roster.toml", "--classifiers-dir", folder, stdout=out)
    assert out.getvalue().splitlines() == [
        f"Challenge {world.challenge.slug}: roster version 2, proposed",
        "          1 pairs wait for classifiers that have not seen their picture",
        "1 pictures are asked for; look again when they are scored",
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "name the roster's FILE"),
        (["--apply", 7, "--reason", "x"], "has no roster version 7; it has: 1"),
        (["--apply", 1], "Say why"),
        (["missing.toml"], "can't be read"),
    ],
)
def test_what_can_not_be_done_is_said_with_how_to_mend_it(world, folder, more, words) -> None:
    with pytest.raises(CommandError, match=words):
        command(world, folder, *more)
    with pytest.raises(CommandError, match="no challenge 'lost'"):
        command_json("roster", "lost", folder / "roster.toml")


def test_a_classifier_that_is_known_with_its_weights_elsewhere_is_refused(world, folder) -> None:
    entries = read_entries(folder / "roster.toml", classifiers_dir=folder)
    members = new_members(entries)
    assert propose_roster(challenge=world.challenge, members=members).version == 2
    (folder / "small.pth").rename(folder / "moved.pth")
    text = (folder / "roster.toml").read_text().replace("small.pth", "moved.pth")
    (folder / "roster.toml").write_text(text)
    with pytest.raises(RosterRefused, match=r"known here with its weights as 'small.pth'"):
        new_members(read_entries(folder / "roster.toml", classifiers_dir=folder))


def test_a_classifier_of_imagenet_is_mapped_to_the_labels_of_an_edition(folder) -> None:
    keys = [str(place) for place in range(1000)]
    table = TABLE.format(name="small", more="", vocabulary="imagenet-1k", keys=keys)
    (folder / "imagenet.toml").write_text(table)
    [entry] = read_entries(
        folder / "imagenet.toml", classifiers_dir=folder, vocabulary="openimages", labels=["/m/015p6", "/m/nothing"]
    )
    assert (list(entry.label_map), entry.weight) == (["/m/015p6"], 1.0)
    assert len(entry.label_map["/m/015p6"]) > 10  # ImageNet has dozens of birds
