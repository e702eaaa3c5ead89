"""HTTP to addresses that strangers wrote: never to a private network, never for ever, never without a limit.

Each address a name stands for is looked at before anything is sent, and the connection goes to the very address that
was looked at: a name that answers differently a moment later gains nothing. Redirects are looked at anew.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

MAX_REDIRECTS = 5
CHUNK_BYTES = 1 << 16
USER_AGENT = "cats4ml"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_LONGEST_URL = 4000
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SAFE_IN_URLS = "!#$%&'()*+,/:;=?@[]~"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class HttpRefused(Exception):
    """Why nothing, or not all, was got from an address: `code` for tables and programs, the text for people.

    Codes: `bad_url`, `refused_address`, `unknown_host`, `connect_failed`, `tls_failed`, `time_out`, `too_large`,
    `too_many_redirects`, `broken_response`, and `http_404` and the like. `status` and `retry_after`, in seconds, are
    those of the answer, where there was one.
    """

    def __init__(self, code: str, words: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.code = code
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect (with TLS), between two pieces of an answer, and for everything, redirects included."""

    connect: float = 10.0
    read: float = 30.0
    total: float = 300.0


class GuardedResponse:
    """An answer with status 200 or 206, still to be read. A context manager.

    `url` is where the redirects led; `content_length` the bytes that the server says it sends, if it says.
    """

    def __init__(self, *, url: str, answer: http.client.HTTPResponse, line: _Line, max_bytes: int | None) -> None:
        self.url = url
        self.status = answer.status
        self.headers = answer.headers
        self.content_length = answer.length
        self._answer = answer
        self._line = line
        self._max_bytes = max_bytes
        if max_bytes is not None and answer.length is not None and answer.length > max_bytes:
            self.close()
            raise _too_large(url, max_bytes)

    def __enter__(self) -> GuardedResponse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece as it comes. Raises `HttpRefused` where it breaks off, is too slow or too long."""
        got = 0
        while self.content_length is None or got < self.content_length:
            try:
                piece = self._answer.read1(CHUNK_BYTES)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise _translated(error, self.url) from error
            if not piece:
                break
            got += len(piece)
            if self._max_bytes is not None and got > self._max_bytes:
                raise _too_large(self.url, self._max_bytes)
            yield piece
        if self.content_length is not None and got < self.content_length:
            left = self.content_length - got
            raise HttpRefused("broken_response", f"{self.url}: the answer broke off, {left:,} bytes before its end")

    def read(self) -> bytes:
        """The whole body; give `open_url` a limit that fits into memory."""
        return b"".join(self.chunks())

    def close(self) -> None:
        self._answer.close()
        self._line.end()


def open_url(
    url: str,
    *,
    timeouts: Timeouts | None = None,
    headers: Mapping[str, str] | None = None,
    max_bytes: int | None = None,
    allow_private: bool = False,
) -> GuardedResponse:
    """GET `url` and follow up to 5 redirects. The body is streamed, and not unpacked whatever its encoding.

    `http` and `https` only, no name or password in the address, no proxy out of the environment. `allow_private` is
    for addresses that an operator wrote. Raises `HttpRefused`, also for every status but 200 and 206.
    """
    timeouts = timeouts or Timeouts()
    deadline = time.monotonic() + timeouts.total
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked(url)
        answer, line = _ask(parts, headers or {}, timeouts, deadline, allow_private=allow_private)
        if answer.status not in _REDIRECTS or not answer.headers.get("Location"):
            break
        answer.close()
        line.end()
        url = urljoin(url, answer.headers["Location"])
    else:
        raise HttpRefused("too_many_redirects", f"{url}: more than {MAX_REDIRECTS} redirects")
    if answer.status not in (200, 206):
        answer.close()
        line.end()
        raise HttpRefused(
            f"http_{answer.status}",
            f"{url}: the server answered {answer.status} {answer.reason}".rstrip(),
            status=answer.status,
            retry_after=seconds_in(answer.headers.get("Retry-After", "")),
        )
    return GuardedResponse(url=url, answer=answer, line=line, max_bytes=max_bytes)


def is_public(address: Address) -> bool:
    """Whether everybody's machines may lie there. An IPv4 address inside an IPv6 one counts as itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_UNICAST and address.is_global


