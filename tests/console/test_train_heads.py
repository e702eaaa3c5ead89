"""`manage.py train_heads`: an edition's labels in, a classifier's card out; the torch work in a child process."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
import tomllib
from pathlib import Path

import psutil
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cats4ml.catalog.actions import NewLabel, add_labels
from cats4ml.challenges.actions import add_target_labels
from cats4ml.challenges.models import Challenge
from cats4ml.console.rosters import read_roster
from tests.console.commands import command_json
from tests.models_zoo.training_data import TrainingData, make_training_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make_training_data(tmp_path_factory.mktemp("training"))


@pytest.mark.slow
@pytest.mark.django_db
def test_an_editions_labels_get_their_heads(data) -> None:
    challenge = Challenge.objects.create(slug="sides", title="Sides", vocabulary="sides")
    labels = add_labels(vocabulary="sides", labels=[NewLabel(key, key.title()) for key in ("rare", "left", "never")])
    add_target_labels(challenge=challenge, labels=labels)
    arguments = data.arguments("--challenge", "sides", "--name", "sides", "--min-each", "10", "--measure", "parts")
    made = command_json("train_heads", *arguments)
    assert (made["labels"], made["left_out"]) == (["left"], {"rare": "1 yes, 0 no", "never": "0 yes, 0 no"})
    [card] = read_roster(Path(made["card"]), classifiers_dir=data.classifiers)
    assert (card["digest"], card["labels"], card["family"]) == (made["digest"], ["left"], "head")
    table = tomllib.loads(Path(made["card"]).read_text())["classifier"][0]
    assert table["quality"]["left_out"] == made["left_out"]


@pytest.mark.slow
@pytest.mark.django_db
def test_the_childs_refusal_is_the_commands(data, tmp_path) -> None:
    log, out = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("train_heads", *data.arguments("--name", "x", "--min-each", "500"), stdout=out, stderr=log)
    assert "no label has 500 yes and 500 no" in str(caught.value)
    assert (caught.value.returncode, out.getvalue()) == (1, "")


@pytest.mark.django_db
def test_an_edition_without_labels_or_of_another_vocabulary_is_refused(data) -> None:
    Challenge.objects.create(slug="sides", title="Sides", vocabulary="sides")
    for given, reason in [
        (("--challenge", "none"), "there is no challenge 'none'"),
        (("--challenge", "sides"), "'sides' has no target labels yet"),
        (("--challenge", "sides", "--vocabulary", "other"), "the challenge 'sides' has 'sides'"),
    ]:
        with pytest.raises(CommandError, match=reason):
            call_command("train_heads", *data.arguments("--name", "x", *given))


@pytest.mark.django_db
def test_a_ctrl_c_ends_the_child_too(data, tmp_path) -> None:
    def interrupt() -> None:
        deadline = time.monotonic() + 30
        # Once the child works the command waits for it: a Ctrl-C before that would be the test's own.
        while time.monotonic() < deadline and not any(child.cpu_times().user > 0.3 for child in children()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(CommandError) as caught:
        call_command("train_heads", *data.arguments("--name", "stopped"))
    assert (str(caught.value), caught.value.returncode) == ("Interrupted: no card was written.", 130)
    assert not children()
    assert not (data.classifiers / "stopped.toml").exists()


def children() -> list[psutil.Process]:
    """Our child processes that train heads."""
    return [child for child in psutil.Process().children() if "models_zoo.train_heads" in child.cmdline()]
