"""Talking to a site: one session, time-outs, patience, pages, and its errors as `Failure`s.

Every call of this API may be repeated without harm: a claim, a retraction and joining are each done once however often
they are sent. So a call that was cut off is sent again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from cats4ml_client import __version__
from cats4ml_client.errors import Failure, Trouble
from cats4ml_client.words import failure_of, network_failure, not_json

WORTH_REPEATING = (429, 500, 502, 503, 504)
CONNECT_SECONDS = 10.0
LONGEST_WAIT = 120.0  # a server that asks for more patience than that is left alone
PAGE = 1000  # rows; the most that the API gives at once
PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)

Params = Mapping[str, Any]


class _Token(requests.auth.AuthBase):
    """An `auth`, lest requests takes another one from ~/.netrc."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.key:
            request.headers["Authorization"] = f"Token {self.key}"
        return request


@dataclass(frozen=True)
class Manners:
    """How patient the program is. `timeout`: seconds without a byte; `retries`: how often a call is sent again."""

    timeout: float = 60.0
    retries: int = 4


def asked_to_wait(answer: requests.Response) -> float | None:
    """The seconds of `Retry-After`, given as a number or as a date; None where it says nothing that can be read."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=timezone.utc)
    return max(0.0, (then - datetime.now(timezone.utc)).total_seconds())


def back_off(attempt: int) -> float:
    """Seconds before attempt 1, 2, 3 …: doubled each time, and drawn, so that many programs don't come at once."""
    return float(min(0.5 * 2.0 ** (attempt - 1), 30.0) * random.uniform(0.75, 1.25))  # noqa: S311  (no secret)


class Api:
    """The API of one site. `tell` is told why it waits."""

    def __init__(self, *, site: str, token: str, manners: Manners, tell: Callable[[str], None]) -> None:
        self.site = site
        self.manners = manners
        self._tell = tell
        self._session = requests.Session()
        self._session.auth = _Token(token)
        self._session.headers["User-Agent"] = f"cats4ml-client/{__version__}"

    def get(self, path: str, params: Params | list[tuple[str, str]] | None = None) -> Any:
        """The JSON of an address below `/api/v1/`. Raises `Failure`."""
        return self._json(self._send("GET", path, params=params))

    def post(self, path: str, *, params: Params | None = None, json: Any = None, csv: bytes | None = None) -> Any:
        headers = {"Content-Type": "text/csv"} if csv is not None else {}
        return self._json(self._send("POST", path, params=params, json=json, data=csv, headers=headers))

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def pages(self, path: str, params: Params | None = None, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Every row of a list, page after page, or its first `limit`.

        Of the link to the next page only the query is used: behind a proxy its host may be another, and the token is
        for this one.
        """
        query: Params | list[tuple[str, str]] = {**(params or {}), "page_size": min(PAGE, limit or PAGE)}
        left = limit
        while True:
            page = self.get(path, query)
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise not_json(self.site)
            for row in page["results"]:
                if left == 0:
                    return
                yield row
                left = None if left is None else left - 1
            if not page.get("next") or left == 0:
                return
            query = _query_of(page["next"])

    @contextmanager
    def stream(
        self, path: str, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        """An answer whose body is still to be read, with `blocks`. A status of 416 is an answer too."""
        answer = self._send("GET", path, params=params, headers=headers, stream=True, also=(416,))
        try:
            yield answer
        finally:
            answer.close()

    def blocks(self, answer: requests.Response) -> Iterator[bytes]:
        """The body of a streamed answer. Raises `Trouble` where it is cut off."""
        try:
            yield from answer.iter_content(64 * 1024)
        except requests.RequestException as error:
            raise network_failure(error, site=self.site, timeout=self.manners.timeout) from None

    def _json(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise not_json(self.site) from None

    def _send(self, method: str, path: str, *, also: tuple[int, ...] = (), **what: Any) -> requests.Response:
        """The answer, once there is one. Raises `Failure` when patience ends, or for an error that would stay."""
        for attempt in range(1, self.manners.retries + 2):
            wait: float | None = None
            try:
                answer = self._session.request(
                    method,
                    f"{self.site}/api/v1/{path}",
                    timeout=(min(CONNECT_SECONDS, self.manners.timeout), self.manners.timeout),
                    allow_redirects=method == "GET",
                    **what,
                )
            except PASSING as error:
                failure = network_failure(error, site=self.site, timeout=self.manners.timeout)
                if isinstance(error, requests.exceptions.SSLError):
                    raise failure from None
            except requests.RequestException as error:
                raise Trouble(f"{self.site} can’t be asked: {error}.") from None
            else:
                if answer.status_code < 300 or answer.status_code in also:
                    return answer
                failure = self._failure(answer)
                if answer.status_code not in WORTH_REPEATING:
                    raise failure
                wait = asked_to_wait(answer)
            self._pause(failure, attempt, wait)
        raise AssertionError("the last attempt raises")

    def _failure(self, answer: requests.Response) -> Failure:
        try:
            answer.content  # noqa: B018  (read here, for a streamed answer's words are still to come)
        except requests.RequestException as error:
            return network_failure(error, site=self.site, timeout=self.manners.timeout)
        return failure_of(answer, site=self.site)

    def _pause(self, failure: Failure, attempt: int, asked: float | None) -> None:
        """Wait before the next attempt. Raises the failure after the last one, or where the wait would be too long."""
        if attempt > self.manners.retries or (asked or 0) > LONGEST_WAIT:
            raise failure
        seconds = back_off(attempt) if asked is None else asked
        if seconds >= 1:
            self._tell(f"{failure} Trying again in {seconds:.0f} s.")
        time.sleep(seconds)


def _query_of(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query)
