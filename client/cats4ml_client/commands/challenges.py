"""Challenges, what they ask for, and taking part."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from cats4ml_client.config import load_saved, save
from cats4ml_client.errors import Exit, Refused, WrongUse
from cats4ml_client.options import RATE, SUBMIT, State, common, pass_state
from cats4ml_client.output import is_terminal, moment, printable


@click.command()
@click.option("--use", metavar="NAME", help="Keep this challenge as the one that later commands mean.")
@common
@pass_state
def challenges(state: State, use: str | None) -> None:
    """The challenges of the site, newest first."""
    found = list(state.api().pages("challenges/"))
    if use is not None:
        _keep(state, use, [one["slug"] for one in found])
    if state.out.as_json:
        state.out.documents(found)
    elif found:
        state.out.table(
            ["name", "status", "closes", "labels", "pictures", "title"],
            [
                (o["slug"], o["status"], moment(o["closes_at"]), o["label_count"], o["picture_count"], o["title"])
                for o in found
            ],
        )
    if not found:
        raise Refused(f"{state.settings.url} has no challenge.")


def _keep(state: State, slug: str, known: list[str]) -> None:
    if slug not in known:
        raise Refused(f"There is no challenge “{slug}”.", f"There are: {', '.join(known) or 'none'}.")
    saved = load_saved()
    if saved.url != state.settings.url:
        raise WrongUse("A challenge is kept for the site that you are signed in at.", "Sign in first: cats4ml login")
    save(replace(saved, challenge=slug))
    state.out.say(f"Later commands mean “{slug}”.")


@click.command()
@common
@pass_state
def labels(state: State) -> None:
    """The target labels: what you claim pictures for."""
    rows = state.api().pages(state.edition("labels/"))
    if state.out.as_json:
        state.out.documents(rows)
        return
    state.out.table(
        ["label_id", "name", "meaning"],
        [(o["label_id"], o["name"], " ".join(filter(None, (o["description"], o["guidance"])))) for o in rows],
    )


@click.command()
@common
@pass_state
def quota(state: State) -> None:
    """How many claims you have left. (Scope “submit”.)"""
    found = state.api(scope=SUBMIT).get(state.edition("quota/"))
    if state.out.as_json:
        state.out.document(found)
        return
    state.out.lines(
        [
            ("left", f"{found['remaining']:,}"),
            ("used", f"{found['used']:,} of {found['total']:,}"),
            ("of these", f"{found['base']:,} to begin with, {found['bonus']:,} for adverse pairs"),
        ]
    )


@click.command()
@click.option("--role", type=click.Choice(["finder", "rater"]), default="finder", show_default=True)
@click.option("--team", metavar="NAME", help="Take part for a team that you are in.")
@click.option("--agree", type=int, metavar="VERSION", help="You read the consent text of this version and agree to it.")
@click.option("--old-enough", is_flag=True, help="You are as old as the challenge asks.")
@click.option("--eligible", is_flag=True, help="The challenge’s condition holds for you.")
@common
@pass_state
def join(state: State, *, role: str, team: str | None, agree: int | None, old_enough: bool, eligible: bool) -> None:
    """Take part in a challenge. (Scope “submit” for a finder, “rate” for a rater.)

    Shows the consent text and asks. A program says --agree with the text's version instead.
    """
    api = state.api(scope=SUBMIT if role == "finder" else RATE)
    if agree is None:
        agree, old_enough, eligible = _asked_consent(state, role)
    sent: dict[str, object] = {"role": role, "consent_version": agree, "old_enough": old_enough, "eligible": eligible}
    if team:
        sent["team"] = team
    part = api.post(state.edition("participations/"), json=sent)
    if state.out.as_json:
        state.out.document(part)
    else:
        team_name = f" for {part['team']}" if part["team"] else ""
        state.out.say(f"You take part in “{state.slug}” as a {part['role']}{team_name}.")


def _asked_consent(state: State, role: str) -> tuple[int, bool, bool]:
    """The version that was agreed to, and what was confirmed of what the challenge asks."""
    challenge = state.api().get(state.edition())
    version: int = challenge["consent_version"]
    terms = f"{challenge['consent_text']}\n{challenge.get(f'{role}_terms', '')}"
    for line in terms.splitlines():
        click.echo(printable(line), err=True)
    age, condition = challenge.get("minimum_age"), challenge.get("eligibility", "")
    if not is_terminal(sys.stdin):
        flags = f"{' --old-enough' if age else ''}{' --eligible' if condition else ''}"
        raise WrongUse("Do you agree to this text?", f"If you do: cats4ml join --agree {version}{flags}")
    if not click.confirm("Do you agree?", err=True):
        raise click.exceptions.Exit(Exit.REFUSED)
    old_enough = bool(age) and click.confirm(f"Are you at least {age} years old?", err=True)
    eligible = bool(condition) and click.confirm(f"{printable(condition)} Does this hold for you?", err=True)
    return version, old_enough, eligible
