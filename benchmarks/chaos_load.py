"""The people of `benchmarks.chaos`: finders and raters over HTTP, who try again until the site has answered.

What the site accepted is kept here, and held against its database at the end.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE_SECONDS = 150.0
TIMEOUT_SECONDS = 20.0
ANSWERS = ("yes", "yes", "yes", "yes", "no", "no", "no", "dont_know")


@dataclass
class Accepted:
    """What was promised: claims as (finder, image, label), answers by (rater, token)."""

    claims: set[tuple[int, str, str]] = field(default_factory=set)
    answers: dict[tuple[int, str], str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counts[what] += number

    def claim(self, finder: int, image: str, label: str) -> None:
        with self.lock:
            self.claims.add((finder, image, label))

    def answer(self, rater: int, token: str, answer: str) -> None:
        with self.lock:
            self.answers[rater, token] = answer


class Client:
    """One person's connection. Every request may be sent twice without harm, so that it is, until it is answered."""

    def __init__(self, address: str, key: str, accepted: Accepted) -> None:
        self._host, self._key, self.accepted = urlsplit(address).netloc, key, accepted
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: str = "", kind: str = "application/json") -> tuple[int, bytes, bool]:
        """Status, body, and whether it was sent more than once. Raises `TimeoutError` where nobody answers for long."""
        deadline, tries = time.monotonic() + PATIENCE_SECONDS, 0
        while True:
            tries += 1
            self.accepted.count("requests")
            try:
                status, content = self._once(method, path, body, kind)
            except (OSError, http.client.HTTPException):
                self._close()
                self.accepted.count("connections lost")
                status, content = 0, b""
            if status and status < 500 and status != 429:
                return status, content, tries > 1
            if status:
                self.accepted.count(f"{status} answers")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {path} was not answered for {PATIENCE_SECONDS:.0f} s")
            self.accepted.count("retried")
            time.sleep(min(2.0, 0.2 * tries))

    def _once(self, method: str, path: str, body: str, kind: str) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        headers = {"Authorization": f"Token {self._key}", **({"Content-Type": kind} if body else {})}
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Finder(threading.Thread):
    """Claims pairs one by one, as lists and as files; now and then those that another finder claims too."""

    def __init__(
        self, client: Client, part: int, slug: str, pairs: Sequence[tuple[str, str]], seed: int, stop: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._client, self._part, self._accepted = client, part, client.accepted
        self._path = f"/api/v1/challenges/{slug}/submissions/"
        self._pairs, self._random, self._stop_now = pairs, random.Random(seed), stop
        self.failed = ""

    def run(self) -> None:
        ways = (self._one, self._list, self._file)
        try:
            while not self._stop_now.is_set():
                # Out of a short list that all finders share, so that they meet each other's.
                self._random.choice(ways)(self._random.sample(self._pairs, self._random.randint(1, 4)))
                self._stop_now.wait(self._random.uniform(0.5, 2.0))
        except Exception as error:
            self.failed = f"{type(error).__name__}: {error}"

    def _one(self, pairs: Sequence[tuple[str, str]]) -> None:
        image, label = pairs[0]
        status, content, again = self._client.ask(
            "POST", self._path, json.dumps({"image_id": image, "label_id": label})
        )
        if status == 201 or (status == 409 and again):
            # A claim that is refused as one's own, when it was sent again, had been taken the first time.
            self._taken([(image, label)])
        elif status in (403, 409):
            self._accepted.count("claims refused")
        else:
            raise RuntimeError(f"a claim was answered with {status}: {content[:300]!r}")

    def _list(self, pairs: Sequence[tuple[str, str]]) -> None:
        rows = [{"image_id": image, "label_id": label} for image, label in pairs]
        self._report(*self._client.ask("POST", self._path, json.dumps(rows)))

    def _file(self, pairs: Sequence[tuple[str, str]]) -> None:
        text = "image_id,label_id\n" + "".join(f"{image},{label}\n" for image, label in pairs)
        self._report(*self._client.ask("POST", self._path, text, "text/csv"))

    def _report(self, status: int, content: bytes, _again: bool) -> None:  # noqa: FBT001 - as `ask` answers
        if status != 200:
            if status == 403:
                self._accepted.count("claims refused")
                return
            raise RuntimeError(f"claims were answered with {status}: {content[:300]!r}")
        told = json.loads(content)
        self._taken([(one["image_id"], one["label_id"]) for one in told["accepted"]])
        self._accepted.count("claims refused", len(told["refused"]))

    def _taken(self, pairs: Sequence[tuple[str, str]]) -> None:
        for image, label in pairs:
            self._accepted.claim(self._part, image, label)
        self._accepted.count("claims accepted", len(pairs))


class Rater(threading.Thread):
    """Asks for a question and answers it, until told to stop."""

    def __init__(self, client: Client, part: int, slug: str, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._client, self._part, self._accepted = client, part, client.accepted
        self._path = f"/api/v1/challenges/{slug}/ratings/"
        self._random, self._stop_now = random.Random(seed), stop
        self.failed = ""

    def run(self) -> None:
        try:
            while not self._stop_now.is_set():
                self._stop_now.wait(self._random.uniform(0.05, 0.3) if self._rate() else 1.0)
        except Exception as error:
            self.failed = f"{type(error).__name__}: {error}"

    def _rate(self) -> bool:
        status, content, _ = self._client.ask("GET", f"{self._path}next/")
        if status == 204:
            self._accepted.count("nothing to rate")
            return False
        if status != 200:
            raise RuntimeError(f"the next question was answered with {status}: {content[:300]!r}")
        token, answer = json.loads(content)["token"], self._random.choice(ANSWERS)
        status, content, _ = self._client.ask("POST", self._path, json.dumps({"token": token, "answer": answer}))
        if status in (200, 201):
            self._accepted.answer(self._part, token, answer)
            self._accepted.count("answers accepted")
        elif status in (400, 403, 404, 409):
            self._accepted.count("answers refused")
        else:
            raise RuntimeError(f"an answer was answered with {status}: {content[:300]!r}")
        return True
