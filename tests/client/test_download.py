"""Downloading a challenge's files: built while one waits, cut off and gone on with, and checked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import pytest

from tests.client.program import Program, on_terminal
from tests.client.stand_in import Asked, Told, answering

CONTENT = bytes(range(256)) * 4096


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class DataSite:
    """A site with one file, as the API describes it."""

    content: bytes = CONTENT
    name: str = "images.csv"
    version: str = '"1"'
    polls: int = 0  # how often it is asked before the file is built
    cuts: int = 0  # how many answers end halfway
    claimed: str | None = None  # what it says that the digest is

    def __call__(self, asked: Asked) -> Told:
        if asked.path.endswith("/data/"):
            return Told(200, [self._entry()])
        if self.polls:
            self.polls -= 1
            return Told(202, {"state": "building", "done": 10 - self.polls, "total": 10}, {"Retry-After": "0"})
        return self._bytes(asked.headers)

    def _entry(self) -> dict:
        ready = not self.polls
        return {
            "kind": "images",
            "name": self.name,
            "state": "ready" if ready else "building",
            "done": 0,
            "total": 10,
            "bytes": len(self.content) if ready else None,
            "sha256": (self.claimed or digest(self.content)) if ready else None,
            "url": "https://elsewhere.invalid/",
            "built_at": "2026-11-02T09:00:00Z" if ready else None,
        }

    def _bytes(self, headers: dict[str, str]) -> Told:
        told = {"ETag": self.version, "Content-Disposition": f'attachment; filename="{self.name}"'}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
        if not found or headers.get("If-Range", self.version) != self.version:
            return Told(200, self.content, told, cut=self._cut(len(self.content)))
        first = int(found.group(1))
        if first >= len(self.content):
            return Told(416, b"", {**told, "Content-Range": f"bytes */{len(self.content)}"})
        last = int(found.group(2) or len(self.content) - 1)
        part = self.content[first : last + 1]
        told["Content-Range"] = f"bytes {first}-{last}/{len(self.content)}"
        return Told(206, part, told, cut=self._cut(len(part)) if len(part) > 1 else None)

    def _cut(self, size: int) -> int | None:
        if not self.cuts:
            return None
        self.cuts -= 1
        return size // 2


def of(program: Program, url: str) -> Program:
    return Program(program.home, {"CATS4ML_URL": url, "CATS4ML_CHALLENGE": "x"})


def ranges(asked: list[Asked]) -> list[str]:
    """The parts that were asked for, without the questions whether the file is built."""
    found = [one.headers.get("Range", "whole") for one in asked if not one.path.endswith("/data/")]
    return [one for one in found if one != "bytes=0-0"]


def files(program: Program) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in (program.home / "x").iterdir()}


def told(received: int) -> list[dict]:
    return [
        {
            "kind": "images",
            "file": "x/images.csv",
            "bytes": len(CONTENT),
            "sha256": digest(CONTENT),
            "received": received,
        }
    ]


def test_file_is_waited_for_while_it_is_built_and_comes_whole(program: Program) -> None:
    with answering(DataSite(polls=3)) as site:
        ended = of(program, site.url)("download", "images", "--json")
    assert (ended.code, ended.json, files(program)) == (0, told(len(CONTENT)), {"images.csv": CONTENT})
    assert ended.err == f"images: the site builds it.\nx/images.csv: {len(CONTENT):,} bytes.\n"
    assert "Authorization" not in site.asked[0].headers


def test_progress_is_shown_on_a_terminal_and_nowhere_else(program: Program) -> None:
    for quiet, shows in (("", True), ("-q", False)):
        with answering(DataSite(polls=3)) as site:
            code, shown = on_terminal(of(program, site.url), "download", "images", "-o", f"to{quiet}", *quiet.split())
        bars = [bool(re.search(rf"{what}: +\d+%", shown)) for what in ("images is built", "images")]
        assert (code, bars) == (0, [shows, shows])
    with answering(DataSite(polls=3)) as site:
        assert "%" not in of(program, site.url)("download", "images").err


def test_file_that_is_here_does_not_come_again(program: Program) -> None:
    with answering(DataSite()) as site:
        user = of(program, site.url)
        user("download", "images")
        again = user("download", "all", "--json")
    assert (again.code, again.json, again.err) == (0, told(0), "x/images.csv: here already.\n")


def test_download_that_is_cut_off_goes_on_where_it_was(program: Program) -> None:
    half, quarters = len(CONTENT) // 2, len(CONTENT) // 2 + len(CONTENT) // 4
    with answering(DataSite(cuts=2)) as site:
        ended = of(program, site.url)("download", "images", "--json")
    assert (ended.code, ended.json, files(program)) == (0, told(len(CONTENT)), {"images.csv": CONTENT})
    assert ranges(site.asked) == ["whole", f"bytes={half}-", f"bytes={quarters}-"]


def test_next_run_goes_on_too_but_not_with_another_version(program: Program) -> None:
    half = len(CONTENT) // 2
    data = DataSite(cuts=1)
    with answering(data) as site:
        user = of(program, site.url)
        assert user("download", "images", "--retries", "0").code == 4
        assert files(program).keys() == {".x-images.part", ".x-images.json"}
        assert user("download", "images", "--json").json == told(half)
        (program.home / "x" / "images.csv").unlink()
        data.cuts = 1
        assert user("download", "images", "--retries", "0").code == 4
        data.version, data.content = '"2"', CONTENT[::-1]
        assert user("download", "images").code == 0
    assert files(program) == {"images.csv": CONTENT[::-1]}


def test_bytes_that_are_not_what_the_checksum_says_never_become_the_file(program: Program) -> None:
    with answering(DataSite(claimed=digest(b"something else"))) as site:
        ended = of(program, site.url)("download", "images")
    assert (ended.code, files(program)) == (4, {})
    assert "images: what came differs from its checksum, twice." in ended.err


@pytest.mark.parametrize("name", ["../../escaped.csv", "..\\escaped.csv", "/etc/escaped.csv", ".escaped.csv"])
def test_name_that_a_site_gives_leads_out_of_no_folder(program: Program, name) -> None:
    with answering(DataSite(name=name)) as site:
        of(program, site.url)("download", "images")
    assert files(program) == {"escaped.csv": CONTENT}


def test_files_are_listed_and_an_unknown_one_is_told(program: Program) -> None:
    with answering(DataSite()) as site:
        user = of(program, site.url)
        assert user("download").out == (
            "kind    state    bytes  built             sha256\n"
            f"images  ready  {len(CONTENT)}  2026-11-02 09:00  {digest(CONTENT)}\n"
        )
        unknown = user("download", "nonsense")
    assert (unknown.code, unknown.err) == (
        1,
        "cats4ml: There is no “nonsense” to download.\nThere are: images.\n",
    )


def test_file_that_the_site_refuses_does_not_keep_the_others_away(program: Program) -> None:
    data = DataSite()

    def handle(asked: Asked) -> Told:
        if asked.path.endswith("/data/"):
            return Told(200, [{**data._entry(), "kind": "pictures"}, data._entry()])
        return Told(409, {"detail": "Too many for one file."}) if "pictures" in asked.path else data(asked)

    with answering(handle) as site:
        ended = of(program, site.url)("download", "all")
    assert (ended.code, ended.err, files(program)) == (
        1,
        f"cats4ml: pictures: Too many for one file.\nx/images.csv: {len(CONTENT):,} bytes.\n",
        {"images.csv": CONTENT},
    )
