"""The states of a pair: one literal table, and a page of the documentation that can't drift from it."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from cats4ml.rules.lifecycle import TRANSITIONS, IllegalMove, PairState, check_move, mermaid

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"


def test_every_state_has_an_entry() -> None:
    assert set(TRANSITIONS) == set(PairState)


def legal_moves() -> set[tuple[str, str]]:
    moves = set()
    for source, target in product(PairState, repeat=2):
        try:
            check_move(source.value, target.value)
        except IllegalMove:
            continue
        moves.add((source.value, target.value))
    return moves


def test_of_all_moves_exactly_these_are_legal() -> None:
    assert legal_moves() == {
        ("queued", "in_review"),
        ("queued", "unscorable"),
        ("queued", "withdrawn"),
        ("unscorable", "queued"),
        ("unscorable", "withdrawn"),
        ("in_review", "settled"),
        ("in_review", "queued"),
        ("in_review", "withdrawn"),
        ("settled", "in_review"),
        ("settled", "withdrawn"),
        ("withdrawn", "queued"),
    }


def test_nothing_settles_without_a_review_and_no_state_moves_to_itself() -> None:
    assert {source for source, target in legal_moves() if target == "settled"} == {"in_review"}
    assert [move for move in legal_moves() if move[0] == move[1]] == []


def test_every_state_can_be_reached_from_a_claim_and_none_is_a_dead_end() -> None:
    reached = {PairState.QUEUED}
    while more := {target for source in reached for target in TRANSITIONS[source]} - reached:
        reached |= more
    assert reached == set(PairState)
    assert [state for state in PairState if not TRANSITIONS[state]] == []


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="lost"):
        check_move("queued", "lost")


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    [diagram] = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert diagram == mermaid()
