"""What `benchmarks.chaos` does to the site: each fault begins, lasts for seconds, and is over when its call returns."""

from __future__ import annotations

import json
import random
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import redis

from benchmarks.chaos_site import Site

FREEZE_SECONDS = 70.0
MOST_KEPT = 4_000
QUEUES = ("scoring", "web")


class Messages(threading.Thread):
    """Keeps copies of the messages that are sent by way of Redis, to send them again."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.kept: deque[tuple[float, str, str]] = deque(maxlen=MOST_KEPT)

    def run(self) -> None:
        while True:
            with suppress(redis.RedisError, OSError):
                self._listen()
            time.sleep(0.2)

    def _listen(self) -> None:
        with redis.Redis.from_url(self._url, decode_responses=True).monitor() as monitor:
            for seen in monitor.listen():
                words = seen["command"].split(" ", 2)
                if words[0].upper() == "LPUSH" and words[1].split("\x06")[0].split("\\x06")[0] in QUEUES:
                    self.kept.append((time.monotonic(), words[1], words[2]))

    def send_again(self, chance: random.Random, number: int) -> int:
        """Some of them once more and in another order, most of them late. Returns how many."""
        known = list(self.kept)
        chosen = chance.sample(known, min(number, len(known)))
        with redis.Redis.from_url(self._url) as client:
            for _, name, payload in chosen:
                with suppress(ValueError, KeyError):
                    message = json.loads(_plain(payload))
                    # As Redis restores a message: the same one, with a tag of its own for whoever takes it.
                    message["properties"]["delivery_tag"] = str(uuid4())
                    client.lpush(_plain(name), json.dumps(message))
        return len(chosen)


def _plain(text: str) -> str:
    """MONITOR shows what isn't printable, and quotes and backslashes, with a backslash before them."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape") if "\\" in text else text


@dataclass
class Chaos:
    """The faults, each by name."""

    site: Site
    home: Path
    messages: Messages
    chance: random.Random
    freeze_seconds: float = FREEZE_SECONDS
    repeated: int = 0
    order_release: Callable[[], None] = lambda: None
    redis_socket: Path = Path()
    postgres_data: Path = Path()
    only: frozenset[str] = frozenset()
    done: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, Callable[[], None]]:
        """By name; those in `only`, unless that is empty."""
        every = {
            "kill web": lambda: self._kill("web", 2),
            "kill web worker": lambda: self._kill("worker", 3),
            "kill scoring worker": lambda: self._kill("scoring", 3),
            "kill clock": lambda: self._kill("clock", self.freeze_seconds),
            "redis loses its memory": lambda: self._end_server("redis", signal.SIGKILL),
            "postgres stops at once": lambda: self._end_server("postgres", signal.SIGQUIT),
            "freeze scoring worker": lambda: self._freeze("scoring"),
            "freeze web worker": lambda: self._freeze("worker"),
            "disk full for the workers": self._fill_disk,
            "messages twice and out of order": self._repeat_messages,
            "clock jumps": self._jump_clock,
        }
        return {name: fault for name, fault in every.items() if not self.only or name in self.only}

    def in_turn(self, until: float, *, calm: float) -> Iterator[str]:
        """Every fault once, in an order by chance, and again until the time is over; `calm` seconds between two."""
        while True:
            names = list(self.faults())
            self.chance.shuffle(names)
            for name in names:
                if time.monotonic() > until:
                    return
                self.faults()[name]()
                self.done.append(name)
                yield name
                self._rest(calm)

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(0.25)
            self.site.mend()

    def _kill(self, name: str, seconds: float) -> None:
        self.site.processes[name].kill()
        time.sleep(seconds)
        self.site.again(name)

    def _freeze(self, name: str) -> None:
        self.site.processes[name].send(signal.SIGSTOP)
        time.sleep(self.freeze_seconds)
        self.site.processes[name].send(signal.SIGCONT)

    def _end_server(self, kind: str, sent: signal.Signals) -> None:
        """Its keeper starts it again. Only the server of this run's own home is meant."""
        for process in psutil.process_iter(["pid", "cmdline", "name"]):
            words = " ".join(process.info["cmdline"] or [])
            ours = self._marks(kind)
            if ours in words and "-keeper" not in words and "cats4ml/embedded" not in words:
                with suppress(psutil.Error):
                    process.send_signal(sent)

    def _marks(self, kind: str) -> str:
        """What the command line of the server of this home holds, and no other's does."""
        return {"redis": str(self.redis_socket), "postgres": f"-D {self.postgres_data}"}[kind]

    def _fill_disk(self) -> None:
        """No file of the workers may grow any more (`RLIMIT_FSIZE`, of its own processes): writes fail, as on a full
        disk. Meanwhile a release is ordered, and the scoring worker makes its exported graphs anew."""
        for path in (self.home / "scoring-cache").glob("**/*.onnx"):
            path.unlink(missing_ok=True)
        pids = [pid for name in ("worker", "scoring") for pid in self.site.processes[name].members()]
        hard = {pid: self._limit(pid, 0) for pid in pids}
        self.order_release()
        time.sleep(10)
        for pid, before in hard.items():
            if before is not None:
                with suppress(ProcessLookupError, OSError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        self.order_release()

    def _limit(self, pid: int, size: int) -> tuple[int, int] | None:
        try:
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
        except (ProcessLookupError, OSError):
            return None
        return before

    def _repeat_messages(self) -> None:
        for _ in range(4):
            self.repeated += self.messages.send_again(self.chance, 40)
            time.sleep(1)

    def _jump_clock(self) -> None:
        """Of one process after the other, forward and back: hours for the clock, minutes for who takes answers."""
        jumps: dict[str, Any] = {"clock": 7200.0, "worker": 900.0, "web": -600.0, "scoring": 86_400.0}
        for name, ahead in jumps.items():
            self.site.processes[name].set_clock(ahead)
        time.sleep(12)
        for name in jumps:
            self.site.processes[name].set_clock(0)
        time.sleep(2)
