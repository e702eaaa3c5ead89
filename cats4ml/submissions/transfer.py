"""Whether a find fools a classifier that had no part in its score: adversarial pairs should transfer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cats4ml.challenges.models import Challenge, RosterVersion
from cats4ml.rules.intervals import Interval, wilson_interval
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.models import Pair
from cats4ml.submissions.voices import voices_of
from scoring.ensemble import left_out


@dataclass(frozen=True)
class Transfer:
    """Of `pairs` that are adverse for the ensemble of the others, `fooled` fool this classifier too."""

    classifier: int
    pairs: int
    fooled: int

    @property
    def share(self) -> float | None:
        return self.fooled / self.pairs if self.pairs else None

    @property
    def interval(self) -> Interval | None:
        return wilson_interval(self.fooled, self.pairs)


def transfer(challenge: Challenge, roster: RosterVersion) -> dict[int, Transfer]:
    """By classifier of the roster: how many settled pairs fool it when it is left out of the ensemble.

    Counted over the pairs with a yes or a no of people's, of which every classifier that knows the label has spoken and
    at least two do. The queries are as many for any number of pairs.
    """
    decided = [Verdict.YES.value, Verdict.NO.value]
    rows = Pair.objects.filter(challenge=challenge, state=PairState.SETTLED, verdict__in=decided)
    pairs = list(rows.prefetch_related("label", "policy").order_by("pk"))
    voices = voices_of(pairs, roster_id=roster.pk)
    seen: Counter[int] = Counter()
    fooled: Counter[int] = Counter()
    for pair in pairs:
        own = voices[pair.pk]
        values = [voice.probability for voice in own if voice.probability is not None]
        if len(values) < max(2, len(own)) or pair.policy is None:
            continue
        people_yes = pair.verdict == Verdict.YES
        without = left_out(values, [voice.weight for voice in own], threshold=pair.policy.value.threshold)
        for voice, one in zip(own, without, strict=True):
            if one.others_yes != people_yes:
                seen[voice.classifier] += 1
                fooled[voice.classifier] += one.own_yes != people_yes
    members = roster.members.order_by("position").values_list("classifier", flat=True)
    return {pk: Transfer(pk, seen[pk], fooled[pk]) for pk in members}
