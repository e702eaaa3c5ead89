"""Whether a rater may go on."""

from __future__ import annotations

from datetime import datetime

from cats4ml.challenges.models import Participation
from cats4ml.review.models import RaterPause


def look_at(*, rater: Participation, at: datetime) -> RaterPause | None:
    return None
