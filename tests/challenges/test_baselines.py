"""Who plays out of competition"""

from __future__ import annotations

import pytest

from cats4ml.challenges.actions import BaselineRefused, set_baseline
from cats4ml.challenges.models import ActKind, ChallengeStatus
from tests.factories import START, make_user


def test_a_baseline_is_marked_once_and_the_log_says_by_whom_and_why(world) -> None:
    finder, by = world.finder(), make_user()
    for _ in range(2):
        one = set_baseline(participation=finder, is_baseline=True, reason=" Ours. ", by=by, at=START)
    act = world.acts().get()
    assert (one.is_baseline, act.kind, act.reason, act.by) == (True, ActKind.BASELINE, "Ours.", by)
    assert act.summary == f"{finder.public_name} plays out of competition"
    assert act.details == {"participation": finder.pk, "out_of_competition": {"before": False, "after": True}}
    back = set_baseline(participation=finder, is_baseline=False, reason="A mistake.", by=by, at=START)
    assert (back.is_baseline, world.acts().count()) == (False, 2)


def test_nobody_is_marked_without_a_reason_a_claimant_or_an_open_edition(world) -> None:
    finder, rater, by = world.finder(), world.rater(), make_user()
    for one, reason, words in ((finder, "  ", "Say why"), (rater, "Why not.", "Only participants")):
        with pytest.raises(BaselineRefused, match=words):
            set_baseline(participation=one, is_baseline=True, reason=reason, by=by, at=START)
    finder.challenge.status = ChallengeStatus.FINAL
    with pytest.raises(BaselineRefused, match="final"):
        set_baseline(participation=finder, is_baseline=True, reason="Ours.", by=by, at=START)
    assert world.acts().count() == 0
