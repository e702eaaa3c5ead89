"""From a classifier's own outputs to the labels of an edition that speaks another vocabulary. Standard library only.

`data/imagenet_openimages.csv` is the table from the 1,000 classes of ImageNet to the labels of Open Images, many to
many: one row for each class and label, with the relation of the one to the other.

* `same`: the class is the label.
* `narrower`: the class is a kind of the label, and the classes of that label together cover what people mean by it.
* `few`: the class is a kind of the label, but ImageNet has too few of its kinds to say no to all the others: a ball
  player is an athlete, and so is a swimmer, of which ImageNet has none. Written down and not counted.
* `none`: no class is a kind of the label (the class is empty), or the class has no label (the label is empty).

What is part of a label, looks like it or is used with it isn't in the table: a lab coat is no physician.

Sources: the class list of ILSVRC2012 (class index, WordNet 3.0 id, name; Russakovsky and others, International Journal
of Computer Vision 115, 2015); the class descriptions of Open Images V6 and V7 and the hierarchy of its 600 boxable
classes (Google, CC BY 4.0; Kuznetsova and others, International Journal of Computer Vision 128, 2020). Which class goes
with which label was decided for this project: docs/label_map.md.

`python -m models_zoo.label_map --preset cats4ml-2021` prints what a classifier of ImageNet knows about these labels.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from models_zoo.fields import FieldError

IMAGENET, OPEN_IMAGES = "imagenet-1k", "openimages"
TABLES = {(IMAGENET, OPEN_IMAGES): "imagenet_openimages.csv"}
COUNTED = ("same", "narrower")
RELATIONS = (*COUNTED, "few", "none")

# The 23 labels of the first challenge, the most frequent first.
PRESETS = {
    "cats4ml-2021": (
        *("/m/015p6", "/m/019nj4", "/m/06c7f7", "/m/0ph39", "/m/01_5g", "/m/01445t", "/m/01tcjp", "/m/0ytgt"),
        *("/m/01pn0r", "/m/012n4x", "/m/02y5kn", "/m/047x57", "/m/0jm_", "/m/0663v", "/m/0sgh53y", "/m/02_g0"),
        *("/m/015wgc", "/m/0bk5m9", "/m/027qtzz", "/m/05t4q", "/m/01d30f", "/m/016c3c", "/m/0fczf"),
    )
}


@dataclass(frozen=True)
class Row:
    """One class and one label. Empty texts stand for a class without a label, or a label without a class."""

    class_index: str
    wordnet_id: str
    imagenet_name: str
    label_id: str
    label_name: str
    relation: str


@dataclass(frozen=True)
class Coverage:
    """What a classifier of a whole vocabulary knows about one label: `outputs` are the names of those that count,
    and where there are none `reason` says why. `name` is empty where the table has never heard of the label."""

    key: str
    name: str
    outputs: tuple[str, ...]
    reason: str


@cache
def table(spec_vocabulary: str, target_vocabulary: str) -> tuple[Row, ...]:
    """The rows from one vocabulary to the other. Raises `FieldError`, naming the tables that exist."""
    name = TABLES.get((spec_vocabulary, target_vocabulary))
    if name is None:
        known = ", ".join(f"from {source!r} to {target!r}" for source, target in TABLES)
        raise FieldError(
            "labels.vocabulary",
            f"there is no table from {spec_vocabulary!r} to {target_vocabulary!r}, only {known}. Take a classifier"
            f" that speaks {target_vocabulary!r}, or correct the name of the vocabulary",
        )
    text = resources.files("models_zoo").joinpath("data", name).read_text(encoding="utf-8")
    return tuple(Row(**row) for row in csv.DictReader(text.splitlines()))


def label_map_for(
    spec_vocabulary: str, labels: Sequence[str], target_vocabulary: str, keys: Sequence[str]
) -> dict[str, list[int]] | None:
    """Which outputs count for each label of an edition; None where classifier and edition speak one vocabulary.

    `labels`: the keys of the classifier's outputs, in their order (of `imagenet-1k` class indices, "0" to "999").
    `keys`: the labels of the edition (of `openimages` MIDs). Gives, for each key that the classifier knows, the sorted
    places in `labels` of its outputs: at least one, each once. A key that it knows nothing about is absent.
    The table was decided for classifiers of the whole vocabulary: one that has only some of the classes should call its
    vocabulary by another name. Raises `FieldError` where there is no table.
    """
    if spec_vocabulary == target_vocabulary:
        return None
    place_of = {label: place for place, label in enumerate(labels)}
    places: dict[str, list[int]] = defaultdict(list)
    for row in table(spec_vocabulary, target_vocabulary):
        if row.relation in COUNTED and row.class_index in place_of:
            places[row.label_id].append(place_of[row.class_index])
    return {key: sorted(places[key]) for key in keys if key in places}


def knows_nothing_about(
    spec_vocabulary: str, labels: Sequence[str], target_vocabulary: str, keys: Sequence[str]
) -> tuple[str, ...]:
    """Those of `keys`, in their order, for which no output of the classifier counts. Arguments and errors of
    `label_map_for`; in the classifier's own vocabulary these are the keys that it has no output for."""
    known = label_map_for(spec_vocabulary, labels, target_vocabulary, keys)
    return tuple(key for key in keys if key not in (labels if known is None else known))


