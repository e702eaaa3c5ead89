"""The embedded servers: started, shared, left, killed. Everything is real."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
import redis
from kombu import Connection

from cats4ml.embedded.places import CHECKOUT
from scoring.broker import celery_broker_url
from tests.embedded.conftest import Running, Users
from tests.embedded.people import bare_environment, eventually, servers_of, temporary_home

pytestmark = pytest.mark.slow


def ask(database_url: str, statement: str) -> list[tuple]:
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def answers(database_url: str) -> bool:
    try:
        return ask(database_url, "SELECT 1") == [(1,)]
    except psycopg2.OperationalError:
        return False


def remember_a_word(database_url: str, word: str) -> None:
    ask(database_url, f"CREATE TABLE words AS SELECT '{word}'::text AS word")


def test_first_start_makes_a_utf8_database_that_can_have_vectors_and_many_connections(running: Running):
    urls = running.urls
    ask(urls.database_url, "CREATE EXTENSION vector")
    question = """
        SELECT current_database(), current_user, pg_encoding_to_char(encoding), datlocale,
               current_setting('max_connections')::int >= 200, '[1,2]'::vector::text
        FROM pg_database WHERE datname = current_database()"""
    assert ask(urls.database_url, question) == [("cats4ml", "cats4ml", "UTF8", "C.UTF-8", True, "[1,2]")]
    assert redis.from_url(urls.redis_url).ping() is True


def test_celery_reaches_redis_by_its_socket(running: Running):
    with Connection(celery_broker_url(running.urls.redis_url)) as connection:
        queue = connection.SimpleQueue("letters")
        queue.put({"text": "good morning"})
        assert queue.get(timeout=5).payload == {"text": "good morning"}
        queue.close()


def test_servers_serve_until_the_last_user_has_left_and_data_are_there_again_afterwards(home: Path, users: Users):
    first, second = users.come(home), users.come(home)
    urls = first.urls
    assert second.urls == urls
    remember_a_word(urls.database_url, "whale")
    assert first.leave() == ""
    assert answers(urls.database_url)
    assert second.leave() == ""
    assert not answers(urls.database_url)
    assert eventually(lambda: servers_of(home) == {})
    assert ask(users.come(home).urls.database_url, "SELECT word FROM words") == [("whale",)]


def test_nothing_is_left_when_the_only_user_is_killed(home: Path, users: Users):
    user = users.come(home)
    assert user.urls
    user.kill()
    assert eventually(lambda: servers_of(home) == {})


def test_data_survive_when_keepers_servers_and_user_are_killed_at_once(home: Path, users: Users):
    user = users.come(home, throwaway=False)
    remember_a_word(user.urls.database_url, "otter")
    for process in servers_of(home).values():
        process.kill()
    user.kill()
    assert ask(users.come(home, throwaway=False).urls.database_url, "SELECT word FROM words") == [("otter",)]


@pytest.mark.parametrize("victim", ["postgres", "redis"])
def test_a_server_that_is_killed_in_use_comes_back(home: Path, users: Users, victim: str):
    urls = users.come(home).urls
    before = servers_of(home)[victim]
    before.kill()
    assert eventually(lambda: servers_of(home).get(victim, before).pid != before.pid)
    if victim == "postgres":
        assert eventually(lambda: answers(urls.database_url))
    else:
        assert eventually(lambda: Path(urls.redis_url.removeprefix("unix://").split("?")[0]).exists())
        assert redis.from_url(urls.redis_url).ping() is True


def test_a_new_user_finds_servers_though_the_keepers_were_killed(home: Path, users: Users):
    urls = users.come(home).urls
    remember_a_word(urls.database_url, "heron")
    for name, process in servers_of(home).items():
        if name.endswith("keeper"):
            process.kill()
    assert users.come(home).urls == urls
    assert ask(urls.database_url, "SELECT word FROM words") == [("heron",)]


def test_two_homes_never_meet_even_where_a_stale_pid_names_the_others_postgres(home: Path, users: Users):
    with temporary_home() as other:
        ours, theirs = users.come(home), users.come(other)
        urls = ours.urls
        remember_a_word(urls.database_url, "ours")
        other_urls = theirs.urls
        remember_a_word(other_urls.database_url, "theirs")

        pid_file = home / "postgres" / "data" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        ours.process.send_signal(signal.SIGSTOP)  # so that it does not leave in peace
        for process in servers_of(home).values():
            process.kill()
        ours.kill()
        pid_file.write_text("\n".join([str(servers_of(other)["postgres"].pid), *lines[1:]]) + "\n")

        assert ask(users.come(home).urls.database_url, "SELECT word FROM words") == [("ours",)]
        assert ask(other_urls.database_url, "SELECT word FROM words") == [("theirs",)]
        theirs.leave()


def test_a_start_that_fails_says_why_with_the_end_of_the_log(home: Path, users: Users):
    user = users.come(home)
    assert user.urls
    user.leave()
    (home / "postgres" / "data" / "postgresql.conf").write_text("work_mem = plenty\n")
    message = users.come(home).leave()
    assert "The embedded postgres can't be started" in message
    assert f"The last lines of {home}/logs/postgres.log" in message
    assert 'invalid value for parameter "work_mem": "plenty"' in message
    assert eventually(lambda: servers_of(home) == {})


def test_there_is_no_tcp_port(running: Running):
    listening = [
        connection
        for name in ("postgres", "redis")
        for connection in servers_of(running.home)[name].net_connections("inet")
        if connection.status == "LISTEN"
    ]
    assert listening == []


def test_a_command_that_ends_leaves_no_server(home: Path):
    program = "from cats4ml import embedded; embedded.ensure(); embedded.ensure(); raise SystemExit(7)"
    environment = bare_environment(CATS4ML_HOME=str(home))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (7, b"")
    assert eventually(lambda: servers_of(home) == {})
