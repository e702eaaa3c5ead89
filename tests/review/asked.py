"""Control questions put to raters, as the queue does it: one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from cats4ml.challenges.models import Participation
from cats4ml.review.actions.controls import ControlRow, add_controls
from cats4ml.review.controls import due_control
from cats4ml.review.models import ControlQuestion, ControlUse, Lease, LeaseEnd, Rating, RatingState
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Pair
from tests.factories import World

WARM_UP, MIXED = ControlUse.WARM_UP.value, ControlUse.MIXED.value


def add(world: World, *rows: tuple[int, str, str, str]) -> list[ControlQuestion]:
    """Control questions given as (place of the picture, label, truth, use)."""
    made = [
        ControlRow(line, world.images[place].image_id, label, truth, use, explanation=f"Because of {label}.")
        for line, (place, label, truth, use) in enumerate(rows, start=2)
    ]
    add_controls(challenge=world.challenge, rows=made, by=None, at=world.clock)
    return list(ControlQuestion.objects.filter(challenge=world.challenge).order_by("pk"))


def stock(world: World, use: str, places: Sequence[int]) -> list[ControlQuestion]:
    """One control question for each picture, of each label in turn, true for every second."""
    return add(
        world,
        *((place, world.labels[place % 3], "yes" if place % 2 else "no", use) for place in places),
    )


def give(world: World, rater: Participation, subject: Pair | ControlQuestion) -> Lease:
    """Put a question into a rater's hands."""
    at = world.pass_time(1)
    kind = {"control": subject} if isinstance(subject, ControlQuestion) else {"pair": subject}
    return Lease.objects.create(rater=rater, created_at=at, shown_at=at, expires_at=at + timedelta(seconds=120), **kind)


def end(world: World, lease: Lease, ended: LeaseEnd) -> None:
    lease.closed_at, lease.ended = world.pass_time(1), ended
    lease.save(update_fields=["closed_at", "ended"])


def answer(
    world: World,
    lease: Lease,
    said: Answer | str,
    *,
    seconds: float = 3.0,
    state: RatingState = RatingState.FINAL,
) -> Rating:
    """Answer the question of a lease, for good unless another state is named."""
    end(world, lease, LeaseEnd.ANSWERED)
    return Rating.objects.create(
        pair=lease.pair,
        control=lease.control,
        rater=lease.rater,
        lease=lease,
        answer=str(said),
        state=state,
        created_at=world.clock,
        final_at=world.clock if state in (RatingState.FINAL, RatingState.DISCOUNTED) else None,
        seconds=seconds,
    )


def respond(world: World, rater: Participation, *, right: bool = True) -> Rating | None:
    """Have the rater answer the control that is due, if one is."""
    control = due_control(rater=rater, at=world.clock)
    if control is None:
        return None
    wrong = "no" if control.truth == "yes" else "yes"
    return answer(world, give(world, rater, control), control.truth if right else wrong)
