"""Fetching one data file: waiting while the site builds it, going on where it was cut off, and checking it."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from cats4ml_client.api import Api, asked_to_wait, back_off
from cats4ml_client.errors import Trouble
from cats4ml_client.output import Output
from cats4ml_client.words import not_json

BLOCK = 1024 * 1024
LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Fetched:
    """A file that is here and whole. `bytes` came over the network in this run: 0 where it was here before."""

    kind: str
    file: Path
    size: int
    sha256: str
    came: int


class Patient:
    """Getting a file in as many attempts as it takes."""

    def __init__(self, *, api: Api, out: Output, folder: Path) -> None:
        self.api = api
        self.out = out
        self.folder = folder

    def patiently(self, what: str, part: Part, once: Callable[[], Fetched | None]) -> Fetched:
        """The file that `once` gets. Raises `Failure`; what has come by then is kept, and used the next time."""
        came = failures = wrong = 0
        while True:
            before = part.size
            try:
                found = once()
            except Trouble:
                failures = 1 if part.size > before else failures + 1
                came += max(part.size - before, 0)
                if failures > self.api.manners.retries:
                    raise
                self.out.say(f"{what}: cut off after {part.size:,} bytes; going on from there.")
                time.sleep(back_off(failures))
                continue
            if found is not None:
                return found if not found.came else replace(found, came=came + found.came)
            wrong += 1
            if wrong > 1:
                raise Trouble(f"{what}: what came differs from its checksum, twice.", "Try again later.")
            self.out.say(f"{what}: what came differs from its checksum. Once more, from the beginning.")

    def read(self, kind: str, answer: requests.Response, part: Part) -> int:
        """Read the answer to the end of the part. Returns how many bytes came."""
        if answer.status_code == 416:  # the part is whole, or longer than the file is now: the checksum tells
            return 0
        goes_on = answer.status_code == 206
        start = part.size if goes_on else 0
        if goes_on and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            part.remove()
            raise Trouble(f"{kind}: the site sent another part than the one that was asked for.")
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        if not goes_on:
            part.begin(answer.headers.get("ETag", ""))
        came = 0
        with (
            part.path.open("ab") as file,
            self.out.bar(total=total, at=start, what=kind, in_bytes=True) as bar,
        ):
            for block in self.api.blocks(answer):
                file.write(block)
                bar.update(len(block))
                came += len(block)
        if total is not None and start + came < total:
            raise Trouble(f"{kind}: only {start + came:,} of {total:,} bytes came.", "Run it again: it goes on.")
        return came


class Fetcher(Patient):
    """Fetches a challenge's files into a folder. `edition` makes a path of the API below the challenge."""

    def __init__(self, *, api: Api, out: Output, folder: Path, slug: str, edition: Callable[[str], str]) -> None:
        super().__init__(api=api, out=out, folder=folder)
        self.slug = slug
        self.edition = edition

    def fetch(self, kind: str) -> Fetched:
        """The file of this kind, whole. Raises `Failure`; what has come by then is kept, and used the next time."""
        part = Part(self.folder / f".{self.slug}-{kind}.part")

        def once() -> Fetched | None:
            self._wait_until_built(kind)
            return self._once(kind, part)

        return self.patiently(kind, part, once)

    def _entry(self, kind: str) -> dict[str, Any]:
        """What the site says of the file now."""
        return next((one for one in list_files(self.api, self.edition) if one["kind"] == kind), {})

    def _wait_until_built(self, kind: str) -> None:
        """Ask for the file, which has it built where it isn't, until it is there."""
        bar: tqdm[Any] | None = None
        try:
            while True:
                with self.api.stream(self.edition(f"data/{kind}/"), headers={"Range": "bytes=0-0"}) as answer:
                    if answer.status_code != 202:
                        return
                    told = _json(answer, self.api)
                    pause = asked_to_wait(answer)
                if bar is None:
                    self.out.say(f"{kind}: the site builds it.")
                    bar = self.out.bar(total=told.get("total") or None, what=f"{kind} is built")
                bar.total = told.get("total") or None
                bar.update((told.get("done") or 0) - bar.n)
                time.sleep(min(2.0 if pause is None else pause, LONGEST_PAUSE))
        finally:
            if bar is not None:
                bar.close()

    def _once(self, kind: str, part: Part) -> Fetched | None:
        """One attempt: None where what came differs from its checksum, and is thrown away."""
        expected = str(self._entry(kind).get("sha256") or "")
        with self.api.stream(self.edition(f"data/{kind}/"), headers=part.headers()) as answer:
            if answer.status_code == 202:  # a new one is built since
                raise Trouble(f"{kind}: the site builds it anew.")
            target = self.folder / file_name(answer, f"{self.slug}-{kind}")
            if expected and target.is_file() and sha256_of(target) == expected:
                part.remove()
                return Fetched(kind, target, target.stat().st_size, expected, 0)
            came = self.read(kind, answer, part)
        digest = sha256_of(part.path)
        if expected and digest != expected:
            part.remove()
            return None
        size = part.size
        part.path.replace(target)
        part.remove()
        return Fetched(kind, target, size, digest, came)


class Part:
    """The beginning of a file, and beside it the version (ETag) that it is of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.about = path.with_suffix(".json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def begin(self, etag: str) -> None:
        self.path.write_bytes(b"")
        self.about.write_text(json.dumps({"etag": etag}), encoding="utf-8")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)

    def headers(self) -> dict[str, str]:
        """Ask for the rest where the beginning is of a known version, else for all. Never packed: bytes are counted."""
        plain = {"Accept-Encoding": "identity"}
        try:
            etag = str(json.loads(self.about.read_text(encoding="utf-8"))["etag"])
        except (OSError, ValueError, KeyError, TypeError):
            return plain
        if not self.size or not etag or etag.startswith("W/"):
            return plain
        return {**plain, "Range": f"bytes={self.size}-", "If-Range": etag}


def list_files(api: Api, edition: Callable[[str], str]) -> list[dict[str, Any]]:
    """The files that a challenge offers."""
    found = api.get(edition("data/"))
    rows = found.get("results") if isinstance(found, dict) else found
    if not isinstance(rows, list) or any(not isinstance(row, dict) or "kind" not in row for row in rows):
        raise not_json(api.site)
    return rows


def _json(answer: requests.Response, api: Api) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        raise not_json(api.site) from None
    return told if isinstance(told, dict) else {}


def file_name(answer: requests.Response, otherwise: str) -> str:
    """The name that the site gives the file, without anything that could lead out of a folder or hide the file."""
    found = re.search(r'filename="?([^";]+)', answer.headers.get("Content-Disposition", ""))
    name = re.sub(r"[^A-Za-z0-9._-]", "_", (found.group(1) if found else otherwise).replace("\\", "/").split("/")[-1])
    return name.lstrip(".") or otherwise


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
