"""What the pairs of a part refer to: its policies, classifiers, labels and pictures."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from cats4ml_client.verifying.places import Place
from cats4ml_client.verifying.reading import Record, csv_lines, document
from cats4ml_client.verifying.recounting import RULES, Policy
from cats4ml_client.verifying.report import Counts, Difference

LABEL_COLUMNS = ("label_id", "label_name", "question", "guidance")
IMAGE_COLUMNS = (
    "image_id", "author", "author_url", "title", "license", "landing_url", "original_url", "sha256",
)  # fmt: skip
DONT_KNOW = ("answer", "replaced", "evidence")


@dataclass(frozen=True)
class Member:
    """A classifier of a roster."""

    key: str
    weight: float


class Keys:
    """Which keys there are, eight bytes for each, and some forty more while they are sorted.

    Two keys may share a number once in some ten million releases of a million pairs; what is said to be there twice
    is looked for by name before it is said.
    """

    def __init__(self) -> None:
        self._numbers = array("Q")

    def add(self, *parts: str) -> None:
        self._numbers.append(number_of(*parts))

    def extend(self, others: Keys) -> None:
        self._numbers.extend(others._numbers)

    def sort(self, *, once: bool = False) -> None:
        """Have them ready to be looked up. `once`: each only once."""
        numbers = sorted(self._numbers)
        self._numbers = array("Q", (one for one, _ in groupby(numbers)) if once else numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._numbers, number)
        return at < len(self._numbers) and self._numbers[at] == number

    def repeated(self) -> set[int]:
        """Those that are there more than once, of sorted ones."""
        numbers = self._numbers
        return {numbers[at] for at in range(1, len(numbers)) if numbers[at] == numbers[at - 1]}


def number_of(*parts: str) -> int:
    digest = hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


@dataclass
class Tables:
    """What a part holds beside its pairs. `used_…`: what its pairs referred to."""

    part: str
    policies: dict[int, Policy]
    rosters: dict[int, list[Member]]
    labels: dict[str, str]
    used_policies: set[int] = field(default_factory=set)
    used_rosters: set[int] = field(default_factory=set)

    def path(self, name: str) -> str:
        return f"{self.part}/{name}"


def read_tables(place: Place, part: str) -> Tables:
    policies = document(place, f"{part}/policies.json")
    rosters = document(place, f"{part}/classifiers.json")
    return Tables(
        part=part,
        policies={version: _policy(policies.object(name)) for name, version in _versions(policies)},
        rosters={version: list(_members(rosters, name)) for name, version in _versions(rosters)},
        labels=_labels(place, f"{part}/labels.csv"),
    )


def _versions(record: Record) -> Iterator[tuple[str, int]]:
    for name in record.values:
        if not (name.isascii() and name.isdecimal() and len(name) < 10 and name == str(int(name))):
            raise record.differs("A version should be a whole number.", found=name)
        yield name, int(name)


def _policy(record: Record) -> Policy:
    policy = Policy(
        threshold=record.number("threshold"),
        rule=record.text("verdict_rule"),
        dont_know=record.text("dont_know"),
        min_ratings=record.whole("min_ratings"),
        min_lead=record.whole("min_lead"),
    )
    if policy.rule not in RULES or policy.dont_know not in DONT_KNOW or not 0 < policy.threshold < 1:
        raise record.differs("A policy can’t be played by.", found=repr(policy))
    return policy


def _members(rosters: Record, version: str) -> Iterator[Member]:
    keys = set()
    for value in rosters.list(version):
        if not isinstance(value, dict):
            raise rosters.differs(f"Roster {version} should be a list of objects.", found=repr(value))
        record = Record(rosters.file, None, value)
        member = Member(record.text("key"), record.number("weight"))
        record.text("digest")
        if member.key in keys or not member.weight > 0:
            raise rosters.differs(f"Roster {version} has a classifier twice or without a weight.", found=member.key)
        keys.add(member.key)
        yield member


def _labels(place: Place, name: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for line in csv_lines(place, name, LABEL_COLUMNS):
        key, label_name = line.cells[:2]
        if key in labels:
            raise line.differs("A label stands twice.", found=key)
        labels[key] = label_name
    return labels


def check_same_labels(place: Place, parts: Iterable[str]) -> None:
    """Raises `Difference` where the parts have not the same labels, in the same words."""
    former: list[list[str]] | None = None
    for part in parts:
        name = f"{part}/labels.csv"
        rows = [list(line.cells) for line in csv_lines(place, name, LABEL_COLUMNS)]
        if former is not None and rows != former:
            raise Difference(name, "The labels are not those of the other part.")
        former = rows


def check_images(place: Place, part: str, wanted: Keys, counts: Counts) -> int:
    """Whether the pictures of the pairs, and no others, are listed, each once and in order. Returns how many. `wanted`
    are sorted and each once."""
    name, former, found = f"{part}/images.csv", "", 0
    for line in csv_lines(place, name, IMAGE_COLUMNS):
        image, digest = line.cells[0], line.cells[-1]
        if image.encode("utf-8", "surrogatepass") <= former.encode("utf-8", "surrogatepass") and found:
            raise line.differs("Pictures should be in the order of their IDs, each once.", found=image)
        if number_of(image) not in wanted:
            raise line.differs("No pair of this part is of this picture.", found=image)
        if digest and (len(digest) != 64 or not set(digest) <= set("0123456789abcdef")):
            raise line.differs("The SHA-256 of a picture is none.", found=digest)
        former = image
        found += 1
    if found != len(wanted):
        raise Difference(name, "Pictures of pairs are missing.", expected=len(wanted), found=found)
    counts.images += found
    return found
