"""Whose picture it is stands beside it, with the licence by its name and no link that leads elsewhere."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from cats4ml.catalog.models import Image
from cats4ml.ui.licences import licence_name, web_address


@pytest.mark.parametrize(
    ("licence", "name"),
    [
        ("https://creativecommons.org/licenses/by/2.0/", "CC BY 2.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/deed.en", "CC BY-NC-SA 4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "Public Domain Mark 1.0"),
        ("MIT", "MIT"),
        ("https://licences.example/by/2.0/", "https://licences.example/by/2.0/"),
        ("", ""),
    ],
)
def test_a_licence_is_called_by_its_name(licence, name) -> None:
    assert licence_name(licence) == name


@pytest.mark.parametrize("text", ["javascript:alert(1)", " https://host.example/", "//host.example", "data:text/x", ""])
def test_no_link_leads_where_a_table_says_other_than_the_web(text) -> None:
    assert web_address(text) == ""


def attribution(**fields: str) -> str:
    return render_to_string("_components/_attribution.html", {"image": Image(image_id="a1", **fields)}).strip()


def test_author_licence_and_landing_page_stand_in_one_line() -> None:
    whole = {
        "author": "Ada & Eve",
        "author_url": "https://host.example/ada/",
        "license": "https://creativecommons.org/licenses/by/2.0/",
        "landing_url": "https://host.example/1",
    }
    assert attribution(**whole) == (
        '<p class="attribution"><a href="https://host.example/ada/" rel="noopener noreferrer"><bdi>Ada &amp; Eve</bdi>'
        "</a>,"
        ' <a href="https://creativecommons.org/licenses/by/2.0/" rel="noopener noreferrer license">CC BY 2.0</a>,'
        ' <a href="https://host.example/1" rel="noopener noreferrer">original<span class="sr-only"> of picture'
        " a1</span></a></p>"
    )
    assert attribution(**whole | {"author_url": "javascript:x", "license": "MIT", "landing_url": ""}) == (
        '<p class="attribution"><bdi>Ada &amp; Eve</bdi>, MIT</p>'
    )
    assert attribution() == ""
