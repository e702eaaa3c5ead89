"""How the texts to translate are found, kept and compiled."""

from __future__ import annotations

from pathlib import Path

from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from cats4ml import translations
from cats4ml.ui.extraction import collect, texts_of, update

TEMPLATE = """{% load i18n %}<p title="{% translate "A title" %}">
    {# Translators: on a button #}
    {% translate "Save" context "a button" %}
  {% blocktranslate trimmed with who=user.name %}
    Signed in
    as {{ who }}, 5% done.
  {% endblocktranslate %}
      {% blocktranslate trimmed count n=n with shown=n|figure %}{{ shown }} pair
      {% plural %}{{ shown }} pairs{% endblocktranslate %}
{% include "x.html" with label=_("A label") %} Not marked (with "quotes' and brackets {{ x|default:_("None yet") }}
"""
PYTHON = """
from cats4ml.ui.words import counted
def said(n):
    return _("Plain"), counted(n, "%(n)s row", "%(n)s rows"), ngettext("%(n)s a", "%(n)s b", n), counted(n, "old")
"""


def made(folder: Path) -> Path:
    (folder / "cats4ml").mkdir()
    (folder / "templates").mkdir()
    (folder / "cats4ml" / "a.py").write_text(PYTHON)
    (folder / "templates" / "a.html").write_text(TEMPLATE)
    return folder


def test_texts_are_found_in_templates_and_python(tmp_path) -> None:
    root = made(tmp_path)
    assert [(text, context) for _line, text, _comments, context in texts_of(root / "templates" / "a.html")] == [
        ("A title", None),
        ("Save", "a button"),
        ("Signed in as %(who)s, 5%% done.", None),
        (("%(shown)s pair", "%(shown)s pairs"), None),
        ("A label", None),
        ("None yet", None),
    ]
    assert [text for _line, text, _comments, _context in texts_of(root / "cats4ml" / "a.py")] == [
        "Plain",
        ("%(n)s row", "%(n)s rows"),
        ("%(n)s a", "%(n)s b"),
    ]


def test_an_update_keeps_translations_drops_what_is_gone_and_guesses_nothing(tmp_path) -> None:
    root = made(tmp_path)
    path = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    update(path, collect(root))
    first = path.read_bytes()
    update(path, collect(root))
    assert path.read_bytes() == first
    path.write_text(path.read_text().replace('msgid "Plain"\nmsgstr ""', 'msgid "Plain"\nmsgstr "Schlicht"'))
    (root / "templates" / "a.html").write_text('{% load i18n %}{% translate "A titles" %}')
    update(path, collect(root))
    kept = read_po(path.open("rb"), locale="de")
    assert {message.id: message.string for message in kept if message.id} == {
        "Plain": "Schlicht",
        "A titles": "",
        ("%(n)s a", "%(n)s b"): ("", ""),
        ("%(n)s row", "%(n)s rows"): ("", ""),
    }
    assert not any(message.fuzzy for message in kept if message.id)
    assert not kept.obsolete


def test_a_catalogue_is_compiled_when_it_is_newer_and_only_then(tmp_path) -> None:
    root = made(tmp_path)
    path = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    update(path, collect(root))
    path.write_text(path.read_text().replace('msgid "Plain"\nmsgstr ""', 'msgid "Plain"\nmsgstr "Schlicht"'))
    target = path.with_suffix(".mo")
    assert translations.compile_changed(tmp_path / "locale") == [target]
    assert read_mo(target.open("rb")).get("Plain").string == "Schlicht"
    assert translations.compile_changed(tmp_path / "locale") == []
    assert sorted(one.name for one in path.parent.iterdir()) == ["django.mo", "django.po"]
