"""The board."""

from __future__ import annotations

import sys

import click

from cats4ml_client.errors import Refused, WrongUse
from cats4ml_client.options import State, common, pass_state


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="NUMBER", help="The best so many only.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the whole board as CSV.")
@common
@pass_state
def leaderboard(state: State, *, limit: int | None, as_csv: bool) -> None:
    """Who found most. Equal points share a rank."""
    api = state.api()
    if as_csv:
        if limit is not None or state.out.as_json:
            raise WrongUse("--csv writes the whole board.", "Leave out --limit and --json.")
        with api.stream(state.edition("standings/"), {"format": "csv"}) as answer:
            for block in api.blocks(answer):
                sys.stdout.buffer.write(block)
        return
    rows = api.pages(state.edition("standings/"), limit=limit)
    if state.out.as_json:
        state.out.documents(rows)
        return
    found = list(rows)
    if not found:
        raise Refused("Nobody is on the board yet.")
    state.out.table(
        ["rank", "name", "points", "false negatives", "false positives", "pending", "settled", "success"],
        [
            (
                f"{o['rank']}{'=' if o['shared'] else ''}",
                o["name"],
                o["points"],
                o["false_negatives"],
                o["false_positives"],
                o["pending"],
                o["settled"],
                "" if o["success_rate"] is None else f"{o['success_rate']:.0%}",
            )
            for o in found
        ],
    )
