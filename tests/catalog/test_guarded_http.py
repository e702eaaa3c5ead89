"""What is got from addresses that strangers wrote, and what never is. Real servers on loopback."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cats4ml.catalog import guarded_http
from cats4ml.catalog.guarded_http import HttpRefused, Timeouts, is_public, open_url

SHORT = Timeouts(connect=2, read=0.5, total=1.5)


class Handler(BaseHTTPRequestHandler):
    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        name = self.path.strip("/").partition("?")[0]
        if name.startswith("to/"):
            self._head(302, {"Location": name.removeprefix("to/")})
        elif name.isdecimal():
            self._head(int(name), {"Retry-After": "7"})
        elif name == "short":
            self._head(200, {"Content-Length": "10"})
            self.wfile.write(b"12345")
        elif name == "endless":
            self._head(200, {})
            for _ in range(100):
                self.wfile.write(b"x" * 1000)
        else:
            self._head(200, {"Content-Length": "5"})
            self.wfile.write(b"hello")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for item in headers.items():
            self.send_header(*item)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain) -> Iterator[int]:
    Handler.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as number:
        yield number


@contextmanager
def talking(words: Iterator[bytes], pause: float) -> Iterator[int]:
    """A server that says these bytes one after the other, slowly."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def talk() -> None:
        caller, _ = listener.accept()
        with caller:
            for piece in words:
                try:
                    caller.sendall(piece)
                except OSError:
                    return
                if over.wait(pause):
                    return

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listener.close()


def code_of(url: str, **options: object) -> str:
    with pytest.raises(HttpRefused) as refused, open_url(url, timeouts=SHORT, **options) as answer:  # type: ignore[arg-type]
        answer.read()
    assert str(refused.value)
    return refused.value.code


def test_a_file_is_got_from_the_host_that_was_named(port: int) -> None:
    url = f"http://localhost:{port}/a%20b?c=d"
    with open_url(url, allow_private=True) as answer:
        got = (answer.status, answer.url, answer.content_length, answer.read())
    assert got == (200, url, 5, b"hello")
    assert Handler.asked == [(f"localhost:{port}", "/a%20b?c=d")]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "10.0.0.1",
        "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[fe80::1]",
        "[fc00::1]", "[fec0::1]", "[ff02::1]", "[2002:7f00:1::]", "[2002:a00:1::1]", "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2001:db8::1]", "[2001::1]", "[100::1]",
    ],
)  # fmt: skip
def test_nothing_is_asked_of_an_address_that_is_not_public(host: str, port: int) -> None:
    assert code_of(f"http://{host}:{port}/") in {"refused_address", "unknown_host"}
    assert Handler.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:c0a8:101::"])
def test_private_in_any_writing_is_private(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2607:f8b0:4005:805::200e", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_redirect_to_a_private_address_is_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address counts as public here, so that its redirect is what is looked at."""
    monkeypatch.setattr(guarded_http, "is_public", lambda address: str(address) == "127.0.0.1")
    assert code_of(f"http://127.0.0.1:{port}/to/http://[::1]:{port}/") == "refused_address"
    assert code_of(f"http://127.0.0.1:{port}/to/file:///etc/passwd") == "bad_url"


def test_redirects_are_followed_but_not_for_ever(port: int) -> None:
    there = f"http://127.0.0.1:{port}"
    with open_url(f"{there}/to/{there}/to/{there}/x", allow_private=True) as answer:
        assert (answer.url, answer.read()) == (f"{there}/x", b"hello")
    assert code_of(f"{there}/to/" * 6 + "x", allow_private=True) == "too_many_redirects"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "example.org", "http://", "http://me:secret@example.org/", "http://[::1",
        "http://@example.org/", "http://example.org:0/", "http://example.org:99999/", "http://exa mple.org/",
        "http://example.org/\r\nX: y", "http://example.org\\@localhost/", "http://" + "x" * 5000, "http://\ud800/",
        "http://a..b/", "",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    assert code_of(url, allow_private=True) == "bad_url"


def test_an_answer_that_is_an_error_has_its_status(port: int) -> None:
    with pytest.raises(HttpRefused) as refused:
        open_url(f"http://127.0.0.1:{port}/429", allow_private=True)
    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("http_429", 429, 7.0)
    assert code_of(f"http://127.0.0.1:{port}/204", allow_private=True) == "http_204"


def test_an_answer_longer_than_the_limit_is_left(port: int) -> None:
    assert code_of(f"http://127.0.0.1:{port}/x", allow_private=True, max_bytes=4) == "too_large"
    assert code_of(f"http://127.0.0.1:{port}/endless", allow_private=True, max_bytes=99_999) == "too_large"
    with open_url(f"http://127.0.0.1:{port}/endless", allow_private=True, max_bytes=100_000) as answer:
        assert answer.read() == b"x" * 100_000


def test_an_answer_that_breaks_off_is_not_taken_for_whole(port: int) -> None:
    assert code_of(f"http://127.0.0.1:{port}/short", allow_private=True) == "broken_response"


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
)
def test_a_server_that_trickles_is_left_at_the_deadline(beginning: bytes) -> None:
    with talking((beginning if place == 0 else b"x" for place in range(1000)), pause=0.1) as slow:
        assert code_of(f"http://127.0.0.1:{slow}/", allow_private=True) == "time_out"


def test_a_server_that_says_nothing_is_left(port: int) -> None:
    with talking(iter([b""]), pause=30) as silent:
        assert code_of(f"http://127.0.0.1:{silent}/", allow_private=True) in {"time_out", "connect_failed"}
        # TLS with a server that does not speak it, or does not speak at all.
    with talking(iter([b""] * 2), pause=30) as silent:
        assert code_of(f"https://127.0.0.1:{silent}/", allow_private=True) == "time_out"


@pytest.mark.parametrize(
    "words", [b"\x00\xff" * 100, b"<html>", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500]
)
def test_what_is_no_http_is_refused(words: bytes) -> None:
    with talking(iter([words]), pause=0) as strange:
        assert code_of(f"http://127.0.0.1:{strange}/", allow_private=True) in {"broken_response", "connect_failed"}


def test_nobody_there_and_no_such_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert code_of(f"http://127.0.0.1:{port}/", allow_private=True) == "connect_failed"
    assert code_of("http://nowhere.invalid/") == "unknown_host"


def test_proxies_of_the_environment_are_not_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    assert code_of("http://nowhere.invalid/") == "unknown_host"
    assert Handler.asked == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For `localhost`, signed by nobody else."""
    made = tmp_path / "localhost.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extra = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(made), "-out", str(tmp_path / "c.pem")]
    try:
        subprocess.run([*words, *extra], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    made.write_text(made.read_text() + (tmp_path / "c.pem").read_text())
    return made


def test_the_certificate_is_the_host_names_own(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(lambda plain: context.wrap_socket(plain, server_side=True)) as port:
        guarded_http._tls.cache_clear()
        assert code_of(f"https://localhost:{port}/", allow_private=True) == "tls_failed"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        guarded_http._tls.cache_clear()
        assert code_of(f"https://127.0.0.1:{port}/", allow_private=True) == "tls_failed"
        with open_url(f"https://localhost:{port}/", allow_private=True) as answer:
            assert answer.read() == b"hello"
    guarded_http._tls.cache_clear()
