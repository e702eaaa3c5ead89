"""Workers of an edition's own: where they look, what survives their death, what is left of them."""

from __future__ import annotations

import os
import signal
import time

import dj_database_url
import pytest
from django.db import connection

from cats4ml.challenges.editions import set_queue
from cats4ml.console.workers import EditionWorkers, WorkersFailed, database_url, edition_workers, worker_environment
from cats4ml.rules.lifecycle import PairState
from tests.factories import make_world

FIELDS = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


def test_children_get_the_database_of_this_process(db) -> None:
    parsed = dj_database_url.parse(database_url())
    assert str(parsed["NAME"]).startswith("test_")
    assert [parsed.get(name) or "" for name in FIELDS] == [connection.settings_dict[name] or "" for name in FIELDS]


def test_an_address_with_odd_characters_is_read_back_as_it_was(monkeypatch) -> None:
    values = {
        "NAME": "cats & dogs",
        "USER": "o'hara@home",
        "PASSWORD": "p@ss:w/rd?#",
        "HOST": "/run/post gres",
        "PORT": 6543,
        "OPTIONS": {"sslmode": "require", "application_name": "a&b"},
    }
    for name, value in values.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    parsed = dj_database_url.parse(database_url())
    assert {name: parsed[name] for name in FIELDS} == values


def test_an_edition_without_a_queue_of_its_own_has_no_workers_of_its_own(world, tmp_path) -> None:
    with (
        pytest.raises(ValueError, match="no queue of its own"),
        edition_workers(world.challenge, classifiers_dir=tmp_path),
    ):
        pass


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_is_started_again_and_none_is_left(tmp_path) -> None:
    world = make_world()
    set_queue(challenge=world.challenge, queue=world.challenge.slug)
    with edition_workers(world.challenge, classifiers_dir=tmp_path) as workers:
        before = workers.processes
        assert workers.check() == 0
        os.kill(before["scoring"], signal.SIGKILL)
        while not workers.check():
            time.sleep(0.05)
        after = workers.processes
        workers.wait_ready()
    assert before["web"] == after["web"]
    assert before["scoring"] != after["scoring"]
    for process in {*before.values(), *after.values()}:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_web_worker_records_what_the_action_asks_for(tmp_path) -> None:
    world = make_world()
    set_queue(challenge=world.challenge, queue=world.challenge.slug)
    image = world.images[0]
    image.file = ""
    image.save()
    with edition_workers(world.challenge, classifiers_dir=tmp_path) as workers:
        world.claim(world.finder(), (0, "cat"))
        pair = world.pair(0, "cat")
        deadline = time.monotonic() + 30
        while pair.state == PairState.QUEUED and time.monotonic() < deadline:
            workers.check()
            time.sleep(0.1)
            pair.refresh_from_db()
    assert pair.state == PairState.UNSCORABLE


def test_a_worker_that_keeps_dying_is_given_up_with_the_end_of_its_log(db, tmp_path) -> None:
    environment = worker_environment(tmp_path) | {"CLASSIFIERS_DIR": "", "DATABASE_URL": ""}
    workers = EditionWorkers("doomed", environment=environment, folder=tmp_path)
    try:
        workers.start()
        with pytest.raises(WorkersFailed, match=r"4 times by now.\nThe end of its log:\n(?s:.)*is not set"):
            workers.wait_ready(seconds=60)
    finally:
        workers.stop()
