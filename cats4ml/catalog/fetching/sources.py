"""Where the bytes of a picture come from: the operator's bucket, and the addresses that the collection's files name."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from cats4ml.catalog.fetching.patience import (
    TIME_OUT,
    TOO_LATE,
    TOO_MANY_REQUESTS,
    Clock,
    Patience,
    SourceFailed,
    Stopped,
)
from cats4ml.catalog.guarded_http import HttpRefused, Timeouts, open_url, seconds_in
from cats4ml.catalog.pictures import MAX_BYTES, TOO_LARGE

GONE = "gone"
FORBIDDEN = "forbidden"
REFUSED_ADDRESS = "refused_address"
NOT_THE_ORIGINAL = "not_the_original"
NO_SOURCE = "no_source"
SERVER_ERROR = "server_error"
UNREACHABLE = "unreachable"

_CHUNK = 1 << 16
_BUSY = frozenset({408, 425, 429})
# What guarded_http says, and what that means for a picture. Those of the second group may pass.
_FINAL = {"bad_url": REFUSED_ADDRESS, "refused_address": REFUSED_ADDRESS, "too_large": TOO_LARGE}
_PASSING = {"time_out": TIME_OUT}
# Flickr sends those who ask for a photo that is gone to a picture that says so.
_PLACEHOLDER = re.compile(r"photo_unavailable[^/]*\.(png|gif|jpg)$")


class BucketMissing(Exception):
    """The bucket itself isn't there: the operator's setting is wrong, and no picture will come of it."""


@dataclass(frozen=True)
class Wanted:
    """A picture of the catalogue, and where it may lie."""

    pk: int
    image_id: str
    subset: str
    rotation: int | None
    original_url: str
    original_bytes: int | None
    original_md5: str
    thumbnail_url: str


class Bucket:
    """The public bucket with `<subset>/<image_id>.jpg`, asked without a key. For several threads at once.

    `endpoint`: of a server that speaks S3, else AWS. It is the operator's word and may lie in a private network. Raises
    `BucketMissing` where it is no address, or `name` no bucket's.
    """

    def __init__(self, *, name: str, endpoint: str, connections: int, patience: Patience) -> None:
        options = {"endpoint_url": endpoint} if endpoint else {}
        # The platform's own storage may lie elsewhere, and its settings in the environment must not lead us there.
        config = Config(signature_version=UNSIGNED, ignore_configured_endpoint_urls=True)
        self._name = name
        self._patience = patience
        self._http = urllib3.PoolManager(maxsize=connections, block=False, retries=False)
        try:
            self._client = boto3.client("s3", region_name="us-east-1", config=config, **options)
            self.host = str(urlsplit(self._url("")).hostname)
        except (ValueError, BotoCoreError) as error:
            words = str(error).partition(": Bucket name must")[0].removeprefix("Parameter validation failed:\n")
            raise BucketMissing(f"set OPEN_IMAGES_ENDPOINT or OPEN_IMAGES_BUCKET anew: {words}") from error

    def _url(self, key: str) -> str:
        # Without a signature this is just the object's address, in the form that this server takes.
        url: str = self._client.generate_presigned_url("get_object", Params={"Bucket": self._name, "Key": key or "x"})
        return url

    def read(self, wanted: Wanted, clock: Clock, stop: threading.Event) -> bytes:
        """Raises `SourceFailed`, `BucketMissing` and `Stopped`."""
        url = self._url(f"{wanted.subset}/{wanted.image_id}.jpg")
        timeout = urllib3.Timeout(
            connect=min(self._patience.connect, clock.left()), read=min(self._patience.read, clock.left())
        )
        try:
            answer = self._http.request(
                "GET", url, timeout=timeout, redirect=False, preload_content=False, decode_content=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # A refused connection is one of urllib3's time-outs.
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
                raise SourceFailed(TIME_OUT, f"{self.host} does not answer", temporary=True) from error
            words = f"{self.host} can't be reached: {type(error).__name__}"
            raise SourceFailed(UNREACHABLE, words, temporary=True) from error
        whole = False
        try:
            if answer.status == 200:
                content = _joined(_pieces(answer, self.host, clock), clock, stop)
                whole = True
                return content
            self._refuse(answer.status, answer.read(2000), answer.headers.get("Retry-After", ""))
            raise AssertionError("a refusal raises")
        finally:
            # A connection with something left to read can't be used again.
            answer.release_conn() if whole else answer.close()

    def _refuse(self, status: int, body: bytes, retry_after: str) -> None:
        if b"NoSuchBucket" in body:
            raise BucketMissing(
                f"{self.host} has no bucket {self._name!r}: set OPEN_IMAGES_ENDPOINT or OPEN_IMAGES_BUCKET"
            )
        raise _of_status(status, f"{self.host} answered {status}", seconds_in(retry_after))


class Web:
    """Addresses out of the collection's files, which anybody may have written: private ones are never asked."""

    def __init__(self, patience: Patience, *, allow_private: bool = False) -> None:
        self._patience = patience
        self._allow_private = allow_private  # for the tests' own servers; no setting leads here

    def read(self, url: str, clock: Clock, stop: threading.Event) -> bytes:
        """Raises `SourceFailed` and `Stopped`."""
        patience = Timeouts(connect=self._patience.connect, read=self._patience.read, total=clock.left())
        try:
            with open_url(url, timeouts=patience, max_bytes=MAX_BYTES, allow_private=self._allow_private) as answer:
                if _PLACEHOLDER.search(PurePosixPath(urlsplit(answer.url).path).name):
                    raise SourceFailed(GONE, "the host shows “photo unavailable” instead")
                return _joined(answer.chunks(), clock, stop)
        except HttpRefused as refusal:
            if refusal.status is not None:
                raise _of_status(refusal.status, str(refusal), refusal.retry_after) from refusal
            reason = _FINAL.get(refusal.code) or _PASSING.get(refusal.code, UNREACHABLE)
            raise SourceFailed(reason, str(refusal), temporary=refusal.code not in _FINAL) from refusal


