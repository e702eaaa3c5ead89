"""What of an edition all rows of a release share: its policies, its rosters, and the names of its classifiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cats4ml.catalog.models import Classifier
from cats4ml.challenges.models import Challenge, PolicyVersion, RosterMember, RosterVersion
from cats4ml.releases.rating_rows import worker_names
from cats4ml.releases.rows import settled_pairs
from cats4ml.rules.policy import Policy

DIGITS_OF_A_DIGEST = 12


@dataclass(frozen=True)
class Frame:
    """`policies` by id, with version and value; `rosters` by id, the version; `members` by roster's version, in order;
    `keys` by classifier's id, in the order of the columns of `scores.csv`."""

    challenge: Challenge
    policies: dict[int, tuple[int, Policy]]
    rosters: dict[int, int]
    members: dict[int, list[RosterMember]]
    keys: dict[int, str]
    worker: Callable[[int], str]

    def policies_of(self, versions: set[int]) -> dict[str, dict[str, Any]]:
        """The contents of `policies.json`."""
        values = {version: policy.to_dict() for version, policy in self.policies.values()}
        return {str(version): values[version] for version in sorted(versions)}

    def classifiers_of(self, versions: set[int]) -> dict[str, list[dict[str, Any]]]:
        """The contents of `classifiers.json`."""
        return {str(version): [self._described(one) for one in self.members[version]] for version in sorted(versions)}

    def _described(self, member: RosterMember) -> dict[str, Any]:
        classifier: Classifier = member.classifier
        return {
            "key": self.keys[classifier.pk],
            "name": classifier.name,
            "digest": classifier.digest,
            "weight": member.weight,
            "vocabulary": classifier.vocabulary,
            "card": {name: value for name, value in classifier.card.items() if name != "labels"},
        }


def frame_of(challenge: Challenge) -> Frame:
    """Read what the rows share. A few queries, whatever the number of pairs."""
    settled = settled_pairs(challenge).order_by()
    policies = PolicyVersion.objects.filter(pk__in=settled.values("policy")).order_by("version")
    rosters = RosterVersion.objects.filter(pk__in=settled.values("roster")).order_by("version")
    found = RosterMember.objects.filter(roster__in=rosters).select_related("classifier", "roster")
    members: dict[int, list[RosterMember]] = {roster.version: [] for roster in rosters}
    for member in found.defer("classifier__outputs").order_by("roster__version", "position"):
        members[member.roster.version].append(member)
    return Frame(
        challenge=challenge,
        policies={one.pk: (one.version, one.value) for one in policies},
        rosters={one.pk: one.version for one in rosters},
        members=members,
        keys=_keys([member.classifier for those in members.values() for member in those]),
        worker=cache(worker_names(challenge)),
    )


def _keys(classifiers: list[Classifier]) -> dict[int, str]:
    """A name for each classifier that no other one has."""
    named = {one.pk: one for one in classifiers}
    times = Counter(one.name for one in named.values())
    return {
        pk: one.name if times[one.name] == 1 else f"{one.name}@{one.digest[:DIGITS_OF_A_DIGEST]}"
        for pk, one in named.items()
    }
