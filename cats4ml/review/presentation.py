"""A question as a rater sees it, and nothing else: the page and the API show this and no more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from cats4ml.challenges.models import Challenge, Participation, TargetLabel
from cats4ml.review.models import Lease, RatingState
from cats4ml.review.queries import last_rating, rating_count
from cats4ml.rules.answers import Answer

SESSION_GOAL = 100
SECONDS_AN_ANSWER = 6


@dataclass(frozen=True)
class Card:
    """No score, no submitter, no other answer, no id of picture or pair: only what is needed to answer."""

    token: uuid.UUID
    picture_url: str
    width: int | None
    height: int | None
    question: str
    guidance: str
    next_picture_url: str


@dataclass(frozen=True)
class Progress:
    """How far a rater is in the present hundred answers."""

    answered: int
    goal: int
    minutes_left: int | None


@dataclass(frozen=True)
class LastAnswer:
    label: str
    undoable: bool


def picture_url(lease: Lease) -> str:
    """The picture's address by the lease's token, so that it tells nothing about picture or pair."""
    return reverse("review:picture", args=[lease.rater.challenge.slug, lease.token])


def card_of(challenge: Challenge, leases: Sequence[Lease]) -> Card | None:
    """The card of the first of a rater's leases, with the next one's picture to load ahead."""
    if not leases:
        return None
    lease = leases[0]
    target = TargetLabel.objects.get(challenge=challenge, label=lease.subject.label_id)
    return Card(
        token=lease.token,
        picture_url=picture_url(lease),
        width=lease.subject.image.width,
        height=lease.subject.image.height,
        question=target.question or challenge.question_about(lease.subject.label),
        guidance=target.guidance,
        next_picture_url=picture_url(leases[1]) if len(leases) > 1 else "",
    )


def progress_of(rater: Participation) -> Progress:
    answered = rating_count(rater) % SESSION_GOAL
    left = (SESSION_GOAL - answered) * SECONDS_AN_ANSWER // 60
    return Progress(answered=answered, goal=SESSION_GOAL, minutes_left=left)


def last_answer_of(rater: Participation, at: datetime) -> LastAnswer | None:
    last = last_rating(rater)
    if last is None:
        return None
    wait = timedelta(seconds=rater.challenge.rules.provisional_seconds)
    undoable = last.state == RatingState.PROVISIONAL and at < last.created_at + wait
    return LastAnswer(label=Answer(last.answer).label, undoable=undoable)
