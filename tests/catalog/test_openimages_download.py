"""Files from an address: whole, or what came of them goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError

from cats4ml.catalog.openimages import source
from cats4ml.embedded.locks import exclusive
from tests.catalog.openimages_files import labels
from tests.console.commands import command_json

pytestmark = pytest.mark.django_db
CONTENT = b"".join(b"/m/0%d,Name %d\n" % (number, number) for number in range(20_000))


class Server(BaseHTTPRequestHandler):
    """A server of one file that breaks each answer off after `most` bytes, and knows ranges."""

    content = CONTENT
    most = 10**9
    ranges = True
    tag = '"one"'
    asked: list[str | None] = []

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.asked.append(wanted)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        if begin and self.headers["If-Range"] != self.tag:
            begin = 0
        if begin >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        if self.tag:
            self.send_header("ETag", self.tag)
        self.send_header("Content-Length", str(len(self.content) - begin))
        self.end_headers()
        self.wfile.write(self.content[begin : begin + self.most])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: object) -> Iterator[type[Server]]:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    monkeypatch.setattr(source, "PAUSES", (0.0,))
    kind = type("OneServer", (Server,), {"asked": []})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    kind.url = f"http://localhost:{listening.server_address[1]}/classes.csv"  # type: ignore[attr-defined]
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield kind
    listening.shutdown()
    listening.server_close()
    thread.join()


def imported(server: type[Server], *options: str) -> int:
    return int(command_json("import_openimages", server.url, "--allow-private", *options)["new"])  # type: ignore[attr-defined]


def left_over(tmp_path: Path) -> int:
    return sum(path.stat().st_size for path in (tmp_path / "downloads").iterdir() if path.suffix != ".json")


def test_a_download_that_breaks_off_goes_on(server: type[Server], tmp_path: Path) -> None:
    server.most = 100_000
    assert imported(server) == 20_000
    assert server.asked == [None, *(f"bytes={begun}-" for begun in range(100_000, len(CONTENT), 100_000))]
    assert (len(labels()), left_over(tmp_path)) == (20_000, 0)


def test_a_server_that_knows_no_ranges_is_asked_for_all_again(server: type[Server], tmp_path: Path) -> None:
    server.most, server.ranges = 100_000, False
    with pytest.raises(CommandError, match="broke off"):
        imported(server)
    server.most = 10**9
    assert imported(server) == 20_000


def test_what_came_so_far_is_kept_for_the_next_call(server: type[Server], tmp_path: Path) -> None:
    server.most = 0
    with pytest.raises(CommandError, match="broke off"):
        imported(server)
    server.most, server.content = 150_000, CONTENT[:150_001]
    server.asked.clear()
    assert imported(server) > 0
    assert server.asked == [None, "bytes=150000-"]


def test_another_version_on_the_server_is_got_whole(server: type[Server], tmp_path: Path) -> None:
    server.most = 100
    for _ in range(2):
        with pytest.raises(CommandError, match="longer than"):
            imported(server, "--max-bytes=50")
    server.most, server.tag, server.content = 10**9, '"two"', b"/m/01,One\n"
    assert imported(server) == 1
    assert labels() == {"/m/01": "One"}


def test_a_download_has_a_limit(server: type[Server], tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"longer than 1,000 bytes.* say --max-bytes"):
        imported(server, "--max-bytes=1000")
    assert labels() == {}


def test_two_calls_do_not_write_one_file(server: type[Server], tmp_path: Path) -> None:
    imported(server)
    [lock] = (tmp_path / "downloads").glob("*.lock")
    with exclusive(lock), pytest.raises(CommandError, match="another call downloads it just now"):
        imported(server)
    assert imported(server) == 0


def test_nothing_is_asked_of_a_private_address_unless_the_operator_means_it(server: type[Server]) -> None:
    with pytest.raises(CommandError, match=r"no public address.* say --allow-private"):
        command_json("import_openimages", server.url)  # type: ignore[attr-defined]
    assert server.asked == []


def test_an_error_page_is_no_file(server: type[Server]) -> None:
    server.content = b"<html>Not found</html>"
    with pytest.raises(CommandError, match="web page"):
        imported(server)


def test_a_disk_that_is_full_is_said(server: type[Server], tmp_path: Path) -> None:
    (tmp_path / "downloads").write_text("a file where the folder should be")
    with pytest.raises(CommandError, match=r"can't be written: .* Make room below"):
        imported(server)
