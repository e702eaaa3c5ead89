from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.plugin import blocking_manager_key

from tests.chromium import NONE_FOUND, find_chromium
from tests.databases import drop_template, empty_database, use_template
from tests.factories import World, make_world

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, and no more.
hypothesis_settings.register_profile("no asserted times", deadline=None)
hypothesis_settings.load_profile("no asserted times")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files (`make test`), those with slow tests go first: a long one that is begun
    last would be waited for by all the others. Who starts processes or a browser has a second try: a machine that does
    something else meanwhile makes them late, and a fact that is none fails twice. The summary counts the second tries.
    """
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    if config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes are not named by what they hold: a time in them, as gzip writes it, would have two processes collect
    different tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Where several processes test, one migrates for all of them."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run:
        with django_db_blocker.unblock():
            use_template(run)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The process that has the others test removes what they copied."""
    if session.config.getoption("dist", "no") != "no" and not hasattr(session.config, "workerinput"):
        with session.config.stash[blocking_manager_key].unblock():
            drop_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Tests that commit have every table emptied after them, also those that the site never lets anybody empty."""
    TransactionTestCase._fixture_teardown = lambda self: empty_database()


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """Hash the passwords of test people quickly: a slow hash proves nothing here and takes most of the time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of a process: a second driver beside the first one can't be started."""
    path = find_chromium()
    if path is None:
        pytest.skip(NONE_FOUND)
    # Where a loop runs Django keeps other connections for this thread than before: these would stay open, and lost.
    connections.close_all()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(path), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield started
        started.close()
        connections.close_all()


@pytest.fixture
def browser(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The process's Chromium. No page outlives its test: many of them ask the site for news every few seconds."""
    yield chromium
    for context in chromium.contexts:
        context.close()
    if "live_server" in request.fixturenames:
        await_last_answers()


def await_last_answers() -> None:
    """Wait for what the site still answers though nobody listens any more: emptying the tables would meet its locks."""
    deadline = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state <> 'idle'"
            )
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.05)
