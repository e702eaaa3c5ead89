"""Patterns among claims and answers, by claims and answers that were made to show them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import PoolImage
from cats4ml.console.patterns import Patterns, count_patterns
from cats4ml.rules.policy import Policy
from tests.console.crowd import organiser_of
from tests.console.watched import NO, YES, claim_and_score, quick_world, record_answers, write_rationales
from tests.factories import World, make_team, make_user, make_world
from tests.web import queries_of

LONG = "The shadow behind the fence looks like a bird but it is only the branch of an old tree"


@pytest.fixture
def quick(db: None) -> World:
    return quick_world(pictures=12)


def patterns_of(world: World) -> Patterns:
    return count_patterns(world.challenge, world.clock)


def test_copies_of_one_picture_claimed_by_one_finder_are_found(quick) -> None:
    copier, other = quick.finder(make_user("copier")), quick.finder()
    # Three with the same bytes, two that were found to be near-copies, one by itself.
    Image.objects.filter(pk__in=[one.pk for one in quick.images[:3]]).update(sha256="same")
    PoolImage.objects.filter(image__in=quick.images[3:5]).update(copy_group=7)
    quick.claim(copier, *((place, "cat") for place in range(6)), (0, "dog"))
    quick.claim(other, (0, "owl"), (6, "owl"))
    [one] = patterns_of(quick).copies
    assert (one.finder.name, one.groups, one.pictures, one.claims, one.largest) == ("copier", 2, 5, 6, 3)
    assert one.example == quick.images[0].image_id


def test_rationales_that_were_copied_are_found_across_finders_and_not_within_a_team(quick) -> None:
    first, second = quick.finder(make_user("first")), quick.finder(make_user("second"))
    users = [make_user(), make_user()]
    team = make_team(*users)
    mates = [quick.finder(user, team) for user in users]
    for place, finder in enumerate([first, second, *mates]):
        quick.claim(finder, (place * 3, "cat"), (place * 3 + 1, "cat"), (place * 3 + 2, "cat"))
    write_rationales(first, ["A painted dog upon a wall", LONG, "Too short"])
    write_rationales(second, ["a painted DOG, upon a wall!", LONG.replace("old", "apple"), "too short"])
    for mate in mates:
        write_rationales(mate, ["The two of us agreed on this"])
    found = patterns_of(quick)
    assert [(one.text, one.claims, [who.name for who in one.finders]) for one in found.same] == [
        ("A painted dog upon a wall", 2, ["first", "second"]),
    ]  # fmt: skip
    assert [(one.first.name, one.second.name, one.first_text, round(one.overlap, 2)) for one in found.near] == [
        ("first", "second", LONG, 0.79),
    ]  # fmt: skip
    assert found.repeated == ()
    assert (found.about(first.pk).number, found.about(mates[0].pk).number) == (2, 0)


def test_one_text_again_and_again_is_found(quick) -> None:
    finder = quick.finder(make_user("writer"))
    quick.claim(finder, *((place, "cat") for place in range(6)))
    write_rationales(finder, ["Looks like one and is none."] * 5)
    assert [(one.text, one.claims, one.finders[0].name) for one in patterns_of(quick).repeated] == [
        ("Looks like one and is none.", 5, "writer"),
    ]  # fmt: skip


def test_a_finder_who_walks_in_anothers_footsteps_is_found(quick) -> None:
    leader, follower, shuffler = (quick.finder(make_user(name)) for name in ("leader", "follower", "shuffler"))
    for place in range(6):
        quick.claim(leader, (place, "cat"))
    quick.pass_time(3600)
    for place in range(6):
        quick.claim(follower, (place, "cat"))
    for place in (3, 1, 5, 0, 4, 2):
        quick.claim(shuffler, (place, "cat"))
    [one] = patterns_of(quick).followers
    assert (one.leader.name, one.follower.name, one.pairs, one.same_order) == ("leader", "follower", 6, 1.0)
    assert one.seconds == 3606.0
    # From the top of the public queue, which has the newest pair first.
    reader = quick.finder(make_user("reader"))
    for place in reversed(range(6)):
        quick.claim(reader, (place, "cat"))
    orders = {(one.leader.name, one.follower.name): one.same_order for one in patterns_of(quick).followers}
    assert (orders.pop(("leader", "follower")), orders[("leader", "reader")]) == (1.0, -1.0)
    everybody = patterns_of(quick).followers
    quick.clock += timedelta(days=2)
    late = quick.finder()
    for place in range(6):
        quick.claim(late, (place, "cat"))
    assert patterns_of(quick).followers == everybody


def test_a_rater_who_favours_one_finder_is_found_and_one_who_says_yes_to_all_is_not(db) -> None:
    world = make_world(pictures=20, policy=Policy(quorum=7))
    friend, rival = world.finder(make_user("friend")), world.finder(make_user("rival"))
    for finder, places in ((friend, range(10)), (rival, range(10, 20))):
        claim_and_score(world, finder, *((place, "cat") for place in places))
    raters = [world.rater(make_user("biased")), *world.raters(6)]
    for place in range(20):
        answers = [YES if place < 10 else NO, YES, YES, YES, NO, NO, NO]
        record_answers(world, world.pair(place, "cat"), raters, answers)
    found = patterns_of(world)
    told = [(one.rater.name, one.finder.name, one.answers, one.found, one.z > 0) for one in found.affinities]
    # As much too few for the one as too many for the other: which of the two is meant is for people to find out.
    assert (found.tested, sorted(told)) == (
        14, [("biased", "friend", 10, 10, True), ("biased", "rival", 10, 0, False)],
    )  # fmt: skip


def test_the_page_says_what_each_is_and_that_it_proves_nothing(quick) -> None:
    client, page = organiser_of(quick), reverse("console:patterns", args=[quick.challenge.slug])
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", client.get(page).content.decode()))
    assert [
        fact for fact in ("Hints, never verdicts", "Nothing is recorded of network addresses") if fact not in text
    ] == []
    assert text.count("None.") == 6
    cost = queries_of(client, page)
    finders = [quick.finder() for _ in range(3)]
    for finder in finders:
        quick.claim(finder, *((place, "cat") for place in range(6)))
        write_rationales(finder, [f"{LONG} {finder.pk}"] * 6)
    # The pictures of copies and the words of rationales are looked up only where there are any.
    assert queries_of(client, page) - cost <= 2
