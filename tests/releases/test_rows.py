"""The field's table, read from a database of any size."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from cats4ml.releases.rows import RELEASED_COLUMNS, released_rows, settled_pairs
from cats4ml.rules.answers import Answer


def test_columns_are_those_of_the_published_tables() -> None:
    assert ",".join(RELEASED_COLUMNS) == (
        "image_id,label_id,label_name,hum_yes_rating,hum_no_rating,hum_dont_know_rating,machine_score"
    )


def test_only_settled_pairs_are_rows_and_the_score_is_the_verdict(world) -> None:
    world.claim(world.finder(), (1, "dog"), (0, "cat"), (2, "owl"))
    for place, label, mean in ((0, "cat", 0.49), (1, "dog", 0.5)):
        world.score(place, {label: mean})
        world.rate(world.pair(place, label), *[Answer.NO] * 5)
    with CaptureQueriesContext(connection) as queries:
        rows = list(released_rows(settled_pairs(world.challenge)))
    assert rows == [
        (world.images[1].image_id, "dog", "Dog", 0, 5, 0, 1),
        (world.images[0].image_id, "cat", "Cat", 0, 5, 0, 0),
    ]
    # A cursor of the server's is no query that Django counts; nothing else was asked.
    assert len(queries) <= 1
