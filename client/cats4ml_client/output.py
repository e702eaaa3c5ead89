"""What the program writes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import IO, Any

import click
from tqdm import tqdm

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Row = Mapping[str, Any]


def printable(value: object) -> str:
    """A value on one line, without anything that would steer a terminal."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def harmless(value: object) -> str:
    """A value for a CSV that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def moment(value: str | None) -> str:
    """A time of the API's, in this machine's time zone, to the minute."""
    if not value:
        return ""
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return printable(value)


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def is_terminal(stream: IO[str]) -> bool:
    return hasattr(stream, "isatty") and stream.isatty()


def is_coloured(stream: IO[str]) -> bool:
    """Whether this stream is a terminal that wants colours (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, stream: IO[str], **style: Any) -> str:
    return click.style(text, **style) if is_coloured(stream) else text


def warn(message: str, hint: str = "") -> None:
    """An error or a warning, whatever was asked of quietness."""
    shown = "\n".join(printable(line) for line in message.splitlines())
    click.echo(f"{paint('cats4ml:', sys.stderr, fg='red', bold=True)} {shown}", err=True)
    if hint:
        click.echo(hint, err=True)


class Output:
    """`as_json`: standard output is one JSON document. `quiet`: nothing but results and errors."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def say(self, message: str) -> None:
        """Something that a person wants to know and a program doesn't."""
        if not self.quiet:
            click.echo("\n".join(printable(line) for line in message.splitlines()), err=True)

    def document(self, value: Any) -> None:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))

    def documents(self, rows: Iterable[Row]) -> int:
        """A JSON array with a row on each line, written as the rows come. Returns how many there were."""
        return write_array(sys.stdout, rows)

    def lines(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and values, one below the other."""
        shown = [(name, printable(value)) for name, value in pairs]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            click.echo(f"{name.ljust(width)}  {value}".rstrip())

    def table(self, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Columns side by side: numbers to the right. On a terminal the last column is cut at its edge."""
        kept = list(rows)
        cells = [[printable(cell) for cell in row] for row in kept]
        right = [all(isinstance(row[at], (int, float)) or row[at] is None for row in kept) for at in range(len(titles))]
        widths = [max([len(title), *(len(row[at]) for row in cells)]) for at, title in enumerate(titles)]
        edge = get_terminal_size().columns if is_terminal(sys.stdout) else None

        def line(texts: Sequence[str]) -> str:
            padded = (t.rjust(w) if to_right else t.ljust(w) for t, w, to_right in zip(texts, widths, right))  # noqa: B905  (equally long)
            return _cut("  ".join(padded).rstrip(), edge)

        click.echo(paint(line(titles), sys.stdout, bold=True))
        for row in cells:
            click.echo(line(row))

    def bar(
        self,
        *,
        total: int | None,
        what: str,
        unit: str = "",
        at: int = 0,
        in_bytes: bool = False,
        hidden: bool = False,
    ) -> tqdm[Any]:
        """A progress bar on standard error, where that is a terminal."""
        return tqdm(
            total=total,
            initial=at,
            desc=printable(what),
            unit="B" if in_bytes else f" {unit}",
            unit_scale=in_bytes,
            unit_divisor=1024,
            disable=hidden or self.quiet or not is_terminal(sys.stderr),
            leave=False,
            dynamic_ncols=True,
        )


def _cut(text: str, edge: int | None) -> str:
    return text if edge is None or len(text) <= edge else text[: max(edge - 1, 1)] + "…"


def write_array(file: IO[str], rows: Iterable[Row]) -> int:
    """A JSON array with a row on each line, in constant memory. Returns how many rows it has."""
    number = 0
    for number, row in enumerate(rows, start=1):
        file.write(("[\n" if number == 1 else ",\n") + json.dumps(row, ensure_ascii=False))
    file.write("\n]\n" if number else "[]\n")
    file.flush()
    return number
