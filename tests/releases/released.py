"""An edition with a pair of every kind, and its release."""

from __future__ import annotations

from datetime import datetime

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.actions import decide_policy, join_challenge
from cats4ml.challenges.models import Challenge, Role, TargetLabel
from cats4ml.releases.actions import request_release
from cats4ml.releases.building import build
from cats4ml.releases.models import Release
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from tests.factories import World, make_user, make_world

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
CC_BY = "https://creativecommons.org/licenses/by/2.0/"
SEED = "0123456789abcdef0123456789abcdef"
WEIGHTED = {"verdict_rule": "weighted", "max_ratings": 3}


def rich_world(slug: str = "rich") -> World:
    """Seven settled pairs: the four outcomes, one that an expert decided, two under a weighted rule; one pair in review
    and one not scored. The seed is fixed, and so is who is in which part."""
    world = make_world(pictures=8, slug=slug, policy=Policy(quorum=3))
    Challenge.objects.filter(pk=world.challenge.pk).update(split_seed=SEED, title="Rich “edition”")
    Label.objects.filter(vocabulary=slug, key="owl").update(name='=Owl, "the"')
    TargetLabel.objects.filter(challenge=world.challenge, label__key="owl").update(guidance="Real ones\nalone.")
    image = Image.objects.filter(pk=world.images[0].pk)
    image.update(license=CC_BY, author="-Ada", author_url="https://host.example/ada/", title='+1, "é"')
    world.challenge.refresh_from_db()
    _settle(world)
    return world


def organiser_of(world: World) -> User:
    user = make_user()
    join_challenge(challenge=world.challenge, user=user, role=Role.ORGANISER, consent_version=None, at=world.clock)
    return user


def _settle(world: World) -> None:
    finder, raters = world.finder(), world.raters(3)
    rows = [(5, "cat"), (0, "cat"), (1, "cat"), (2, "dog"), (3, "owl"), (4, "owl")]
    world.claim(finder, *rows, (6, "cat"))
    for place, _ in rows:
        world.score(place, {"cat": 0.9, "dog": 0.125, "owl": 0.3})
    answers = {
        (0, "cat"): (YES, YES, YES),
        (1, "cat"): (NO, NO, YES),
        (2, "dog"): (YES, YES, DONT_KNOW),
        (3, "owl"): (YES, NO, DONT_KNOW),
        (4, "owl"): (YES, NO, DONT_KNOW),
    }
    for (place, label), given in answers.items():
        world.rate(world.pair(place, label), *given, raters=raters)
    expert = organiser_of(world)
    adjudicate(
        pair_id=world.pair(4, "owl").pk, verdict=Verdict.YES, reason="It is one.", by=expert, at=world.pass_time(1)
    )
    decide_policy(challenge=world.challenge, policy=Policy(**WEIGHTED))
    world.challenge.refresh_from_db()
    world.claim(finder, (7, "dog"), (0, "dog"))
    world.score(7, {"dog": 0.75})
    world.score(0, {"cat": 0.9, "dog": 0.125, "owl": 0.3})
    world.rate(world.pair(0, "dog"), NO, NO, raters=raters[:2])
    world.rate(world.pair(7, "dog"), NO, YES, NO, raters=raters)


def release_of(challenge: Challenge, *, at: datetime, version: str | None = None, notes: str = "") -> Release:
    """A release that is built here and now, whatever a worker would do."""
    ordered = request_release(challenge=challenge, version=version, notes=notes, by=None, at=at, ring=False)
    return build(ordered, at=at)
