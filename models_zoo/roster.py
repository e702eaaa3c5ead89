"""Reads a roster: a TOML file with one `[[classifier]]` table for each classifier. Pure data, standard library only.

`python -m models_zoo.roster FILE --classifiers-dir DIR [--classes CSV]` prints the cards as one JSON object, for a
caller that can't import this package.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_zoo.architectures import JOINT, REMOTE, TORCHVISION
from models_zoo.card_parts import architecture
from models_zoo.fields import FieldError, Fields
from models_zoo.label_map import label_map_for
from models_zoo.spec import ClassifierSpec

TABLE = "classifier"
_UNKNOWN = "0" * 64  # stands for a checksum until the file is read


class RosterError(ValueError):
    """A roster can't be used. The text has one line for each problem: file, table, key, and how to mend it."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Entry:
    """One table of a roster: a card, and the classifier's weight in the mean (above 0; 1 where the table has none)."""

    spec: ClassifierSpec
    weight: float


def read_roster(path: Path, classifiers_dir: Path, *, classes: Path | None = None) -> list[ClassifierSpec]:
    """The cards of `read_entries`."""
    return [entry.spec for entry in read_entries(path, classifiers_dir, classes=classes)]


def read_entries(path: Path, classifiers_dir: Path, *, classes: Path | None = None) -> list[Entry]:
    """The roster in `path`, in its order, each card with the checksum of its weights in `classifiers_dir`.

    `classes`: the CSV of classes for tables that name only a column; without it, the table's `classes` is looked
    for beside the roster. Weights that a table names by torchvision's enum are fetched into the folder where they
    aren't there. Raises `RosterError` with every table's first problem.
    """
    entries, problems = _read(path, classifiers_dir=classifiers_dir, classes=classes)
    problems += [
        f"family: {entry.spec.name!r} is a joint card, which gives vectors and no probabilities: it can't be in a"
        " roster; put it on an edition with manage.py joint_card"
        for entry in entries
        if entry.spec.joint is not None
    ]
    problems += _duplicates([entry.spec for entry in entries])
    if problems:
        raise RosterError(path, problems)
    return entries


def read_joint(path: Path, classifiers_dir: Path) -> ClassifierSpec:
    """The joint card in `path`, which has no other table, with the checksums of its files. Raises `RosterError`."""
    entries, problems = _read(path, classifiers_dir=classifiers_dir, classes=None)
    if not problems and (len(entries) != 1 or entries[0].spec.joint is None):
        problems.append(f"should have one [[{TABLE}]] table, of family {JOINT!r}: docs/classifiers.md has an example")
    if problems:
        raise RosterError(path, problems)
    return entries[0].spec


def _read(path: Path, *, classifiers_dir: Path, classes: Path | None) -> tuple[list[Entry], list[str]]:
    """Every table that can be read, and the first problem of each that can't."""
    entries: list[Entry] = []
    problems: list[str] = []
    for number, table in enumerate(_tables(path), start=1):
        try:
            entries.append(_entry(table, folder=path.parent, classifiers_dir=classifiers_dir, classes=classes))
        except FieldError as error:
            name = table.get("name") if isinstance(table, dict) else None
            where = f"[[{TABLE}]] {number}" + (f" ({name})" if name else "")
            problems.append(f"{where}: {error}")
    return entries, problems


