"""Writes to editions: creating one, deciding its policy and roster, joining it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from cats4ml.accounts.models import Team, TeamMembership, User
from cats4ml.catalog.models import Classifier, Image, Label
from cats4ml.challenges.models import (
    Challenge,
    Participation,
    PolicyVersion,
    PoolImage,
    Role,
    RosterMember,
    RosterVersion,
    TargetLabel,
)
from cats4ml.rules.policy import Policy


class JoinRefused(Exception):
    """Why somebody can't take part as they asked, in a sentence that says how to mend it."""


def decide_policy(*, challenge: Challenge, policy: Policy, by: User | None = None) -> PolicyVersion:
    """Put a policy in force as a new version. The same values as those in force change nothing."""
    with transaction.atomic():
        locked = Challenge.objects.select_for_update().get(pk=challenge.pk)
        if locked.policy is not None and locked.policy.value == policy:
            return locked.policy
        last = locked.policies.aggregate(last=Max("version"))["last"] or 0
        version = PolicyVersion.objects.create(
            challenge=locked, version=last + 1, values=policy.to_dict(), created_by=by
        )
        locked.policy = version
        locked.save(update_fields=["policy"])
    challenge.policy = version
    return version


def decide_roster(*, challenge: Challenge, classifiers: Iterable[Classifier], by: User | None = None) -> RosterVersion:
    """Put a roster in force as a new version. The same classifiers in the same order change nothing.

    Raises `ValueError` for an empty roster, or a classifier of another vocabulary than the edition's.
    """
    chosen = list(classifiers)
    if not chosen:
        raise ValueError("a roster needs at least one classifier")
    for classifier in chosen:
        if classifier.vocabulary != challenge.vocabulary:
            raise ValueError(
                f"{classifier.name} speaks {classifier.vocabulary}, the challenge {challenge.vocabulary}: "
                "it can score none of its labels"
            )
    with transaction.atomic():
        locked = Challenge.objects.select_for_update(of=("self",)).select_related("roster").get(pk=challenge.pk)
        if locked.roster is not None:
            current = list(locked.roster.members.order_by("position").values_list("classifier_id", flat=True))
            if current == [classifier.pk for classifier in chosen]:
                return locked.roster
        last = locked.rosters.aggregate(last=Max("version"))["last"] or 0
        roster = RosterVersion.objects.create(challenge=locked, version=last + 1, created_by=by)
        RosterMember.objects.bulk_create(
            RosterMember(roster=roster, classifier=classifier, position=position)
            for position, classifier in enumerate(chosen)
        )
        locked.roster = roster
        locked.save(update_fields=["roster"])
    challenge.roster = roster
    return roster


def add_target_labels(*, challenge: Challenge, labels: Iterable[Label]) -> None:
    """Make these labels targets, in this order after those that are. Raises `ValueError` for another vocabulary."""
    chosen = list(labels)
    for label in chosen:
        if label.vocabulary != challenge.vocabulary:
            raise ValueError(f"{label} is not of the vocabulary {challenge.vocabulary}")
    start = challenge.target_labels.count()
    TargetLabel.objects.bulk_create(
        [TargetLabel(challenge=challenge, label=label, position=start + place) for place, label in enumerate(chosen)],
        ignore_conflicts=True,
    )


def add_pool_images(*, challenge: Challenge, images: Iterable[Image]) -> None:
    """Make these pictures targets. One that already is stays as it is."""
    PoolImage.objects.bulk_create(
        [PoolImage(challenge=challenge, image=image, image_key=image.image_id) for image in images],
        ignore_conflicts=True,
        batch_size=2000,
    )


def join_challenge(
    *,
    challenge: Challenge,
    user: User,
    role: Role,
    consent_version: int | None,
    at: datetime,
    team: Team | None = None,
) -> Participation:
    """Let a person take part in a role. Joining twice returns the first participation.

    `consent_version` is the version of the text that the person agreed to. Raises `JoinRefused` where it is not the
    one in force, where the person has the other role and roles are exclusive, where they are not of the team, or where
    the edition is final or has no policy yet.
    """
    if role != Role.ORGANISER and (challenge.policy is None or challenge.is_final):
        raise JoinRefused("This challenge has ended." if challenge.is_final else "This challenge has no rules yet.")
    if role != Role.ORGANISER and consent_version != challenge.consent_version:
        raise JoinRefused("Please read and accept the consent text as it stands now.")
    if team is not None and not TeamMembership.objects.filter(team=team, user=user).exists():
        raise JoinRefused(f"You are not a member of {team}. Ask its members to add you, or join alone.")
    with transaction.atomic():
        # Two joins of one person must see each other: lock the person, for the second role's row is not there yet.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        mine = Participation.objects.filter(challenge=challenge, user=user)
        existing = mine.filter(role=role).first()
        if existing is not None:
            return existing
        if role == Role.RATER and (user.is_superuser or mine.filter(role=Role.ORGANISER).exists()):
            raise JoinRefused("You organise this challenge and see its scores, so that you can’t rate for it.")
        if role == Role.ORGANISER and mine.filter(role=Role.RATER).exists():
            raise JoinRefused("Raters see no scores, so that somebody who rates can’t organise the same challenge.")
        other = {Role.FINDER: Role.RATER, Role.RATER: Role.FINDER}.get(role)
        if other is not None and challenge.rules.roles_exclusive and mine.filter(role=other).exists():
            raise JoinRefused(
                f"You take part in this challenge as a {other.label.lower()}. One person can’t both claim pairs and "
                "rate them, so that nobody judges their own finds."
            )
        return Participation.objects.create(
            challenge=challenge,
            user=user,
            role=role,
            team=team,
            consented_at=at if role != Role.ORGANISER else None,
            consent_version=consent_version if role != Role.ORGANISER else None,
        )
