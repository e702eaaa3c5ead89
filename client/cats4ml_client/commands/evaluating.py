"""Testing a classifier on a release: its questions, and predictions handed in."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from cats4ml_client.api import Api
from cats4ml_client.errors import Refused, WrongUse
from cats4ml_client.options import SUBMIT, State, common, pass_state
from cats4ml_client.releasing import HOW_NAMED, find_release

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
KINDS = {"adverse": "adverse pairs", "agreement": "agreements", "all": "all pairs"}
WHY = {
    "not_above": "not a step better than your best",
    "used_up": "all reports are used",
    "too_few": "too few pairs",
}

release_option = click.option(
    "-r", "--release", metavar="RELEASE", help=f"The release: {HOW_NAMED}; the newest if left out."
)


@click.command(short_help="The pairs of a release, without answers.")
@release_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="To this file, when it is whole.")
@common
@pass_state
def questions(state: State, *, release: str | None, output: str | None) -> None:
    """Write the pairs of a release without their answers, as CSV: image_id,label_id,label_name,split.

    Run a classifier on them, put its scores into image_id,label_id,score, and hand these in with “evaluate”.
    """
    found = find_release(state, release)
    api = found.api
    if state.out.as_json:
        state.out.documents(api.pages(f"{found.path}questions/"))
        return
    with api.stream(f"{found.path}questions/", {"format": "csv"}) as answer:
        if output is None:
            for block in api.blocks(answer):
                sys.stdout.buffer.write(block)
            return
        path = Path(output)
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                for block in api.blocks(answer):
                    file.write(block)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    state.out.say(f"The questions are in {output}")


@click.command(short_help="Test a classifier on a release.")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, allow_dash=True))
@release_option
@click.option("--name", required=True, help="The classifier's name, as the board will show it.")
@click.option("--description", default="", help="What it is, and where it can be found.")
@click.option("--threshold", type=float, default=0.5, show_default=True, help="It says yes at this score or above.")
@click.option("--no-wait", is_flag=True, help="Don't wait for the figures.")
@common
@pass_state
def evaluate(
    state: State, *, file: str, release: str | None, name: str, description: str, threshold: float, no_wait: bool
) -> None:
    """Hand in the predictions of FILE (a CSV image_id,label_id,score, plain or packed with gzip; - for standard input).

    Give every pair of the release, or every pair of its public part alone. Sending the same file again under the same
    name is safe: it is the same evaluation and costs nothing. (Scope “submit”.)
    """
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    state.api(scope=SUBMIT)
    found = find_release(state, release)
    api, where = found.api, f"{found.path}evaluations/"
    if api.site != state.settings.url:
        raise WrongUse(
            f"The release is at {api.site}, and your token is for {state.settings.url}.",
            f"Sign in there: cats4ml login --url {api.site}",
        )
    one = api.post(where, params={"name": name, "description": description, "threshold": threshold}, csv=data)
    for column in one.get("ignored", ()):
        state.out.say(f"The column “{column}” was not read.")
    if not no_wait:
        one = _finished(state, api, f"{where}{one['uuid']}/")
    if state.out.as_json:
        state.out.document(one)
    elif one["results"] is None:
        state.out.say(f"Handed in: {one['uuid']}")
    else:
        _show(state, one["results"])


def _finished(state: State, api: Api, path: str) -> dict[str, Any]:
    """The evaluation, once it is counted. Raises `Refused` where it could not be."""
    pause = SHORTEST_PAUSE
    one: dict[str, Any] = api.get(path)
    with state.out.bar(total=max(one["total"], 1), what="Counting", unit="pairs") as bar:
        while one["state"] not in ("done", "failed"):
            time.sleep(pause)
            pause = min(pause * 1.3, LONGEST_PAUSE)
            one = api.get(path)
            bar.update(max(0, one["done"] - bar.n))
    if one["state"] == "failed":
        raise Refused(one["error"], "It used up nothing: hand the same file in again.")
    return one


def _show(state: State, results: dict[str, Any]) -> None:
    rows: list[tuple[object, ...]] = []
    for part, by_kind in results["figures"].items():
        for kind, words in KINDS.items():
            figures, machines = by_kind[kind], results["ensemble"][part][kind]
            rows.append(
                (
                    f"{words}, {part}",
                    figures["pairs"],
                    _share(figures["accuracy"][0]),
                    _between(figures["accuracy"]),
                    _share(figures["f1"][0]),
                    _share(figures["false_negative_rate"][0]),
                    _share(figures["false_positive_rate"][0]),
                    _share(machines["accuracy"][0]),
                )
            )
    for kind, told in results["heldout"].items():
        between = "" if told["interval"] is None else _between([None, *told["interval"]])
        value = WHY.get(told["why"], "") if told["value"] is None else f"{told['value']:.0%} or a little more"
        pairs = f"{told['pairs']} or more" if told["pairs"] else ""
        rows.append((f"{KINDS[kind]}, held out", pairs, value, between, "", "", "", ""))
    state.out.table(
        ["on", "pairs", "accuracy", "between", "F1", "false neg.", "false pos.", "ensemble"],
        rows,
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _between(figure: list[Any]) -> str:
    return "" if figure[1] is None else f"{figure[1]:.1%} to {figure[2]:.1%}"
