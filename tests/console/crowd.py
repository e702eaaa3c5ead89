"""Raters with a past, for the console's pages: answers to pairs by the ordinary actions, to controls as rows."""

from __future__ import annotations

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Participation, Role
from cats4ml.review.models import ControlQuestion, Device, Lease, LeaseEnd, PauseCause, RaterPause, Rating
from cats4ml.rules.answers import Answer
from tests.factories import World, make_user
from tests.web import signed_in


def organiser_of(world: World):
    """A browser in which an organiser of the edition is signed in."""
    user = make_user()
    world.challenge.participations.create(user=user, role=Role.ORGANISER)
    return signed_in(user)


def make_controls(world: World, *truths: Answer, label: str = "owl") -> list[ControlQuestion]:
    owl = Label.objects.get(vocabulary=world.challenge.vocabulary, key=label)
    return [
        ControlQuestion.objects.create(
            challenge=world.challenge, image=image, label=owl, truth=truth.value, use="mixed", created_at=world.clock
        )
        for image, truth in zip(world.images, truths, strict=False)
    ]


def answer_controls(
    world: World,
    rater: Participation,
    controls: list[ControlQuestion],
    *answers: Answer,
    seconds: float = 2.0,
    device: Device = Device.DESKTOP,
) -> list[Rating]:
    """Final answers of a rater to the first of these control questions."""
    made = []
    for control, answer in zip(controls, answers, strict=False):
        at = world.pass_time(seconds)
        lease = Lease.objects.create(
            control=control, rater=rater, created_at=at, expires_at=world.pass_time(1), closed_at=at,
            ended=LeaseEnd.ANSWERED,
        )  # fmt: skip
        made.append(
            Rating.objects.create(
                control=control, rater=rater, lease=lease, answer=answer.value, state="final", created_at=at,
                final_at=at, seconds=seconds, device=device,
            )
        )  # fmt: skip
    return made


def claim_pairs(world: World, number: int, label: str = "cat") -> list:
    """A new finder's pairs, all of which the machines say no to."""
    world.claim(world.finder(), *((place, label) for place in range(number)))
    for place in range(number):
        world.score(place, {"cat": 0.1, "dog": 0.1, "owl": 0.1})
    return [world.pair(place, label) for place in range(number)]


def pause(world: World, rater: Participation, cause: PauseCause, **evidence: object) -> RaterPause:
    return RaterPause.objects.create(rater=rater, cause=cause, evidence=evidence, created_at=world.clock)