def coverage(
    keys: Sequence[str], *, spec_vocabulary: str = IMAGENET, target_vocabulary: str = OPEN_IMAGES
) -> list[Coverage]:
    """What a classifier of the whole vocabulary knows about each of `keys`, in their order."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in table(spec_vocabulary, target_vocabulary):
        rows[row.label_id].append(row)
    return [_coverage(key, rows.get(key, [])) for key in keys]


def _coverage(key: str, rows: Sequence[Row]) -> Coverage:
    counted = tuple(row.imagenet_name for row in rows if row.relation in COUNTED)
    few = [row.imagenet_name for row in rows if row.relation == "few"]
    if counted:
        reason = ""
    elif few:
        reason = f"knows too few of its kinds: {_short(few)}"
    elif rows:
        reason = "no class is a kind of it"
    else:
        reason = "the table doesn't have this label"
    return Coverage(key, rows[0].label_name if rows else "", counted, reason)


def _short(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _lines(found: Iterable[Coverage]) -> Iterable[str]:
    """The coverage as a table for people, a line for each label."""
    rows = [(one.key, one.name or "?", _told(one)) for one in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for key, name, told in rows:
        yield f"{key:<{widths[0]}}  {name:<{widths[1]}}  {told}"
    known = sum(row[2].startswith("knows it") for row in rows)
    yield f"A classifier of {IMAGENET} knows {known} of {len(rows)} labels."


def _told(one: Coverage) -> str:
    if not one.outputs:
        return f"knows nothing about it: {one.reason}"
    count = "1 class" if len(one.outputs) == 1 else f"{len(one.outputs)} classes"
    return f"knows it by {count}: {_short(one.outputs)}"


def _keys(path: Path) -> list[str]:
    """The MIDs in the first column of a text or CSV file, each once; other lines, as a header, are passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = [row[0].strip() for row in csv.reader(file) if row and row[0].startswith("/")]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FieldError("--labels", f"{str(path)!r} can't be read: {error}") from error
    if not found:
        raise FieldError("--labels", f"{str(path)!r} has no line that begins with a MID such as /m/015p6")
    return list(dict.fromkeys(found))


def main(arguments: list[str] | None = None) -> int:
    """Prints what a classifier of ImageNet knows about labels of Open Images; returns 1 where there are none."""
    parser = argparse.ArgumentParser(
        prog="python -m models_zoo.label_map",
        description="Which labels of Open Images a classifier of ImageNet knows, and by which of its classes.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--labels", type=Path, metavar="FILE", help="labels, a MID in the first column of each line")
    which.add_argument("--preset", choices=sorted(PRESETS), help="the labels of an edition that was held")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    options = parser.parse_args(arguments)
    try:
        found = coverage(PRESETS[options.preset] if options.preset else _keys(options.labels))
    except FieldError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"labels": [asdict(one) for one in found]}) if options.json else "\n".join(_lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
