"""Writes to editions: creating one, deciding its policy and roster, joining it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import formats
from django.utils.translation import gettext as _

from cats4ml.accounts.addresses import UNCONFIRMED, is_verified
from cats4ml.accounts.models import Team, TeamMembership, User
from cats4ml.catalog.models import Classifier, Image, Label
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.consents import Confirmed, record_consent, what_is_missing
from cats4ml.challenges.models import (
    ActKind,
    Challenge,
    Participation,
    PolicyVersion,
    PoolImage,
    Role,
    RosterDecision,
    RosterMember,
    RosterVersion,
    TargetLabel,
)
from cats4ml.challenges.rosters import lock_rosters
from cats4ml.rules.policy import Policy
from cats4ml.ui.words import inside


class JoinRefused(Exception):
    """Why somebody can't take part as they asked, in a sentence that says how to mend it."""


def decide_policy(*, challenge: Challenge, policy: Policy, by: User | None = None) -> PolicyVersion:
    """Put a policy in force as a new version. The same values as those in force change nothing."""
    with transaction.atomic():
        # `no_key`: claims and credits that point to the edition are written meanwhile.
        locked = Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
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


def put_policy_back(*, challenge: Challenge, version: PolicyVersion) -> None:
    """Put a policy in force that was decided before, as the version that it was. Twice is once."""
    with transaction.atomic():
        locked = Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        locked.policy = version
        locked.save(update_fields=["policy"])
    challenge.policy = version


class NewMember(NamedTuple):
    """A classifier of a new roster, and its weight in the mean. `label_map`, where it speaks another vocabulary than
    the edition: the places of its outputs that stand for each label key."""

    classifier: Classifier
    weight: float = 1.0
    label_map: Mapping[str, Sequence[int]] | None = None


def propose_roster(
    *, challenge: Challenge, members: Iterable[Classifier | NewMember], by: User | None = None
) -> RosterVersion:
    """A version of the roster with these members, not in force. The same members in the same order are the same
    version, whenever they were proposed.

    Raises `ValueError` for an empty roster, a classifier that is in it twice, a weight that isn't above zero, or a
    classifier of another vocabulary than the edition's without a usable label map.
    """
    chosen = [_member(challenge, member) for member in members]
    if not chosen:
        raise ValueError("a roster needs at least one classifier")
    if len({member.classifier.pk for member in chosen}) < len(chosen):
        raise ValueError("a classifier is in the roster twice and would count twice in the mean: remove one of them")
    with transaction.atomic():
        Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
        return _same_version(challenge, chosen) or _new_version(challenge, chosen, by)


def _member(challenge: Challenge, given: Classifier | NewMember) -> NewMember:
    member = NewMember(given) if isinstance(given, Classifier) else given
    classifier = member.classifier
    if not (math.isfinite(member.weight) and member.weight > 0):
        raise ValueError(f"the weight of {classifier.name} should be a number above zero, not {member.weight!r}")
    if member.label_map is None:
        if classifier.vocabulary != challenge.vocabulary:
            raise ValueError(
                f"{classifier.name} speaks {classifier.vocabulary}, the challenge {challenge.vocabulary}: "
                "it can score none of its labels without a label map"
            )
        return member
    outputs = len(classifier.outputs)
    plain = {str(key): sorted(set(places)) for key, places in member.label_map.items() if places}
    if any(not 0 <= place < outputs for places in plain.values() for place in places):
        raise ValueError(f"the label map of {classifier.name} names an output beyond its {outputs}: count from 0")
    return NewMember(classifier, member.weight, plain)


def _as_rows(members: Iterable[NewMember]) -> list[tuple[int, float, Mapping[str, Sequence[int]] | None]]:
    return [(member.classifier.pk, float(member.weight), member.label_map) for member in members]


def _same_version(challenge: Challenge, chosen: Sequence[NewMember]) -> RosterVersion | None:
    wanted = _as_rows(chosen)
    for version in RosterVersion.objects.filter(challenge=challenge).order_by("-version"):
        rows = version.members.order_by("position").values_list("classifier_id", "weight", "label_map")
        if list(rows) == wanted:
            return version
    return None


