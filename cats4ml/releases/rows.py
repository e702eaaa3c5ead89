"""The field's public table: its columns, and the settled pairs of an edition as its rows."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, IntegerField, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast

from cats4ml.catalog.hiding import shown
from cats4ml.challenges.models import Challenge
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair, Submission

RELEASED_COLUMNS = (
    "image_id",
    "label_id",
    "label_name",
    "hum_yes_rating",
    "hum_no_rating",
    "hum_dont_know_rating",
    "machine_score",
)
# Rows that the database hands over at a time: the memory that an export of any length takes.
ROWS_AT_A_TIME = 2000

ReleasedRow = tuple[str, str, str, int, int, int, int]


def settled_pairs(challenge: Challenge) -> QuerySet[Pair]:
    """The settled pairs in the order of their first claim; imported ones, which have none, before them by id. Those
    whose picture is taken down are left out.

    The first claim is the first that was ever made, be it valid or not: a later disqualification moves no row.
    """
    claims = Submission.objects.filter(pair=OuterRef("pk")).order_by().values("pair")
    first_claim = Subquery(claims.annotate(first=Min("pk")).values("first"))
    return (
        shown(Pair.objects.filter(challenge=challenge, state=PairState.SETTLED))
        .alias(first_claim=first_claim)
        .order_by(F("first_claim").asc(nulls_first=True), "pk")
    )


def released_rows(pairs: QuerySet[Pair]) -> Iterator[ReleasedRow]:
    """These pairs, all settled, as rows of `RELEASED_COLUMNS`, read through a cursor of the database's.

    `machine_score` is the ensemble's verdict, 0 or 1, not its mean.
    """
    rows = pairs.values_list(
        "image__image_id",
        "label__key",
        "label__name",
        "yes_ratings",
        "no_ratings",
        "dont_know_ratings",
        Cast("machine_yes", IntegerField()),
    )
    # Straight through: a line of Python for each row would be a third of the time of an export.
    return rows.iterator(chunk_size=ROWS_AT_A_TIME)
