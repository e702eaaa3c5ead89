"""A published release becomes a settled edition."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from cats4ml.catalog.actions import NewLabel, add_images, add_labels
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.actions import add_pool_images, add_target_labels
from cats4ml.challenges.editions import check_new_slug, create_edition, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.console.progress import Log, Progress
from cats4ml.console.tables import Problems, Row, Table, TableRefused, longest_of
from cats4ml.leaderboard.actions import recount_board
from cats4ml.releases.rows import RELEASED_COLUMNS
from cats4ml.rules.answers import Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs

COUNT_COLUMNS = ("hum_yes_rating", "hum_no_rating", "hum_dont_know_rating")
VOCABULARY = COLLECTION = "openimages"
CHUNK = 2000

_LONGEST = {
    "image_id": longest_of(Image, "image_id"),
    "label_id": longest_of(Label, "key"),
    "label_name": longest_of(Label, "name"),
}
_VOCABULARY_LENGTH = longest_of(Label, "vocabulary")
# As many digits as surely fit the column; no pair has a thousand million raters.
_MOST_DIGITS = 9


class ImportRefused(Exception):
    """Why a release can't become an edition, in a sentence. Nothing was written."""


class ReleasedPair(NamedTuple):
    """One row of a release, well-formed."""

    image_id: str
    label_id: str
    label_name: str
    tally: Tally
    machine_yes: bool


@dataclass
class ReleaseContents:
    """What a first look found: the number of pairs, the labels by id in the order of the file, and odd columns."""

    pairs: int
    labels: dict[str, str]
    ignored: list[str]


@dataclass
class ImportedRelease:
    """The edition that was made, and its outcomes: all four, in the order of the alphabet."""

    challenge: Challenge
    pairs: int
    outcomes: dict[str, int]


def import_release(*, path: Path, slug: str, policy: Policy, at: datetime, log: Log) -> ImportedRelease:
    """Make the edition `slug` out of the released columns in `path`: final, each pair settled under `policy`.

    The file is checked whole before the first row is written, and all is written or nothing. Labels and images are
    those of Open Images; where a label has another name there, the edition keeps the names of the file under a
    vocabulary of its own, which `log` says. Raises `EditionRefused` for the slug, before the file is opened,
    `TableRefused` for the file, with the line of each bad row, and `ImportRefused` where it changed meanwhile.
    """
    check_new_slug(slug)
    contents = look_through(path)
    if contents.ignored:
        log.say(f"{path}: columns that no release has are left out: {', '.join(contents.ignored)}")
    vocabulary = _vocabulary_for(contents.labels, slug)
    if vocabulary != VOCABULARY:
        log.say(
            f"Some labels have other names in the vocabulary {VOCABULARY!r}: the names of the file are kept, as the"
            f" vocabulary {vocabulary!r}."
        )
    with transaction.atomic():
        challenge = create_edition(
            slug=slug,
            title=f"Imported release {slug}",
            summary=f"Imported from the released file {path.name}: tallies without single ratings, and no pictures.",
            vocabulary=vocabulary,
            policy=policy,
        )
        labels = _target_labels(challenge, contents.labels)
        outcomes = _write_pairs(challenge, path, labels, total=contents.pairs, at=at, log=log)
        set_status(challenge=challenge, status=ChallengeStatus.FINAL)
        recount_board(challenge=challenge, at=at)
    figures = {outcome.value: outcomes[outcome] for outcome in sorted(Outcome)}
    return ImportedRelease(challenge, pairs=contents.pairs, outcomes=figures)


def look_through(path: Path) -> ReleaseContents:
    """Check every row of the file and write nothing. Raises `TableRefused` with the lines of its bad rows."""
    problems = Problems(path)
    table = Table(path, RELEASED_COLUMNS, problems)
    labels: dict[str, str] = {}
    pairs = 0
    for one in released_pairs(table, problems):
        pairs += 1
        labels.setdefault(one.label_id, one.label_name)
    problems.refuse()
    if not pairs:
        raise TableRefused(f"{path}: the file has a header and no rows below it")
    return ReleaseContents(pairs=pairs, labels=labels, ignored=table.ignored)


def released_pairs(table: Table, problems: Problems) -> Iterator[ReleasedPair]:
    """The well-formed rows of a release in their order; each other row becomes a problem."""
    pair_lines: dict[str, dict[str, int]] = defaultdict(dict)
    names: dict[str, tuple[str, int]] = {}
    for row in table.rows():
        try:
            pair = _released_pair(row)
        except ValueError as error:
            problems.add(row.line, str(error))
            continue
        name, named_on = names.setdefault(pair.label_id, (pair.label_name, row.line))
        first = pair_lines[pair.label_id].setdefault(pair.image_id, row.line)
        if first != row.line:
            problems.add(row.line, f"the pair {pair.image_id},{pair.label_id} stands on line {first} already")
        elif name != pair.label_name:
            problems.add(
                row.line, f"label {pair.label_id} is called {pair.label_name!r} here and {name!r} on line {named_on}"
            )
        else:
            yield pair


