"""The classifiers of an edition that is a draft, chosen among those that the site knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Classifier
from cats4ml.challenges.actions import NewMember, decide_roster
from cats4ml.challenges.models import Challenge, RosterVersion
from cats4ml.challenges.pools import locked_draft
from cats4ml.challenges.rosters import members_of, target_keys


def known_classifiers(challenge: Challenge) -> QuerySet[Classifier]:
    """The classifiers that speak the edition's vocabulary, newest first, with `known`: how many target labels each
    knows."""
    known = RawSQL(
        "(SELECT count(*) FROM unnest(%s::varchar[]) wanted WHERE wanted = ANY(outputs))", [target_keys(challenge)]
    )
    rows = Classifier.objects.filter(vocabulary=challenge.vocabulary).exclude(outputs=[])
    return rows.annotate(known=known).defer("outputs").order_by("-pk")


def choose_classifiers(
    *, challenge: Challenge, classifiers: Sequence[Classifier], by: User | None, at: datetime
) -> RosterVersion:
    """Put these classifiers in force, of equal weight, while the edition is a draft. The same ones change nothing.

    Raises `PoolRefused` for an edition that has left the draft, and `ValueError` as `propose_roster` does.
    """
    with transaction.atomic():
        return decide_roster(challenge=locked_draft(challenge), classifiers=classifiers, by=by, at=at)


def choose_proposal(*, challenge: Challenge, roster: RosterVersion, by: User | None, at: datetime) -> RosterVersion:
    """Put a proposed roster in force, with its weights and label maps, while the edition is a draft. Raises
    `PoolRefused` for an edition that has left it."""
    members = [NewMember(one.classifier, one.weight, one.label_map) for one in members_of(roster)]
    with transaction.atomic():
        return decide_roster(challenge=locked_draft(challenge), classifiers=members, by=by, at=at)
