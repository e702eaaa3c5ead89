"""An edition becomes final between settlements, never amid one: the last count of its board has all of them."""

from __future__ import annotations

import pytest
from django.db import connection

from cats4ml.challenges import ending
from cats4ml.challenges.editions import EditionRefused, set_status
from cats4ml.challenges.models import ChallengeStatus
from cats4ml.locking import Lock


def test_an_edition_does_not_become_final_while_a_pair_of_it_is_being_settled(world, monkeypatch) -> None:
    monkeypatch.setattr(ending, "PATIENCE_SECONDS", 0.1)
    settling = connection.copy()
    try:
        with settling.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [Lock.ENDING, world.challenge.pk])
        with pytest.raises(EditionRefused, match="pairs are being settled at this moment"):
            set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
        assert world.challenge.status == ChallengeStatus.OPEN
    finally:
        settling.close()
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    world.challenge.refresh_from_db()
    assert world.challenge.status == ChallengeStatus.FINAL
