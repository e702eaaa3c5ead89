"""Programs that run as one: started again, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from cats4ml.embedded.places import CHECKOUT
from cats4ml.local_site import AlreadyRunningError, PortInUseError, banner, check_port, only_one
from cats4ml.supervisor import Child, Program
from tests.embedded.people import eventually

# A program with a child of its own that ignores a polite request, as a stuck pool process does.
FAMILY = """
import signal, subprocess, sys, time
stubborn = '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("child up", flush=True)
time.sleep(600)
'''
subprocess.Popen([sys.executable, "-c", stubborn, sys.argv[1] + "-child"])
print("parent up", flush=True)
time.sleep(600)
"""
SUPERVISE = """
import sys
from cats4ml.supervisor import Program, Supervisor, Terminal
programs = [Program(name=n, command=[sys.executable, "-c", sys.argv[2], sys.argv[1] + n]) for n in ("one", "two")]
Supervisor(programs, terminal=Terminal(sys.stdout, ["one", "two"])).run()
print("stopped in order", flush=True)
"""


class Site:
    """A supervisor with two families, in a process of its own; every process has `mark` in its command line."""

    def __init__(self) -> None:
        self.mark = f"cats4ml-{uuid.uuid4().hex}-"
        command = [sys.executable, "-c", SUPERVISE, self.mark, FAMILY]
        self.process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)

    def family(self, suffix: str = "") -> list[psutil.Process]:
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                # Read once: a process that ends meanwhile has no words any more.
                words = process.cmdline()
                if process.pid != self.process.pid and words and self.mark in words[-1]:
                    found[process] = words[-1]
        return [process for process, mark in found.items() if mark.endswith(self.mark + suffix) or not suffix]

    def is_complete(self) -> bool:
        return len(self.family()) == 4


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    assert eventually(site.is_complete)
    yield site
    if site.process.poll() is None:
        site.process.kill()
    for process in site.family():
        process.kill()
    site.process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_process_not_even_a_stubborn_grandchild(site: Site, request_to_stop: signal.Signals):
    site.process.send_signal(request_to_stop)
    output, _ = site.process.communicate(timeout=30)
    assert site.family() == []
    assert site.process.returncode == 0
    assert output.splitlines()[-1] == "stopped in order"
    assert {"one | parent up", "two | parent up", "one | child up", "two | child up"} <= set(output.splitlines())


@pytest.mark.slow
def test_kill_9_of_the_supervisor_leaves_no_process(site: Site):
    site.process.kill()
    assert eventually(lambda: site.family() == [])


@pytest.mark.slow
def test_a_killed_program_is_started_again_and_its_children_do_not_stay(site: Site):
    [first] = site.family("one")
    [orphan] = site.family("one-child")
    first.kill()
    assert eventually(lambda: not orphan.is_running())
    assert eventually(site.is_complete)
    assert [process.pid for process in site.family("one")] != [first.pid]


def test_the_pause_before_a_restart_doubles_and_a_program_that_keeps_dying_is_tried_every_minute():
    child = Child(Program(name="web", command=["false"]))
    child.started_at = 100.0
    assert [child.note_death(101.0) for _ in range(6)] == [1, 2, 4, 8, 60, 60]
    assert child.note_death(200.0) == 1


def test_lines_come_out_whole_and_a_progress_bar_as_its_last_state():
    child = Child(Program(name="web", command=["true"]))
    assert child.lines(b"one\ntw") == ["one"]
    assert child.lines(b"o\n10%\r50%\r100%\nhalf") == ["two", "100%"]
    assert child.lines(b"") == ["half"]


def test_a_port_in_use_is_said_plainly_with_how_to_choose_another():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError) as raised:
            check_port("127.0.0.1", port)
    assert str(raised.value) == (
        f"Port {port} of 127.0.0.1 is in use by another program. Choose another one: make run PORT={port + 1}"
    )
    check_port("127.0.0.1", port)


def test_a_second_platform_in_the_same_folder_is_refused_with_where_the_first_one_is(tmp_path: Path):
    with only_one(tmp_path, address="http://127.0.0.1:8000/"):
        with pytest.raises(AlreadyRunningError) as raised, only_one(tmp_path, address="http://127.0.0.1:9000/"):
            pass
        assert str(raised.value) == (
            "The platform is already running from this folder: http://127.0.0.1:8000/ "
            f"(process {os.getpid()}). Stop it there with Ctrl-C."
        )
    with only_one(tmp_path, address="http://127.0.0.1:9000/"):
        assert (tmp_path / "run" / "up.txt").exists()


def test_the_banner_shows_the_address_and_a_password_for_every_role():
    shown = banner("http://127.0.0.1:8000/", [("organiser", "ada", "s3cret"), ("rater", "grace", "longer-one")])
    assert shown.splitlines()[2:-1] == [
        "CATS4ML is ready:  http://127.0.0.1:8000/",
        "",
        "sign in as   user name   password",
        "organiser    ada         s3cret",
        "rater        grace       longer-one",
        "",
        "Ctrl-C stops everything.",
    ]
