"""The log of what organisers did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cats4ml.accounts.models import User
from cats4ml.challenges.models import ActKind, Challenge, OrganiserAct


def record_act(
    *,
    challenge: Challenge,
    kind: ActKind,
    summary: str,
    by: User | None,
    at: datetime,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> OrganiserAct:
    """Write down what an organiser did, in the transaction in which it is done. `by` is None for a command."""
    return OrganiserAct.objects.create(
        challenge=challenge,
        kind=kind,
        summary=summary,
        details=dict(details or {}),
        reason=reason,
        by=by,
        created_at=at,
    )
