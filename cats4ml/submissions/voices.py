"""What each classifier of a roster says of a pair, and what that makes as a machine score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from cats4ml.catalog.models import Classifier
from cats4ml.challenges.rosters import Speaker, speakers_of
from cats4ml.submissions.models import Pair
from cats4ml.ui.languages import in_english
from cats4ml.ui.reasons import too_few_classifiers
from scoring.ensemble import label_probability, machine_score

# Only the outputs that are needed leave the database: an array holds a thousand of them.
_OUTPUTS = """
SELECT wanted.image, wanted.classifier, wanted.place, prediction.probabilities[wanted.place + 1]
FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS wanted(image, classifier, place)
JOIN catalog_prediction prediction
  ON prediction.image_id = wanted.image AND prediction.classifier_id = wanted.classifier
"""


@dataclass(frozen=True)
class Voice:
    """One classifier that knows a pair's label: `probability` is None as long as it has not seen the picture."""

    classifier: int
    weight: float
    probability: float | None


@dataclass(frozen=True)
class NamedVoice:
    """What one classifier said of a pair, for people to read."""

    name: str
    digest: str
    weight: float
    probability: float | None


@dataclass(frozen=True)
class Score:
    """A pair's machine score and how many classifiers it is made of."""

    mean: float
    spread: float
    voices: int


@dataclass(frozen=True)
class Unscorable:
    """Why a pair can't be scored by a roster, in words."""

    reason: str


def voices_of(pairs: Sequence[Pair], *, roster_id: int) -> dict[int, tuple[Voice, ...]]:
    """By pair, the classifiers of the roster that know its label, in the roster's order. Two queries for any number.

    The pairs come with their labels.
    """
    speakers = speakers_of(roster_id, {pair.label.key for pair in pairs})
    wanted = {
        (pair.image_id, speaker.classifier, place)
        for pair in pairs
        for speaker in speakers[pair.label.key]
        for place in speaker.places
    }
    outputs = outputs_at(sorted(wanted))
    return {
        pair.pk: tuple(
            Voice(one.classifier, one.weight, _probability(one, outputs.get((pair.image_id, one.classifier))))
            for one in speakers[pair.label.key]
        )
        for pair in pairs
    }


def outputs_at(wanted: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int], dict[int, float]]:
    """By image and classifier, the wanted outputs by their place; nothing where there is no prediction."""
    found: dict[tuple[int, int], dict[int, float]] = {}
    if not wanted:
        return found
    columns = [list(column) for column in zip(*wanted, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_OUTPUTS, columns)
        for image, classifier, place, value in cursor.fetchall():
            found.setdefault((image, classifier), {})[place] = value
    return found


def _probability(speaker: Speaker, outputs: Mapping[int, float] | None) -> float | None:
    if outputs is None:
        return None
    return label_probability(outputs, speaker.places, activation=speaker.activation)


def score_of(voices: Sequence[Voice], *, label: str, needed: int) -> Score | Unscorable | None:
    """The score that these voices make; why they make none; or None as long as one of them has not spoken.

    `label`: its name, for the reason. `needed`: how many classifiers must know the label.
    """
    if len(voices) < needed:
        with in_english():  # it is kept with the pair
            return Unscorable(too_few_classifiers(label=label, knowing=len(voices), needed=needed))
    values = [voice.probability for voice in voices if voice.probability is not None]
    if len(values) < len(voices):
        return None
    score = machine_score(values, [voice.weight for voice in voices])
    return Score(mean=score.mean, spread=score.spread, voices=len(voices))


def score_pairs(pairs: Sequence[Pair], *, roster_id: int, needed: int) -> dict[int, Score | Unscorable | None]:
    """By pair, its score under a roster, as `score_of` says it."""
    voices = voices_of(pairs, roster_id=roster_id)
    return {pair.pk: score_of(voices[pair.pk], label=pair.label.name, needed=needed) for pair in pairs}


def named_voices(pair: Pair) -> list[NamedVoice]:
    """What each classifier of the score of a pair said, in the roster’s order; nothing of an unscored pair."""
    if pair.roster_id is None:
        return []
    voices = voices_of([pair], roster_id=pair.roster_id)[pair.pk]
    rows = Classifier.objects.filter(pk__in=[voice.classifier for voice in voices])
    names = {pk: (name, digest) for pk, name, digest in rows.values_list("pk", "name", "digest")}
    return [NamedVoice(*names[voice.classifier], voice.weight, voice.probability) for voice in voices]
