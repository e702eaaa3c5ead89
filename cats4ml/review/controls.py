"""Which control question is due to a rater."""

from __future__ import annotations

from datetime import datetime

from cats4ml.challenges.models import Participation
from cats4ml.review.models import ControlQuestion


def due_control(*, rater: Participation, at: datetime) -> ControlQuestion | None:
    return None
