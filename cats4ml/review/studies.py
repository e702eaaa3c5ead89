"""Paid crowds: a study brings people to the queue by a link, and sends them back with a code.

Prolific and Amazon Mechanical Turk say by parameters of the link who comes:
https://docs.prolific.com/api-reference/studies/the-study-object
https://docs.aws.amazon.com/AWSMechTurk/latest/AWSMechanicalTurkRequester/mturk-hits-defining-questions-html-rendered.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import quote

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.crypto import constant_time_compare
from django.utils.text import slugify
from django.utils.translation import gettext as _

from cats4ml.accounts.actions import create_guest
from cats4ml.accounts.models import User
from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.consents import Confirmed
from cats4ml.challenges.models import ActKind, Challenge, Participation, Role
from cats4ml.json_cache import count_once
from cats4ml.review.crowd_ids import knows_its_workers, worker_digest
from cats4ml.review.models import (
    CrowdIdentity,
    PauseDecision,
    RaterDiscount,
    RaterPause,
    Rating,
    RatingState,
    Study,
    StudyPlatform,
    StudyVisit,
)

# What Mechanical Turk says in place of an assignment while somebody only looks at a task.
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
EXTERNAL_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
PROLIFIC_RETURN = "https://app.prolific.com/submissions/complete?cc="

# So many accounts are made in an hour at most, by one address and in one study.
BY_ADDRESS, BY_STUDY, AN_HOUR = 20, 600, 3_600


class StudyRefused(Exception):
    """Why a study can't be made or entered, in a sentence that says what to do."""


@dataclass(frozen=True)
class Visitor:
    """Who comes, by the paid crowd's own ids. `session_id` and `external_study` may be empty."""

    external_id: str
    session_id: str
    external_study: str


@dataclass(frozen=True)
class Parameters:
    """The names under which a platform sends the worker, the session and the study; '' where it sends none."""

    worker: str
    session: str = ""
    study: str = ""


PARAMETERS: Mapping[str, Parameters] = {
    StudyPlatform.PROLIFIC: Parameters("PROLIFIC_PID", "SESSION_ID", "STUDY_ID"),
    StudyPlatform.MTURK: Parameters("workerId", "assignmentId", "hitId"),
    StudyPlatform.OTHER: Parameters("worker"),
}


class Pay(NamedTuple):
    """What whoever completes a study is paid, and what an hour must be paid at least, in one currency."""

    reward: Decimal | None = None
    currency: str = ""
    least_wage: Decimal | None = None

    def as_json(self) -> dict[str, str | None]:
        return {
            "reward": None if self.reward is None else f"{self.reward:.2f}",
            "currency": self.currency,
            "least_wage": None if self.least_wage is None else f"{self.least_wage:.2f}",
        }


NO_PAY = Pay()


@dataclass(frozen=True)
class Completion:
    """What a visitor takes back: the code, and where to, if the platform has such an address. `ready` is False for as
    long as the last answer may still be undone, and then there is no code yet."""

    code: str
    url: str
    ready: bool = True


def create_study(
    *,
    challenge: Challenge,
    title: str,
    platform: StudyPlatform,
    questions: int,
    completion_code: str,
    by: User,
    at: datetime,
    pay: Pay = NO_PAY,
) -> Study:
    """A new, open study. Its address is made of its title.

    Raises `StudyRefused` for a title without letters, a number of questions below 1 or above 1,000, a code with other
    characters than an address takes as they are, or where a study of this name is there.
    """
    slug = slugify(title)[:60].strip("-")
    if not slug:
        raise StudyRefused(_("Give the study a title with letters in it: its address is made of them."))
    if not 1 <= questions <= 1_000:
        raise StudyRefused(_("Ask for at least one question and at most 1,000."))
    _check_pay(pay)
    if not re.fullmatch(r"[A-Za-z0-9_-]{4,64}", completion_code):
        raise StudyRefused(_("A completion code has 4 to 64 letters and digits, without spaces."))
    with transaction.atomic():
        Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        if Study.objects.filter(challenge=challenge, slug=slug).exists():
            raise StudyRefused(_("This challenge has a study of that name. Choose another title."))
        made = Study.objects.create(
            challenge=challenge,
            slug=slug,
            title=title,
            platform=platform,
            questions=questions,
            completion_code=completion_code,
            reward=pay.reward,
            currency=pay.currency,
            least_wage=pay.least_wage,
            created_by=by,
            created_at=at,
        )
        _record(made, f"Made the study “{title}”", by, at, {"questions": questions, "platform": str(platform)})
    return made