def _new_version(challenge: Challenge, chosen: Sequence[NewMember], by: User | None) -> RosterVersion:
    last = RosterVersion.objects.filter(challenge=challenge).aggregate(last=Max("version"))["last"] or 0
    roster = RosterVersion.objects.create(challenge=challenge, version=last + 1, created_by=by)
    RosterMember.objects.bulk_create(
        RosterMember(roster=roster, classifier_id=classifier, position=position, weight=weight, label_map=label_map)
        for position, (classifier, weight, label_map) in enumerate(_as_rows(chosen))
    )
    return roster


def decide_roster(
    *,
    challenge: Challenge,
    classifiers: Iterable[Classifier | NewMember],
    by: User | None = None,
    reason: str = "",
    at: datetime | None = None,
) -> RosterVersion:
    """Propose a roster and put it in force at once, for an edition whose pairs are not scored yet.

    The roster in force changes nothing. Pairs that are scored keep their score: `submissions.actions.rescoring` takes
    them along. Without a time it is decided when it was proposed. Raises `ValueError` as `propose_roster` does.
    """
    roster = propose_roster(challenge=challenge, members=classifiers, by=by)
    with transaction.atomic():
        lock_rosters([challenge.pk], shared=False)
        if Challenge.objects.values_list("roster", flat=True).get(pk=challenge.pk) != roster.pk:
            put_in_force(roster=roster, reason=reason, by=by, at=at or roster.created_at)
    challenge.roster = roster
    return roster


def put_in_force(*, roster: RosterVersion, reason: str, by: User | None, at: datetime) -> RosterDecision:
    """Make a roster that of its edition from now on, and keep by whom and why.

    The caller holds the edition's roster lock (`rosters.lock_rosters`, not shared) and the transaction.
    """
    before = Challenge.objects.values_list("roster__version", flat=True).get(pk=roster.challenge_id)
    Challenge.objects.filter(pk=roster.challenge_id).update(roster=roster)
    record_act(
        challenge=roster.challenge,
        kind=ActKind.EDITED,
        summary=f"Put version {roster.version} of the roster in force",
        by=by,
        at=at,
        reason=reason,
        details=difference({"roster": before}, {"roster": roster.version}),
    )
    return RosterDecision.objects.create(
        challenge_id=roster.challenge_id, roster=roster, reason=reason, by=by, created_at=at
    )


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


def describe_label(*, target: TargetLabel, question: str, guidance: str) -> None:
    """Say what raters are asked about a label, and what counts as it. An empty question stands for the edition's.

    Raises `ValueError` for a question longer than is kept.
    """
    limit = TargetLabel._meta.get_field("question").max_length or 0  # noqa: SLF001 - Django's documented name
    if len(question) > limit:
        raise ValueError(f"a question has up to {limit} characters, not {len(question):,}")
    target.question, target.guidance = question, guidance
    target.save(update_fields=["question", "guidance"])


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
    confirmed: Confirmed | None = None,
) -> Participation:
    """Let a person take part in a role. Joining twice returns the first participation; whoever had agreed to another
    version of the text, or had left, agrees anew by it and goes on.

    `consent_version` is the version of the text that the person agreed to, `confirmed` what they say of themselves.
    Raises `JoinRefused` where it is not the one in force or something it asks was not confirmed, where the person has
    the other role and roles are exclusive, where they are not of the team or teams are fixed, or where the edition is
    final or has no policy yet.
    """
    consents = role != Role.ORGANISER
    if consents:
        _check_agreed(challenge, consent_version, confirmed)
    if consents and not is_verified(user):
        raise JoinRefused(str(UNCONFIRMED))
    if team is not None and not TeamMembership.objects.filter(team=team, user=user, left_at=None).exists():
        raise JoinRefused(
            _("You are not a member of %(team)s. Ask its members to add you, or join alone.") % {"team": team}
        )
    with transaction.atomic():
        # Two joins of one person must see each other: lock the person, for the second role's row is not there yet.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        mine = Participation.objects.filter(challenge=challenge, user=user)
        existing = mine.filter(role=role).first()
        if existing is not None:
            return _agreed_anew(existing, consent_version, at) if consents else existing
        _check_role(challenge, user, role, mine)
        if team is not None and challenge.teams_fixed_at is not None and challenge.fixes_teams(at):
            raise JoinRefused(
                _("Teams are fixed in this challenge since %(day)s. Join alone.")
                % {"day": formats.date_format(challenge.teams_fixed_at, "DATE_FORMAT")}
            )
        made = Participation.objects.create(
            challenge=challenge,
            user=user,
            role=role,
            team=team,
            consented_at=at if consents else None,
            consent_version=consent_version if consents else None,
        )
        if consents:
            record_consent(participation=made, challenge=_agreed_edition(challenge, consent_version), at=at)
        return made


