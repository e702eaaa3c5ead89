"""Finds visible text of a template that nobody marked for translation."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType
from django.utils.text import smart_split

SPOKEN = ("alt", "aria-label", "placeholder", "title")
SPOKEN_DATA = re.compile(r"data-(say|[a-z-]*text|done|label|selected)$")
# Names, units and what is written the same in every language.
SAME_EVERYWHERE = re.compile(
    r"CATS4ML|GitHub|SHA-256|BibTeX|CSV|JSON|PNG|UTC|ORCID|DOI|CHECKSUMS|datasets|pandas|sha256sum --check|&\w+;|&#\w+;"
    r"|\bs\b|(?<![^\W\d_])[A-Za-z](?![^\W\d_])"  # one letter: a key, a unit, a mark
)
# What nobody reads, and what is typed as it stands.
SILENT = ("script", "style", "pre")
LETTER = re.compile(r"[^\W\d_]")
TAGS_WITH_TEXTS = ("include", "with", "progress", "quota_meter", "points_plot", "field")
GLUE = re.compile(r"\|(pluralize|yesno|default|default_if_none|add):?(\"[^\"]*\")?")
# What stands for a tag, and for a value, where the page is read as HTML.
TAG, VALUE = " ", "…"


def has_words(text: str) -> bool:
    return bool(LETTER.search(SAME_EVERYWHERE.sub("", text)))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        for name, value in attrs:
            if (name in SPOKEN or SPOKEN_DATA.match(name)) and has_words(value or ""):
                self.found.append((self.getpos()[0], f'{name}="{value or ""}"'))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT and self.silent > 0

    def handle_data(self, data: str) -> None:
        if not self.silent and has_words(data):
            before = data[: len(data) - len(data.lstrip())].count("\n")
            self.found.append((self.getpos()[0] + before, " ".join(data.split())))


def _arguments(contents: str) -> list[str]:
    """Texts that a tag passes on, such as the sentence of an empty list."""
    name, *arguments = smart_split(contents)
    if name not in TAGS_WITH_TEXTS:
        return []
    values = (one.partition("=")[2] if re.match(r"\w+=", one) else one for one in arguments if "tone=" not in one)
    return [text for text in values if text[:1] in "\"'" and re.search(r"[A-Z][a-z]|\w \w", text)]


def _glued(contents: str) -> list[str]:
    """Filters that make English of a value."""
    return [
        f"|{name}{':' + words if words else ''}"
        for name, words in GLUE.findall(contents)
        if name == "pluralize" or (has_words(words or "") and not words.startswith(('"?', '"#')))
    ]


def unmarked(path: Path) -> list[tuple[int, str]]:
    """Line and text of what a reader would see in English whatever the language."""
    page, found = [], []
    quiet, until = False, ()
    for token in Lexer(path.read_text(encoding="utf-8")).tokenize():
        hole = (VALUE if token.token_type == TokenType.VAR else TAG) + "\n" * token.contents.count("\n")
        if token.token_type == TokenType.BLOCK:
            name = token.contents.split(None, 1)[0]
            if quiet and name in until:
                quiet = False
            elif not quiet and name in ("comment", "blocktranslate"):
                quiet, until = True, (f"end{name}",)
            elif token.contents == "block body_class":
                quiet, until = True, ("endblock",)
        if token.token_type == TokenType.TEXT and not quiet:
            page.append(token.contents)
            continue
        page.append(hole)
        if not quiet and token.token_type in (TokenType.BLOCK, TokenType.VAR):
            texts = _arguments(token.contents) if token.token_type == TokenType.BLOCK else []
            found += [(token.lineno, text) for text in (*texts, *_glued(token.contents))]
    parser = _Page()
    # A tag whose name depends on something, `<{% if … %}a{% else %}div{% endif %}`, is a tag all the same.
    parser.feed(re.sub(r"<(/?) +(?=[a-z])", r"<\1x-", "".join(page)))
    parser.close()
    return sorted({*found, *parser.found})
