"""The check that ends `benchmarks.chaos` finds what is lost, doubled or stuck, and nothing in a sound edition."""

from __future__ import annotations

import pytest
from django.db import connection

from benchmarks.chaos_check import check, times, watch_pairs
from cats4ml.challenges.actions import decide_policy
from cats4ml.leaderboard.actions import recount_board
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.models import Rating
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import quota_for
from tests.factories import World


@pytest.fixture
def played(world) -> World:
    """Two pairs of one finder are settled, one of them for credit, and all of it was watched."""
    watch_pairs()
    decide_policy(
        challenge=world.challenge, policy=Policy(quorum=2, warm_up=0, control_percent=0, control_percent_least=0)
    )
    world.challenge.refresh_from_db()
    finder = world.finder()
    world.claim(finder, (0, "cat"), (0, "dog"))
    world.score(0, {"cat": 0.1, "dog": 0.9})
    for label in ("cat", "dog"):
        world.rate(world.pair(0, label), Answer.YES, Answer.YES)
    recount_board(challenge=world.challenge, at=world.pass_time(1))
    return world


def found(world: World, **other: object) -> list[str]:
    claims = Pair.objects.values_list("submissions__participation", "image__image_id", "label__key")
    answers = Rating.objects.values_list("rater", "lease__token", "answer")
    finders = {pk: quota_for(part).remaining for pk, part in parts(world).items()}
    given = {
        "claims": set(claims),
        "answers": {(rater, str(token)): answer for rater, token, answer in answers},
        "shown": finders,
        "at": world.clock,
    }
    return check(world.challenge, **(given | other)).breaches


def parts(world: World) -> dict[int, object]:
    return {one.pk: one for one in world.challenge.participations.filter(role="finder")}


def test_a_sound_edition_has_no_breach(played) -> None:
    assert (found(played), times()["pairs sent again"]) == ([], 0)


def test_each_breach_is_found(played) -> None:
    [finder] = parts(played)
    left = quota_for(parts(played)[finder]).remaining
    image = played.images[5].image_id
    assert found(played, claims={(finder, image, "owl")}) == [
        f"the claim of {image} × owl by finder {finder} was accepted and is lost"
    ]
    assert found(played, shown={finder: left + 1}) == [
        f"finder {finder} has {left} claims left by counting, and is shown {left + 1}"
    ]
    assert found(played, answers={(7, "no-such-token"): "yes"}) == ["an answer of rater 7 was accepted and is lost"]
    rater = played.rater()
    played.claim(played.finder(), (1, "cat"), (2, "cat"))
    played.score(1, {"cat": 0.2})
    [lease] = hold_leases(rater=rater, at=played.pass_time(1), count=1)
    played.pass_time(3600)
    stuck, settled = played.pair(2, "cat"), played.pair(0, "cat")
    recount_board(challenge=played.challenge, at=played.clock)
    assert found(played) == [
        f"pair {stuck.pk} still waits for a score after 1 requests",
        f"lease {lease.pk} ran out at {lease.expires_at} and is still open",
    ]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE submissions_pair SET yes_ratings = 3 WHERE id = %s", [settled.pk])
        cursor.execute("INSERT INTO chaos_audit (pair, what, roster) SELECT pair, what, roster FROM chaos_audit")
    breaches = found(played)
    assert f"the tally of pair {settled.pk} is 3, its verdict rests on 2 answers" in breaches
    assert f"pair {settled.pk} was scored 2 times by one roster" in breaches
    assert any(one.startswith("the board is not its replay: ") for one in breaches)
