"""Editions with answers in them, given by people whose skill is known."""

from __future__ import annotations

import random
from collections.abc import Sequence

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.answering import rate_pair
from cats4ml.review.models import EditionSkill, RaterSkill
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair
from tests.factories import World, make_team, make_user, make_world

ANSWERS = tuple(Answer)
NOTHING = {"if_yes": [0, 0, 0], "if_no": [0, 0, 0]}
POOLED = {"if_yes": [0.8, 0.15, 0.05], "if_no": [0.1, 0.85, 0.05]}


def say(world: World, pair: Pair, answers: Sequence[Answer], raters: Sequence[Participation]) -> int:
    """Have these people answer a pair one after the other, each for good. Returns how many of them were asked."""
    given = 0
    for rater, answer in zip(raters, answers, strict=False):
        given += rate_pair(rater=rater, pair_id=pair.pk, answer=answer, at=world.pass_time(1)) is not None
    return given


def edition_skill(world: World, *, base_rate: float = 0.5) -> None:
    EditionSkill.objects.update_or_create(
        challenge=world.challenge,
        defaults={"pooled": POOLED, "base_rate": base_rate, "rebuilt_at": world.pass_time(60)},
    )


def skill(rater: Participation, world: World, *, right: int, wrong: int) -> None:
    """Give a rater a record of so many right and wrong answers to control questions, on each side."""
    record = {"if_yes": [right, wrong, 1], "if_no": [wrong, right, 1]}
    RaterSkill.objects.update_or_create(
        rater=rater, defaults={"controls": record, "agreement": NOTHING, "rebuilt_at": world.clock}
    )


def in_review(policy: Policy, *means: float) -> tuple[World, list[Pair]]:
    """A world whose pairs of one finder have these machine means and wait for raters."""
    world = make_world(pictures=len(means), policy=policy)
    world.claim(world.finder(), *[(place, "cat") for place in range(len(means))])
    for place, mean in enumerate(means):
        world.score(place, {"cat": mean})
    return world, [world.pair(place, "cat") for place in range(len(means))]


def random_policy(dice: random.Random, **fixed: object) -> Policy:
    """Any rule with any parameters that go together."""
    kind = dice.choice(["majority", "majority_of_known", "lead", "weighted"])
    quorum, lead, most = dice.randint(1, 7), dice.randint(1, 3), dice.randint(3, 7)
    dont_know = {"weighted": ["answer", "evidence"], "lead": ["answer"]}.get(kind, ["answer", "replaced"])
    chosen = {
        "verdict_rule": kind,
        "quorum": quorum,
        "lead": lead,
        "max_ratings": most,
        "bound": dice.choice([0.8, 0.9, 0.99]),
        "dont_know": dice.choice(dont_know),
        "min_ratings": dice.randint(1, min(quorum, most)),
        "min_lead": dice.randint(1, min(quorum, most, 3)),
        "skill_coins": dice.choice([1, 2]),
        "near_threshold_scores": dice.random() < 0.5,
        "credit_rule": dice.choice(["flat", "proportional"]),
        "points_per_adverse": dice.randint(1, 9),
        "threshold": dice.choice([0.5, 0.5, 0.4]),
    }
    return Policy(**{**chosen, **fixed})


def random_edition(seed: int) -> tuple[World, random.Random]:
    """An edition of sixteen pairs of a lone finder, a team of two and one who is out, in all states, with answers by
    raters of different skill."""
    dice = random.Random(seed)
    first = Policy(**{**random_policy(dice).to_dict(), "provisional_seconds": 0, "quorum": 7, "dont_know": "answer"})
    world = make_world(pictures=8, policy=first)
    ada, bob, cyd = make_user(), make_user(), make_user()
    team = make_team(bob, cyd)
    finders = [world.finder(ada), world.finder(bob, team), world.finder(cyd, team)]
    keys = [(place, label) for place in range(8) for label in ("cat", "dog")]
    for key in keys:
        world.claim(dice.choice(finders), key)
    world.claim(world.finder(), *dice.sample(keys, 4))
    for place in range(8):
        world.score(place, {label: dice.choice([0.05, 0.2, 0.45, 0.55, 0.9]) for label in ("cat", "dog")})
    raters = world.raters(7)
    edition_skill(world, base_rate=dice.uniform(0.2, 0.8))
    for rater in raters[:5]:
        skill(rater, world, right=dice.randint(5, 30), wrong=dice.randint(0, 10))
    world.pass_time(60)
    for key in keys:
        truth = dice.choice([Answer.YES, Answer.NO])
        answers = [truth if dice.random() < 0.7 else dice.choice(ANSWERS) for _ in range(dice.randint(1, 7))]
        say(world, world.pair(*key), answers, dice.sample(raters, 7))
    return world, dice
