"""Pausing raters whose answers look careless, and what an organiser decides about it.

A pause stands until somebody decides; while it stands the rater is asked nothing. Pauses are made under the lock of
the rater's participation, and the last look is taken under it: so the same look may be taken twice at once.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, Participation
from cats4ml.review.controls import warm_up_of
from cats4ml.review.locks import lock_rater, take_back_leases
from cats4ml.review.models import (
    ControlUse,
    EditionSkill,
    Lease,
    PauseCause,
    PauseDecision,
    RaterPause,
    Rating,
    RatingState,
)
from cats4ml.review.queries import standing_pause
from cats4ml.review.queue import recount
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.trust import (
    CONTROLS_LOOKED_AT,
    FAST_ANSWERS,
    Given,
    Signal,
    Suspicion,
    controls_failing,
    longest_honest_run,
    same_answer,
    too_fast,
)

logger = logging.getLogger(__name__)

# Controls are judged anew where one of the last so many answers was one: the rest cannot have changed the count.
LATELY = 5


class PauseRefused(Exception):
    """Why a pause can't be decided so, in a sentence that says what to do. Nothing was written."""


def look_at(*, rater: Participation, at: datetime) -> RaterPause | None:
    """Look at a rater's last final answers, and pause them where the policy says so.

    Gives the pause that stands, whether this look made it or not; None where there is none. Answers given before an
    organiser let them go on are not held against them again. Twice, or at once, is once.
    """
    standing, suspicion = _look(rater)
    if standing is not None or suspicion is None:
        return standing
    with transaction.atomic():
        lock_rater(rater)
        standing, suspicion = _look(rater)
        if standing is not None or suspicion is None:
            return standing
        return _pause(rater, PauseCause(suspicion.signal.value), suspicion.figures, at)


def look_at_passed_over(lease: Lease, *, at: datetime) -> None:
    """Look at a rater who has skipped or reported a question: with one of the warm-up they may have failed it."""
    if lease.control is not None and lease.control.use == ControlUse.WARM_UP:
        look_at(rater=lease.rater, at=at)


def pause_rater(*, rater: Participation, by: User, note: str, at: datetime) -> RaterPause:
    """An organiser's own pause. Where one stands already it is given back as it is."""
    with transaction.atomic():
        lock_rater(rater)
        standing = standing_pause(rater)
        if standing is not None:
            return standing
        made = _pause(rater, PauseCause.ORGANISER, {"by": by.public_name}, at, note=note[:500])
        _record(made, "Paused {name}", by, note, at)
    return made


def decide_pause(*, pause: RaterPause, decision: PauseDecision, by: User, note: str, at: datetime) -> RaterPause:
    """Let a paused rater go on, or end their part. The same decision twice is taken once.

    Who was sent away may be let back; who was let go on is not sent away by an old pause: raises `PauseRefused`.
    """
    with transaction.atomic():
        lock_rater(pause.rater)
        current = RaterPause.objects.select_for_update(no_key=True).get(pk=pause.pk)
        if current.decision == decision:
            return current
        if current.decision == PauseDecision.RESUMED:
            raise PauseRefused(_("This rater went on after that pause. Pause them again, and then decide."))
        current.decision, current.decided_by, current.decided_at = decision, by, at
        current.note = note[:500] or current.note
        current.save(update_fields=["decision", "decided_by", "decided_at", "note"])
        said = "Let {name} go on rating" if decision == PauseDecision.RESUMED else "Ended the part of {name}"
        _record(current, said, by, note, at)
        resumed = decision == PauseDecision.RESUMED
        _tell(current.rater, "pause_resumed" if resumed else "pause_ended", f"pause-{current.pk}-{decision}", at)
    logger.info("pause %d of rater %d: %s", pause.pk, pause.rater_id, decision)
    return current


def _record(pause: RaterPause, said: str, by: User, note: str, at: datetime) -> None:
    record_act(
        challenge=pause.rater.challenge,
        kind=ActKind.PAUSED,
        summary=said.format(name=pause.rater.public_name[:200]),
        details={"rater": pause.rater_id, "pause": pause.pk},
        reason=note[:500],
        by=by,
        at=at,
    )


