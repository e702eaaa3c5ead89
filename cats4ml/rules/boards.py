"""Which board everybody sees at which time."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from cats4ml.rules.policy import BOARD_FROZEN, BOARD_LIVE, Policy


class BoardState(StrEnum):
    """`LIVE`: as it is now. `FROZEN`: as it stood at a moment. `HIDDEN`: not at all. `FINAL`: never counted again."""

    LIVE = "live"
    FROZEN = "frozen"
    HIDDEN = "hidden"
    FINAL = "final"


def closing_moment(*, policy: Policy, closes_at: datetime | None) -> datetime | None:
    """From when the board is frozen or hidden; None where the policy leaves it live, or no end is set."""
    if policy.board == BOARD_LIVE or closes_at is None:
        return None
    return closes_at - timedelta(hours=policy.board_hours)


def state_for_all(
    *, policy: Policy, closes_at: datetime | None, is_closed: bool, is_final: bool, at: datetime
) -> BoardState:
    """What everybody but the organisers sees. `is_closed`: claims were closed by hand, whatever the date says."""
    if is_final:
        return BoardState.FINAL
    moment = closing_moment(policy=policy, closes_at=closes_at)
    if policy.board == BOARD_LIVE or not (is_closed or (moment is not None and moment <= at)):
        return BoardState.LIVE
    return BoardState.FROZEN if policy.board == BOARD_FROZEN else BoardState.HIDDEN
