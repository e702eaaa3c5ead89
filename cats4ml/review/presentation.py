"""A question as a rater sees it, and nothing else: the page and the API show this and no more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.db.models import Prefetch
from django.urls import reverse

from cats4ml.catalog.hiding import shown
from cats4ml.challenges.models import Challenge, Participation, Role, TargetLabel
from cats4ml.review.actions.skipping import skips_left
from cats4ml.review.controls import feedback_on, warm_up_state
from cats4ml.review.models import ControlUse, LabelExample, Lease, Rating, RatingState
from cats4ml.review.queries import rating_count, standing_pause
from cats4ml.ui.words import ANSWERS

SESSION_GOAL = 100
# The rater's pace is read from so many answers at most, and told once there are so many.
PACE_ANSWERS = 50
LEAST_FOR_A_PACE = 5
# Whoever did not answer for so long was away: it is no part of their pace.
AWAY_SECONDS = 120
# Guidance no longer than this stands under the question; a longer one is folded.
SHORT_GUIDANCE = 120
MOST_EXAMPLES = 4  # of those that count, and of those that don't
SHOWN_EXAMPLES = Prefetch("examples", queryset=shown(LabelExample.objects.all()))


@dataclass(frozen=True)
class Example:
    """A small picture that explains the label, by a number that tells nothing of the picture."""

    number: int
    caption: str


@dataclass(frozen=True)
class Guidance:
    """What the organisers say of a label. `folded`: what is too long to stand under every question."""

    label: str
    short: str
    folded: str
    fits: tuple[Example, ...] = ()
    fits_not: tuple[Example, ...] = ()

    @property
    def text(self) -> str:
        return self.short or self.folded

    @property
    def unfolds(self) -> bool:
        return bool(self.folded or self.fits or self.fits_not)


@dataclass(frozen=True)
class Card:
    """No score, no submitter, no other answer, no id of picture or pair: only what is needed to answer.

    `warm_up`: the answer is told after it and counts for nothing. `meets_label`: the first such question of its label.
    """

    token: uuid.UUID
    picture_url: str
    width: int | None
    height: int | None
    question: str
    guidance: Guidance
    warm_up: bool = False
    meets_label: bool = False


@dataclass(frozen=True)
class Told:
    """The truth after an answer of the warm-up, with the picture still in view.

    `more`: how many questions follow beyond those that were announced.
    """

    picture_url: str
    width: int | None
    height: int | None
    question: str
    answer: str
    truth: str
    right: bool
    explanation: str
    is_last: bool
    more: int


@dataclass(frozen=True)
class WarmUp:
    """How far a rater's warm-up is. One that is over, or that the edition has not, is not under way."""

    answered: int
    total: int

    @property
    def is_under_way(self) -> bool:
        return self.answered < self.total


@dataclass(frozen=True)
class Progress:
    """How far a rater is in the present hundred answers, or in the warm-up."""

    answered: int
    goal: int
    overall: int
    minutes_left: int | None
    skips_left: int


@dataclass(frozen=True)
class LastAnswer:
    label: str
    undoable: bool


def example_for(user_id: int | None, slug: str, example_id: int) -> LabelExample | None:
    """An example of this edition, for somebody who rates in it; None for everybody else and where there is none."""
    examples = shown(LabelExample.objects.select_related("image")).filter(
        target__challenge__slug=slug,
        target__challenge__participations__user=user_id,
        target__challenge__participations__role=Role.RATER,
    )
    return examples.filter(pk=example_id).first() if example_id < 2**63 else None


def picture_url(lease: Lease) -> str:
    """The picture's address by the lease's token, so that it tells nothing about picture or pair."""
    return reverse("review:picture", args=[lease.rater.challenge.slug, lease.token])


def cards_of(challenge: Challenge, leases: Sequence[Lease]) -> list[Card]:
    """The cards of a rater's leases, in their order: the one to answer, then what is shown at once after it."""
    if not leases:
        return []
    labels = {lease.subject.label_id for lease in leases}
    targets = {
        one.label_id: one
        for one in TargetLabel.objects.filter(challenge=challenge, label__in=labels)
        .select_related("label")
        .prefetch_related(SHOWN_EXAMPLES)
    }
    return [_card(challenge, lease, targets[lease.subject.label_id]) for lease in leases]


