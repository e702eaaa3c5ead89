"""Editions, labels, pictures, quota and joining through the API."""

from __future__ import annotations

from dataclasses import fields

import pytest
from rest_framework.test import APIClient

from cats4ml.api.serializers import PolicySerializer
from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.rules.policy import Policy
from tests.api.clients import address, only, program
from tests.factories import make_team, make_user, make_world

anyone = APIClient


def test_challenge_tells_dates_counts_and_the_whole_policy(world) -> None:
    answer = anyone().get(address(world))
    shown = answer.json()
    assert answer.status_code == 200
    assert shown["policy"] == {"version": 1, **Policy().to_dict()}
    assert only([shown], "slug", "status", "label_count", "picture_count", "consent_version", "opens_at") == [
        (world.challenge.slug, "open", 3, 6, 1, None)
    ]


def test_policy_has_every_field_that_the_rules_have() -> None:
    assert set(PolicySerializer().fields) == {"version", *(field.name for field in fields(Policy))}


def test_dates_are_iso_8601_in_utc(world) -> None:
    world.challenge.closes_at = world.clock
    world.challenge.save(update_fields=["closes_at"])
    assert anyone().get(address(world)).json()["closes_at"] == "2026-11-02T09:00:00Z"


def test_draft_is_shown_to_its_organisers_only(world) -> None:
    Challenge.objects.filter(pk=world.challenge.pk).update(status=ChallengeStatus.DRAFT)
    organiser = make_user()
    join_challenge(challenge=world.challenge, user=organiser, role=Role.ORGANISER, consent_version=None, at=world.clock)
    assert anyone().get(address(world)).status_code == 404
    assert anyone().get(address(world, "labels/")).status_code == 404
    assert anyone().get("/api/v1/challenges/").json()["results"] == []
    assert only(program(organiser).get("/api/v1/challenges/").json()["results"], "status") == [("draft",)]
    assert program(organiser, name="other").get(address(world)).status_code == 200


def test_draft_without_a_policy_can_be_read_and_not_joined(db) -> None:
    draft = Challenge.objects.create(slug="draft", title="Draft", vocabulary="none")
    boss = program(make_user(is_superuser=True))
    assert boss.get("/api/v1/challenges/draft/").json()["policy"] is None
    answer = boss.post("/api/v1/challenges/draft/participations/", {"role": "finder", "consent_version": 1})
    assert (answer.status_code, draft.participations.count()) == (403, 0)


def test_labels_and_images_have_the_columns_of_the_brief(world) -> None:
    labels = anyone().get(address(world, "labels/")).json()
    assert labels == {
        "next": None,
        "previous": None,
        "results": [
            {"label_id": key, "name": key.capitalize(), "description": "", "guidance": ""}
            for key in ("cat", "dog", "owl")
        ],
    }
    [image] = anyone().get(address(world, "images/"), {"image_id": world.images[2].image_id}).json()["results"]
    assert image == {
        "image_id": world.images[2].image_id,
        "width": 16,
        "height": 16,
        "author": "",
        "license": "",
        "landing_url": "",
        "picture_url": f"http://testserver/pictures/{world.images[2].uuid}/",
        "sensitive": [],
    }


def test_picture_that_is_not_known_has_no_address(world) -> None:
    world.images[0].file = ""
    world.images[0].save()
    first = anyone().get(address(world, "images/")).json()["results"][0]
    assert first["picture_url"] is None


@pytest.mark.parametrize("path", ["images/", "labels/"])
def test_pages_lead_forth_and_back_without_losing_a_row(world, path) -> None:
    everything = anyone().get(address(world, path)).json()["results"]
    seen, url = [], f"{address(world, path)}?page_size=2"
    while url:
        page = anyone().get(url).json()
        seen += page["results"]
        last, url = url, page["next"]
    assert seen == everything
    back = anyone().get(anyone().get(last).json()["previous"]).json()["results"]
    assert back[-1] in everything[:-1]


