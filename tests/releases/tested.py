"""A released edition on which classifiers can be tested, and predictions of its pairs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from django.utils import timezone

from cats4ml.accounts.models import User
from cats4ml.releases.evaluation_runs import advance
from cats4ml.releases.evaluations import hand_in
from cats4ml.releases.models import Evaluation, Release, ReleasePair, ReleaseState
from cats4ml.rules.answers import Tally
from tests.factories import World, make_world

YES, NO, TORN = Tally(5, 0, 0), Tally(0, 5, 0), Tally(2, 2, 1)
Says = Callable[[ReleasePair], float]


def released(*, state: ReleaseState = ReleaseState.PUBLISHED, pictures: int = 60, **policy) -> tuple[World, Release]:
    """`pictures` with three pairs each: half of the pairs adverse, one in sixty ambiguous, 40 in a hundred held out."""
    world = make_world(pictures=pictures)
    world.challenge.split_seed = "a seed that never changes"
    world.challenge.save(update_fields=["split_seed"])
    rows = []
    for place in range(pictures):
        for number, label in enumerate(world.labels):
            truth = (place + number) % 2 == 0
            adverse = (place // 2 + number) % 2 == 0
            tally = TORN if place % 20 == 19 and number == 0 else YES if truth else NO
            rows.append((place, label, tally, truth != adverse))
    world.settle_elsewhere(*rows)
    return world, world.release_rows(state=state)


def truth(pair: ReleasePair) -> float:
    return float(pair.verdict == "yes")


def ensemble(pair: ReleasePair) -> float:
    return float(pair.machine_yes)


def pairs_of(release: Release) -> list[ReleasePair]:
    return list(release.pairs.select_related("pair__image", "pair__label").order_by("position"))


def predictions(release: Release, says: Says = truth, *, only: str = "") -> bytes:
    rows = [
        (one.pair.image.image_id, one.pair.label.key, says(one))
        for one in pairs_of(release)
        if not only or one.split == only
    ]
    return as_csv(rows)


def as_csv(rows: Iterable[tuple[object, ...]], header: str = "image_id,label_id,score") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *rows])
    return text.getvalue().encode()


def handed_in(release: Release, data: bytes, *, by: User | None, name: str = "mine", **more) -> Evaluation:
    more = {"is_organiser": False, "at": timezone.now(), **more}
    one, _ = hand_in(release=release, by=by, name=name, stream=io.BytesIO(data), **more)
    return one


def counted(release: Release, data: bytes, *, by: User | None, name: str = "mine", **more) -> Evaluation:
    """An evaluation of these predictions, counted at once."""
    one = handed_in(release, data, by=by, name=name, **more)
    advance(evaluation_id=one.pk, at=timezone.now())
    one.refresh_from_db()
    return one
