"""The catalogues are whole, and what people see is marked to be in them."""

from __future__ import annotations

import re
from functools import cache

import pytest
from babel.messages.catalog import Catalog, Message
from django.conf import settings

from cats4ml import translations
from cats4ml.ui.extraction import ROOT, collect, read_catalogue
from tests.ui.unmarked import unmarked

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]|(?<!%)\{(\w+)\}")
HTML = re.compile(r"</?[a-z][^>]*>")
# A text and its translation end alike, so that a sentence stays one and a label doesn't become one.
ENDS = re.compile(r"([.:;,!?…]*)$")


@cache
def found() -> Catalog:
    return collect()


@cache
def catalogue(code: str) -> Catalog:
    return read_catalogue(translations.LOCALE / code / "LC_MESSAGES" / "django.po")


def keys(messages: Catalog) -> set[tuple[str | None, object]]:
    return {(message.context, message.id) for message in messages if message.id}


def pairs(message: Message) -> list[tuple[str, str, bool]]:
    """Source, translation, and whether the source is of one only, where the number may be a word of the sentence."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string), False)]
    one, many = message.id
    first, *rest = message.string
    return [(one, first, True), *((many, other, False) for other in rest)]


def translated(code: str) -> list[tuple[str, str, bool]]:
    return [pair for message in catalogue(code) if message.id for pair in pairs(message) if pair[1]]


def placeholders(text: str) -> set[str]:
    return {name or brace for name, brace in PLACEHOLDER.findall(text)}


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_catalogue_has_every_text_and_no_other(code: str) -> None:
    """`make messages` brings it up to date."""
    assert sorted(map(str, keys(found()) ^ keys(catalogue(code)))) == []
    assert [message.id for message in catalogue(code) if message.id and message.fuzzy] == []
    assert list(catalogue(code).obsolete) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_is_translated(code: str) -> None:
    forms = catalogue(code).num_plurals
    missing = []
    for message in catalogue(code):
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        whole = len(strings) == (forms if isinstance(message.id, tuple | list) else 1)
        if message.id and not (whole and all(strings)):
            missing.append(message.id)
    assert missing == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_translations_keep_placeholders_tags_and_how_a_text_ends(code: str) -> None:
    broken = []
    for source, text, of_one in translated(code):
        missing, more = placeholders(source) - placeholders(text), placeholders(text) - placeholders(source)
        # A sentence about one may say the number in words, or not at all.
        if more or (missing and not (of_one and len(missing) == 1)):
            broken.append((source, text, "placeholders"))
        if sorted(HTML.findall(source)) != sorted(HTML.findall(text)):
            broken.append((source, text, "tags"))
        if ENDS.search(source).group() != ENDS.search(text).group():
            broken.append((source, text, "end"))
        if (source[:1].isspace(), source[-1:].isspace()) != (text[:1].isspace(), text[-1:].isspace()):
            broken.append((source, text, "spaces"))
        if source.count("%%") != text.count("%%") and "%%" in source:
            broken.append((source, text, "per cent"))
    assert broken == []


def test_no_visible_text_of_a_template_is_unmarked() -> None:
    """Names and signs that are the same in every language stand in `unmarked.SAME_EVERYWHERE`."""
    templates = sorted((ROOT / "templates").rglob("*.html"))
    left = [f"{path.relative_to(ROOT)}:{line}: {text}" for path in templates for line, text in unmarked(path)]
    assert left == []


def test_what_is_unmarked_is_found(tmp_path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        '{% load i18n %}<p title="Seen">{% translate "Fine" %} Left\nover</p>{# no #}{% comment %}no{% endcomment %}\n'
        '<b aria-label="{% translate "x" %}">{{ n }}</b>{% include "a.html" with text="A sentence" label=_("Fine") %}\n'
        "{% blocktranslate %}Fine <i>it</i>{% endblocktranslate %}{{ n|pluralize }}<{% if a %}a{% else %}b{% endif %}>"
        '<svg{% if a %} class="word"{% endif %}><text>yes</text></svg><kbd>G</kbd> CATS4ML<script>var no = 1;</script>'
    )
    assert unmarked(page) == [
        (1, "Left over"),
        (1, 'title="Seen"'),
        (3, '"A sentence"'),
        (4, "yes"),
        (4, "|pluralize"),
    ]


def test_no_text_is_marked_within_an_f_string_where_the_extraction_does_not_find_it() -> None:
    hidden = re.compile(r"""\bf["'].*\{n?p?(?:_|gettext)\(["']""")
    files = sorted((ROOT / "cats4ml").rglob("*.py"))
    assert [str(file) for file in files if hidden.search(file.read_text(encoding="utf-8"))] == []
