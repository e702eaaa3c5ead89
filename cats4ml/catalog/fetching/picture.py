"""One picture: from the first of its sources that gives it whole, looked at, and into the storage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cats4ml.catalog.fetching.patience import TOO_MANY_REQUESTS, Clock, Patience, SourceFailed, Turns
from cats4ml.catalog.fetching.sources import (
    FORBIDDEN,
    GONE,
    NO_SOURCE,
    REFUSED_ADDRESS,
    Bucket,
    Wanted,
    Web,
    check_original,
    site_of,
)
from cats4ml.catalog.pictures import PictureRefused, Stored, examine, store

# What is said of a picture for which every source failed otherwise: the first of these that happened.
_LEAST_TELLING = (FORBIDDEN, GONE)
TAKEN_DOWN, TAKEN_DOWN_WORDS = "taken_down", "the same picture was taken down here"


class StorageTrouble(Exception):
    """The picture storage can't be written: no picture will be kept, whichever it is."""


@dataclass(frozen=True)
class Sources:
    """The places that pictures are fetched from. `bucket` is None where there is none. `refused`: SHA-256 of pictures
    that were taken down here, and that come back under no id."""

    bucket: Bucket | None
    web: Web
    patience: Patience
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Got:
    """A picture that is in the storage now."""

    image: int
    stored: Stored
    bytes: int


@dataclass(frozen=True)
class NotGot:
    """Why a picture is not. `temporary`: it may be another time. `unheard`: besides, no server said anything of this
    picture, or one asks to be left alone, so that the trouble may not be the picture's."""

    image: int
    reason: str
    detail: str
    temporary: bool
    unheard: bool


Read = Callable[[], bytes]


@dataclass(frozen=True)
class _Place:
    """`name` in words; `limited`: a host that isn't the operator's. `lies`: whether the collection's rotation holds
    for the file that lies there."""

    name: str
    host: str
    read: Read
    limited: bool = True
    lies: bool = True


def fetch_picture(wanted: Wanted, sources: Sources, turns: Turns) -> Got | NotGot:
    """Get one picture and store its files; the caller writes the row.

    Raises `StorageTrouble`, `BucketMissing`, and `Stopped` where the run ends.
    """
    clock = Clock(sources.patience.deadline)
    failures: list[tuple[str, SourceFailed]] = []
    for place in _places(wanted, sources, clock, turns.stop):
        try:
            content = turns.ask(place.host, clock, place.read, limited=place.limited)
            examined = examine(content, rotation=wanted.rotation or 0 if place.lies else 0)
        except SourceFailed as failure:
            failures.append((place.name, failure))
        except PictureRefused as refusal:
            failures.append((place.name, SourceFailed(refusal.reason, refusal.detail)))
        else:
            if examined.sha256 in sources.refused:
                return NotGot(wanted.pk, TAKEN_DOWN, TAKEN_DOWN_WORDS, temporary=False, unheard=False)
            try:
                return Got(wanted.pk, store(examined), len(content))
            except Exception as error:
                raise StorageTrouble(
                    f"the picture storage can't be written: {type(error).__name__}: {error}"
                ) from error
    return _given_up(wanted, failures)


def _places(wanted: Wanted, sources: Sources, clock: Clock, stop: threading.Event) -> Iterator[_Place]:
    bucket, web = sources.bucket, sources.web
    if bucket is not None and wanted.subset:
        yield _Place("bucket", bucket.host, read=lambda: bucket.read(wanted, clock, stop), limited=False)
    if url := wanted.original_url:
        yield _Place("original", site_of(url), read=lambda: _original(web, url, wanted, clock, stop))
    if small := wanted.thumbnail_url:
        # Its host made it from the original as its author wants it seen: it is upright already.
        yield _Place("thumbnail", site_of(small), read=lambda: web.read(small, clock, stop), lies=False)


def _original(web: Web, url: str, wanted: Wanted, clock: Clock, stop: threading.Event) -> bytes:
    content = web.read(url, clock, stop)
    check_original(content, wanted)
    return content


def _given_up(wanted: Wanted, failures: Sequence[tuple[str, SourceFailed]]) -> NotGot:
    """What may pass comes first, for then it is worth trying again; “gone” last, for it tells least."""
    if not failures:
        words = "neither a subset of the bucket nor an address is known"
        return NotGot(wanted.pk, NO_SOURCE, words, temporary=False, unheard=False)

    def telling(one: tuple[str, SourceFailed]) -> tuple[bool, bool]:
        return (not one[1].temporary, one[1].reason in _LEAST_TELLING)

    _, chief = min(failures, key=telling)
    detail = "; ".join(f"{name}: {failure.detail}" for name, failure in failures)
    heard = any(not failure.temporary and failure.reason != REFUSED_ADDRESS for _, failure in failures)
    unheard = chief.temporary and (not heard or chief.reason == TOO_MANY_REQUESTS)
    return NotGot(wanted.pk, chief.reason, detail, temporary=chief.temporary, unheard=unheard)