def _check_agreed(challenge: Challenge, consent_version: int | None, confirmed: Confirmed | None) -> None:
    """Raises `JoinRefused` unless a part in this edition can be taken now by who agreed to this and said that."""
    if challenge.policy is None or challenge.is_final:
        raise JoinRefused(
            _("This challenge has ended.") if challenge.is_final else _("This challenge has no rules yet.")
        )
    if consent_version != challenge.consent_version:
        raise JoinRefused(_("Please read and accept the consent text as it stands now."))
    missing = what_is_missing(challenge, confirmed)
    if missing:
        raise JoinRefused(missing)


def _check_role(challenge: Challenge, user: User, role: Role, mine: QuerySet[Participation]) -> None:
    """Raises `JoinRefused` where this person's other parts rule this one out. The person's row is held."""
    if user.is_guest and (role != Role.RATER or Participation.objects.filter(user=user).exists()):
        raise JoinRefused(_("You are here by the link of a study: all you can do is answer its questions."))
    if role == Role.RATER and (user.is_superuser or mine.filter(role=Role.ORGANISER).exists()):
        raise JoinRefused(_("You organise this challenge and see its scores, so that you can’t rate for it."))
    if role == Role.ORGANISER and mine.filter(role=Role.RATER).exists():
        raise JoinRefused(_("Raters see no scores, so that somebody who rates can’t organise the same challenge."))
    other = {Role.FINDER: Role.RATER, Role.RATER: Role.FINDER}.get(role)
    if other is not None and challenge.rules.roles_exclusive and mine.filter(role=other).exists():
        raise JoinRefused(
            _(
                "You take part in this challenge as a %(label)s. One person can’t both claim pairs and rate them, "
                "so that nobody judges their own finds."
            )
            % {"label": inside(other.label)}
        )


def _agreed_edition(challenge: Challenge, consent_version: int | None) -> Challenge:
    """The edition as it stands, held so that its text stays what was agreed to. Raises `JoinRefused` where it has
    changed meanwhile."""
    locked = Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
    if locked.consent_version != consent_version:
        raise JoinRefused(_("The consent text has changed meanwhile. Please read it as it stands now."))
    return locked


def _agreed_anew(existing: Participation, consent_version: int | None, at: datetime) -> Participation:
    if existing.left_at is None and existing.consent_version == consent_version:
        return existing
    edition = _agreed_edition(existing.challenge, consent_version)
    existing.left_at, existing.consented_at, existing.consent_version = None, at, consent_version
    existing.save(update_fields=["left_at", "consented_at", "consent_version"])
    record_consent(participation=existing, challenge=edition, at=at)
    return existing


class BaselineRefused(Exception):
    """Why somebody can't be taken out of competition or into it, in a sentence that says how to mend it."""


def set_baseline(
    *, participation: Participation, is_baseline: bool, reason: str, by: User | None, at: datetime
) -> Participation:
    """Let a participant play out of competition, or compete again. Their claims and credits stay as they are: only the
    board shows them without a rank. Twice is once.

    Raises `BaselineRefused` without a reason, for somebody who is no participant, and in a final edition.
    """
    if not reason.strip():
        raise BaselineRefused(_("Say why: who competes is changed only with a reason."))
    if participation.role != Role.FINDER:
        raise BaselineRefused(_("Only participants are on the board. Choose one of them."))
    if participation.challenge.is_final:
        raise BaselineRefused(_("This challenge is final: its board stands."))
    with transaction.atomic():
        locked = Participation.objects.select_for_update(of=("self",), no_key=True)
        one = locked.select_related("user", "team", "challenge").get(pk=participation.pk)
        if one.is_baseline == is_baseline:
            return one
        one.is_baseline = is_baseline
        one.save(update_fields=["is_baseline"])
        record_act(
            challenge=one.challenge,
            kind=ActKind.BASELINE,
            summary=f"{one.public_name[:200]} {'plays out of competition' if is_baseline else 'competes again'}",
            reason=reason.strip(),
            by=by,
            at=at,
            details={
                "participation": one.pk,
                **difference({"out_of_competition": not is_baseline}, {"out_of_competition": is_baseline}),
            },
        )
    return one
