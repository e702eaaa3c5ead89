"""Releases on a site: which there are, and having one here, file by file and each compared with its checksum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from cats4ml_client.api import Api
from cats4ml_client.config import is_local
from cats4ml_client.errors import Refused, Trouble, WrongUse
from cats4ml_client.fetching import Fetched, Part, Patient, sha256_of
from cats4ml_client.options import State
from cats4ml_client.words import not_json

PUBLIC, ALL = "public", "all"
OF_EVERYBODY = ("common", "public")
_ADDRESS = re.compile(r"/challenges/([^/]+)/releases/([^/]+)/?")
_BY_ID = re.compile(r"/api/v1/releases/(\d{1,18})/?", re.ASCII)
HOW_NAMED = "its version, its address, or its id in the API"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A release on a site, and the API to ask for it."""

    api: Api
    about: dict[str, Any]

    @property
    def path(self) -> str:
        return f"releases/{int(self.about['id'])}/"

    @property
    def root(self) -> str:
        return str(self.about["root_digest"])

    @property
    def folder(self) -> str:
        """A name for its folder, without anything that leads elsewhere."""
        name = f"{self.about['challenge']}-{self.about['version']}"
        return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "release"


def list_releases(state: State) -> Iterator[dict[str, Any]]:
    """The releases of the challenge that is meant, newest first."""
    return state.api().pages(state.edition("releases/"))


def find_release(state: State, named: str | None) -> Found:
    """The release of this version, address or id; without one, the newest. A number is a version first, and an id
    where the challenge has no such version or none was named. Raises `Failure` where there is none."""
    if named is not None and "://" in named:
        return _at(state, named)
    is_number = named is not None and named.isascii() and named.isdecimal() and len(named) <= 18
    try:
        rows = list(list_releases(state))
    except (WrongUse, Refused):
        if not is_number or not state.settings.url:
            raise
        rows = []
    for row in rows:
        if named is None or row.get("version") == named:
            return _sound(state.api(), row)
    if is_number:
        with suppress(Refused):
            return _by_id(state.api(), int(str(named)))
    if not rows:
        raise Refused(f"The challenge “{state.slug}” has no release yet.")
    raise Refused(
        f"There is no release “{named}”.", f"There are: {', '.join(str(row.get('version')) for row in rows)}."
    )


def _by_id(api: Api, number: int) -> Found:
    row = api.get(f"releases/{number}/")
    if not isinstance(row, dict):
        raise not_json(api.site)
    return _sound(api, row)


def _at(state: State, address: str) -> Found:
    """The release of a permanent address, on whichever site that is. The token is for its own site alone."""
    parts = urlsplit(address)
    found, by_id = _ADDRESS.fullmatch(parts.path), _BY_ID.fullmatch(parts.path)
    if (found is None and by_id is None) or parts.scheme not in ("http", "https"):
        raise WrongUse(
            f"{address} is no address of a release.", "It looks like https://…/challenges/NAME/releases/VERSION/."
        )
    site = f"{parts.scheme}://{parts.netloc}"
    if site == state.settings.url:
        api = state.api()
    elif parts.scheme == "http" and not state.given.get("insecure") and not is_local(parts.hostname):
        raise WrongUse("Plain http can be changed on its way.", "Use https, or say --insecure.")
    else:
        api = state.talk_to(site, "")
    if found is None:
        assert by_id is not None, "one of both was found"
        return _by_id(api, int(by_id.group(1)))
    slug, version = (unquote(one) for one in found.groups())
    for row in api.pages(f"challenges/{quote(slug, safe='')}/releases/"):
        if row.get("version") == version:
            return _sound(api, row)
    raise Refused(f"{site} has no release “{version}” of “{slug}”.")


def _sound(api: Api, row: dict[str, Any]) -> Found:
    if not isinstance(row.get("id"), int) or not re.fullmatch("[0-9a-f]{64}", str(row.get("root_digest"))):
        raise not_json(api.site)
    return Found(api, row)


class ReleaseFetcher(Patient):
    """Fetches a release's files into a folder."""

    def __init__(self, release: Found, *, state: State, folder: Path) -> None:
        super().__init__(api=release.api, out=state.out, folder=folder)
        self.release = release

    def files(self, part: str) -> list[dict[str, Any]]:
        """What there is to fetch: of the public part, or of all that this person may have."""
        rows = [row for row in self.api.pages(f"{self.release.path}files/") if not row.get("is_archive")]
        return [row for row in rows if part == ALL or row.get("part") in OF_EVERYBODY]

    def fetch(self, row: dict[str, Any]) -> Fetched:
        """One file, whole and with its digest; it is left as it is where it is here already."""
        path, digest = str(row.get("path")), str(row.get("sha256"))
        if not all(map(_NAME.fullmatch, path.split("/"))):
            raise Trouble(f"{self.api.site} names a file that leads out of a folder: {path}.")
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Part(target.with_name(f".{target.name}.part"))
        if target.is_file() and sha256_of(target) == digest:
            part.remove()
            return Fetched(path, target, target.stat().st_size, digest, 0)

        def once() -> Fetched | None:
            address = f"{self.release.path}files/{quote(path)}"
            with self.api.stream(address, headers=part.headers()) as answer:
                came = self.read(path, answer, part)
            if sha256_of(part.path) != digest:
                part.remove()
                return None
            size = part.size
            part.path.replace(target)
            part.remove()
            return Fetched(path, target, size, digest, came)

        return self.patiently(path, part, once)

    def check_root(self) -> None:
        """Raises `Trouble` where the manifest that came is not the one of the root digest that the site shows."""
        found = sha256_of(self.folder / "MANIFEST.sha256")
        if found != self.release.root:
            raise Trouble(
                f"The site shows the root digest {self.release.root}, and its manifest has {found}.",
                "Tell its organisers: one of them was changed.",
            )
