"""Texts that are the same or nearly so."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

WORDS_TOGETHER = 3
# A run of words in so many texts is a manner of speaking ("there is no"), and says nothing about who copied from whom.
MOST_SHARING = 40
ALIKE = 0.6

_NOT_WORDS = re.compile(r"[^\w]+", re.UNICODE)


def normal_text(text: str) -> str:
    """Words in lower case with one space between them: what remains when somebody changes capitals and commas."""
    return _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def shingles(text: str) -> frozenset[str]:
    """Every run of three words of a normal text; of a shorter text all of it."""
    words = text.split()
    if len(words) <= WORDS_TOGETHER:
        return frozenset([" ".join(words)] if words else [])
    return frozenset(
        " ".join(words[place : place + WORDS_TOGETHER]) for place in range(len(words) - WORDS_TOGETHER + 1)
    )


def nearly_equal(texts: Sequence[str]) -> list[tuple[int, int, float]]:
    """The pairs of different normal texts, by their places, whose sets of three-word runs overlap by 0.6 or more.

    The overlap is Jaccard's, the part of the runs of either that both have (Broder, On the resemblance and containment
    of documents, 1997). Texts are compared only where they share a run that at most 40 of them have, so that the work
    grows with the number of texts and not with its square. The most alike come first.
    """
    sets = [shingles(text) for text in texts]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for place, runs in enumerate(sets):
        for run in runs:
            holders[run].append(place)
    candidates = Counter(pair for places in holders.values() for pair in _pairs(places))
    found = []
    for first, second in candidates:
        shared = len(sets[first] & sets[second])
        overlap = shared / (len(sets[first]) + len(sets[second]) - shared)
        if overlap >= ALIKE and texts[first] != texts[second]:
            found.append((first, second, overlap))
    return sorted(found, key=lambda one: (-one[2], one[0], one[1]))


def _pairs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    if len(places) > MOST_SHARING:
        return
    for place, first in enumerate(places):
        for second in places[place + 1 :]:
            yield first, second
