"""Rosters: which classifiers score an edition, which of its labels each of them knows, and who decided so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from cats4ml.catalog.models import Label
from cats4ml.challenges.models import Challenge, RosterDecision, RosterMember, RosterVersion, TargetLabel
from cats4ml.challenges.queries import target_labels
from cats4ml.locking import Lock, hold

# A label's places among a classifier's outputs: by the member's map, or the output that is the label itself. Looking
# them up in the database spares every chunk of pictures the thousand labels of each classifier.
_SPEAKERS = """
SELECT member.classifier_id, member.weight, classifier.card ->> 'activation', wanted.key,
       CASE WHEN member.label_map IS NULL THEN ARRAY[array_position(classifier.outputs, wanted.key) - 1]
            ELSE ARRAY(SELECT place::int FROM jsonb_array_elements_text(member.label_map -> wanted.key) AS place) END
FROM challenges_rostermember member
JOIN catalog_classifier classifier ON classifier.id = member.classifier_id
CROSS JOIN unnest(%s::varchar[]) AS wanted(key)
WHERE member.roster_id = %s
ORDER BY member.position
"""


@dataclass(frozen=True)
class Speaker:
    """A classifier that knows a label: `places` are those of its outputs that stand for the label."""

    classifier: int
    weight: float
    activation: str
    places: tuple[int, ...]


def lock_rosters(challenges: Iterable[int], *, shared: bool) -> None:
    """Until the transaction ends no other roster comes in force in these editions.

    Who scores pairs shares the lock, who puts a roster in force holds it alone: no pair is scored by a roster that went
    out of force meanwhile. Take it before the locks of pairs.
    """
    for challenge in sorted(set(challenges)):
        hold(Lock.ROSTER, challenge, shared=shared)


def speakers_of(roster_id: int, keys: Collection[str]) -> dict[str, tuple[Speaker, ...]]:
    """By label key, the classifiers of a roster that know the label, in the roster's order. One query."""
    found: dict[str, list[Speaker]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_SPEAKERS, [sorted(keys), roster_id])
        for classifier, weight, activation, key, places in cursor.fetchall():
            known = tuple(place for place in places if place is not None)
            if known:
                found[key].append(Speaker(classifier, weight, activation or "", known))
    return {key: tuple(found[key]) for key in keys}


@dataclass(frozen=True)
class Coverage:
    """Which classifiers of a roster know a target label, and whether they are as many as the policy asks for."""

    label: Label
    classifiers: frozenset[int]
    enough: bool


def coverage(challenge: Challenge, roster: RosterVersion | None) -> list[Coverage]:
    """Every target label of the edition, in order. Without a roster no label is known to anybody."""
    labels = [target.label for target in target_labels(challenge)]
    speakers = speakers_of(roster.pk, {label.key for label in labels}) if roster is not None and labels else {}
    needed = needed_classifiers(challenge)
    found = []
    for label in labels:
        knowing = frozenset(one.classifier for one in speakers.get(label.key, ()))
        found.append(Coverage(label=label, classifiers=knowing, enough=len(knowing) >= needed))
    return found


def needed_classifiers(challenge: Challenge) -> int:
    """How many classifiers must know a label for its pairs to be scored."""
    return challenge.policy.value.min_classifiers if challenge.policy is not None else 1


def labels_that_cannot_be_scored(challenge: Challenge) -> list[Label]:
    """The target labels that too few classifiers of the roster in force know: no pair of theirs could be scored."""
    return [one.label for one in coverage(challenge, challenge.roster) if not one.enough]


def members_of(roster: RosterVersion) -> QuerySet[RosterMember]:
    """The members in their order, with their classifiers but for the long list of outputs."""
    return (
        RosterMember.objects.filter(roster=roster)
        .select_related("classifier")
        .defer("classifier__outputs")
        .order_by("position")
    )


def roster_versions(challenge: Challenge) -> QuerySet[RosterVersion]:
    """Every version of the edition's roster, newest first."""
    return RosterVersion.objects.filter(challenge=challenge).select_related("created_by").order_by("-version")


def decisions(challenge: Challenge) -> QuerySet[RosterDecision]:
    """Which roster was put in force when, by whom and why, newest first."""
    return RosterDecision.objects.filter(challenge=challenge).select_related("roster", "by").order_by("-pk")


def target_keys(challenge: Challenge) -> Sequence[str]:
    """The keys of the target labels, in order."""
    rows = TargetLabel.objects.filter(challenge=challenge).order_by("position", "id")
    return list(rows.values_list("label__key", flat=True))
