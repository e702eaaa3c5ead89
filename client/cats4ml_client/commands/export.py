"""Whole lists into a file or a pipe."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from cats4ml_client.api import Api
from cats4ml_client.commands.submissions import asked, claim_filters
from cats4ml_client.errors import Exit, WrongUse
from cats4ml_client.options import ORGANISE, SUBMIT, State, common, pass_state
from cats4ml_client.output import Row, harmless, write_array

SCOPES = {"pairs": ORGANISE, "ratings": ORGANISE, "submissions": SUBMIT, "queue": None}
OWN_COLUMNS = (
    "id", "image_id", "label_id", "label_name", "rationale", "created_at", "retracted_at", "charged", "state",
    "machine_mean", "verdict", "outcome", "points", "reason", "first_claimant",
)  # fmt: skip
QUEUE_COLUMNS = ("image_id", "label_id", "label_name", "state", "created_at", "submitter", "released_outcome")
PLAIN_RATINGS = {"form": "short", "controls": False, "final": True}
PATHS = {"ratings": "ratings/export/"}
COLUMNS = {"submissions": OWN_COLUMNS, "queue": QUEUE_COLUMNS}


@click.command(short_help="Whole lists, as CSV or JSON.")
@click.argument("what", type=click.Choice(list(SCOPES)), default="pairs")
@click.option(
    "-f", "--format", "wanted", type=click.Choice(["csv", "json", "jsonl"]),
    help="csv unless --json is said; jsonl has one JSON object a line.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="To this file, when it is whole.")
@claim_filters
@click.option("--split", type=click.Choice(["public", "heldout"]), help="Of this part of the pairs.")
@click.option("--full", is_flag=True, help="Ratings with seconds, device, time and state of each.")
@click.option("--controls", is_flag=True, help="Ratings of control questions too.")
@click.option("--all-states", is_flag=True, help="Ratings that don’t count too: provisional, late and discounted ones.")
@common
@pass_state
def export(
    state: State,
    *,
    what: str,
    wanted: str | None,
    output: str | None,
    state_is: str | None,
    outcome: tuple[str, ...],
    image: str | None,
    label: str | None,
    split: str | None,
    full: bool,
    controls: bool,
    all_states: bool,
) -> None:
    """Write a whole list: “pairs” or “ratings” (for organisers, scope “organise”), your “submissions” (scope
    “submit”), or the public “queue”.

    The CSV of pairs has the settled ones, in the columns in which the first CATS4ML challenge was released; JSON has
    every pair with all its columns. Ratings are a CSV with the columns task, worker and label, which crowd-kit reads
    as it is.
    """
    params = asked(state_is, outcome, image, label)
    if split:
        params["split"] = split
    extras = {"form": "full" if full else "short", "controls": controls, "final": not all_states}
    _check(what, params, wanted, extras)
    if what == "ratings":
        params, wanted = extras, "csv"
    wanted = wanted or ("json" if state.out.as_json and output is None else "csv")
    if state.out.as_json and output is None and wanted != "json":
        raise WrongUse("--json writes the list itself as JSON.", "Leave out --format, or write to a file with -o.")
    api = state.api(scope=SCOPES[what])
    path = state.edition(PATHS.get(what, f"{what}/"))
    with _target(output) as file, state.out.bar(total=None, what=what, unit="rows", hidden=output is None) as bar:
        rows = _write(api, path, params, file, what=what, wanted=wanted, seen=bar.update)
    if output is not None:
        if state.out.as_json:
            state.out.document({"file": output, "format": wanted, "rows": rows, "bytes": Path(output).stat().st_size})
        else:
            state.out.say(f"{rows:,} rows in {output}")
    if not rows:
        state.out.say("Nothing was found.")
        raise click.exceptions.Exit(Exit.REFUSED)


def _check(what: str, params: dict[str, Any], wanted: str | None, extras: dict[str, Any]) -> None:
    """Raises `WrongUse` for an option that the list doesn't have."""
    if what == "ratings" and (params or wanted not in (None, "csv")):
        raise WrongUse("Ratings are written whole and as CSV.", "Leave out the filters and --format.")
    if what != "ratings" and extras != PLAIN_RATINGS:
        raise WrongUse("--full, --controls and --all-states are for “export ratings”.")
    if ("split" in params and what != "pairs") or ("outcome" in params and what == "queue"):
        raise WrongUse("The list “queue” has no outcomes, and only “pairs” have a split.")


def _write(
    api: Api, path: str, params: dict[str, Any], file: IO[str], *, what: str, wanted: str, seen: Callable[[int], Any]
) -> int:
    """Write the list in the format. Returns how many rows it has."""
    if what in ("pairs", "ratings") and wanted != "json":
        return _copy(api, path, {**params, "format": wanted}, file, header=wanted == "csv", seen=seen)
    rows = _watched(api.pages(path, params), seen)
    if wanted == "json":
        return write_array(file, rows)
    if wanted == "jsonl":
        return sum(1 for row in rows if file.write(json.dumps(row, ensure_ascii=False) + "\n"))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS[what])
    return sum(1 for row in rows if writer.writerow([harmless(row[name]) for name in COLUMNS[what]]))


def _copy(
    api: Api, path: str, params: dict[str, Any], file: IO[str], *, header: bool, seen: Callable[[int], Any]
) -> int:
    """Copy a list that the server streams, byte by byte. Returns its lines without the header."""
    lines = 0
    with api.stream(path, params) as answer:
        for block in api.blocks(answer):
            file.buffer.write(block)  # type: ignore[attr-defined]  # a text file of this program's has one
            found = block.count(b"\n")
            lines += found
            seen(found)
    file.flush()
    return lines - header


def _watched(rows: Iterable[Row], seen: Callable[[int], Any]) -> Iterator[Row]:
    for row in rows:
        seen(1)
        yield row


@contextmanager
def _target(output: str | None) -> Iterator[IO[str]]:
    """Standard output, or a file that appears under its name when it is whole and not before."""
    if output is None:
        yield sys.stdout
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
