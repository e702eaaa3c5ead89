"""Handing predictions in, and having classifiers run here: who may, how often, and nothing twice."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import IO

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Classifier
from cats4ml.challenges.models import Challenge, RosterMember, RosterVersion
from cats4ml.challenges.queries import Viewer, team_mates_now
from cats4ml.locking import Lock, hold
from cats4ml.releases.classifier_scores import knows_a_label
from cats4ml.releases.evaluating import questions_of
from cats4ml.releases.evaluation_dispatch import ring_evaluation
from cats4ml.releases.models import Evaluation, EvaluationSource, EvaluationState, Release, ReleaseState
from cats4ml.releases.predictions import Predictions, pack_scores, read_predictions
from cats4ml.submissions.dispatch import after_commit
from cats4ml.ui.words import date_text, figure, short_decimal

DAY = timedelta(hours=24)
READABLE = (ReleaseState.READY, ReleaseState.PUBLISHED)
LONGEST_NAME = 120
LONGEST_DESCRIPTION = 2_000


class EvaluationRefused(Exception):
    """Why an evaluation is not made, in a sentence that says how to mend it."""


class DailyLimit(EvaluationRefused):
    """All of the day's evaluations are used. `again`: when the next one is free."""

    def __init__(self, message: str, again: datetime) -> None:
        super().__init__(message)
        self.again = again


def lock_edition(challenge_id: int) -> None:
    """Until the transaction ends nobody else hands in, or is told anything held out, on a release of this edition."""
    hold(Lock.EVALUATION_LIMITS, challenge_id)


def open_releases(challenge: Challenge, viewer: Viewer) -> QuerySet[Release]:
    """The releases on which this viewer may see evaluations: published ones, to organisers frozen ones too."""
    states = READABLE if viewer.is_organiser else (ReleaseState.PUBLISHED,)
    return Release.objects.filter(challenge=challenge, state__in=states).select_related("challenge", "policy", "roster")


def group_of(user: User) -> set[int]:
    """The ids of those who share this person's limits: the person, and all who share a team with them."""
    return {user.pk, *team_mates_now(user.pk)}


def visible_evaluations(release: Release, user: User | AnonymousUser, viewer: Viewer) -> QuerySet[Evaluation]:
    """Newest first: the listed ones, one's own unlisted ones, and to organisers all. Without scores and labels."""
    everything = Evaluation.objects.filter(release=release).select_related("by", "classifier").order_by("-id")
    everything = everything.defer("scores", "by_label", "classifier__outputs", "classifier__card")
    if viewer.is_organiser:
        return everything
    listed = Q(is_listed=True) & ~Q(state=EvaluationState.FAILED)
    return everything.filter(listed | Q(by=user) if isinstance(user, User) else listed)


def names_of(evaluations: QuerySet[Evaluation]) -> dict[str, str]:
    """The names of these evaluations, by uuid."""
    return {str(key): name for key, name in evaluations.order_by().values_list("uuid", "name")}


class Allowance:
    """How many evaluations a person, with their team, has left on an edition now; `left` None: as many as they like."""

    def __init__(self, *, release: Release, user: User, is_organiser: bool, at: datetime) -> None:
        self.per_day = release.challenge.rules.evaluations_per_day
        self.again: datetime | None = None
        self.left: int | None = None
        if is_organiser and release.state != ReleaseState.PUBLISHED:
            return
        made = (
            Evaluation.objects.filter(
                release__challenge=release.challenge,
                source=EvaluationSource.PREDICTIONS,
                by__in=group_of(user),
                created_at__gt=at - DAY,
                created_at__lte=at,
            )
            .exclude(state=EvaluationState.FAILED)
            .order_by("-created_at")
        )
        times = list(made.values_list("created_at", flat=True)[: max(self.per_day, 1)])
        self.left = max(0, self.per_day - len(times)) if self.per_day else 0
        if not self.left and times and self.per_day:
            self.again = times[-1] + DAY


def check_may_evaluate(*, release: Release, user: User, is_organiser: bool) -> None:
    """Raises `EvaluationRefused` for who may not hand predictions in on this release."""
    if release.withdrawn_at is not None:
        raise EvaluationRefused(_("This release was withdrawn. Use the one that stands in its stead."))
    if user.is_guest:
        raise EvaluationRefused(_("Guests of a study can’t hand in predictions. Make an account for it."))
    if release.state == ReleaseState.PUBLISHED or (is_organiser and release.state == ReleaseState.READY):
        return
    raise EvaluationRefused(_("Predictions are taken once the release is published."))