def _released_pair(row: Row) -> ReleasedPair:
    """Raises `ValueError` with what is wrong with the row and how to mend it."""
    values = dict(zip(RELEASED_COLUMNS, row.cells, strict=True))
    for column, longest in _LONGEST.items():
        _check_text(column, values[column], longest)
    yes, no, dont_know = (_count(column, values[column]) for column in COUNT_COLUMNS)
    if yes + no + dont_know == 0:
        raise ValueError("all three counts are 0: a pair that nobody rated has no verdict")
    if values["machine_score"] not in ("0", "1"):
        raise ValueError(f"machine_score should be 0 or 1, is {_shown(values['machine_score'])}")
    return ReleasedPair(
        image_id=values["image_id"],
        label_id=values["label_id"],
        label_name=values["label_name"],
        tally=Tally(yes=yes, no=no, dont_know=dont_know),
        machine_yes=values["machine_score"] == "1",
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _check_text(column: str, text: str, longest: int) -> None:
    if not text.strip():
        raise ValueError(f"{column} is empty")
    if len(text) > longest:
        raise ValueError(f"{column} has {len(text)} characters; at most {longest} can be kept")
    if column != "label_name" and text != text.strip():
        raise ValueError(f"{column} has spaces around it: {_shown(text)}")


def _count(column: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or (text[0] == "0" and text != "0"):
        raise ValueError(f"{column} should be a whole number, 0 or more, is {_shown(text)}")
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{column} is too large: {_shown(text)}")
    return int(text)


def _vocabulary_for(labels: dict[str, str], slug: str) -> str:
    """Open Images, unless a label is known there by another name: an export must give the file's own names back."""
    known = Label.objects.filter(vocabulary=VOCABULARY, key__in=list(labels)).values_list("key", "name")
    if all(labels[key] == name for key, name in known):
        return VOCABULARY
    own = f"{VOCABULARY}:{slug}"
    if len(own) <= _VOCABULARY_LENGTH:
        return own
    digest = hashlib.sha256(slug.encode()).hexdigest()[:12]
    return f"{own[: _VOCABULARY_LENGTH - len(digest) - 1]}-{digest}"


def _target_labels(challenge: Challenge, names: dict[str, str]) -> dict[str, Label]:
    labels = add_labels(vocabulary=challenge.vocabulary, labels=[NewLabel(*item) for item in names.items()])
    renamed = [label.key for label in labels if label.name != names[label.key]]
    if renamed:
        raise ImportRefused(f"label {renamed[0]} was given another name just now by somebody else: try again")
    add_target_labels(challenge=challenge, labels=labels)
    return {label.key: label for label in labels}


def _write_pairs(
    challenge: Challenge, path: Path, labels: dict[str, Label], *, total: int, at: datetime, log: Log
) -> Counter[Outcome]:
    """Read the file again, and write it in chunks: a release of a million rows needs no more memory than its keys."""
    problems = Problems(path)
    rows = released_pairs(Table(path, RELEASED_COLUMNS, problems), problems)
    outcomes: Counter[Outcome] = Counter()
    with Progress(total, "Importing pairs", log) as progress:
        while chunk := list(islice(rows, CHUNK)):
            outcomes += _write_chunk(challenge, chunk, labels, at)
            progress.add(len(chunk))
    problems.refuse()
    if outcomes.total() != total:
        raise ImportRefused(f"{path} changed while it was read, or is no plain file: nothing was imported")
    return outcomes


def _write_chunk(
    challenge: Challenge, chunk: Sequence[ReleasedPair], labels: dict[str, Label], at: datetime
) -> Counter[Outcome]:
    wanted = [Image(image_id=image_id) for image_id in dict.fromkeys(one.image_id for one in chunk)]
    images = {image.image_id: image for image in add_images(collection=COLLECTION, images=wanted)}
    add_pool_images(challenge=challenge, images=images.values())
    settled = [
        SettledElsewhere(
            image=images[one.image_id], label=labels[one.label_id], tally=one.tally, machine_yes=one.machine_yes
        )
        for one in chunk
    ]
    return import_settled_pairs(challenge=challenge, pairs=settled, at=at)
