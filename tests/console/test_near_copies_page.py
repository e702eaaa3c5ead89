"""The organiser looks at two pictures at a time and says what they are, until the edition opens."""

from __future__ import annotations

import pytest
from django.test import Client

from cats4ml.challenges.actions import add_pool_images, join_challenge
from cats4ml.challenges.editions import create_edition, set_status
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus, NearCopy, OrganiserAct, Role
from cats4ml.rules.policy import Policy
from tests.factories import START, World, make_user
from tests.web import queries_of, signed_in


@pytest.fixture
def draft(world: World) -> Challenge:
    """A draft with the pictures of another edition, the first four proposed in three pairs."""
    challenge = create_edition(slug="draft", title="Draft", summary="", vocabulary="draft", policy=Policy())
    add_pool_images(challenge=challenge, images=world.images)
    for first, second in zip(world.images[:3], world.images[1:4], strict=True):
        NearCopy.objects.create(
            challenge=challenge, first=first, second=second, hash_distance=2, similarity=0.9871, created_at=START
        )
    return challenge


@pytest.fixture
def client(draft: Challenge) -> Client:
    organiser = make_user()
    join_challenge(challenge=draft, user=organiser, role=Role.ORGANISER, consent_version=None, at=START)
    return signed_in(organiser)


URL = "/challenges/draft/console/near-copies/"


def decide(client: Client, pair: NearCopy, decision: str, query: str = "") -> str:
    """Press a button; gives where it leads."""
    return client.post(f"{URL}{pair.pk}/{query}", {"decision": decision}).headers["Location"]


def test_a_decision_strikes_the_pair_off_the_list_and_can_be_taken_back(client) -> None:
    first, second, third = NearCopy.objects.order_by("pk")
    assert decide(client, first, "confirmed", "?decision=proposed&after=0&more=x") == (
        f"{URL}?decision=proposed&after=0&decided=1"
    )
    decide(client, second, "rejected")
    page = client.get(URL).content.decode()
    assert "1 pair of pictures to look at" in page
    assert [f'id="copy-{one.pk}"' in page for one in (first, second, third)] == [False, False, True]
    assert "Perceptual hashes 2 of 64 bits apart. Embeddings alike by 0.987." in page
    confirmed = client.get(f"{URL}?decision=confirmed").content.decode()
    assert "Take the decision back" in confirmed
    decide(client, first, "proposed", "?decision=confirmed")
    states = NearCopy.objects.order_by("pk").values_list("decision", flat=True)
    assert list(states) == ["proposed", "rejected", "proposed"]
    decide(client, first, "nonsense")
    assert list(states.all()) == ["proposed", "rejected", "proposed"]
    acts = OrganiserAct.objects.filter(kind=ActKind.NEAR_COPIES).order_by("pk")
    assert [(act.by is None, act.details["decision"]["before"], act.details["decision"]["after"]) for act in acts] == [
        (False, "proposed", "confirmed"),
        (False, "proposed", "rejected"),
        (False, "confirmed", "proposed"),
    ]  # fmt: skip


def test_nothing_can_be_decided_once_the_challenge_has_opened(client, draft) -> None:
    [first, *_] = NearCopy.objects.order_by("pk")
    set_status(challenge=draft, status=ChallengeStatus.OPEN)
    page = client.get(URL).content.decode()
    assert 'name="decision"' not in page
    assert "The challenge has opened, so that nothing here can be changed any more" in page
    answer = client.post(f"{URL}{first.pk}/", {"decision": "confirmed"}, follow=True).content.decode()
    assert "Near-copies are decided before an edition opens" in answer
    assert set(NearCopy.objects.values_list("decision", flat=True)) == {"proposed"}


def test_an_empty_page_says_how_to_look_for_near_copies(client) -> None:
    NearCopy.objects.all().delete()
    page = client.get(URL).content.decode()
    assert "manage.py score_catalog draft" in page
    assert "manage.py near_copies draft" in page


def test_only_organisers_decide(draft) -> None:
    [first, *_] = NearCopy.objects.order_by("pk")
    set_status(challenge=draft, status=ChallengeStatus.OPEN)
    stranger = signed_in(make_user())
    assert (stranger.get(URL).status_code, stranger.post(f"{URL}{first.pk}/").status_code) == (403, 403)


def test_the_page_costs_the_same_for_one_pair_and_for_three(client) -> None:
    three = queries_of(client, URL)
    NearCopy.objects.exclude(pk=NearCopy.objects.first().pk).delete()
    assert queries_of(client, URL) == three
