"""How log lines look, on both sides: one line for one record, and nothing secret in it. Knows no Django."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from celery._state import get_current_task
from pythonjsonlogger.json import JsonFormatter

FORMATS = ("json", "plain")
REQUEST_HEADER = "X-Request-ID"

_SECRETS = (
    # A password in an address, as an exception of a driver may repeat it.
    (re.compile(r"(\w+://[^\s:/@]*):[^\s/@]+@"), r"\1:[hidden]@"),
    (re.compile(r"(?i)\b(token|bearer|basic)( +)[\w.~+/=-]{8,}"), r"\1\2[hidden]"),
    (
        re.compile(
            r"""(?i)(\b\w*(?:token|secret|password|api_?key|session(?:id)?|signature)["']?[=:]\s*)[^\s,&;)}]+"""
        ),
        r"\1[hidden]",
    ),
    # What an address asks for may hold a key or a name; which page it is stands before it.
    (re.compile(r"(https?://[^\s?\"']+|(?<=\s)/[^\s?\"']*)\?[^\s\"']+"), r"\1?[hidden]"),
    # A mail address is a person's; a worker's name (`web@host.example`) isn't one.
    (re.compile(r"(?<![\w.+-])(?!(?:web|scoring|celery|gen\d+)@)[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[address]"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def without_secrets(text: str) -> str:
    """`text` without passwords, tokens, query strings and mail addresses, as far as their shape gives them away."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def on_one_line(text: str) -> str:
    r"""Control characters written out (`\n`), so that what somebody sent can't begin a line of its own."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def current_request_id() -> str | None:
    """The id of the request that rang the task in hand, if it came with it."""
    task = get_current_task()
    found = task.request.get(REQUEST_HEADER) if task is not None and task.request else None
    return str(found) if found else None


class TaskNames(logging.Filter):
    """Gives every record the id and name of the task that it was written in, and the request's id that came with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        task = get_current_task()
        request = task.request if task is not None and task.request else None
        record.task_id = request.id if request else None
        record.task = task.name if request else None
        if not getattr(record, "request_id", None):
            record.request_id = current_request_id()
        return True


class JsonLines(JsonFormatter):
    """A record as one line of JSON: `time`, `level`, `logger`, `message`, and the ids where there are any."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(
            ["levelname", "name", "message", "request_id", "task_id", "task"],
            rename_fields={"levelname": "level", "name": "logger"},
            json_ensure_ascii=True,
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data["time"] = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in log_data.items() if name in _SHOWN and value not in (None, "")}
        return {name: without_secrets(value) if isinstance(value, str) else value for name, value in kept.items()}


# Django and Celery hang requests, sockets and arguments on records: only these are shown.
_SHOWN = frozenset(
    {
        *("time", "level", "logger", "message", "request_id", "task_id", "task", "exc_info", "stack_info"),
        *("method", "path", "status", "seconds", "bytes"),
    }
)


class PlainLines(logging.Formatter):
    """A record as one line for people; those of a traceback stand behind a bar, so that none looks like a record."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        ids = [f"[{name} {value}]" for name in ("request_id", "task_id") if (value := getattr(record, name, None))]
        return " ".join([on_one_line(super().formatMessage(record)), *ids])

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = without_secrets(super().format(record)).split("\n")
        return "\n".join([first, *(f"  | {on_one_line(line)}" for line in rest)])


def logging_config(*, form: str, level: str, names: str = "scoring.logs.TaskNames") -> dict[str, Any]:
    """What `logging.config.dictConfig` takes. `names`: the filter that gives records their ids."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "scoring.logs.JsonLines"}, "plain": {"()": "scoring.logs.PlainLines"}},
        "filters": {"names": {"()": names}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["names"]}},
        "root": {"handlers": ["stderr"], "level": level},
        # They say at each request and task which id they gave it.
        "loggers": {"django_guid": {"level": "WARNING"}},
    }


def checked_format(environ: Mapping[str, str], *, default: str) -> str:
    """`LOG_FORMAT`. Raises `ValueError` with a sentence."""
    chosen = environ.get("LOG_FORMAT", "").strip() or default
    if chosen not in FORMATS:
        raise ValueError(f"LOG_FORMAT must be json or plain, not {chosen!r}")
    return chosen
