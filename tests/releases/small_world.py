"""A world with something to release, and its release."""

from __future__ import annotations

from datetime import timedelta

from cats4ml.challenges.actions import decide_policy
from cats4ml.releases.actions import publish, request_release
from cats4ml.releases.building import build
from cats4ml.releases.models import Release
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair
from tests.factories import World

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW


def settle_some(world: World) -> World:
    """Five settled pairs, by two rules and of both parts, and one that waits."""
    decide_policy(challenge=world.challenge, policy=Policy(quorum=2))
    world.challenge.refresh_from_db()
    world.claim(world.finder(), (0, "cat"), (0, "dog"), (0, "owl"), (1, "cat"), (1, "dog"), (1, "owl"))
    for place in range(2):
        world.score(place, {"cat": 0.1, "dog": 0.9, "owl": 0.3})
    raters = world.raters(2)
    for label, answers in (("cat", (YES, YES)), ("dog", (NO, NO)), ("owl", (YES, DONT_KNOW))):
        world.rate(world.pair(0, label), *answers, raters=raters)
    decide_policy(challenge=world.challenge, policy=Policy(verdict_rule="weighted", bound=0.8, max_ratings=5))
    world.challenge.refresh_from_db()
    world.rate(world.pair(1, "cat"), YES, YES, raters=raters)
    world.rate(world.pair(1, "owl"), NO, NO, raters=raters)
    # The draw could leave a part empty: which pair is of which is written down.
    pairs = Pair.objects.filter(challenge=world.challenge)
    pairs.update(split="public")
    pairs.filter(label__key="owl").update(split="heldout")
    return world


def frozen(world: World, *, version: str | None = None) -> Release:
    """A release of what is settled, built and not published."""
    at = world.pass_time(1)
    release = request_release(challenge=world.challenge, version=version, by=None, at=at, ring=False)
    build(release, at=at + timedelta(seconds=1))
    release.refresh_from_db()
    return release


def published(world: World, *, version: str | None = None) -> Release:
    return publish(release=frozen(world, version=version), by=None, at=world.pass_time(2))
