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


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By field, what it was and what it is now, of the fields that differ; times in ISO 8601."""
    return {
        name: {"before": _plain(before.get(name)), "after": _plain(value)}
        for name, value in after.items()
        if before.get(name) != value
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
