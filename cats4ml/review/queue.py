"""The rater queue."""

from __future__ import annotations

from datetime import datetime

from cats4ml.submissions.models import Pair


def refresh(pair: Pair, *, at: datetime) -> int:
    """Count a pair's answers, leases and missing answers anew."""
    return 0
