"""Reading a mapping that somebody else wrote (a TOML table, a message), field by field, with errors that help."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any


class FieldError(ValueError):
    """One key of a mapping is missing, unknown or has an unusable value. `problem` says what, and how to mend it."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word, such as ` (did you mean 'softmax'?)`, or an empty text."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


class Fields:
    """A mapping of which every key must be read: `finish` refuses what nobody asked for.

    Each reader raises `FieldError` with the key's full name (`input.mean`).
    """

    def __init__(self, data: Any, *, prefix: str = "") -> None:
        if not isinstance(data, Mapping):
            raise FieldError(prefix or "table", f"should be a table of keys and values, is {data!r}")
        self._data: Mapping[str, Any] = data
        self._prefix = prefix
        self._asked: set[str] = set()

    def name(self, key: str) -> str:
        return f"{self._prefix}.{key}" if self._prefix else key

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._data

    def raw(self, key: str) -> Any:
        """The value as it stands. Raises `FieldError` if the key is missing."""
        if not self.has(key):
            raise FieldError(self.name(key), "is missing")
        return self._data[key]

    def text(self, key: str, *, default: str | None = None) -> str:
        """A text; `default` where the key is missing. Without a default an empty text is refused too."""
        if default is not None and not self.has(key):
            return default
        value = self.raw(key)
        if not isinstance(value, str):
            raise FieldError(self.name(key), f"should be a text in quotes, is {value!r}")
        if default is None and not value:
            raise FieldError(self.name(key), "is empty")
        return value

    def choice(self, key: str, allowed: Collection[str], *, default: str | None = None) -> str:
        value = self.text(key, default=default)
        if value not in allowed:
            known = ", ".join(sorted(allowed))
            raise FieldError(self.name(key), f"{value!r} is unknown{nearest(value, allowed)}; it can be: {known}")
        return value

    def count(self, key: str) -> int:
        """A whole number of at least 1."""
        value = self.raw(key)
        if not _is_int(value) or value < 1:
            raise FieldError(self.name(key), f"should be a whole number of at least 1, is {value!r}")
        return int(value)

    def whole(self, key: str) -> int:
        """A whole number of at least 0."""
        value = self.raw(key)
        if not _is_int(value) or value < 0:
            raise FieldError(self.name(key), f"should be a whole number of at least 0, is {value!r}")
        return int(value)

    def positive(self, key: str, *, default: float | None = None) -> float:
        """A finite number above 0; `default` where the key is missing."""
        if default is not None and not self.has(key):
            return default
        value = self.raw(key)
        if not _is_finite(value) or value <= 0:
            raise FieldError(self.name(key), f"should be a number above 0, is {value!r}")
        return float(value)

    def size(self, key: str) -> tuple[int, int]:
        """`[width, height]` in pixels."""
        value = self.raw(key)
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(_is_int(n) and n > 0 for n in value):
            raise FieldError(self.name(key), f"should be [width, height] in pixels, is {value!r}")
        return int(value[0]), int(value[1])

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers, at least one."""
        value = self.raw(key)
        if not isinstance(value, list | tuple) or not value or not all(_is_finite(n) for n in value):
            raise FieldError(self.name(key), f"should be a list of numbers, is {value!r}")
        return tuple(float(n) for n in value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of different, non-empty texts, at least one."""
        value = self.raw(key)
        if not isinstance(value, list | tuple) or not value or not all(isinstance(t, str) and t for t in value):
            raise FieldError(self.name(key), "should be a list of non-empty texts in quotes")
        repeated = next((t for n, t in enumerate(value) if t in value[:n]), None) if _has_repeats(value) else None
        if repeated is not None:
            raise FieldError(self.name(key), f"{repeated!r} stands there twice; each must be there once")
        return tuple(value)

    def finish(self) -> None:
        """Raises `FieldError` for a key that no reader asked for: a misspelling would else pass silently."""
        for key in self._data:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                hint = nearest(str(key), self._asked)
                raise FieldError(self.name(str(key)), f"is an unknown key{hint}; known are: {known}")


def _has_repeats(values: Collection[str]) -> bool:
    return len(set(values)) != len(values)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
