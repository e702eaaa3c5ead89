"""What `manage.py up` makes of its port, before anything starts."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from cats4ml.console.management.commands.up import Command


def port_of(*arguments: str) -> int:
    parser = Command().create_parser("manage.py", "up")
    return int(parser.parse_args(arguments).port)


@pytest.mark.parametrize(("given", "port"), [("", 8000), ("9000", 9000)])
def test_the_environment_names_the_port(given: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", given)
    assert port_of() == port
    assert port_of("--port", "8066") == 8066


@pytest.mark.parametrize("given", ["abc", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_said_in_a_sentence(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", given)
    with pytest.raises(CommandError, match=f"PORT must be a whole number from 1 to 65535, not '{given}'"):
        port_of()
