"""The colours are legible: WCAG 2.2 contrast, computed from tokens.css as it stands."""

import re
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "cats4ml" / "static" / "cats4ml"
THEMES = {"light": 0, "dark": 1}
TEXTS = ("text", "text-2", "accent", "accent-hover", "fn", "fp", "ag", "am")
GROUNDS = ("bg", "surface", "sunken", "accent-soft")


def colours(theme: str) -> dict[str, str]:
    css = (STATIC / "tokens.css").read_text()
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    return {name: values[THEMES[theme]] for name, *values in pairs}


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_has_four_and_a_half_to_one(theme: str, ground: str, text: str) -> None:
    palette = colours(theme)
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("accent", ["accent", "accent-hover"])
def test_text_on_the_accent_is_legible(theme: str, accent: str) -> None:
    palette = colours(theme)
    assert contrast(palette["on-accent"], palette[accent]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_edge_of_a_control_has_three_to_one(theme: str, ground: str) -> None:
    palette = colours(theme)
    assert contrast(palette["line-strong"], palette[ground]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tone", ["fn", "fp", "ag", "am", "text", "accent"])
def test_fill_stands_out_from_its_track(theme: str, tone: str) -> None:
    palette = colours(theme)
    assert contrast(palette[tone], palette["scale"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_text_in_a_toast_is_legible(theme: str) -> None:
    palette = colours(theme)
    assert contrast(palette["bg"], palette["text"]) >= 4.5


def test_well_is_the_same_grey_in_both_themes() -> None:
    assert colours("light")["well"] == colours("dark")["well"] == "#777777"


def test_neutral_colours_have_no_hue() -> None:
    neutral = ("bg", "surface", "sunken", "line", "line-strong", "text", "text-2", "scale", "well", "ag")
    tinted = [(t, n) for t in THEMES for n in neutral if len({colours(t)[n][i : i + 2] for i in (1, 3, 5)}) != 1]
    assert tinted == []


def test_every_custom_property_in_use_is_defined() -> None:
    sheets = "".join(path.read_text() for path in STATIC.glob("*.css"))
    used = set(re.findall(r"var\((--[\w-]+)\)", sheets))
    defined = set(re.findall(r"^\s*(--[\w-]+):", sheets, re.MULTILINE))
    assert used - defined == set()


def test_every_font_file_is_there() -> None:
    sources = re.findall(r'url\("([^"]+)"\)', (STATIC / "tokens.css").read_text())
    assert [source for source in sources if not (STATIC / source).is_file()] == []
    assert len(sources) == 3
