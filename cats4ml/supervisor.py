"""Runs several programs as one: their output side by side, started again when they die, stopped together.

One thread and one loop. Knows nothing of Django.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from cats4ml.process_guard import Guard, send_group

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TICK_SECONDS = 0.25
STOP_SECONDS = 15.0
LAST_WORDS_SECONDS = 1.0
HEALTHY_SECONDS = 30.0
QUICK_DEATHS = 5
LONGEST_PAUSE = 60.0
COLOURS = (36, 33, 35, 32, 34, 31)
MAX_LINE = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to keep running. One that `may_finish` isn't started again after it ended with status 0.

    `environment` is laid over ours; `without` names what of ours it doesn't get.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    without: Sequence[str] = ()
    may_finish: bool = False


class Terminal:
    """Lines of several programs on one stream, each with its name before it; in colour where a person looks on."""

    def __init__(self, stream: IO[str], names: Sequence[str]) -> None:
        self.stream = stream
        self.width = max(map(len, names), default=0)
        coloured = stream.isatty() and "NO_COLOR" not in os.environ
        self.colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)} if coloured else {}

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{self.width}} |"
        if name in self.colours:
            prefix = f"\033[{self.colours[name]}m{prefix}\033[0m"
        self.say(f"{prefix} {text}")

    def say(self, text: str) -> None:
        """Plain text. A terminal that was closed must not keep us from stopping the programs."""
        try:
            print(text, file=self.stream, flush=True)
        except OSError:
            self.stream = open(os.devnull, "w")  # noqa: PTH123, SIM115 - open for the rest of our life

    def shout(self, text: str) -> None:
        bold, plain = ("\033[1;31m", "\033[0m") if self.colours else ("", "")
        self.say(f"{bold}*** {text}{plain}")


class Child:
    """One program's process, and its history of deaths."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_again_at = 0.0
        self.quick_deaths = 0
        self.finished = False
        self._half_line = b""

    def start(self) -> int:
        """Starts it as the leader of a process group of its own, so that a Ctrl-C reaches us alone; gives the group."""
        self.process = subprocess.Popen(  # noqa: S603 - our own programs
            list(self.program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            start_new_session=True,
        )
        self.started_at = time.monotonic()
        return self.process.pid

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name not in self.program.without}
        return {**ours, "PYTHONUNBUFFERED": "1", **self.program.environment}

    @property
    def output(self) -> IO[bytes]:
        if self.process is None or self.process.stdout is None:
            raise RuntimeError(f"{self.program.name} is not running")
        return self.process.stdout

    def lines(self, chunk: bytes) -> list[str]:
        """The whole lines that `chunk` completes; an empty chunk completes the last."""
        *whole, rest = (self._half_line + chunk).split(b"\n")
        if rest and (not chunk or len(rest) > MAX_LINE):
            whole, rest = [*whole, rest], b""
        self._half_line = rest
        # What a progress bar overwrote before the end of its line nobody needs to read.
        return [line.rstrip(b"\r").rsplit(b"\r", 1)[-1].decode(errors="replace") for line in whole]

    def note_death(self, now: float) -> float:
        """Counts it, and gives the pause before the next start: 1, 2, 4 … seconds."""
        self.quick_deaths = self.quick_deaths + 1 if now - self.started_at < HEALTHY_SECONDS else 1
        pause = LONGEST_PAUSE if self.quick_deaths >= QUICK_DEATHS else 2.0 ** (self.quick_deaths - 1)
        self.start_again_at = now + pause
        return pause


class Supervisor:
    """Runs `programs` until a signal says stop. `on_tick` is called about four times a second."""

    def __init__(
        self, programs: Sequence[Program], *, terminal: Terminal, on_tick: Callable[[], None] = lambda: None
    ) -> None:
        self.children = [Child(program) for program in programs]
        self.terminal = terminal
        self.on_tick = on_tick
        self.stop_requests = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Returns when a signal came and every program with all its children has ended."""
        # Under nohup a closed terminal is no reason to stop.
        heeded = [sent for sent in STOP_SIGNALS if sent != signal.SIGHUP or signal.getsignal(sent) != signal.SIG_IGN]
        before = {sent: signal.signal(sent, self._stop_soon) for sent in heeded}
        self._guard = Guard()
        try:
            for child in self.children:
                self._start(child)
            while not self.stop_requests:
                self._pump(TICK_SECONDS)
                self._look_after_children()
                self.on_tick()
        finally:
            self._stop_all()
            self._guard.close()
            for sent, handler in before.items():
                signal.signal(sent, handler)

    def _stop_soon(self, _signal: int, _frame: FrameType | None) -> None:
        self.stop_requests += 1

    def _start(self, child: Child) -> None:
        self._guard.watch(child.start())
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _pump(self, seconds: float) -> None:
        """Copies what the programs wrote, waiting for it at most `seconds`."""
        if not self._selector.get_map():
            time.sleep(seconds)
        for key, _ in self._selector.select(seconds):
            self._copy(key.data)

    def _copy(self, child: Child) -> None:
        chunk = os.read(child.output.fileno(), MAX_LINE)
        for line in child.lines(chunk):
            self.terminal.line(child.program.name, line)
        if not chunk:
            self._selector.unregister(child.output)
            child.output.close()

    def _look_after_children(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if not child.finished and now >= child.start_again_at:
                    self._start(child)
            elif child.process.poll() is not None:
                self._bury(child, child.process.returncode, now)

    def _bury(self, child: Child, status: int, now: float) -> None:
        """A program ended by itself: ends what it left behind, and decides when to start it again."""
        self._clear(child)
        name = child.program.name
        if status == 0 and child.program.may_finish:
            child.finished = True
            self.terminal.line(name, "has finished")
            return
        pause = child.note_death(now)
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        self.terminal.line(name, f"{how}; starting it again in {pause:.0f} s")
        if child.quick_deaths >= QUICK_DEATHS:
            self.terminal.shout(
                f"{name} has died {child.quick_deaths} times, each time soon after its start. Its lines above say why. "
                f"The rest goes on; {name} is tried again every {LONGEST_PAUSE:.0f} s."
            )

    def _clear(self, child: Child) -> None:
        """Kills what is left of the group of a process that has ended, and reads its last words."""
        if child.process is None:
            return
        group = child.process.pid
        send_group(group, signal.SIGKILL)
        self._read_last_words(child)
        self._guard.forget(group)
        child.process = None

    def _read_last_words(self, child: Child) -> None:
        """Bounded in time: a process that left the group may hold the pipe open for ever."""
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while not child.output.closed and time.monotonic() < deadline:
            if any(key.data is child for key, _ in self._selector.select(0.05)):
                self._copy(child)
        if not child.output.closed:
            self._selector.unregister(child.output)
            child.output.close()

    def _stop_all(self) -> None:
        """Asks every program to end, last started first, and kills the groups of those that take too long.

        Another Ctrl-C meanwhile kills at once.
        """
        requests = self.stop_requests
        running = [child for child in self.children if child.process]
        for child in reversed(running):
            if child.process:
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.process and child.process.poll() is None for child in running):
            if time.monotonic() > deadline or self.stop_requests > requests:
                break
            self._pump(0.05)
        for child in running:
            self._kill(child)

    def _kill(self, child: Child) -> None:
        if child.process is None:
            return
        if child.process.poll() is None:
            self.terminal.line(child.program.name, "takes too long to stop; killing it")
        send_group(child.process.pid, signal.SIGKILL)
        child.process.wait()
        self._clear(child)
