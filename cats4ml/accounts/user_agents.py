"""What a browser says of itself, in a few words that its owner knows it by."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

# The first that is found. Browsers name those that they are made from too, so that these come last.
BROWSERS: Sequence[tuple[str, str]] = (
    (r"\bEdg(e|A|iOS)?/", "Edge"),
    (r"\b(OPR|Opera|OPiOS|OPT)/", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\bVivaldi/", "Vivaldi"),
    (r"\bDuckDuckGo/|\bDdg/", "DuckDuckGo"),
    (r"\bYaBrowser/", "Yandex Browser"),
    (r"\bSeaMonkey/", "SeaMonkey"),
    (r"\bFirefox/|\bFxiOS/", "Firefox"),
    (r"\b(Headless)?Chrome/|\bCriOS/|\bChromium/", "Chrome"),
    (r"\bVersion/[\d.]+ .*\bSafari/", "Safari"),
    (r"^curl/", "curl"),
    (r"^[Ww]get/", "Wget"),
    (r"^(cats4ml|python)[-\w]*/", "Python"),
)
SYSTEMS: Sequence[tuple[str, str]] = (
    (r"\biPhone\b|\biPod\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bWindows\b", "Windows"),
    (r"\bMacintosh\b|\bMac OS X\b", "macOS"),
    (r"\bLinux\b|\bX11\b", "Linux"),
)


def described(user_agent: str) -> str:
    """“Firefox on Windows”. It is what the program says of itself, and anybody may claim to be another."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        # Translators: a browser and what it runs on: “Firefox on Windows”.
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    if system:
        return _("A browser on %(system)s") % {"system": system}
    return browser or _("An unknown browser or program")


def _first(table: Sequence[tuple[str, str]], text: str) -> str:
    return next((name for pattern, name in table if re.search(pattern, text)), "")
