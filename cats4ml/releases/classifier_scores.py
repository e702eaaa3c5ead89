"""What a classifier of the catalogue says of the pairs of a release, and which pictures it has still to see."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from django.db.models import Exists, OuterRef, QuerySet

from cats4ml.catalog.models import Classifier, Image, Prediction, ScoringFailure
from cats4ml.challenges.models import RosterMember
from cats4ml.challenges.rosters import Speaker, speakers_of
from cats4ml.releases.models import Release, ReleasePair
from cats4ml.releases.predictions import NAN
from cats4ml.releases.rows import ROWS_AT_A_TIME
from cats4ml.submissions.voices import outputs_at
from scoring.ensemble import label_probability

Row = tuple[int, int, str]


def unseen_pictures(release: Release, classifier: Classifier) -> QuerySet[Image]:
    """The pictures of the release that the classifier has not seen, and of which nobody knows why not."""
    image = OuterRef("pk")
    failed = ScoringFailure.objects.filter(image=image)
    return (
        Image.objects.filter(pk__in=release.pairs.order_by().values("pair__image"))
        .exclude(Exists(Prediction.objects.filter(image=image, classifier=classifier)))
        .exclude(Exists(failed.filter(classifier=None)))
        .exclude(Exists(failed.filter(classifier=classifier)))
        .order_by("pk")
    )


def scores_of(release: Release, classifier: Classifier) -> array[float]:
    """Its probability for each pair, by place; NaN where it doesn't know the label or hasn't seen the picture."""
    rows = ReleasePair.objects.filter(release=release).order_by("position")
    found = rows.values_list("position", "pair__image_id", "pair__label__key")
    keys = set(rows.order_by().values_list("pair__label__key", flat=True).distinct())
    speakers = _speakers(release, classifier, keys)
    scores = array("f", [NAN]) * rows.count()
    left = found.iterator(chunk_size=ROWS_AT_A_TIME)
    while chunk := list(islice(left, ROWS_AT_A_TIME)):
        for position, score in _scored(chunk, classifier, speakers):
            scores[position - 1] = score
    return scores


def _speakers(release: Release, classifier: Classifier, keys: set[str]) -> Mapping[str, Speaker]:
    """How the classifier speaks of each label that it knows: by its place in a roster of the edition, the newest where
    there are several; else its outputs are labels themselves."""
    rosters = RosterMember.objects.filter(roster__challenge=release.challenge_id, classifier=classifier)
    roster = rosters.order_by("-roster__version").values_list("roster", flat=True).first()
    if roster is not None:
        known = speakers_of(roster, keys)
        return {key: one for key, several in known.items() for one in several if one.classifier == classifier.pk}
    if classifier.vocabulary != release.challenge.vocabulary:
        return {}
    activation = str(classifier.card.get("activation") or "")
    places = {key: place for place, key in enumerate(classifier.outputs)}
    return {key: Speaker(classifier.pk, 1.0, activation, (places[key],)) for key in keys if key in places}


def knows_a_label(release: Release, classifier: Classifier) -> bool:
    """Whether there is anything that the classifier can be asked."""
    keys = set(release.pairs.order_by().values_list("pair__label__key", flat=True).distinct())
    return bool(_speakers(release, classifier, keys))


def _scored(
    rows: Sequence[Row], classifier: Classifier, speakers: Mapping[str, Speaker]
) -> Iterator[tuple[int, float]]:
    wanted = {
        (image, classifier.pk, place)
        for _, image, label in rows
        if label in speakers
        for place in speakers[label].places
    }
    outputs = outputs_at(sorted(wanted))
    for position, image, label in rows:
        said = outputs.get((image, classifier.pk))
        if said is not None and label in speakers:
            one = speakers[label]
            yield position, label_probability(said, one.places, activation=one.activation)