def test_quota_is_ones_own(world) -> None:
    ada = make_user()
    finder = world.finder(ada)
    world.claim(finder, (0, "cat"), (1, "cat"))
    assert program(ada, "submit").get(address(world, "quota/")).json() == {
        "base": 100,
        "bonus": 0,
        "used": 2,
        "total": 100,
        "remaining": 98,
    }
    stranger = program(make_user(), "submit").get(address(world, "quota/"))
    assert (stranger.status_code, "Join it first" in stranger.json()["detail"]) == (403, True)


def test_joining_needs_the_consent_in_force_and_twice_is_once(world) -> None:
    client = program(make_user(), "submit")
    where = address(world, "participations/")
    assert client.post(where, {"role": "finder", "consent_version": 7}).status_code == 403
    first = client.post(where, {"role": "finder", "consent_version": 1})
    again = client.post(where, {"role": "finder", "consent_version": 1})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert only(client.get(where).json()["results"], "role", "consent_version", "team") == [("finder", 1, None)]


def test_finder_can_not_become_a_rater(world) -> None:
    ada = make_user()
    world.finder(ada)
    answer = program(ada).post(address(world, "participations/"), {"role": "rater", "consent_version": 1})
    assert (answer.status_code, "as a participant" in answer.json()["detail"]) == (403, True)


def test_joining_as_a_rater_needs_the_scope_to_rate(world) -> None:
    answer = program(make_user(), "submit").post(
        address(world, "participations/"), {"role": "rater", "consent_version": 1}
    )
    assert (answer.status_code, "“rate”" in answer.json()["detail"]) == (403, True)


def test_joining_with_a_team(world) -> None:
    ada = make_user()
    make_team(ada, name="Owls")
    client, where = program(ada), address(world, "participations/")
    wrong = client.post(where, {"role": "finder", "consent_version": 1, "team": "Bats"})
    assert (wrong.status_code, wrong.json()) == (400, {"team": ["There is no team of this name."]})
    make_team(name="Dogs")
    assert client.post(where, {"role": "finder", "consent_version": 1, "team": "Dogs"}).status_code == 403
    assert client.post(where, {"role": "finder", "consent_version": 1, "team": "Owls"}).json()["team"] == "Owls"


@pytest.mark.parametrize("role", ["organiser", "", None, ["finder"], 3])
def test_nobody_joins_as_anything_else(world, role) -> None:
    answer = program(make_user()).post(address(world, "participations/"), {"role": role, "consent_version": 1})
    assert (answer.status_code, list(answer.json())) == (400, ["role"])
    assert not Participation.objects.exists()


@pytest.mark.parametrize(("path", "queries"), [("labels/", 2), ("images/", 2)])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_cost_the_same_however_long(world, django_assert_num_queries, path, queries, rows) -> None:
    with django_assert_num_queries(queries):
        assert len(anyone().get(address(world, path), {"page_size": rows}).json()["results"]) == rows


@pytest.mark.parametrize("editions", [1, 3])
def test_list_of_challenges_costs_the_same_however_long(db, django_assert_num_queries, editions) -> None:
    for _ in range(editions):
        make_world(pictures=1)
    with django_assert_num_queries(1):
        assert len(anyone().get("/api/v1/challenges/").json()["results"]) == editions


@pytest.mark.parametrize("rows", [1, 3])
def test_own_participations_cost_the_same_however_many(world, django_assert_num_queries, rows) -> None:
    ada = make_user()
    for role in (Role.FINDER, Role.RATER, Role.ORGANISER)[:rows]:
        Participation.objects.create(
            challenge=world.challenge, user=ada, role=role, consented_at=world.clock, consent_version=1
        )
    client = program(ada)
    client.get(address(world))
    with django_assert_num_queries(5):  # the token and its last use, the edition, the viewer's parts, the list
        assert len(client.get(address(world, "participations/")).json()["results"]) == rows