def _card(challenge: Challenge, lease: Lease, target: TargetLabel) -> Card:
    warm_up = lease.control is not None and lease.control.use == ControlUse.WARM_UP
    return Card(
        token=lease.token,
        picture_url=picture_url(lease),
        width=lease.subject.image.width,
        height=lease.subject.image.height,
        question=_question(challenge, target),
        guidance=guidance_of(target),
        warm_up=warm_up,
        meets_label=warm_up and not _has_met(lease),
    )


def _question(challenge: Challenge, target: TargetLabel) -> str:
    return target.question or challenge.question_about(target.label)


def _has_met(lease: Lease) -> bool:
    return Rating.objects.filter(rater=lease.rater_id, control__label=lease.subject.label_id).exists()


def guidance_of(target: TargetLabel) -> Guidance:
    """What the organisers wrote of a label, with the first of their examples."""
    examples = sorted(target.examples.all(), key=lambda one: (one.position, one.pk))
    shown = [(one.fits, Example(one.pk, one.caption)) for one in examples]
    is_short = len(target.guidance) <= SHORT_GUIDANCE
    return Guidance(
        label=target.label.name,
        short=target.guidance if is_short else "",
        folded="" if is_short else target.guidance,
        fits=tuple(example for fits, example in shown if fits)[:MOST_EXAMPLES],
        fits_not=tuple(example for fits, example in shown if not fits)[:MOST_EXAMPLES],
    )


def told_of(challenge: Challenge, rating: Rating) -> Told | None:
    """What is told after this answer: only after one of the warm-up."""
    feedback = feedback_on(rating)
    if feedback is None:
        return None
    subject = rating.lease.subject
    target = TargetLabel.objects.select_related("label").get(challenge=challenge, label=subject.label_id)
    warm_up = warm_up_of(rating.rater)
    more = warm_up.total - warm_up.answered
    return Told(
        picture_url=picture_url(rating.lease),
        width=subject.image.width,
        height=subject.image.height,
        question=_question(challenge, target),
        answer=ANSWERS[rating.answer],
        truth=ANSWERS[feedback.truth],
        right=feedback.right,
        explanation=feedback.explanation,
        is_last=more == 0 and standing_pause(rating.rater) is None,
        more=more if warm_up.answered >= challenge.rules.warm_up else 0,
    )


def warm_up_of(rater: Participation) -> WarmUp:
    return WarmUp(*warm_up_state(rater))


def lately(rater: Participation) -> list[Rating]:
    """The rater's last answers, the last one first, in one query for all that the page tells of them."""
    return list(Rating.objects.filter(rater=rater).select_related("control").order_by("-pk")[:PACE_ANSWERS])


def progress_of(rater: Participation, warm_up: WarmUp, answers: Sequence[Rating]) -> Progress:
    """Where a rater stands, by their last `answers`. Of controls only those of the warm-up are left out, for these are
    told apart anyway."""
    if warm_up.is_under_way:
        return Progress(warm_up.answered, warm_up.total, overall=0, minutes_left=None, skips_left=skips_left(rater))
    overall = max(0, rating_count(rater) - warm_up.answered)
    answered = overall % SESSION_GOAL
    seconds = pace_of(answers)
    return Progress(
        answered=answered,
        goal=SESSION_GOAL,
        overall=overall,
        minutes_left=None if seconds is None else round((SESSION_GOAL - answered) * seconds / 60),
        skips_left=skips_left(rater),
    )


def pace_of(answers: Sequence[Rating]) -> float | None:
    """Seconds from one answer to the next, the last one first: their median, without absences."""
    gaps = [(later.created_at - earlier.created_at).total_seconds() for later, earlier in pairwise(answers)]
    here = [gap for gap in gaps if gap < AWAY_SECONDS]
    return median(here) if len(here) >= LEAST_FOR_A_PACE else None


def last_answer_of(rater: Participation, answers: Sequence[Rating], at: datetime) -> LastAnswer | None:
    """The last answer, and whether it may still be taken back: not after its truth was told."""
    if not answers:
        return None
    last = answers[0]
    wait = timedelta(seconds=rater.challenge.rules.provisional_seconds)
    told = last.control is not None and last.control.use == ControlUse.WARM_UP
    undoable = not told and last.state == RatingState.PROVISIONAL and at < last.created_at + wait
    return LastAnswer(label=ANSWERS[last.answer], undoable=undoable)
