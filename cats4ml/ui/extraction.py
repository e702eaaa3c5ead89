"""Finds the texts to translate, in Python and in templates, and brings a catalogue up to date with them."""

from __future__ import annotations

import io
from collections.abc import Collection, Generator, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract, extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
# Which of a call's arguments are texts; None: the first. `counted` of `words` is ngettext behind its number.
KEYWORDS: Mapping[str, Any] = {
    **DEFAULT_KEYWORDS,
    "_lazy": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "counted": (2, 3),
}
COMMENTS = ("Translators:",)


def extract_template(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Generator[Any, None, None]:
    """Babel's extraction method for Django's templates. Django makes Python's calls of the tags and blots out the rest,
    whose indentation would be none in Python."""
    calls = templatize(file.read().decode())
    lines = (line.lstrip() for line in calls.splitlines(keepends=True))
    yield from extract_python(io.BytesIO("".join(lines).encode()), keywords, comment_tags, options)  # type: ignore[arg-type]


def sources(root: Path = ROOT) -> list[Path]:
    """Every file that may hold a text, in a stable order."""
    code = (path for path in (root / "cats4ml").rglob("*.py") if "migrations" not in path.parts)
    return sorted([*code, *(path for path in (root / "templates").rglob("*") if path.suffix in (".html", ".txt"))])


def texts_of(path: Path) -> Iterable[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    """Line, text (or singular and plural), translators' comments and context of each text of a file."""
    method: Any = "python" if path.suffix == ".py" else extract_template
    with path.open("rb") as file:
        yield from extract(method, file, KEYWORDS, COMMENTS)


def collect(root: Path = ROOT) -> Catalog:
    """All texts of the project."""
    catalogue = Catalog(project="CATS4ML", charset="utf-8")
    for path in sources(root):
        for _line, text, comments, context in texts_of(path):
            catalogue.add(text, auto_comments=comments, context=context)
    return catalogue


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name)


def new_catalogue(code: str) -> Catalog:
    return Catalog(locale=code, project="CATS4ML", version="1", charset="utf-8", fuzzy=False)


def _head(catalogue: Catalog) -> None:
    """What stands at the top of the file, where Babel would leave blanks to be filled in."""
    catalogue.header_comment = "# Translations of CATS4ML. `make messages` keeps this file up to date with the sources."
    catalogue.msgid_bugs_address = ""
    catalogue.last_translator = "CATS4ML"
    catalogue.language_team = (catalogue.locale.english_name if catalogue.locale else None) or ""
    if isinstance(catalogue.revision_date, str):
        catalogue.revision_date = catalogue.creation_date


def update(path: Path, found: Catalog) -> Catalog:
    """Bring a catalogue up to date: new texts come in untranslated, what is no longer said goes, nothing is
    guessed. Sorted and without places, so that two people's changes seldom meet."""
    catalogue = read_catalogue(path) if path.exists() else new_catalogue(path.parents[1].name)
    created = catalogue.creation_date
    catalogue.update(found, no_fuzzy_matching=True)
    catalogue.creation_date = created
    _head(catalogue)
    catalogue.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return catalogue
