"""Every template keeps the content security policy and works without JavaScript."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.html"))
ASSET_ATTRIBUTES = {"src", "srcset", "poster", "data", "xlink:href"}
TAG = re.compile(r"{#.*?#}|{%\s*comment.*?endcomment\s*%}|{%.*?%}", re.DOTALL)


class Attributes(HTMLParser):
    """Start tags with their attributes; a script's text is kept too."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data.strip())


def markup(name: str) -> Attributes:
    """The template's HTML. An address or a variable becomes a word of its own; the other tags are taken out."""
    source = (ROOT / name).read_text()
    addresses = re.compile(r"{%\s*(?:url|static)\s(.*?)%}|{{(.*?)}}", re.DOTALL)
    words = addresses.sub(lambda found: re.sub(r"\W+", "-", "/" + (found[1] or found[2])), source)
    return Attributes(TAG.sub("", words))


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles(name: str) -> None:
    assert get_template(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_inline(name: str) -> None:
    page = markup(name)
    attributes = [
        (tag, key) for tag, attrs in page.tags for key in attrs if key == "style" or key.startswith(("on", "hx-on"))
    ]
    assert attributes == []
    assert page.inline == []
    assert [tag for tag, _ in page.tags if tag == "style"] == []
    assert "javascript:" not in (ROOT / name).read_text()


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_fetched_from_another_host(name: str) -> None:
    fetched = [
        value
        for tag, attrs in markup(name).tags
        for key, value in attrs.items()
        if key in ASSET_ATTRIBUTES or (tag in ("link", "use", "image") and key == "href")
    ]
    assert [value for value in fetched if re.match(r"(https?:)?//", value)] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_hx_get_has_the_same_href(name: str) -> None:
    gets = [
        (attrs["hx-get"], attrs.get("href", attrs.get("action"))) for _, attrs in markup(name).tags if "hx-get" in attrs
    ]
    assert [pair for pair in gets if pair[0] != pair[1]] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_hx_post_is_a_form_that_posts_there(name: str) -> None:
    forms = [(tag, attrs) for tag, attrs in markup(name).tags if "hx-post" in attrs]
    mistaken = [
        attrs["hx-post"]
        for tag, attrs in forms
        if (tag, attrs.get("method"), attrs.get("action")) != ("form", "post", attrs["hx-post"])
    ]
    assert mistaken == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_posting_form_has_a_token(name: str) -> None:
    source = (ROOT / name).read_text()
    forms = re.findall(r'<form[^>]*method="post".*?</form>', source, re.DOTALL)
    assert [form[:80] for form in forms if "{% csrf_token %}" not in form] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_picture_has_an_alternative_text(name: str) -> None:
    assert [attrs for tag, attrs in markup(name).tags if tag == "img" and "alt" not in attrs] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_exclamation_marks(name: str) -> None:
    source = re.sub(r"<!doctype[^>]*>|<!--.*?-->|{%.*?%}|!=", "", (ROOT / name).read_text(), flags=re.DOTALL)
    assert "!" not in source


def test_stylesheets_and_scripts_name_no_other_host() -> None:
    static = Path(settings.BASE_DIR) / "cats4ml" / "static" / "cats4ml"
    named = [path.name for path in static.glob("*.[cj]s*") if re.search(r"(https?:)?//[\w.]+\.\w", path.read_text())]
    assert named == []


def test_scripts_write_no_markup_and_evaluate_nothing() -> None:
    static = Path(settings.BASE_DIR) / "cats4ml" / "static" / "cats4ml"
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b")
    assert [path.name for path in static.glob("*.js") if forbidden.search(path.read_text())] == []
