"""Editions: their dates, policy, roster, labels, pool of pictures and the people who take part."""

from cats4ml.challenges.models.acts import ActKind, Announcement, OrganiserAct
from cats4ml.challenges.models.data import DataFile, DataFileKind, DataFileState
from cats4ml.challenges.models.decisions import (
    PolicyDecision,
    PolicyVersion,
    RosterDecision,
    RosterMember,
    RosterVersion,
)
from cats4ml.challenges.models.editions import Challenge, ChallengeStatus, ConsentText, new_split_seed
from cats4ml.challenges.models.people import Consent, Participation, Role
from cats4ml.challenges.models.pools import (
    CopyDecision,
    NearCopy,
    PoolCount,
    PoolDraw,
    PoolImage,
    PoolOrder,
    PoolOrderState,
    TargetLabel,
)

__all__ = [
    "ActKind",
    "Announcement",
    "Challenge",
    "ChallengeStatus",
    "Consent",
    "ConsentText",
    "CopyDecision",
    "DataFile",
    "DataFileKind",
    "DataFileState",
    "NearCopy",
    "OrganiserAct",
    "Participation",
    "PolicyDecision",
    "PolicyVersion",
    "PoolCount",
    "PoolDraw",
    "PoolImage",
    "PoolOrder",
    "PoolOrderState",
    "Role",
    "RosterDecision",
    "RosterMember",
    "RosterVersion",
    "TargetLabel",
    "new_split_seed",
]
