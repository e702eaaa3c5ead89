"""What a published release opens: the outcomes of its public part, and nothing else."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from cats4ml.challenges.models import ChallengeStatus
from cats4ml.releases.actions import free_heldout, publish
from cats4ml.releases.models import Release
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.actions.settlement import reopen_pair
from cats4ml.submissions.hints import hit_rates_by_label
from tests.api.clients import address, program
from tests.factories import World, make_user
from tests.releases.small_world import frozen, settle_some
from tests.web import signed_in

PUBLIC, HELDOUT = (0, "cat"), (0, "owl")


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests come from one address."""
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})


@pytest.fixture
def released(world) -> tuple[World, Release]:
    settle_some(world)
    return world, frozen(world)


def told(world: World, client: APIClient) -> dict[str, str | None]:
    """What a claimant is told of their claims, by label."""
    rows = client.get(address(world, "submissions/")).json()["results"]
    return {row["label_id"]: row["outcome"] for row in rows}


def in_queue(world: World) -> dict[str, str | None]:
    rows = APIClient().get(address(world, "queue/")).json()["results"]
    wanted = {(world.images[place].image_id, label): label for place, label in (PUBLIC, HELDOUT)}
    found = {(row["image_id"], row["label_id"]): row["released_outcome"] for row in rows}
    return {label: found[key] for key, label in wanted.items()}


def found_by_outcome(world: World, client: APIClient) -> list[str]:
    rows = client.get(address(world, "submissions/"), {"outcome": "false_negative"}).json()["results"]
    return sorted(row["label_id"] for row in rows)


def test_the_public_part_is_told_once_it_is_published_and_the_rest_once_it_is_freed(released) -> None:
    world, release = released
    curious = make_user("curious")
    finder = world.finder(curious)
    world.claim(finder, PUBLIC, HELDOUT)
    client = program(curious, "submit")
    nothing = {"cat": None, "owl": None}
    page = f"/challenges/{world.challenge.slug}/submissions/"
    with_the_release = "How it ended is told with the release."
    assert (told(world, client), in_queue(world), found_by_outcome(world, client)) == (nothing, nothing, [])
    publish(release=release, by=None, at=world.pass_time(1))
    public = {"cat": "false_negative", "owl": None}
    assert (told(world, client), in_queue(world), found_by_outcome(world, client)) == (public, public, ["cat"])
    assert signed_in(curious).get(page).content.decode().count(with_the_release) == 1
    assert [(one.name, one.settled) for one in hit_rates_by_label(finder)] == [("Cat", 1), ("Owl", 0)]
    queue = signed_in(make_user()).get(f"/challenges/{world.challenge.slug}/queue/").content.decode()
    assert ("False negative" in queue, "/releases/" in queue) == (True, True)
    free_heldout(release=release, by=None, at=world.pass_time(1))
    everything = {"cat": "false_negative", "owl": "ambiguous"}
    assert (told(world, client), in_queue(world)) == (everything, everything)


def test_what_was_decided_anew_since_is_told_to_nobody_before_the_next_release(released) -> None:
    world, release = released
    curious = make_user("curious")
    world.claim(world.finder(curious), PUBLIC)
    publish(release=release, by=None, at=world.pass_time(1))
    world.challenge.status = ChallengeStatus.FINAL
    world.challenge.save(update_fields=["status"])
    reopen_pair(pair_id=world.pair(*PUBLIC).pk, reason="It is a fox.", by=make_user(), at=world.pass_time(60))
    client = program(curious, "submit")
    assert world.pair(*PUBLIC).outcome == Outcome.AMBIGUOUS
    assert (told(world, client), in_queue(world)["cat"]) == ({"cat": None}, "false_negative")
    publish(release=frozen(world), by=None, at=world.pass_time(60))
    assert (told(world, client), in_queue(world)["cat"]) == ({"cat": "ambiguous"}, "ambiguous")