def _pause(
    rater: Participation, cause: PauseCause, figures: dict[str, Any], at: datetime, note: str = ""
) -> RaterPause:
    """The caller holds the participation's lock and the transaction. What is in the rater's hands is taken back and
    given to others."""
    recount(take_back_leases(rater, at))
    pause = RaterPause.objects.create(rater=rater, cause=cause, evidence=figures, created_at=at, note=note)
    _tell(rater, "rater_paused", f"pause-{pause.pk}", at)
    logger.info("rater %d is paused: %s", rater.pk, cause)
    return pause


def _tell(rater: Participation, what: str, key: str, at: datetime) -> None:
    notify(
        users=[rater.user],
        kind=NoticeKind.STANDING,
        what=what,
        key=key,
        at=at,
        url=reverse("review:review", args=[rater.challenge.slug]),
        values={"edition": rater.challenge.title},
    )


def _look(rater: Participation) -> tuple[RaterPause | None, Suspicion | None]:
    """The pause that stands; else what the answers since the last decision look like."""
    policy = rater.challenge.rules
    last = RaterPause.objects.filter(rater=rater).order_by("-pk").first()
    if last is not None and last.decision != PauseDecision.RESUMED:
        return last, None
    answers = Rating.objects.filter(rater=rater, state=RatingState.FINAL)
    if last is not None:
        answers = answers.filter(created_at__gt=last.decided_at)
    return None, _suspicion(rater, answers, policy)


def _suspicion(rater: Participation, answers: QuerySet[Rating], policy: Policy) -> Suspicion | None:
    latest = _given(answers, max(FAST_ANSWERS, policy.same_answers))
    controls_lately = any(one.truth is not None for one in latest[-LATELY:])
    # Who has answered nothing may have passed a whole warm-up over.
    failed = _failed_warm_up(rater) if controls_lately or not latest else None
    if failed is not None or not latest:
        return failed
    if controls_lately:
        # Answers to warm-up questions were told and judged as a warm-up.
        mixed = _given(answers.filter(control__use=ControlUse.MIXED), CONTROLS_LOOKED_AT * 2)
        failing = controls_failing(mixed, policy=policy)
        if failing is not None:
            return failing
    return too_fast(latest, policy=policy) or _same_answer(rater, answers, latest, policy)


def _given(answers: QuerySet[Rating], number: int) -> list[Given]:
    """The last so many answers, oldest first."""
    rows = answers.order_by("-pk").values_list("answer", "seconds", "control__truth")[:number]
    return [Given(Answer(answer), seconds, Answer(truth) if truth else None) for answer, seconds, truth in rows][::-1]


def _failed_warm_up(rater: Participation) -> Suspicion | None:
    state = warm_up_of(rater)
    if state is None or not state.failed:
        return None
    rows = Rating.objects.filter(rater=rater, control__use=ControlUse.WARM_UP).exclude(state=RatingState.LATE)
    right = sum(answer == truth for answer, truth in rows.values_list("answer", "control__truth"))
    wanted = rater.challenge.rules.controls_right_percent
    return Suspicion(Signal.WARM_UP, {"right": right, "answered": state.done, "wanted_percent": wanted})


def _same_answer(
    rater: Participation, answers: QuerySet[Rating], latest: list[Given], policy: Policy
) -> Suspicion | None:
    """The run of one answer, read further back only where the last ones are all alike."""
    alike = policy.same_answers and len(latest) >= policy.same_answers
    if not alike or len({one.answer for one in latest[-policy.same_answers :]}) > 1:
        return None
    skill = EditionSkill.objects.filter(challenge=rater.challenge_id).first()
    yes = skill.base_rate if skill is not None else 0.5
    share = {Answer.YES: yes, Answer.NO: 1.0 - yes}.get(latest[-1].answer, 0.5)
    return same_answer(_given(answers, longest_honest_run(share, policy=policy)), policy=policy, share=share)
