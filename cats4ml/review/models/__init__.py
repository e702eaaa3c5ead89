"""Ratings and the leases under which they are given; control questions; the queue; raters' skill; studies."""

from cats4ml.review.models.controls import TRUTHS, ControlQuestion, ControlUse, LabelExample
from cats4ml.review.models.queue import Waiting
from cats4ml.review.models.ratings import (
    Device,
    Lease,
    LeaseEnd,
    PictureReport,
    Rating,
    RatingState,
    ReportKind,
)
from cats4ml.review.models.studies import Study, StudyPlatform, StudyVisit
from cats4ml.review.models.trust import (
    EditionSkill,
    PauseCause,
    PauseDecision,
    RaterDiscount,
    RaterPause,
    RaterSkill,
)
from cats4ml.review.models.verdicts import VerdictBasis

__all__ = [
    "TRUTHS",
    "ControlQuestion",
    "ControlUse",
    "Device",
    "EditionSkill",
    "LabelExample",
    "Lease",
    "LeaseEnd",
    "PauseCause",
    "PauseDecision",
    "PictureReport",
    "RaterDiscount",
    "RaterPause",
    "RaterSkill",
    "Rating",
    "RatingState",
    "ReportKind",
    "Study",
    "StudyPlatform",
    "StudyVisit",
    "VerdictBasis",
    "Waiting",
]