def hand_in(
    *,
    release: Release,
    by: User | None,
    is_organiser: bool,
    name: str,
    stream: IO[bytes],
    at: datetime,
    description: str = "",
    threshold: float = 0.5,
) -> tuple[Evaluation, Predictions]:
    """Keep predictions and have them counted. `by` None is an operator's command, which has no daily limit.

    The same predictions under the same name and threshold are the same evaluation of the same person, and cost nothing
    again. Raises `PredictionsRefused`, `DailyLimit`, or else `EvaluationRefused`.
    """
    name = _checked(name, description, threshold)
    if by is not None:
        check_may_evaluate(release=release, user=by, is_organiser=is_organiser)
    predictions = read_predictions(stream, questions_of(release))
    packed = pack_scores(predictions.scores)
    digest = hashlib.sha256(f"{name}\n{threshold!r}\n".encode() + packed).hexdigest()
    with transaction.atomic():
        lock_edition(release.challenge_id)
        same = Evaluation.objects.filter(release=release, by=by, digest=digest).exclude(state=EvaluationState.FAILED)
        found = same.first()
        if found is not None:
            return found, predictions
        if by is not None:
            _check_allowance(Allowance(release=release, user=by, is_organiser=is_organiser, at=at))
        made = Evaluation.objects.create(
            release=release,
            name=name,
            description=description,
            source=EvaluationSource.PREDICTIONS,
            threshold=threshold,
            total=len(predictions.scores),
            scores=packed,
            digest=digest,
            by=by,
            created_at=at,
            touched_at=at,
        )
        after_commit(ring_evaluation, release.challenge, made.pk)
    return made, predictions


def _checked(name: str, description: str, threshold: float) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise EvaluationRefused(
            _("Give the classifier a name of 1 to %(longest_name)s letters.") % {"longest_name": LONGEST_NAME}
        )
    if len(description) > LONGEST_DESCRIPTION or "\x00" in description:
        raise EvaluationRefused(
            _("The description may have %(longest_description)s letters.")
            % {"longest_description": figure(LONGEST_DESCRIPTION)}
        )
    if not 0.0 < threshold < 1.0:
        raise EvaluationRefused(
            _("The threshold should lie between 0 and 1, not at %(threshold)s.")
            % {"threshold": short_decimal(threshold)}
        )
    return name


def _check_allowance(allowance: Allowance) -> None:
    if allowance.left is None or allowance.left:
        return
    if not allowance.per_day:
        raise EvaluationRefused(_("This challenge takes no predictions: its policy allows none a day."))
    assert allowance.again is not None, "who has used all has used one"
    words = ngettext(
        "You and your team have used all of the day’s %(n)s evaluation. The next is free at %(time)s UTC on %(day)s.",
        "You and your team have used all of the day’s %(n)s evaluations. The next is free at %(time)s UTC on %(day)s.",
        allowance.per_day,
    )
    free = {"time": date_text(allowance.again, "clock"), "day": date_text(allowance.again, "long_month_day")}
    raise DailyLimit(words % {"n": allowance.per_day, **free}, allowance.again)


def run_here(*, release: Release, classifier: Classifier, by: User | None, at: datetime) -> Evaluation:
    """Have a classifier of the catalogue run on the pictures of a release; organisers alone may (the caller sees to
    it). Its evaluation where there is one already. Raises `EvaluationRefused` where it knows none of the labels."""
    if release.state not in READABLE:
        raise EvaluationRefused(_("This release is not frozen yet."))
    if classifier.is_joint:
        raise EvaluationRefused(
            _("%(name)s is a joint text-image card: it scores no labels.") % {"name": classifier.name}
        )
    if not knows_a_label(release, classifier):
        raise EvaluationRefused(_("%(name)s knows none of the labels in this release.") % {"name": classifier.name})
    with transaction.atomic():
        lock_edition(release.challenge_id)
        there = Evaluation.objects.filter(release=release, classifier=classifier)
        found = there.exclude(state=EvaluationState.FAILED).first()
        if found is not None:
            return found
        made = Evaluation.objects.create(
            release=release,
            name=classifier.name,
            source=EvaluationSource.CLASSIFIER,
            classifier=classifier,
            in_roster=RosterMember.objects.filter(roster__in=selected_against(release), classifier=classifier).exists(),
            threshold=(release.policy or release.challenge.policy).value.threshold,  # type: ignore[union-attr]
            total=release.pairs.order_by().values("pair__image").distinct().count(),
            by=by,
            created_at=at,
            touched_at=at,
        )
        after_commit(ring_evaluation, release.challenge, made.pk)
    return made


def selected_against(release: Release) -> QuerySet[RosterVersion]:
    """The rosters by which the pairs of the release were scored: it was selected against all of their members."""
    rosters = RosterVersion.objects.filter(challenge=release.challenge_id)
    by_pairs = release.pairs.order_by().values("pair__roster").distinct()
    return rosters.filter(Q(pk__in=by_pairs) | Q(pk=release.roster_id))


def members_run_here(release: Release) -> list[Classifier]:
    """The members of the roster in force when the release was frozen, in their order."""
    members = RosterMember.objects.filter(roster=release.roster_id).select_related("classifier").order_by("position")
    return [member.classifier for member in members]


def set_listed(*, evaluation: Evaluation, is_listed: bool) -> None:
    """Show an evaluation on the board, or not. What it was told of held-out pairs it was told all the same."""
    Evaluation.objects.filter(pk=evaluation.pk).update(is_listed=is_listed)
