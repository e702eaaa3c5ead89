"""What words mean to an edition's joint text-image card: a vector, near which lie the pictures that show it.

A scoring worker makes the vectors. They are kept in the cache: nothing is lost with one but a second's work.
"""

from __future__ import annotations

import hashlib
import logging
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.core.cache import cache

from cats4ml.catalog.models import Classifier
from cats4ml.challenges.models import Challenge
from cats4ml.json_cache import count_once
from cats4ml.submissions import dispatch
from scoring.contract import TextResult, unpack_half

logger = logging.getLogger(__name__)

MOST_CHARACTERS = 200
# So long a page waits by itself; then it says so.
PATIENCE_SECONDS = 20
# A text that got no answer is asked for again after that.
ASK_AGAIN_SECONDS = 30
# With the two below this bounds what an edition takes of Redis, which is the broker too: 200 MB at the very most.
KEPT_SECONDS = 24 * 60 * 60
# New texts of one edition: each takes a scoring worker's time. Anybody may search, and those without an account share
# a part of their own, so that a crowd of them leaves the participants theirs.
MOST_A_MINUTE = 60
MOST_OF_STRANGERS = 20
_MINUTE = 60
# A vector's length in float16 differs from 1 by less than this.
_LENGTH_TOLERANCE = 0.02


class State(StrEnum):
    FOUND = "found"
    WAITING = "waiting"  # a worker was asked
    LATE = "late"  # it was asked a while ago, and none has answered
    BUSY = "busy"  # too many new texts in this minute
    FAILED = "failed"  # the worker can't use the card, or the words have no vector


@dataclass(frozen=True)
class Meaning:
    """`vector` of length 1 where it was found. `cut`: the text was longer than the card's context, so that its end
    wasn't looked at."""

    state: State
    vector: list[float] | None = None
    cut: bool = False


def clean_text(text: str) -> str:
    """A text as it is looked up: without control characters, each gap one space, at most 200 characters."""
    plain = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8"))
    spoken = "".join(" " if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") else one for one in plain)
    return " ".join(spoken.split())[:MOST_CHARACTERS].rstrip()


def meaning_of(*, challenge: Challenge, text: str, at: datetime, stranger: bool = False) -> Meaning:
    """What the edition's joint card makes of `text`, which is as `clean_text` gives it and not empty.

    Where nobody has asked before, a scoring worker is asked, once, and the answer is `WAITING`: look again. `stranger`:
    somebody without an account asks. Raises `ValueError` for an edition without a joint card.
    """
    classifier = challenge.joint_classifier
    if classifier is None:
        raise ValueError(f"{challenge.slug} has no joint card")
    key = _key(classifier.digest, text)
    known = cache.get(key)
    if known is not None:
        packed, cut = known
        return Meaning(State.FOUND, unpack_half(packed), cut) if packed else Meaning(State.FAILED)
    asked = cache.get(mark_of(classifier.digest, text))
    if asked is None:
        return Meaning(_ask(challenge, text, mark_of(classifier.digest, text), at, stranger=stranger))
    return Meaning(State.WAITING if at.timestamp() - asked < PATIENCE_SECONDS else State.LATE)


def record_text_vectors(*, result: TextResult) -> None:
    """Keep what a worker made of texts. Twice is once; what is no vector of this card's is left out and logged."""
    classifier = Classifier.objects.filter(digest=result.digest).first()
    if classifier is None:
        logger.warning("vectors of texts by an unknown joint card %s are left out", result.digest[:12])
        return
    if result.error:
        logger.error("%s made no vectors of texts: %s: %s", classifier, result.error, result.detail)
        for text in result.texts:
            cache.set(_key(result.digest, text), ("", False), timeout=ASK_AGAIN_SECONDS)
        return
    dimensions = int(classifier.card["dimensions"])
    for text, packed, cut in zip(result.texts, result.vectors, result.cut, strict=True):
        usable = bool(packed) and _is_usable(unpack_half(packed), dimensions)
        if not usable:
            logger.warning("%s made no usable vector of a text of %d characters", classifier, len(text))
        timeout = KEPT_SECONDS if usable else ASK_AGAIN_SECONDS
        cache.set(_key(result.digest, text), (packed if usable else "", cut), timeout=timeout)


def _ask(challenge: Challenge, text: str, mark: str, at: datetime, *, stranger: bool) -> State:
    if not cache.add(mark, at.timestamp(), timeout=ASK_AGAIN_SECONDS):
        return State.WAITING  # somebody else just has
    who, most = ("strangers", MOST_OF_STRANGERS) if stranger else ("known", MOST_A_MINUTE)
    counter = f"meaning-asked-{challenge.pk}-{who}-{int(at.timestamp()) // _MINUTE}"
    if count_once(counter, seconds=2 * _MINUTE) > most:
        cache.delete(mark)
        return State.BUSY
    dispatch.request_text_vector(challenge, text, expires=ASK_AGAIN_SECONDS)
    return State.WAITING


def _is_usable(vector: Sequence[float], dimensions: int) -> bool:
    return len(vector) == dimensions and abs(math.hypot(*vector) - 1) < _LENGTH_TOLERANCE


def mark_of(digest: str, text: str) -> str:
    """The key in the cache under which it stands when a text was asked for, in seconds."""
    return f"{_key(digest, text)}-asked"


def _key(digest: str, text: str) -> str:
    return "meaning-" + hashlib.sha256(f"{digest}\0{text}".encode()).hexdigest()