def _tables(path: Path) -> list[Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RosterError(path, [f"can't be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RosterError(path, [f"isn't TOML: {error}"]) from error
    fields = Fields(document)
    try:
        tables = fields.raw(TABLE)
        fields.finish()
    except FieldError as error:
        raise RosterError(path, [f"{error}; a roster has only [[{TABLE}]] tables"]) from error
    if not isinstance(tables, list) or not tables:
        raise RosterError(path, [f"has no [[{TABLE}]] table (mind the double brackets)"])
    return tables


def _entry(table: Any, *, folder: Path, classifiers_dir: Path, classes: Path | None) -> Entry:
    """One table as a card: its labels read, its weights found and their checksums taken or compared."""
    if not isinstance(table, dict):
        raise FieldError(TABLE, "should be a table of keys and values")
    weight = Fields(table).positive("weight", default=1.0)
    card = _completed({key: value for key, value in table.items() if key != "weight"}, prefix="")
    if card.get("family") != JOINT:
        labels = Fields(Fields(card).raw("labels"), prefix="labels")
        card["vocabulary"] = labels.text("vocabulary")
        card["labels"] = _labels(labels, folder=folder, classes=classes)
        labels.finish()
    backbone = card.get("backbone")
    if isinstance(backbone, dict):
        card["backbone"] = _completed(backbone, prefix="backbone")
    ClassifierSpec.from_dict(_with_checksums(card, None))  # what is wrong in the table is said before files are read
    return Entry(ClassifierSpec.from_dict(_with_checksums(card, classifiers_dir)), weight)


def _completed(table: dict[str, Any], *, prefix: str) -> dict[str, Any]:
    """`table`, and what torchvision says of the weights that it names by an enum, where the table says nothing.

    That needs torch, which takes seconds to import; so it is imported by name, here alone, for rosters that ask for it.
    """
    enum = table.get("weights_enum")
    if table.get("family") != TORCHVISION or not isinstance(enum, str):
        return dict(table)
    name = architecture(Fields(table, prefix=prefix), TORCHVISION)
    weights = importlib.import_module("models_zoo.torchvision_weights")
    try:
        facts: dict[str, Any] = weights.facts(name, enum)
    except weights.FetchError as error:
        raise FieldError(f"{prefix}.weights_enum".lstrip("."), str(error)) from error
    known = {"weights": facts["weights"]} if prefix else facts
    return {**known, **table, "weights_enum": facts["weights_enum"]}


def _with_checksums(card: dict[str, Any], classifiers_dir: Path | None) -> dict[str, Any]:
    """`card` with the checksums of its files, taken or compared; without a folder, with what stands for them."""
    backbone = card.get("backbone")
    own = {**card, **_checksum(card, classifiers_dir, prefix="")}
    if isinstance(backbone, dict):
        own["backbone"] = {**backbone, **_checksum(backbone, classifiers_dir, prefix="backbone.")}
    text = card.get("text")
    if isinstance(text, dict):
        own["text"] = {
            **text,
            **_checksum(text, classifiers_dir, prefix="text."),
            **_checksum(text, classifiers_dir, prefix="text.", file="tokenizer", key="tokenizer_sha256"),
        }
    return own


def _checksum(
    table: dict[str, Any], classifiers_dir: Path | None, *, prefix: str, file: str = "weights", key: str = "sha256"
) -> dict[str, str]:
    """`key` with the checksum of the file that stands under the key `file`."""
    name, expected = table.get(file), table.get(key)
    if not isinstance(name, str) or not name or table.get("family") == REMOTE:
        return {}
    if classifiers_dir is None:
        return {key: _UNKNOWN if expected is None else expected}
    if "weights_enum" in table:
        _fetch(table, classifiers_dir / name, prefix=prefix)
    actual = weights_sha256(classifiers_dir, name, key=f"{prefix}{file}")
    if expected is not None and actual != expected:
        raise FieldError(
            f"{prefix}{key}",
            f"the file {name!r} has {actual}, the roster says {expected}: fetch the file again, or put its"
            " checksum into the roster if the change was meant",
        )
    return {key: actual}


def _fetch(table: dict[str, Any], path: Path, *, prefix: str) -> None:
    """Fetches a missing file that torchvision has, and compares one that is there with its address's checksum."""
    weights = importlib.import_module("models_zoo.torchvision_weights")  # as in _completed
    url = weights.url_of(table["architecture"], table["weights_enum"])
    try:
        if path.exists():
            weights.check(url, path)
        else:
            weights.fetch(url, path)
    except weights.FetchError as error:
        raise FieldError(f"{prefix}weights_enum", str(error)) from error


def weights_sha256(classifiers_dir: Path, weights: str, *, key: str = "weights") -> str:
    """sha256 in hex of a weights file. Raises `FieldError` if it can't be read."""
    path = classifiers_dir / weights
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FieldError(
            key,
            f"{weights!r} can't be read from the folder of classifiers {str(classifiers_dir)!r}: {error.strerror};"
            " put the file there, or name another folder",
        ) from error


def _labels(labels: Fields, *, folder: Path, classes: Path | None) -> list[str]:
    """The keys of the outputs: `keys` as they stand, or a `column` of a CSV of classes."""
    if labels.has("keys") and labels.has("column"):
        raise FieldError("labels", "has both 'keys' and 'column'; remove one of them")
    if labels.has("keys"):
        return list(labels.texts("keys"))
    if not labels.has("column"):
        raise FieldError("labels", "needs 'keys' (a list), or 'column' (of the CSV of classes)")
    named = labels.text("classes", default="")
    path = classes or (folder / named if named else None)
    if path is None:
        raise FieldError("labels.classes", "is missing: name the CSV of classes here, or give it with --classes")
    return _column(path, labels.text("column"))


def _column(path: Path, column: str) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if column not in (rows.fieldnames or ()):
                has = ", ".join(rows.fieldnames or ()) or "no header"
                raise FieldError("labels.column", f"{column!r} isn't in {path}, which has: {has}")
            return [row[column] or "" for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FieldError("labels.classes", f"the CSV of classes {str(path)!r} can't be read: {error}") from error


def _duplicates(specs: list[ClassifierSpec]) -> list[str]:
    problems = []
    for number, spec in enumerate(specs):
        for other in specs[:number]:
            if other.name == spec.name:
                problems.append(f"name: two classifiers are called {spec.name!r}; give one of them another name")
            elif other.digest == spec.digest:
                problems.append(
                    f"{spec.name!r} is the same classifier as {other.name!r} (same weights, input and labels) and"
                    " would count twice in the mean; remove one of them"
                )
    return problems


def _label_maps(entries: list[Entry], vocabulary: str, labels_file: Path | None) -> list[dict[str, list[int]] | None]:
    """For each classifier, which of its outputs stand for each label of the file, one key a line; `None` where it
    speaks `vocabulary` itself. Raises `FieldError`."""
    if labels_file is None:
        raise FieldError("--labels-file", "is missing: --vocabulary needs the labels that are asked for")
    try:
        keys = labels_file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FieldError("--labels-file", f"{str(labels_file)!r} can't be read: {error}") from error
    wanted = [key for key in (line.strip() for line in keys) if key]
    maps = []
    for number, spec in enumerate((entry.spec for entry in entries), start=1):
        try:
            maps.append(label_map_for(spec.vocabulary, spec.labels, vocabulary, wanted))
        except FieldError as error:
            raise FieldError(f"[[{TABLE}]] {number} ({spec.name})", str(error)) from error
    return maps


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_zoo.roster", description="Check a roster, print its cards.")
    parser.add_argument("roster", type=Path, metavar="FILE", help="the roster, a TOML file")
    parser.add_argument("--classifiers-dir", type=Path, required=True, metavar="DIR", help="folder of weights files")
    parser.add_argument("--classes", type=Path, metavar="CSV", help="CSV of classes for tables that name its column")
    parser.add_argument("--vocabulary", metavar="NAME", help="print label maps too, from this vocabulary of labels")
    parser.add_argument(
        "--labels-file", type=Path, metavar="FILE", help="the label keys of that vocabulary, one a line"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Prints `{"classifiers": [card, …], "weights": [number, …]}` on stdout, with `--vocabulary` also `"label_maps"`,
    and returns 0; or the problems on stderr and returns 1."""
    options = _parser().parse_args(arguments)
    try:
        entries = read_entries(options.roster, options.classifiers_dir, classes=options.classes)
        answer: dict[str, Any] = {
            "classifiers": [entry.spec.to_dict() for entry in entries],
            "weights": [entry.weight for entry in entries],
        }
        if options.vocabulary is not None:
            answer["label_maps"] = _label_maps(entries, options.vocabulary, options.labels_file)
    except (RosterError, FieldError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
