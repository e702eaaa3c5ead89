"""Values as JSON and back, with the types that JSON lacks: what is kept in Redis is read, and never run.

Django keeps pickles in its cache: whoever can write to Redis could then run code in every web process. Here a text from
Redis can become nothing but plain values, and value classes of this project (dataclasses, named tuples, enums).
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

OURS = ("cats4ml.", "scoring.")
# A value with its type is written as an object with this one name; every other dictionary as a list of its items.
TYPE, VALUE = "is", "of"


class NotPlain(TypeError):
    """This is no value that can be written down, or none that can be read."""


def write_plain(value: Any) -> bytes:
    """The value as JSON. Raises `NotPlain` for anything but values: a database row, say, or a function."""
    return json.dumps(_packed(value), separators=(",", ":"), ensure_ascii=False).encode()


def read_plain(data: bytes) -> Any:
    """The value that `write_plain` wrote. Raises `NotPlain` for everything that it can't have written."""
    try:
        return _unpacked(json.loads(data))
    except NotPlain:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise NotPlain(f"this was not written here: {type(error).__name__}") from error


def _packed(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_packed(one) for one in value]
    if kind in _EXACT:
        name, take_apart = _EXACT[kind]
        return {TYPE: name, VALUE: take_apart(value)}
    if isinstance(value, Enum):
        return {TYPE: "enum", VALUE: [_name_of(kind), _packed(value.value)]}
    if isinstance(value, str):
        return str(value)  # of a class of its own, such as Django's safe text, which it is no more
    return _packed_compound(value, kind)


def _packed_compound(value: Any, kind: type) -> Any:
    if dataclasses.is_dataclass(kind):
        fields = {field.name: _packed(getattr(value, field.name)) for field in dataclasses.fields(kind) if field.init}
        return {TYPE: "value", VALUE: [_name_of(kind), fields]}
    if isinstance(value, tuple):
        return {TYPE: "named", VALUE: [_name_of(kind), _all(value)]}
    if isinstance(value, Mapping):
        return {TYPE: "dict", VALUE: _items(value)}
    raise NotPlain(f"{kind.__module__}.{kind.__qualname__} is not kept in the cache: make it a value")


def _all(values: Iterable[Any]) -> list[Any]:
    return [_packed(one) for one in values]


def _items(value: Mapping[Any, Any]) -> list[list[Any]]:
    return [[_packed(key), _packed(one)] for key, one in value.items()]


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise NotPlain("a time without a zone says nothing")
    return value.astimezone(UTC).isoformat()


_EXACT: dict[type, tuple[str, Callable[[Any], Any]]] = {
    tuple: ("tuple", _all),
    dict: ("dict", _items),
    Counter: ("counter", _items),
    set: ("set", _all),
    frozenset: ("frozenset", _all),
    datetime: ("time", _moment),
    timedelta: ("span", lambda value: [value.days, value.seconds, value.microseconds]),
    UUID: ("uuid", lambda value: value.hex),
}


def _name_of(kind: type) -> str:
    if not kind.__module__.startswith(OURS) or "." in kind.__qualname__:
        raise NotPlain(f"{kind.__module__}.{kind.__qualname__} is no value class of this project")
    return f"{kind.__module__}:{kind.__qualname__}"


def _class_of(name: str, parent: type | None) -> type:
    module, _, qualname = name.partition(":")
    if not module.startswith(OURS) or not all(part.isidentifier() for part in module.split(".")):
        raise NotPlain(f"{name[:80]!r} is no value class of this project")
    try:
        found = getattr(importlib.import_module(module), qualname, None)
    except ImportError:
        found = None
    # What the module merely imports is not its own: else any class could be reached.
    if not isinstance(found, type) or found.__module__ != module:
        raise NotPlain(f"{name[:80]!r} is no value class of this project")
    if not (issubclass(found, parent) if parent else dataclasses.is_dataclass(found)):
        raise NotPlain(f"{name[:80]!r} is no value class of this project")
    return found


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    read = _READERS.get(value[TYPE])
    if read is None:
        raise NotPlain("a value of an unknown type")
    return read(value[VALUE])


def _each(content: Any) -> Iterator[Any]:
    return (_unpacked(one) for one in content)


def _mapping(content: Any) -> dict[Any, Any]:
    return {_unpacked(key): _unpacked(one) for key, one in content}


_READERS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda content: tuple(_each(content)),
    "dict": _mapping,
    "counter": lambda content: Counter(_mapping(content)),
    "set": lambda content: set(_each(content)),
    "frozenset": lambda content: frozenset(_each(content)),
    "time": datetime.fromisoformat,
    "span": lambda content: timedelta(days=content[0], seconds=content[1], microseconds=content[2]),
    "uuid": UUID,
    "enum": lambda content: _class_of(content[0], Enum)(_unpacked(content[1])),
    "named": lambda content: _class_of(content[0], tuple)(*_each(content[1])),
    "value": lambda content: _class_of(content[0], None)(**{name: _unpacked(one) for name, one in content[1].items()}),
}
