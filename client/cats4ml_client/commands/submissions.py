"""One's own claims, and taking them back."""

from __future__ import annotations

from typing import Any

import click

from cats4ml_client.api import Api
from cats4ml_client.errors import Exit, NotAllowed, Refused
from cats4ml_client.options import SUBMIT, State, common, pass_state
from cats4ml_client.output import counted, moment, warn

STATES = ["queued", "unscorable", "in_review", "settled", "withdrawn"]
OUTCOMES = ["adverse", "false_negative", "false_positive", "agreement", "ambiguous"]


def claim_filters(command: Any) -> Any:
    """The options that narrow a list of claims or pairs."""
    for option in (
        click.option("--label", metavar="LABEL_ID", help="Of this label."),
        click.option("--image", metavar="IMAGE_ID", help="Of this picture."),
        click.option("--outcome", multiple=True, type=click.Choice(OUTCOMES), help="With this outcome. Repeatable."),
        click.option("--state", "state_is", type=click.Choice(STATES), help="In this state."),
    ):
        command = option(command)
    return command


def asked(state_is: str | None, outcome: tuple[str, ...], image: str | None, label: str | None) -> dict[str, Any]:
    """These filters as the API takes them."""
    given = {"state": state_is, "outcome": list(outcome), "image_id": image, "label_id": label}
    return {name: value for name, value in given.items() if value}


def _progress(claim: dict[str, Any]) -> str:
    """How far a claim is, in few words."""
    if claim["outcome"]:
        return str(claim["outcome"])
    if claim["position"] is not None:
        return f"number {claim['position']:,}"
    return counted(claim["people"], "rater") if claim["people"] is not None else ""


@click.command(short_help="Your submissions, newest first.")
@click.argument("number", type=click.IntRange(min=1), required=False)
@claim_filters
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="NUMBER", help="The newest so many only.")
@common
@pass_state
def submissions(
    state: State,
    *,
    number: int | None,
    state_is: str | None,
    outcome: tuple[str, ...],
    image: str | None,
    label: str | None,
    limit: int | None,
) -> None:
    """Your submissions, newest first; or one of them, by its NUMBER, with all that is known. (Scope “submit”.)"""
    api = state.api(scope=SUBMIT)
    if number is not None:
        _show_one(state, api.get(state.edition(f"submissions/{number}/")))
        return
    rows = api.pages(state.edition("submissions/"), asked(state_is, outcome, image, label), limit=limit)
    if state.out.as_json:
        state.out.documents(rows)
        return
    found = list(rows)
    if not found:
        raise Refused("You have no such submission." if limit is None else "You have no submission.")
    state.out.table(
        ["number", "image_id", "label", "claimed", "state", "progress", "mean", "points", "reason"],
        [
            (
                o["id"],
                o["image_id"],
                o["label_name"],
                moment(o["created_at"]),
                o["state"],
                _progress(o),
                "" if o["machine_mean"] is None else f"{o['machine_mean']:.2f}",
                o["points"],
                o["reason"],
            )
            for o in found
        ],
    )


def _dispute(claim: dict[str, Any]) -> str:
    """What became of one's dispute, in a line: its state and the organiser's answer. Older sites know of none."""
    dispute = claim.get("dispute")
    if dispute is None:
        return ""
    answer = f": {dispute['answer']}" if dispute["answer"] else ""
    return f"{dispute['state']}{answer}"


def _show_one(state: State, claim: dict[str, Any]) -> None:
    if state.out.as_json:
        state.out.document(claim)
        return
    tally = claim["tally"]
    mean = claim["machine_mean"]
    told = [
        ("number", claim["id"]),
        ("picture", claim["image_id"]),
        ("label", f"{claim['label_name']} ({claim['label_id']})"),
        ("rationale", claim["rationale"]),
        ("claimed", moment(claim["created_at"])),
        ("taken back", moment(claim["retracted_at"])),
        ("state", ", ".join(filter(None, (claim["state"], _progress(claim))))),
        ("machines", "" if mean is None else f"{mean:.4f}"),
        ("raters", f"{tally['yes']} yes, {tally['no']} no, {tally['dont_know']} don’t know" if tally else ""),
        ("first claim", claim["first_claimant"]),
        ("points", claim["points"]),
        ("reason", claim["reason"]),
        ("disputed", _dispute(claim)),
        *((f"  {one['name']}", one["probability"]) for one in claim["classifiers"]),
    ]
    state.out.lines((name, value) for name, value in told if value not in ("", None))


@click.command(short_help="Take submissions back.")
@click.argument("numbers", type=click.IntRange(min=1), nargs=-1, required=True)
@common
@pass_state
def retract(state: State, numbers: tuple[int, ...]) -> None:
    """Take submissions back, by their NUMBERS, as long as they aren't scored. Their quota is yours again.

    Twice is once. (Scope “submit”.)
    """
    api = state.api(scope=SUBMIT)
    done: list[dict[str, Any]] = []
    for number in dict.fromkeys(numbers):
        why = _take_back(api, state.edition(f"submissions/{number}/"))
        if why:
            warn(f"{number}: {why}")
        done.append({"id": number, "retracted": not why, "message": why})
    taken = sum(one["retracted"] for one in done)
    if state.out.as_json:
        state.out.documents(done)
    else:
        state.out.say(f"{counted(taken, 'submission')} taken back.")
    if taken < len(done):
        raise click.exceptions.Exit(Exit.REFUSED)


def _take_back(api: Api, path: str) -> str:
    """Why this claim can't be taken back; empty where it is. Raises `Failure` for what would stop every other, too."""
    try:
        api.delete(path)
    except (Refused, NotAllowed) as refusal:
        if refusal.hint:  # the token or its person may not do it at all
            raise
        return str(refusal)
    return ""