def _checked(url: str) -> SplitResult:
    if len(url) > _LONGEST_URL or re.search(r"[\x00-\x20\x7f\\]", url):
        raise HttpRefused("bad_url", f"{_short(url)}: not an address: too long, or with characters that none has")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("ascii" if ":" in (parts.hostname or "") else "idna").decode("ascii")
    except ValueError as error:
        raise HttpRefused("bad_url", f"{_short(url)}: not an address: {error}") from error
    if parts.scheme not in _PORTS or not host or port == 0:
        raise HttpRefused("bad_url", f"{_short(url)}: an address starts with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise HttpRefused("bad_url", f"{parts.scheme}://…@{host}: no user name and password in an address, please")
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return parts._replace(netloc=netloc)


def _ask(
    parts: SplitResult, headers: Mapping[str, str], timeouts: Timeouts, deadline: float, *, allow_private: bool
) -> tuple[http.client.HTTPResponse, _Line]:
    url = parts.geturl()
    target = quote(parts._replace(scheme="", netloc="", fragment="").geturl() or "/", safe=_SAFE_IN_URLS)
    connection = http.client.HTTPConnection(parts.netloc)
    line: _Line | None = None
    try:
        line = _Line(_connect(parts, timeouts, deadline, allow_private=allow_private), timeouts.read, deadline)
        connection.sock = line
        given = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
        connection.request("GET", target if target.startswith("/") else f"/{target}", headers={**given, **headers})
        return connection.getresponse(), line
    except (OSError, http.client.HTTPException, ValueError) as error:
        if line is not None:
            line.end()
        raise _translated(error, url) from error


def _connect(parts: SplitResult, timeouts: Timeouts, deadline: float, *, allow_private: bool) -> socket.socket:
    host = str(parts.hostname)
    port = parts.port or _PORTS[parts.scheme]
    failure: OSError | None = None
    for family, address in _addresses(host, port, allow_private=allow_private):
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(_left(timeouts.connect, deadline))
            opened.connect(address)
            if parts.scheme == "https":
                opened.settimeout(_left(timeouts.connect, deadline))
                opened = _tls().wrap_socket(opened, server_hostname=host)
        except OSError as error:
            opened.close()
            failure = error
            if isinstance(error, ssl.SSLError):
                break
        else:
            return opened
    raise failure or HttpRefused("unknown_host", f"{host}: this name has no address")


def _addresses(host: str, port: int, *, allow_private: bool) -> list[tuple[int, Any]]:
    """All that `host` stands for. One private address among them is enough to refuse the name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HttpRefused("unknown_host", f"{host}: this name has no address that can be found now") from error
    addresses: list[tuple[int, Any]] = [(family, place) for family, _, _, _, place in found]
    private = [place[0] for _, place in addresses if not is_public(ipaddress.ip_address(place[0]))]
    if private and not allow_private:
        raise HttpRefused(
            "refused_address", f"{host}: {private[0]} is no public address, and nothing is asked of private ones"
        )
    return addresses


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Line:
    """A connection in the shape that `http.client` asks for. No wait is longer than `patience`, nor ends after the
    deadline: a server that sends a byte a second gets no further than one that sends none."""

    def __init__(self, opened: socket.socket, patience: float, deadline: float) -> None:
        self._opened = opened
        self._patience = patience
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._opened.settimeout(_left(self._patience, self._deadline))
        self._opened.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        self._opened.settimeout(_left(self._patience, self._deadline))
        return self._opened.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), CHUNK_BYTES)

    def close(self) -> None:
        """Of no effect: `http.client` closes a connection that won't be used again before its answer was read."""

    def end(self) -> None:
        with suppress(OSError):
            self._opened.close()


class _Reader(io.RawIOBase):
    def __init__(self, line: _Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.receive_into(buffer)


def _left(patience: float, deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for this address is over")
    return min(patience, left)


def _translated(error: Exception, url: str) -> HttpRefused:
    if isinstance(error, TimeoutError):
        return HttpRefused("time_out", f"{url}: the server did not answer in time")
    if isinstance(error, ssl.SSLError):
        return HttpRefused("tls_failed", f"{url}: no safe connection: {error}")
    if isinstance(error, OSError):
        return HttpRefused("connect_failed", f"{url}: no connection, or it broke: {error.strerror or error}")
    return HttpRefused("broken_response", f"{url}: not a proper HTTP answer: {type(error).__name__} {error}".rstrip())


def _too_large(url: str, max_bytes: int) -> HttpRefused:
    return HttpRefused("too_large", f"{url}: longer than {max_bytes:,} bytes")


def seconds_in(text: str) -> float | None:
    """Of a Retry-After header, where it counts seconds; a date is left to the caller's own patience."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def _short(url: str) -> str:
    return repr(url if len(url) <= 80 else url[:80] + "…")
