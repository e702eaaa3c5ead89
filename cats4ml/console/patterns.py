"""Patterns among claims and answers that an organiser may want to look at. Hints, never verdicts: each has innocent
causes, and nothing follows from any of them by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.console import pattern_queries as sql
from cats4ml.rules.affinity import LEAST_ANSWERS, Favour, affinity
from cats4ml.rules.disagreement import discoveries
from cats4ml.rules.likeness import nearly_equal, normal_text
from cats4ml.submissions.models import Submission

# "A dog in the grass" is nobody's own; of texts as long as this two people seldom find the same.
LEAST_LETTERS = 20
LEAST_LETTERS_NEAR = 40
OFTEN = 5
NEWEST_TEXTS = 5_000
LEAST_SHARED = 5
SAME_ORDER = 0.7


@dataclass(frozen=True)
class Person:
    """A finder or a rater, by whom a line of a table leads to their page."""

    pk: int
    name: str


@dataclass(frozen=True)
class Copies:
    """So many `pictures` of a finder are copies of one another, in `groups`; the largest group has `largest`."""

    finder: Person
    groups: int
    pictures: int
    claims: int
    largest: int
    example: str


@dataclass(frozen=True)
class Words:
    """The same text in so many claims, as it was written first, by these finders, the first of whom wrote it first."""

    text: str
    claims: int
    finders: tuple[Person, ...]


@dataclass(frozen=True)
class Near:
    """Two texts, the first written first, which share this part of their three-word runs."""

    first: Person
    second: Person
    first_text: str
    second_text: str
    overlap: float


@dataclass(frozen=True)
class Follower:
    leader: Person
    follower: Person
    pairs: int
    seconds: float
    same_order: float  # below 0: the other way round


@dataclass(frozen=True)
class Affinity:
    """A rater's `answers` to a finder's pairs: `found` against the machines, `expected` by what the others said there.
    `z` as in `rules.affinity`; above zero in the finder's favour."""

    rater: Person
    finder: Person
    answers: int
    found: int
    expected: float
    z: float


@dataclass(frozen=True)
class Patterns:
    """At most 20 of each kind. `tested`: how many raters and finders were compared."""

    copies: tuple[Copies, ...]
    same: tuple[Words, ...]
    repeated: tuple[Words, ...]
    near: tuple[Near, ...]
    followers: tuple[Follower, ...]
    affinities: tuple[Affinity, ...]
    tested: int

    def about(self, finder: int) -> Patterns:
        """Those in which this finder has a part."""
        return Patterns(
            copies=tuple(one for one in self.copies if one.finder.pk == finder),
            same=tuple(one for one in self.same if any(person.pk == finder for person in one.finders)),
            repeated=tuple(one for one in self.repeated if one.finders[0].pk == finder),
            near=tuple(one for one in self.near if finder in (one.first.pk, one.second.pk)),
            followers=tuple(one for one in self.followers if finder in (one.leader.pk, one.follower.pk)),
            affinities=tuple(one for one in self.affinities if one.finder.pk == finder),
            tested=self.tested,
        )

    @property
    def number(self) -> int:
        kinds: tuple[tuple[object, ...], ...] = (
            self.copies, self.same, self.repeated, self.near, self.followers, self.affinities,
        )  # fmt: skip
        return sum(map(len, kinds))