def site_of(url: str) -> str:
    """By what a host's patience is counted: `farm3.staticflickr.com` and `live.staticflickr.com` are one site."""
    try:
        return ".".join((urlsplit(url).hostname or "").split(".")[-2:])
    except ValueError:
        return ""


def check_original(content: bytes, wanted: Wanted) -> None:
    """Raises `SourceFailed` where this is not the file of which the collection tells the length or the MD5."""
    if wanted.original_bytes is not None and len(content) != wanted.original_bytes:
        raise SourceFailed(NOT_THE_ORIGINAL, f"{len(content):,} bytes, the original has {wanted.original_bytes:,}")
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode().rstrip("=")
    if wanted.original_md5 and digest != wanted.original_md5.rstrip("="):
        raise SourceFailed(NOT_THE_ORIGINAL, "the MD5 is not the original's")


def _pieces(answer: urllib3.BaseHTTPResponse, host: str, clock: Clock) -> Iterator[bytes]:
    """Raises `SourceFailed` where the answer breaks off, stalls or doesn't end."""
    try:
        while piece := answer.read1(_CHUNK):
            yield piece
    except urllib3.exceptions.TimeoutError as error:
        raise SourceFailed(TIME_OUT, f"{host} stopped in the middle", temporary=True) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise SourceFailed(
            UNREACHABLE, f"{host} broke off in the middle: {type(error).__name__}", temporary=True
        ) from error


def _joined(pieces: Iterator[bytes], clock: Clock, stop: threading.Event) -> bytes:
    got, length = [], 0
    for piece in pieces:
        got.append(piece)
        length += len(piece)
        if stop.is_set():
            raise Stopped
        if length > MAX_BYTES:
            raise SourceFailed(TOO_LARGE, f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
        if not clock.left():
            raise SourceFailed(TIME_OUT, TOO_LATE, temporary=True)
    return b"".join(got)


def _of_status(status: int, detail: str, retry_after: float | None) -> SourceFailed:
    if status in (404, 410):
        return SourceFailed(GONE, detail)
    if status not in _BUSY and status < 500:
        return SourceFailed(FORBIDDEN, detail)
    reason = TOO_MANY_REQUESTS if status == 429 else SERVER_ERROR
    return SourceFailed(reason, detail, temporary=True, retry_after=retry_after)
