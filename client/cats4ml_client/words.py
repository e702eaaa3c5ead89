"""The server's errors in its own words, and the network's in ours."""

from __future__ import annotations

import socket
from typing import Any

import requests

from cats4ml_client.errors import Failure, NotAllowed, Refused, Trouble


def words_of(answer: requests.Response) -> str:
    """What an error of the API says: its `detail`, or the messages of each field. Empty where it is no such answer."""
    try:
        said = answer.json()
    except ValueError:
        return ""
    if isinstance(said, dict) and isinstance(said.get("problems"), list):
        rows = [f"  line {one.get('line')}: {one.get('message')}" for one in said["problems"] if isinstance(one, dict)]
        return "\n".join([str(said.get("detail", "")), *rows])
    if isinstance(said, dict):
        return "\n".join(_field(name, value) for name, value in said.items())
    return "\n".join(str(one) for one in said) if isinstance(said, list) else ""


def _field(name: str, value: Any) -> str:
    text = " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    return text if name in ("detail", "non_field_errors") else f"{name}: {text}"


def failure_of(answer: requests.Response, *, site: str) -> Failure:
    """The end that an answer of 3xx, 4xx or 5xx means."""
    status = answer.status_code
    words = words_of(answer)
    if 300 <= status < 400:
        moved = answer.headers.get("Location", "")[:200]
        return Trouble(f"{site} sends us on to {moved or 'another address'}.", "Sign in with the site’s new address.")
    if not words:
        return _unknown(answer, site)
    if status == 401:
        return NotAllowed(words, f"Make a token on {site}/account/tokens/ and sign in: cats4ml login")
    if status == 403:
        return NotAllowed(words, _way_in(words, site))
    return Refused(words) if status < 500 and status != 429 else Trouble(words, "Try again later.")


def _way_in(words: str, site: str) -> str:
    if "scope" in words:
        return f"Tokens are made on {site}/account/tokens/; then sign in with it: cats4ml login"
    return "With this program: cats4ml join" if "participations/" in words else ""


def _unknown(answer: requests.Response, site: str) -> Failure:
    said = f"{site} answered {answer.status_code} {answer.reason or ''}".rstrip() + "."
    if answer.status_code >= 500 or answer.status_code == 429:
        return Trouble(said, "Try again later.")
    return Trouble(said, "That is not how the API answers. Is it the address of a CATS4ML site?")


def not_json(site: str) -> Failure:
    return Trouble(f"{site} answered with something that is not JSON.", "Is it the address of a CATS4ML site?")


def network_failure(error: requests.RequestException, *, site: str, timeout: float) -> Failure:
    """A connection that failed, said shortly."""
    hint = "Check the address and the network, and try again."
    if isinstance(error, requests.exceptions.SSLError):
        return Trouble(f"The certificate of {site} is not trusted: {_cause(error)}.", hint)
    if isinstance(error, requests.Timeout):
        return Trouble(f"{site} did not answer within {timeout:g} s.", "Try again, or wait longer with --timeout.")
    return Trouble(f"{site} can’t be reached: {_cause(error)}.", hint)


def _cause(error: BaseException) -> str:
    """The innermost reason that the system gave."""
    seen: set[int] = set()
    inner: BaseException | None = error
    found = ""
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        if isinstance(inner, socket.gaierror):
            return "there is no host of this name"
        if isinstance(inner, OSError) and inner.strerror:
            found = inner.strerror[0].lower() + inner.strerror[1:]
        reason = getattr(inner, "reason", None) or next((a for a in inner.args if isinstance(a, BaseException)), None)
        inner = reason if isinstance(reason, BaseException) else inner.__cause__ or inner.__context__
    return found or "the connection was cut off"
