"""Typed readers of the environment. A wrong value stops the start with a sentence that names it."""

from __future__ import annotations

import os
import re

from django.core.exceptions import ImproperlyConfigured


def env_text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if not value:
        if default is not None:
            return default
        raise ImproperlyConfigured(f"{name} is not set in the environment. See docs/operators.md for what it takes.")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, "")
    if value.lower() not in ("", "yes", "no", "true", "false"):
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}")
    return value.lower() in ("yes", "true") if value else default


def env_int(name: str, *, default: int) -> int:
    value = os.environ.get(name, "")
    if value and not value.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}")
    return int(value) if value else default


def env_address(name: str) -> str:
    """An address without a slash at its end; empty where it isn't set."""
    value = env_text(name, "").rstrip("/")
    if value and not re.fullmatch(r"https?://[^\s/?#][^\s?#]*", value):
        raise ImproperlyConfigured(f"{name} must be an address such as https://cats.example.org, not {value!r}")
    return value


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


# What stands in examples, templates and tutorials is no secret.
_KNOWN = re.compile(r"django-insecure-|change.?me|only-for-|your.?secret|secret.?key|insecure|password", re.IGNORECASE)
LONGEST_GUESS = 50


def env_secret(name: str) -> str:
    """A secret that nobody guesses. The sentence never repeats it."""
    value = env_text(name)
    if len(value) < LONGEST_GUESS or len(set(value)) < 16 or _KNOWN.search(value):
        raise ImproperlyConfigured(
            f"{name} can be guessed: it is shorter than {LONGEST_GUESS} characters, repeats a few, or is an example."
            " Make one: python -c 'import secrets; print(secrets.token_urlsafe(60))'"
        )
    return value


_RATE = re.compile(r"([1-9]\d{0,6})/(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}


def env_rate(name: str, *, default: str) -> tuple[int, int] | None:
    """So many within so many seconds, of a text such as 60/min; None of “none”."""
    text = env_text(name, default)
    found = _RATE.fullmatch(text)
    if found is None and text != "none":
        raise ImproperlyConfigured(f"{name} must be such as 60/min, 5/s, 1000/h or none, not {text!r}")
    return (int(found[1]), _SECONDS[found[2]]) if found else None
