"""Recorded votes on real pictures, as files: `images.csv`, `classes.csv`, `ratings.csv` and the pictures they name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cats4ml.catalog.models import Image, Label
from cats4ml.console.tables import Problems, Table, TableRefused, longest_of
from cats4ml.rules.answers import Answer

LONGEST_RATER = 60
_LONGEST_IMAGE_ID = longest_of(Image, "image_id")
_LONGEST_KEY = longest_of(Label, "key")
_LONGEST_NAME = longest_of(Label, "name")
_ANSWERS = {answer.value: answer for answer in Answer}


class Recorded(NamedTuple):
    """One recorded answer: does this class fit this image?"""

    image_id: str
    class_index: str
    rater: str
    answer: Answer

    @property
    def pair(self) -> tuple[str, str]:
        return self.image_id, self.class_index


@dataclass(frozen=True)
class ReplayData:
    """What was recorded, of the images and classes that have votes only.

    `pictures`: the path of each rated image, by image id; whether a file is there is for the scoring to find out.
    `classes`: the name of each rated class, by index as text, in the order of `classes.csv`.
    `pairs`: each rated pair once, in the order in which `ratings.csv` first has it.
    """

    pictures: dict[str, Path]
    classes: dict[str, str]
    ratings: list[Recorded]
    pairs: list[tuple[str, str]]

    @property
    def usual_quorum(self) -> int:
        """The number of answers that most pairs have; of two as frequent the smaller one, so that all can settle."""
        frequency = Counter(Counter(one.pair for one in self.ratings).values())
        return min(frequency, key=lambda answers: (-frequency[answers], answers))

    @property
    def raters(self) -> list[str]:
        return list(dict.fromkeys(one.rater for one in self.ratings))


def read_replay(folder: Path) -> ReplayData:
    """Read a folder and check it whole. Raises `TableRefused` with the file and line of whatever is wrong."""
    if not folder.is_dir():
        raise TableRefused(f"{folder}: there is no such folder")
    names = _read_classes(folder / "classes.csv")
    pictures = _read_images(folder)
    ratings = _read_ratings(folder / "ratings.csv", pictures, names)
    pairs = list(dict.fromkeys(one.pair for one in ratings))
    rated_images = dict.fromkeys(image_id for image_id, _ in pairs)
    rated_classes = {class_index for _, class_index in pairs}
    return ReplayData(
        pictures={image_id: pictures[image_id] for image_id in rated_images},
        classes={key: name for key, name in names.items() if key in rated_classes},
        ratings=ratings,
        pairs=pairs,
    )


def _read_classes(path: Path) -> dict[str, str]:
    problems = Problems(path)
    names: dict[str, str] = {}
    for line, (key, name) in Table(path, ("class_index", "name"), problems).rows():
        if not 0 < len(key) <= _LONGEST_KEY or key in names:
            problems.add(line, f"class_index {key[:100]!r} is empty, too long or stands there twice")
        elif not 0 < len(name) <= _LONGEST_NAME:
            problems.add(line, f"the name should have 1 to {_LONGEST_NAME} characters, has {len(name)}")
        else:
            names[key] = name
    problems.refuse()
    return names


def _read_images(folder: Path) -> dict[str, Path]:
    path = folder / "images.csv"
    problems = Problems(path)
    pictures: dict[str, Path] = {}
    for line, (image_id, file) in Table(path, ("image_id", "file"), problems).rows():
        place = PurePosixPath(file)
        if not 0 < len(image_id) <= _LONGEST_IMAGE_ID or image_id in pictures:
            problems.add(line, f"image_id {image_id[:100]!r} is empty, too long or stands there twice")
        elif not place.parts or place.is_absolute() or ".." in place.parts:
            problems.add(line, f"file should be a path below {folder.name}, is {file[:100]!r}")
        else:
            pictures[image_id] = folder / place
    problems.refuse()
    return pictures


def _read_ratings(path: Path, pictures: dict[str, Path], names: dict[str, str]) -> list[Recorded]:
    problems = Problems(path)
    lines: dict[tuple[str, str, str], int] = {}
    ratings = []
    for line, (image_id, class_index, rater, answer) in Table(
        path, ("image_id", "class_index", "rater", "answer"), problems
    ).rows():
        first = lines.setdefault((image_id, class_index, rater), line)
        if image_id not in pictures:
            problems.add(line, f"image {image_id[:100]!r} is not in images.csv")
        elif class_index not in names:
            problems.add(line, f"class {class_index[:100]!r} is not in classes.csv")
        elif not 0 < len(rater.strip()) <= LONGEST_RATER or rater != rater.strip():
            problems.add(line, f"rater should have 1 to {LONGEST_RATER} characters, is {rater[:100]!r}")
        elif answer not in _ANSWERS:
            problems.add(line, f"answer should be one of {', '.join(_ANSWERS)}, is {answer[:100]!r}")
        elif first != line:
            problems.add(line, f"rater {rater} answered this pair on line {first} already")
        else:
            ratings.append(Recorded(image_id, class_index, rater, _ANSWERS[answer]))
    problems.refuse()
    if not ratings:
        raise TableRefused(f"{path}: the file has a header and no rows below it")
    return ratings