def count_patterns(challenge: Challenge, at: datetime) -> Patterns:
    """Eight queries, however many finders, raters and claims there are."""
    words = {"challenge": challenge.pk, "shown": sql.SHOWN, "least": LEAST_LETTERS, "often": OFTEN}
    copies = _rows(sql.COPIES, challenge=challenge.pk, shown=sql.SHOWN)
    told = _rows(sql.WORDS, **words)
    near = _near_texts(challenge)
    followers = _rows(
        sql.FOLLOWERS, challenge=challenge.pk, shown=sql.SHOWN, least=LEAST_SHARED, alike=SAME_ORDER
    )  # fmt: skip
    tested, favours = _favours(challenge)
    people = _people(
        [row[0] for row in copies],
        (pk for row in told for pk in row[3]),
        (pk for one in near for pk in one[:2]),
        (pk for row in followers for pk in row[:2]),
        (pk for row in favours for pk in row[:2]),
    )
    texts = dict(Submission.objects.filter(pk__in=[row[1] for row in told]).values_list("pk", "rationale"))
    images = dict(Image.objects.filter(pk__in=[row[5] for row in copies]).values_list("pk", "image_id"))
    return Patterns(
        copies=tuple(
            Copies(people[finder], groups, int(pictures), int(claims), largest, images[example])
            for finder, groups, pictures, claims, largest, example in copies
        ),
        same=_told(told, "same", texts, people),
        repeated=_told(told, "repeated", texts, people),
        near=tuple(Near(people[a], people[b], first, second, overlap) for a, b, first, second, overlap in near),
        followers=tuple(Follower(people[a], people[b], *rest) for a, b, *rest in followers),
        affinities=tuple(
            Affinity(people[rater], people[finder], part.answers, part.found, part.expected, z)
            for rater, finder, part, z in favours
        ),
        tested=tested,
    )


def _told(
    rows: Sequence[tuple[Any, ...]], wanted: str, texts: Mapping[int, str], people: Mapping[int, Person]
) -> tuple[Words, ...]:
    return tuple(
        Words(texts[first], claims, tuple(people[pk] for pk in dict.fromkeys(by)))
        for kind, first, claims, by in rows
        if kind == wanted
    )


def _rows(statement: str, **given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def _people(*ids: Iterable[int]) -> dict[int, Person]:
    """A finder by their own name, not by their team's: a pattern is of one person."""
    wanted = {pk for some in ids for pk in some}
    rows = Participation.objects.filter(pk__in=wanted).select_related("user")
    return {one.pk: Person(one.pk, one.user.public_name) for one in rows}


def _near_texts(challenge: Challenge) -> list[tuple[int, int, str, str, float]]:
    """Of the newest rationales the pairs that are nearly equal and whose writers share no team."""
    rows = (
        Submission.objects.filter(participation__challenge=challenge, retracted_at=None)
        .exclude(rationale="")
        .order_by("-pk")
        .values_list("participation_id", "team_id", "rationale")[:NEWEST_TEXTS]
    )
    writers: dict[str, tuple[int, int | None, str]] = {}
    for finder, team, text in rows:
        normal = normal_text(text)
        if len(normal) >= LEAST_LETTERS_NEAR:
            # The rows come newest first: what stays is who wrote it first.
            writers[normal] = (finder, team, text)
    texts = list(writers)[::-1]
    found = []
    for first, second, overlap in nearly_equal(texts):
        (a, team_a, text_a), (b, team_b, text_b) = writers[texts[first]], writers[texts[second]]
        if a != b and (team_a is None or team_a != team_b):
            found.append((a, b, text_a, text_b, overlap))
    return found[: sql.SHOWN]


def _favours(challenge: Challenge) -> tuple[int, list[tuple[int, int, Favour, float]]]:
    """How many were tested, and whom the test found: of these at most one in twenty is expected to be chance."""
    wholes: dict[int, Favour] = {}
    parts: list[tuple[int, int, Favour]] = []
    for rater, finder, *counts in _rows(sql.FAVOURS, challenge=challenge.pk, least=LEAST_ANSWERS):
        favour = Favour(*(float(one) if place > 1 else int(one) for place, one in enumerate(counts)))  # type: ignore[arg-type]
        if finder is None:
            wholes[rater] = favour
        else:
            parts.append((rater, finder, favour))
    tests = [(rater, finder, part, affinity(part, whole=wholes[rater])) for rater, finder, part in parts]
    told = [(rater, finder, part, *test) for rater, finder, part, test in tests if test is not None]
    standing = discoveries([p for *_, p in told])
    found = [
        (p, rater, finder, part, z) for (rater, finder, part, z, p), kept in zip(told, standing, strict=True) if kept
    ]
    found.sort(key=lambda one: one[:3])
    return len(told), [(rater, finder, part, z) for _, rater, finder, part, z in found[: sql.SHOWN]]
