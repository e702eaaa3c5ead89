"""One HTTP connection to an inference server: time-outs, a few retries, limits, no redirects."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from models_zoo.errors import ClassifierError

_BUSY = frozenset({429, 502, 503, 504})
_SHOWN = 200  # characters of a server's own words in an error
_CHUNK = 1 << 16
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Answer:
    """`headers` by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """The status and the beginning of the body, for an error."""
        text = " ".join(self.body[: 4 * _SHOWN].decode("utf-8", "replace").split())
        return f"{self.status} {text[:_SHOWN]}".strip()


@dataclass(frozen=True)
class Patience:
    """`timeout`: seconds for each wait of a try (to connect, to send, for the answer's head), and for all of it once an
    answer comes. `tries`: how many in all. `pause`: seconds before the second, doubled for each more."""

    timeout: float = 30.0
    tries: int = 4
    pause: float = 0.5


class Connection:
    """Speaks to one address, over a connection that is kept open. For one thread."""

    def __init__(self, url: str, token: str, *, who: str, patience: Patience) -> None:
        """`who` begins every error. `url` has scheme, host, perhaps port and path."""
        parts = urllib.parse.urlsplit(url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = make(parts.hostname or "", parts.port, timeout=patience.timeout)
        self._path = parts.path.rstrip("/")
        self._token = token
        self._who = who
        self._patience = patience

    def ask(
        self, path: str, *, limit: int, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET, or POST where there is a `body`. `limit`: the most bytes of an answer.

        Tries again where the server is busy (429, 502, 503, 504) or can't be reached. Raises `ClassifierError` when
        patience is at its end, for a redirect, and for an answer that is longer.
        """
        trouble = ""
        for number in range(self._patience.tries):
            if number:
                time.sleep(min(self._patience.pause * 2 ** (number - 1), _LONGEST_PAUSE))
            try:
                answer = self._once(path, body, headers or {}, limit)
            except (OSError, http.client.HTTPException) as error:
                self._http.close()
                trouble = str(error) or type(error).__name__
                continue
            if answer.status not in _BUSY:
                return answer
            trouble = answer.words
        raise ClassifierError(
            f"{self._who} gave no answer in {self._patience.tries} tries: {trouble}; see whether the server runs, and"
            " whether the worker's REMOTE_CLASSIFIERS has its address"
        )

    def _once(self, path: str, body: bytes | None, headers: Mapping[str, str], limit: int) -> Answer:
        until = time.monotonic() + self._patience.timeout
        own = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._http.request("GET" if body is None else "POST", self._path + path, body=body, headers={**headers, **own})
        response = self._http.getresponse()
        if 300 <= response.status < 400:
            self._http.close()
            raise ClassifierError(
                f"{self._who} wants to send requests elsewhere ({response.status}), which isn't followed; put the final"
                " address into REMOTE_CLASSIFIERS"
            )
        content = bytearray()
        while chunk := response.read1(_CHUNK):
            content += chunk
            if len(content) > limit:
                self._http.close()
                raise ClassifierError(f"{self._who} gave an answer of more than {limit} bytes, which nothing asked for")
            if time.monotonic() > until:
                raise TimeoutError(f"the answer took longer than {self._patience.timeout:g} s")
        if response.length:
            raise http.client.IncompleteRead(bytes(content), response.length)
        response.close()  # read1 leaves it open at its end, and then the connection can't be used again
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, bytes(content))
