"""The site that `benchmarks.chaos` runs: its processes one by one, each to be killed, frozen or started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cats4ml.local_site import address_of, answers, local_programs
from cats4ml.process_guard import Guard, send_group
from cats4ml.supervisor import Program

CLOCK_FOLDER = Path(__file__).resolve().parent / "chaos_clock"
START_SECONDS = 90.0
STOP_SECONDS = 10.0


class Process:
    """One program of the site, in a process group of its own."""

    def __init__(self, program: Program, folder: Path, extra: Mapping[str, str]) -> None:
        self.name = program.name
        self.program = program
        self.log = folder / f"{program.name}.log"
        self.clock = folder / f"{program.name}.clock"
        self.extra = extra
        self.starts = 0
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        kept = {name: value for name, value in os.environ.items() if name not in self.program.without}
        path = os.pathsep.join([str(CLOCK_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])])
        mine = {"PYTHONPATH": path, "CHAOS_CLOCK": str(self.clock), "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                list(self.program.command),
                env={**kept, **self.program.environment, **self.extra, **mine},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1
        return self.running.pid

    @property
    def pid(self) -> int:
        assert self.running is not None, f"{self.name} was never started"
        return self.running.pid

    @property
    def ended(self) -> bool:
        return self.running is None or self.running.poll() is not None

    def send(self, sent: signal.Signals) -> None:
        """To the whole group: a worker's children are it as well."""
        send_group(self.pid, sent)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        if self.running is not None:
            self.running.wait()

    def set_clock(self, ahead: float) -> None:
        self.clock.write_text(f"{ahead}\n", encoding="ascii")

    def members(self) -> list[int]:
        """The ids of the group's processes."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    if os.getpgid(int(entry.name)) == self.pid:
                        found.append(int(entry.name))
                except ProcessLookupError:
                    continue
        return found


class Site:
    """`web`, `worker`, `scoring` and `clock`, as `make run` has them."""

    def __init__(self, folder: Path, scoring: Mapping[str, str]) -> None:
        port = _free_port()
        self.address = address_of("127.0.0.1", port).rstrip("/")
        programs = local_programs(host="127.0.0.1", port=port, scoring=scoring, demo_raters=False)
        quiet = {"API_RATE_USER": "100000/min", "API_RATE_ANONYMOUS": "100000/min", "SCORING_THREADS": "1"}
        quiet |= dict.fromkeys(
            ("PAGE_RATE_SEARCH", "PAGE_RATE_PICTURES", "PAGE_RATE_FILES", "PAGE_RATE_SENT", "PAGE_RATE_PAGES"), "none"
        )  # all come from one address
        self.processes = {one.name: Process(one, folder, quiet) for one in programs}
        self._guard = Guard()

    def start(self) -> None:
        for process in self.processes.values():
            self._guard.watch(process.start())
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"{self.address}/healthz/"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the site does not answer: {self.processes['web'].log.read_text()[-2000:]}")
            time.sleep(0.2)

    def again(self, name: str) -> None:
        """Start a program that has ended."""
        process = self.processes[name]
        self._guard.forget(process.pid)
        self._guard.watch(process.start())

    def mend(self) -> list[str]:
        """Start again what has ended by itself, as a supervisor does; which these were."""
        ended = [name for name, process in self.processes.items() if process.ended]
        for name in ended:
            self.again(name)
        return ended

    def stop(self) -> None:
        for process in self.processes.values():
            if process.running is not None and not process.ended:
                process.send(signal.SIGCONT)
                process.running.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not all(one.ended for one in self.processes.values()):
            time.sleep(0.1)
        for process in self.processes.values():
            if process.running is not None:
                process.kill()
        self._guard.close()


@contextmanager
def running(folder: Path, scoring: Mapping[str, str]) -> Iterator[Site]:
    site = Site(folder, scoring)
    try:
        site.start()
        yield site
    finally:
        site.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
