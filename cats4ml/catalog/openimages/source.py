"""A file from a path, or from an address: then it comes into the home folder, and goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from cats4ml.catalog.guarded_http import GuardedResponse, HttpRefused, Timeouts, open_url
from cats4ml.embedded.locks import try_exclusive

MAX_BYTES = 20 * 10**9
TIMEOUTS = Timeouts(connect=15, read=60, total=6 * 3600)
# So often without one new byte, with these pauses in between.
PAUSES = (1.0, 4.0, 15.0)
_MAY_PASS = re.compile(r"time_out|connect_failed|broken_response|http_(408|429|5\d\d)")

Follow = Callable[[int, int], None]
"""Is told how many bytes there are, and how many there will be."""


@dataclass(frozen=True)
class Downloaded:
    """The whole file, and whether it is a copy that nobody will look for."""

    path: Path
    is_copy: bool


def is_address(source: str) -> bool:
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", source) is not None


def fetch(
    *, source: str, max_bytes: int, allow_private: bool, follow: Follow, timeouts: Timeouts = TIMEOUTS
) -> Downloaded:
    """The file that `source` names. What an address gave so far stays, and the same call goes on there.

    Raises `HttpRefused` where it can't be got, with the code `too_large` where it has more than `max_bytes` and `busy`
    where another call is at it, and `OSError` where it can't be written.
    """
    if not is_address(source):
        return Downloaded(Path(source), is_copy=False)
    download = _Download(source, max_bytes, follow, timeouts)
    # Two that write one file would leave holes in it.
    lock = try_exclusive(download.path.with_suffix(".lock"))
    if lock is None:
        raise HttpRefused("busy", f"{source}: another call downloads it just now. Wait until that is through")
    try:
        return _whole(download, allow_private=allow_private)
    finally:
        os.close(lock)


def _whole(download: _Download, *, allow_private: bool) -> Downloaded:
    tries = 0
    while True:
        before = download.size()
        try:
            download.go_on(allow_private=allow_private)
            return Downloaded(download.path, is_copy=True)
        except HttpRefused as error:
            tries = 0 if download.size() > before else tries + 1
            if not _MAY_PASS.fullmatch(error.code) or tries > len(PAUSES):
                raise
            time.sleep(PAUSES[max(tries - 1, 0)])


class _Download:
    """One address on its way into one file. Beside it lies what the server calls this version of it."""

    def __init__(self, url: str, max_bytes: int, follow: Follow, timeouts: Timeouts) -> None:
        self._url = url
        self._max_bytes = max_bytes
        self._follow = follow
        self._timeouts = timeouts
        folder = Path(settings.HOME) / "downloads"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._part = self.path.with_suffix(".part")
        self._facts = self.path.with_suffix(".json")

    def size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def go_on(self, *, allow_private: bool) -> None:
        """Have the whole file, of the version that the server has now. Raises `HttpRefused`."""
        known = self._known()
        begun = self.size() if known else 0
        headers = {"Range": f"bytes={begun}-", "If-Range": known["version"]} if begun else {}
        try:
            answer = self._open(headers, allow_private=allow_private)
        except HttpRefused as error:
            if error.status != 416:
                raise
            # The server has no more than we have: another version, or all of it came and the renaming did not.
            self._part.unlink(missing_ok=True)
            begun = 0
            answer = self._open({}, allow_private=allow_private)
        with answer:
            version = _version(answer)
            if self.path.exists() and version and version == known.get("version"):
                return
            if answer.status != 206 or answer.headers.get("Content-Range", "").split("-")[0] != f"bytes {begun}":
                begun = 0
            self._take(answer, begun, version)

    def _open(self, headers: dict[str, str], *, allow_private: bool) -> GuardedResponse:
        return open_url(
            self._url,
            timeouts=self._timeouts,
            headers=headers,
            max_bytes=self._max_bytes,
            allow_private=allow_private,
        )

    def _take(self, answer: GuardedResponse, begun: int, version: str) -> None:
        total = begun + (answer.content_length or 0)
        if total > self._max_bytes:
            raise HttpRefused(
                "too_large", f"{self._url}: {total:,} bytes, and no more than {self._max_bytes:,} may come"
            )
        with self._part.open("r+b" if begun else "wb") as file:
            file.seek(begun)
            file.truncate()
            # Only now: bytes of the former version must never lie beside the name of this one.
            self._facts.write_text(json.dumps({"url": self._url, "version": version}), encoding="utf-8")
            for piece in answer.chunks():
                file.write(piece)
                begun += len(piece)
                if begun > self._max_bytes:
                    raise HttpRefused("too_large", f"{self._url}: longer than {self._max_bytes:,} bytes")
                self._follow(begun, max(total, begun))
            file.flush()
            os.fsync(file.fileno())
        self._part.replace(self.path)

    def _known(self) -> dict[str, str]:
        """What is known of the bytes that lie here; nothing where they can't be told from another version's."""
        try:
            facts = json.loads(self._facts.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return facts if isinstance(facts, dict) and facts.get("url") == self._url and facts.get("version") else {}


def _version(answer: GuardedResponse) -> str:
    """By which the server knows this version again (RFC 9110, If-Range): a strong ETag, or else the time."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def forget(downloaded: Downloaded) -> None:
    """Remove a copy that was imported whole. What lies at a path of the operator's stays."""
    if downloaded.is_copy:
        for path in (downloaded.path, downloaded.path.with_suffix(".json")):
            with suppress(FileNotFoundError):
                path.unlink()
