"""The options that every command has, before its name or after it, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

import click

from cats4ml_client.api import Api, Manners
from cats4ml_client.config import Settings, load_saved, settle
from cats4ml_client.errors import NotAllowed, Refused, WrongUse
from cats4ml_client.output import Output

F = TypeVar("F", bound=Callable[..., Any])

SUBMIT, RATE, ORGANISE = "submit", "rate", "organise"


@dataclass
class State:
    """What this run was told, and what it works with."""

    given: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def out(self) -> Output:
        return Output(as_json=bool(self.given.get("as_json")), quiet=bool(self.given.get("quiet")))

    @cached_property
    def settings(self) -> Settings:
        return settle(
            load_saved(),
            os.environ,
            url=self.given.get("url") or "",
            challenge=self.given.get("challenge") or "",
            insecure=bool(self.given.get("insecure")),
        )

    def talk_to(self, site: str, token: str) -> Api:
        manners = Manners(timeout=self.given.get("timeout") or 60.0, retries=self.given.get("retries", 4))
        return Api(site=site, token=token, manners=manners, tell=self.out.say)

    @cached_property
    def _api(self) -> Api:
        return self.talk_to(self.settings.url, self.settings.token)

    def api(self, *, scope: str | None = None) -> Api:
        """The site's API. Raises `WrongUse` where no site is known.

        What needs a token names its `scope`, empty where any will do: raises `NotAllowed` where there is no token.
        """
        if not self.settings.url:
            raise WrongUse("Which site?", "Sign in once: cats4ml login. Or set CATS4ML_URL, or say --url.")
        if scope is not None and not self.settings.token:
            page = f"{self.settings.url}/account/tokens/"
            needed = f" with the scope “{scope}”" if scope else ""
            raise NotAllowed(
                f"You are not signed in at {self.settings.url}, and this needs a token{needed}.",
                f"Make one on {page} and sign in: cats4ml login",
            )
        return self._api

    def edition(self, path: str = "") -> str:
        """A path below the challenge that is meant. Raises `WrongUse` where several could be."""
        return f"challenges/{quote(self.slug, safe='')}/{path}"

    @cached_property
    def slug(self) -> str:
        """The challenge that was named, or the only open one."""
        if self.settings.challenge:
            return self.settings.challenge
        known = list(self.api().pages("challenges/"))
        open_ones = [one["slug"] for one in known if one["status"] == "open"]
        if len(open_ones) == 1:
            return str(open_ones[0])
        if not known:
            raise Refused(f"{self.settings.url} has no challenge.")
        names = ", ".join(one["slug"] for one in known[:20])
        raise WrongUse(
            f"Which challenge? There are: {names}.", "Say -c NAME, or keep one: cats4ml challenges --use NAME"
        )


pass_state = click.make_pass_decorator(State, ensure=True)


def _remember(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Keep an option that was given. After the command's name it goes before the same one ahead of it."""
    if value is not None and value is not False and option.name is not None:
        context.ensure_object(State).given[option.name] = value
    return value


def common(command: F) -> F:
    """Gives a command the options that all have."""
    kept: dict[str, Any] = {"expose_value": False, "callback": _remember}
    options = (
        click.option("-c", "--challenge", metavar="NAME", help="The challenge, by the name in its address.", **kept),
        click.option("--url", metavar="ADDRESS", help="The site, instead of the saved one.", **kept),
        click.option("--json", "as_json", is_flag=True, help="Write one JSON document.", **kept),
        click.option("-q", "--quiet", is_flag=True, help="Write results and errors, nothing else.", **kept),
        click.option("--insecure", is_flag=True, help="Take plain http: the token travels in the open.", **kept),
        click.option(
            "--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Wait so long for an answer (60).",
            **kept,
        ),
        click.option(
            "--retries", type=click.IntRange(0, 20), metavar="NUMBER", help="Ask so often again (4).", **kept
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
