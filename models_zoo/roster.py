"""Reads a roster: a TOML file with one `[[classifier]]` table for each classifier. Pure data, standard library only.

`python -m models_zoo.roster FILE --classifiers-dir DIR [--classes CSV]` prints the cards as one JSON object, for a
caller that can't import this package.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from models_zoo.fields import FieldError, Fields
from models_zoo.spec import ClassifierSpec

TABLE = "classifier"


class RosterError(ValueError):
    """A roster can't be used. The text has one line for each problem: file, table, key, and how to mend it."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


def read_roster(path: Path, classifiers_dir: Path, *, classes: Path | None = None) -> list[ClassifierSpec]:
    """The cards of the roster in `path`, in its order, each with the checksum of its weights in `classifiers_dir`.

    `classes`: the CSV of classes for tables that name only a column; without it, the table's `classes` is looked
    for beside the roster. Raises `RosterError` with every table's first problem.
    """
    specs: list[ClassifierSpec] = []
    problems: list[str] = []
    for number, table in enumerate(_tables(path), start=1):
        try:
            specs.append(_spec(table, folder=path.parent, classifiers_dir=classifiers_dir, classes=classes))
        except FieldError as error:
            name = table.get("name") if isinstance(table, dict) else None
            where = f"[[{TABLE}]] {number}" + (f" ({name})" if name else "")
            problems.append(f"{where}: {error}")
    problems += _duplicates(specs)
    if problems:
        raise RosterError(path, problems)
    return specs


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


def _spec(table: Any, *, folder: Path, classifiers_dir: Path, classes: Path | None) -> ClassifierSpec:
    """One table as a card: its labels read, its weights found and their checksum taken or compared."""
    if not isinstance(table, dict):
        raise FieldError(TABLE, "should be a table of keys and values")
    labels = Fields(table.get("labels"), prefix="labels")
    card = {key: value for key, value in table.items() if key != "labels"}
    card["vocabulary"] = labels.text("vocabulary")
    card["labels"] = _labels(labels, folder=folder, classes=classes)
    labels.finish()
    expected = card.get("sha256")
    spec = ClassifierSpec.from_dict({**card, "sha256": "0" * 64 if expected is None else expected})
    actual = weights_sha256(classifiers_dir, spec.weights)
    if expected is not None and actual != expected:
        raise FieldError(
            "sha256",
            f"the file {spec.weights!r} has {actual}, the roster says {expected}: fetch the file again, or put its"
            " checksum into the roster if the change was meant",
        )
    return ClassifierSpec.from_dict({**card, "sha256": actual})


def weights_sha256(classifiers_dir: Path, weights: str) -> str:
    """sha256 in hex of a weights file. Raises `FieldError` if it can't be read."""
    path = classifiers_dir / weights
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FieldError(
            "weights",
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


def main(arguments: list[str] | None = None) -> int:
    """Prints `{"classifiers": [card, …]}` on stdout and returns 0; or the problems on stderr and returns 1."""
    parser = argparse.ArgumentParser(prog="python -m models_zoo.roster", description="Check a roster, print its cards.")
    parser.add_argument("roster", type=Path, metavar="FILE", help="the roster, a TOML file")
    parser.add_argument("--classifiers-dir", type=Path, required=True, metavar="DIR", help="folder of weights files")
    parser.add_argument("--classes", type=Path, metavar="CSV", help="CSV of classes for tables that name its column")
    options = parser.parse_args(arguments)
    try:
        specs = read_roster(options.roster, options.classifiers_dir, classes=options.classes)
    except RosterError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"classifiers": [spec.to_dict() for spec in specs]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