def open_study(*, study: Study, is_open: bool, by: User | None = None, at: datetime) -> None:
    """Let people in, or no more. Who is in may finish either way. Twice is once.

    Raises `StudyRefused` for a study that was closed for so long that it knows nobody any more: whoever was in it
    could begin a second time.
    """
    with transaction.atomic():
        locked = Study.objects.select_for_update(of=("self",), no_key=True).select_related("challenge").get(pk=study.pk)
        if is_open and not knows_its_workers(locked):
            raise StudyRefused(
                _("The workers’ ids of this study are deleted, so that somebody could do it twice. Make a new study.")
            )
        if locked.is_open != is_open:
            locked.is_open, locked.closed_at = is_open, None if is_open else at
            locked.save(update_fields=["is_open", "closed_at"])
            said = "Opened the study “{}” again" if is_open else "Closed the study “{}”"
            record_act(
                challenge=locked.challenge,
                kind=ActKind.STUDIES,
                summary=said.format(locked.title),
                details={"study": locked.pk},
                by=by,
                at=at,
            )
    study.is_open, study.closed_at = locked.is_open, locked.closed_at


def set_pay(*, study: Study, pay: Pay, by: User | None, at: datetime) -> None:
    """Say what a study pays, and what an hour must be paid at least. Twice is once. Raises `StudyRefused`."""
    _check_pay(pay)
    with transaction.atomic():
        locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        before = Pay(locked.reward, locked.currency, locked.least_wage)
        if before == pay:
            return
        locked.reward, locked.currency, locked.least_wage = pay
        locked.save(update_fields=["reward", "currency", "least_wage"])
        changed = difference(before.as_json(), pay.as_json())
        _record(study, f"Changed what the study pays: “{study.title}”", by, at, changed)
    study.refresh_from_db()


def _check_pay(pay: Pay) -> None:
    if (pay.reward is not None or pay.least_wage is not None) and not re.fullmatch("[A-Z]{3}", pay.currency):
        raise StudyRefused(_("Give the currency in three letters: EUR, GBP or USD, say."))
    if any(sum_ is not None and sum_ <= 0 for sum_ in (pay.reward, pay.least_wage)):
        raise StudyRefused(_("Sums of money are above zero."))


def _record(study: Study, summary: str, by: User | None, at: datetime, details: Mapping[str, object]) -> None:
    record_act(
        challenge=study.challenge,
        kind=ActKind.STUDIES,
        summary=summary[:300],
        details={"study": study.slug, **details},
        by=by,
        at=at,
    )


def query_of(study: Study) -> str:
    """What stands behind the study's address in the link for its platform. Mechanical Turk adds its part itself."""
    if study.platform == StudyPlatform.PROLIFIC:
        names = PARAMETERS[StudyPlatform.PROLIFIC]
        return "?" + "&".join(f"{name}={{{{%{name}%}}}}" for name in (names.worker, names.study, names.session))
    return "?worker=WORKER" if study.platform == StudyPlatform.OTHER else ""


def visitor_of(study: Study, sent: Mapping[str, str]) -> Visitor | None:
    """Who comes by these parameters of the link; None for somebody who only looks at a task of Mechanical Turk.

    Raises `StudyRefused` where the worker's id is missing, or an id has characters that none has.
    """
    names, platform = PARAMETERS[study.platform], study.get_platform_display()
    place = _("the platform that sent you") if study.platform == StudyPlatform.OTHER else platform
    if study.platform == StudyPlatform.MTURK and sent.get(names.session) == PREVIEW:
        return None
    worker, session, external = (
        sent.get(name, "") if name else "" for name in (names.worker, names.session, names.study)
    )
    if not worker:
        raise StudyRefused(
            _("The link lacks your id (%(name)s). Open the study from %(place)s again.")
            % {"name": names.worker, "place": place}
        )
    if not all(EXTERNAL_ID.fullmatch(one) for one in (worker, session, external) if one):
        raise StudyRefused(
            _("The link was not filled in rightly. Open the study from %(place)s again.") % {"place": place}
        )
    return Visitor(worker, session, external)


def visit_of(study: Study, visitor: Visitor, user: User) -> StudyVisit | None:
    """The visit that this signed-in account is on, if it is this visitor's."""
    worker = worker_digest(study_id=study.pk, external_id=visitor.external_id)
    return StudyVisit.objects.filter(study=study, worker=worker, rater__user=user).first()


