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
