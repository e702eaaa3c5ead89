"""Licences and addresses as they stand beside a picture."""

from __future__ import annotations

import re

_CREATIVE_COMMONS = re.compile(
    r"https?://creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/(\d\.\d)", re.IGNORECASE
)
_PUBLIC_DOMAIN = {"zero": "CC0", "mark": "Public Domain Mark"}


def licence_name(licence: str) -> str:
    """The name of a Creative Commons licence for its address, as `CC BY 2.0`; anything else as it is."""
    found = _CREATIVE_COMMONS.match(licence.strip())
    if found is None:
        return licence.strip()
    where, kind, version = found.groups()
    if where.lower() == "publicdomain":
        return f"{_PUBLIC_DOMAIN.get(kind.lower(), kind.upper())} {version}"
    return f"CC {kind.upper()} {version}"


def web_address(text: str) -> str:
    """The text where it is an address that a link may lead to, else nothing: a table may say `javascript:`."""
    return text if re.match(r"https?://", text, re.IGNORECASE) else ""
