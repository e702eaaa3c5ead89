"""Signing in and out."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from cats4ml_client.config import Saved, check_is_private, clean_token, clean_url, load_saved, save
from cats4ml_client.errors import WrongUse
from cats4ml_client.options import State, common, pass_state
from cats4ml_client.output import Output, is_terminal, moment

SCOPES = {
    "submit": "claim pairs and read one’s own",
    "rate": "rate pairs",
    "organise": "export and organise",
}


def _show(out: Output, me: dict[str, Any], site: str) -> None:
    if out.as_json:
        out.document({"url": site, **me})
        return
    may = "; ".join(f"{scope} ({SCOPES.get(scope, 'unknown here')})" for scope in me["scopes"])
    out.lines(
        [
            ("site", site),
            ("name", me["name"]),
            ("token", me["token"]),
            ("may", may),
            ("until", moment(me["expires_at"]) or "it is revoked"),
        ]
    )


def _asked_url(state: State) -> str:
    given = state.given.get("url") or os.environ.get("CATS4ML_URL", "")
    if not given and is_terminal(sys.stdin):
        given = click.prompt("Address of the site", default=load_saved().url or None, err=True)
    if not given:
        raise WrongUse("Which site?", "Say --url ADDRESS, or set CATS4ML_URL.")
    return clean_url(given)


def _asked_token(given: str | None, url: str) -> str:
    """The token: from standard input for `-`, from the environment, or typed where nobody sees it."""
    if given == "-":
        return clean_token(sys.stdin.read(10_000))
    if given is not None:
        raise WrongUse("A token on the command line can be seen by others.", "Say --token - and send it by a pipe.")
    if from_environment := os.environ.get("CATS4ML_TOKEN"):
        return clean_token(from_environment)
    if not is_terminal(sys.stdin):
        raise WrongUse("Which token?", "Send it by a pipe with --token -, or set CATS4ML_TOKEN.")
    click.echo(f"Make a token on {url}/account/tokens/", err=True)
    return clean_token(click.prompt("Token (what you type stays hidden)", hide_input=True, err=True))


@click.command()
@click.option("--token", metavar="-", help="“-”: read the token from standard input instead of asking.")
@common
@pass_state
def login(state: State, token: str | None) -> None:
    """Sign in with a token of the page “API tokens”.

    It is tried first, then kept in a file that only you can read. To claim pairs it must have the scope “submit”, to
    export all pairs of a challenge that you organise the scope “organise”.
    """
    url = _asked_url(state)
    insecure = bool(state.given.get("insecure"))
    check_is_private(url, insecure=insecure)
    key = _asked_token(token, url)
    me = state.talk_to(url, key).get("me/")
    before = load_saved()
    challenge = state.given.get("challenge") or (before.challenge if before.url == url else "")
    path = save(Saved(url=url, token=key, challenge=challenge, insecure=insecure))
    _show(state.out, me, url)
    state.out.say(f"Kept in {path}")


@click.command()
@common
@pass_state
def logout(state: State) -> None:
    """Forget the saved token. It works until it is revoked on the page “API tokens”."""
    saved = load_saved()
    if saved.token:
        save(Saved(url=saved.url, challenge=saved.challenge))
    if state.out.as_json:
        state.out.document({"url": saved.url, "forgotten": bool(saved.token)})
    elif saved.token:
        state.out.say(f"Forgotten here. To make it useless everywhere, revoke it on {saved.url}/account/tokens/")
    else:
        state.out.say("No token was saved.")
    if os.environ.get("CATS4ML_TOKEN"):
        state.out.say("CATS4ML_TOKEN is set and still signs you in.")


@click.command()
@common
@pass_state
def whoami(state: State) -> None:
    """Who you are for the site, and what your token may do."""
    _show(state.out, state.api(scope="").get("me/"), state.settings.url)
