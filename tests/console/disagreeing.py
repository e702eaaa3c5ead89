"""Editions whose raters part from each other in a way that can be counted by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence

from cats4ml.challenges.models import Participation, Role
from cats4ml.review.models import Device, Rating
from cats4ml.rules.answers import Answer
from tests.factories import World, make_user

ANSWERS = {"y": Answer.YES, "n": Answer.NO, "d": Answer.DONT_KNOW}


def organiser(world: World):
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return user


def answered(
    world: World, answers: dict[tuple[int, str], str], *, raters: Sequence[Participation], mean: float = 0.1
) -> None:
    """Claim these pairs, have the machines say `mean` of them, and have the raters answer in their order: 'yynd…'."""
    world.claim(world.finder(), *answers)
    for place in sorted({place for place, _ in answers}):
        world.score(place, dict.fromkeys(world.labels, mean))
    for (place, label), letters in answers.items():
        given = [ANSWERS[letter] for letter in letters]
        world.rate(world.pair(place, label), *given, raters=raters[: len(given)])


def busy(world: World, *, raters: int = 8, seed: int = 5) -> None:
    """Every picture with every label, three answers each; raters differ in how often they err, dogs are hard, and
    some answers are slow or from a phone."""
    draw = random.Random(seed)
    people = world.raters(raters)
    pairs = [(place, label) for label in world.labels for place in range(len(world.images))]
    draw.shuffle(pairs)
    world.claim(world.finder(), *pairs)
    for place in range(len(world.images)):
        world.score(place, {label: draw.random() for label in world.labels})
    for place, label in pairs:
        three = draw.sample(range(raters), 3)
        truth = "yn"[place % 2]
        given = [_said(draw, truth, slip=0.02 + 0.02 * one + (0.25 if label == "dog" else 0.0)) for one in three]
        ratings = world.rate(world.pair(place, label), *given, raters=[people[one] for one in three])
        for rating in ratings:
            rating.seconds = round(draw.lognormvariate(0.9, 0.7), 2)
            rating.device = draw.choice([Device.DESKTOP, Device.DESKTOP, Device.PHONE])
        Rating.objects.bulk_update(ratings, ["seconds", "device"])


def _said(draw: random.Random, truth: str, *, slip: float) -> Answer:
    if draw.random() >= slip:
        return ANSWERS[truth]
    return ANSWERS["d" if draw.random() < 0.3 else "ny"["ny".index(truth) - 1]]
