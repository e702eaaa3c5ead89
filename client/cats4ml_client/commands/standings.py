"""The board."""

from __future__ import annotations

import sys
from typing import Any

import click

from cats4ml_client.errors import Refused, WrongUse
from cats4ml_client.options import State, common, pass_state

HEADS = [
    "rank", "could be", "name", "points", "false negatives", "false positives", "pending", "rejected", "settled",
    "success", "variety",
]  # fmt: skip


@click.command()
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="NUMBER", help="The best so many only.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the whole board as CSV.")
@common
@pass_state
def leaderboard(state: State, *, limit: int | None, as_csv: bool) -> None:
    """Who found most. Equal points share a rank; a baseline has none."""
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
    board = api.get(state.edition("standings/"), {"page_size": 1})
    which = in_words(board) if isinstance(board, dict) else ""
    if which:
        state.out.say(which)
    found = list(rows)
    if not found:
        raise Refused("There is no board to be seen now." if which else "Nobody is on the board yet.")
    state.out.table(HEADS, [cells(one) for one in found])


def in_words(board: dict[str, Any]) -> str:
    """Which board it is, where it is not simply the one as it stands now."""
    state, for_all = board.get("state"), board.get("state_for_all")
    if state == "hidden":
        return "The board is hidden until the challenge is final."
    if state == "frozen":
        return f"Frozen until the challenge is final: the board as it stood at {board.get('moment') or 'the close'}."
    if state == "final":
        return "Final."
    return f"For organisers: everybody else sees it {for_all}." if for_all != state else ""


def cells(one: dict[str, Any]) -> tuple[object, ...]:
    """A line as a row of the table. An older server leaves some of it out."""
    low, high = one.get("could_be_low"), one.get("could_be_high")
    rank = "–" if one["rank"] is None else f"{one['rank']}{'=' if one['shared'] else ''}"
    return (
        rank,
        "" if low is None else str(low) if low == high else f"{low}–{high}",
        f"{one['name']} (baseline)" if one.get("baseline") else one["name"],
        one["points"],
        one["false_negatives"],
        one["false_positives"],
        one["pending"],
        one.get("rejected", ""),
        one["settled"],
        "" if one["success_rate"] is None else f"{one['success_rate']:.0%}",
        one.get("diversity", ""),
    )
