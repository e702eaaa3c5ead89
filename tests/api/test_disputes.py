"""Disputing an outcome through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cats4ml.challenges.models import Challenge
from cats4ml.submissions.actions.disputes import Decision, decide_dispute
from cats4ml.submissions.models import Dispute
from tests.api.clients import address, organiser_of, program
from tests.factories import make_user
from tests.submissions.disputed import WORDS, YES, organiser, settled


@pytest.fixture
def ada(world):
    return world.finder(make_user("ada"))


def test_a_dispute_is_made_shown_and_answered(world, ada) -> None:
    claim, client = settled(world, ada), program(ada.user, "submit")
    where = address(world, f"submissions/{claim.pk}/")
    assert (client.get(where).json()["may_dispute"], client.get(f"{where}dispute/").status_code) == (True, 404)
    made = client.post(f"{where}dispute/", {"reason": WORDS})
    shown = made.json()
    assert (made.status_code, made["Location"]) == (201, f"{where}dispute/")
    created = shown.pop("created_at")
    told = {"reason": WORDS, "state": "open", "outcome": "ambiguous", "answer": "", "decided_at": None}
    assert shown == told
    assert client.post(f"{where}dispute/", {"reason": WORDS}).json() == {**told, "created_at": created}
    decide_dispute(
        dispute=Dispute.objects.get(), decision=Decision.YES, answer="The ears.", by=organiser(world), at=timezone.now()
    )
    answer = client.get(f"{where}dispute/").json()
    assert (answer["state"], answer["answer"], answer["decided_at"] is None) == ("adjudicated", "The ears.", False)
    claim_shown = client.get(where).json()
    assert (claim_shown["dispute"], claim_shown["may_dispute"], claim_shown["outcome"]) == (
        answer,
        False,
        "false_negative",
    )
    assert client.get(address(world, "submissions/")).json()["results"][0]["dispute"] == answer
    pair = organiser_of(world).get(address(world, f"pairs/{claim.pair_id}/")).json()
    assert (pair["outcome"], pair["adjudicated_reason"]) == ("false_negative", "The ears.")


def test_what_is_refused_says_why(world, ada) -> None:
    claim, client = settled(world, ada), program(ada.user, "submit")
    where = address(world, f"submissions/{claim.pk}/dispute/")
    assert [client.post(where, body).status_code for body in ({}, {"reason": "short"}, {"reason": "x" * 1001})] == [
        400
    ] * 3
    assert client.post(address(world, "submissions/999999/dispute/"), {"reason": WORDS}).status_code == 404
    other = program(world.finder().user, "submit")
    assert (other.post(where, {"reason": WORDS}).status_code, other.get(where).status_code) == (404, 404)
    assert program(ada.user, "rate", name="rater").post(where, {"reason": WORDS}).status_code == 403
    assert client.post(where, {"reason": WORDS}).status_code == 201
    again = client.post(where, {"reason": "Quite other words."})
    assert (again.status_code, "once" in again.json()["detail"]) == (409, True)
    earned = settled(world, ada, 1, said=(YES,) * 5)
    answer = client.post(address(world, f"submissions/{earned.pk}/dispute/"), {"reason": WORDS})
    assert (answer.status_code, answer.json()["detail"]) == (403, "It has earned you its points as it ended.")
    late = settled(world, ada, 2)
    Challenge.objects.update(ratings_close_at=timezone.now() - timedelta(days=1))
    assert client.post(address(world, f"submissions/{late.pk}/dispute/"), {"reason": WORDS}).status_code == 403


def test_a_claimant_of_a_settled_pair_is_told_nothing_by_disputing(world, ada) -> None:
    settled(world, ada)
    curious = world.finder()
    [late] = world.claim(curious, (0, "cat"))
    client = program(curious.user, "submit")
    where = address(world, f"submissions/{late.submission.pk}/")
    assert (client.get(where).json()["may_dispute"], client.get(where).json()["outcome"]) == (False, None)
    assert client.post(f"{where}dispute/", {"reason": WORDS}).status_code == 403
