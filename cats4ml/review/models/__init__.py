"""Ratings and the leases under which they are given; control questions; the queue; raters' skill; studies."""

from cats4ml.review.models.controls import TRUTHS, ControlQuestion, ControlUse, LabelExample
from cats4ml.review.models.policies import ON_THE_WAY, PolicyWork, RepolicedPair, WorkState
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
from cats4ml.review.models.studies import CrowdIdentity, Study, StudyPlatform, StudyVisit
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
    "ON_THE_WAY",
    "TRUTHS",
    "ControlQuestion",
    "ControlUse",
    "CrowdIdentity",
    "Device",
    "EditionSkill",
    "LabelExample",
    "Lease",
    "LeaseEnd",
    "PauseCause",
    "PauseDecision",
    "PictureReport",
    "PolicyWork",
    "RaterDiscount",
    "RaterPause",
    "RaterSkill",
    "Rating",
    "RatingState",
    "RepolicedPair",
    "ReportKind",
    "Study",
    "StudyPlatform",
    "StudyVisit",
    "VerdictBasis",
    "Waiting",
    "WorkState",
]
