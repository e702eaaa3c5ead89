"""Whatever people do to a small edition, in whatever order: verdicts, ledger, board and queue belong together, and the
board replays from its evidence."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.db import transaction

from tests.review.happening import REFUSALS, Edition

MOVES = {
    "answer": 6,
    "record": 10,
    "finalise": 4,
    "undo": 1,
    "claim": 2,
    "score": 2,
    "learn": 1,
    "discount": 2,
    "lift": 2,
    "policy": 2,
    "policy_and_back": 1,
    "undo_policy": 2,
    "roster": 2,
    "reopen": 2,
    "adjudicate": 3,
    "take_back": 3,
    "dispute": 2,
    "decide": 3,
    "retract": 1,
    "disqualify": 1,
    "reinstate": 2,
    "withdraw": 2,
    "restore": 3,
    "sweep": 1,
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_verdicts_tallies_ledger_board_and_queue_belong_together(db, seed) -> None:
    edition = Edition(seed)
    done: list[str] = []
    for number, name in enumerate(edition.dice.choices(list(MOVES), list(MOVES.values()), k=40)):
        done.append(name)
        with suppress(*REFUSALS), transaction.atomic():
            getattr(edition, name)()
        edition.check()
        if number % 5 == 4:
            edition.check_replay()
    edition.sweep()