def begin_visit(
    *,
    study: Study,
    visitor: Visitor,
    consent_version: int,
    address: str,
    signed_in: User | None,
    at: datetime,
    confirmed: Confirmed | None = None,
    came_before: int | None = None,
) -> StudyVisit:
    """Let a worker in: the first time with a new account, which is a rater in this edition and nothing else.

    Who comes again goes on where they are signed in as this visit's account, or bring the session id with which they
    came: somebody who knows another's worker id alone doesn't get their account; somebody who has their whole link
    does, as anybody has who holds a key. Twice is once. `came_before`: the visit that this browser began before.
    Raises `StudyRefused` for anybody else who is signed in, in a closed study, where the edition takes no ratings,
    where the consent text has changed or something it asks was not confirmed, where a visit of this browser was paused
    or discounted, or where too many accounts were made within an hour.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update(of=("self",), no_key=True).select_related("challenge").get(pk=study.pk)
        worker = worker_digest(study_id=study.pk, external_id=visitor.external_id)
        visits = StudyVisit.objects.filter(study=study, worker=worker)
        visit = visits.select_related("rater__user", "rater__challenge", "identity").first()
        own = visit is not None and signed_in is not None and signed_in.pk == visit.rater.user_id
        if signed_in is not None and not own:
            raise StudyRefused(_("You are signed in with another account. Sign out first: a study makes its own."))
        if visit is None:
            _check_browser(study, came_before)
            return _first_visit(study, visitor, worker, consent_version, address, confirmed, at)
        if not own and not _same_session(visit, visitor):
            raise StudyRefused(_("A worker with this id has begun in another browser. Go on there."))
        if own:
            CrowdIdentity.objects.filter(visit=visit).update(
                session_id=visitor.session_id, external_study=visitor.external_study
            )
        return visit


def _check_browser(study: Study, came_before: int | None) -> None:
    """Nobody who was stopped goes on under another id. A browser that several people share is stopped with the one of
    them who was: they may use another, and the platform pays them elsewhere."""
    before = StudyVisit.objects.filter(pk=came_before or 0, study__challenge=study.challenge_id).first()
    if before is None:
        return
    paused = RaterPause.objects.filter(rater=before.rater_id).exclude(decision=PauseDecision.RESUMED)
    if paused.exists() or RaterDiscount.objects.filter(rater=before.rater_id, lifted_at=None).exists():
        raise StudyRefused(
            _(
                "Somebody has rated in this browser whose rating is paused. Nobody begins anew from here until the "
                "organisers have decided. Please return your place in the study."
            )
        )


def _same_session(visit: StudyVisit, visitor: Visitor) -> bool:
    known = getattr(visit, "identity", None)
    return known is not None and bool(known.session_id) and constant_time_compare(known.session_id, visitor.session_id)


def _first_visit(
    study: Study,
    visitor: Visitor,
    worker: str,
    consent_version: int,
    address: str,
    confirmed: Confirmed | None,
    at: datetime,
) -> StudyVisit:
    if not study.is_open:
        raise StudyRefused(_("This study is closed: nobody else is let in. Please return your place in it."))
    if not study.challenge.takes_ratings(at):
        raise StudyRefused(_("This challenge takes no ratings now. Please return your place in the study."))
    _check_number(study, address)
    try:
        rater = join_challenge(
            challenge=study.challenge,
            user=create_guest(),
            role=Role.RATER,
            consent_version=consent_version,
            confirmed=confirmed,
            at=at,
        )
    except JoinRefused as refusal:
        raise StudyRefused(str(refusal)) from None
    visit = StudyVisit.objects.create(study=study, rater=rater, worker=worker, started_at=at)
    CrowdIdentity.objects.create(
        visit=visit,
        external_id=visitor.external_id,
        session_id=visitor.session_id,
        external_study=visitor.external_study,
    )
    return visit


def _check_number(study: Study, address: str) -> None:
    for key, most in ((f"study-{study.pk}", BY_STUDY), (f"study-{study.pk}-{address}", BY_ADDRESS)):
        if count_once(key, seconds=AN_HOUR) > most:
            raise StudyRefused(_("Many people have begun from here within the hour. Please try again in an hour."))


def _visit_of_rater(rater: Participation) -> StudyVisit | None:
    if not rater.user.is_guest:
        return None
    return StudyVisit.objects.filter(rater=rater).select_related("study").first()


def _in_time(rater: int) -> QuerySet[Rating]:
    """A visitor's answers to questions that they still held. Of those that ran out nobody looks at the answers: a study
    could be gone through by them without a look at a picture."""
    return Rating.objects.filter(rater=rater, created_at__lt=F("lease__expires_at"))


def at_most(rater: Participation, count: int) -> int:
    """How many questions this rater may hold, `count` at most: a visitor is asked no more than their study has."""
    visit = _visit_of_rater(rater)
    if visit is None:
        return count
    left = visit.study.questions - _in_time(rater.pk).count()
    return max(0, min(count, left))


def completion_of(rater: Participation) -> Completion | None:
    """The end of a rater's visit to a study, once they have answered as many questions as it has; None before, and for
    whoever came otherwise. Pairs and controls count alike, whatever became of a pair meanwhile. Noted once, for
    good."""
    visit = _visit_of_rater(rater)
    if visit is None:
        return None
    if visit.completed_at is None and not note_completed(visit):
        answered = _in_time(rater.pk).count()
        return Completion("", "", ready=False) if answered >= visit.study.questions else None
    code = visit.study.completion_code
    return Completion(code, PROLIFIC_RETURN + quote(code) if visit.study.platform == StudyPlatform.PROLIFIC else "")


def note_completed(visit: StudyVisit) -> bool:
    """Write down when the answer was given that completed a visit, if it is: whoever looks first, it is the same."""
    final = _in_time(visit.rater_id).exclude(state=RatingState.PROVISIONAL).order_by("pk")
    last = final.values_list("created_at", flat=True)[visit.study.questions - 1 : visit.study.questions]
    for moment in last:
        StudyVisit.objects.filter(pk=visit.pk, completed_at=None).update(completed_at=moment)
        visit.completed_at = moment
    return visit.completed_at is not None
