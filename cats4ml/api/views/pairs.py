# the framework calls these methods, and names their arguments
"""Pairs: the organisers' export, and the public queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.api.documented import OWN, READS, RELEASED_CSV
from cats4ml.api.filters import PairFilters, QueueFilters, filter_pairs, read_filters
from cats4ml.api.formats import CSVRenderer, JSONLinesRenderer, stream_csv, stream_json_lines
from cats4ml.api.pagination import OldestFirst
from cats4ml.api.serializers import PairDetailSerializer, PairSerializer, QueueEntrySerializer
from cats4ml.api.views.base import EditionView, OrganisersView
from cats4ml.challenges.models import Challenge
from cats4ml.releases.rows import RELEASED_COLUMNS, ROWS_AT_A_TIME, released_rows, settled_pairs
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair, Submission
from cats4ml.submissions.presentation import certainty_of
from cats4ml.submissions.queries import first_claims, public_queue
from cats4ml.submissions.voices import NamedVoice, named_voices


def pairs_of(challenge: Challenge) -> QuerySet[Pair]:
    """Every pair of the edition with what its organisers see of it."""
    pairs = Pair.objects.filter(challenge=challenge).order_by("pk")
    return pairs.select_related("image", "label", "policy", "roster", "challenge__policy")


class ShownPair:
    """A pair with what is told of it beside its own fields: whose first valid claim it is, and how sure the machines
    were. `classifiers` is what each of them said, read for a single pair."""

    def __init__(self, pair: Pair, first_claim: Submission | None) -> None:
        self._pair = pair
        self.first_submitter = first_claim.participation.public_name if first_claim else None
        certainty = certainty_of(pair)
        self.sureness = certainty.sureness if certainty else None
        self.kind = certainty.kind if certainty else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pair, name)

    @property
    def classifiers(self) -> list[NamedVoice]:
        return named_voices(self._pair)


def shown_pairs(pairs: Sequence[Pair]) -> list[ShownPair]:
    claims = first_claims(pairs)
    return [ShownPair(pair, claims.get(pair.pk)) for pair in pairs]


def all_shown(pairs: QuerySet[Pair]) -> Iterator[Any]:
    """Every one of these pairs as it is shown, read and named by the thousand."""
    block: list[Pair] = []
    for pair in pairs.iterator(chunk_size=ROWS_AT_A_TIME):
        block.append(pair)
        if len(block) == ROWS_AT_A_TIME:
            yield from PairSerializer(shown_pairs(block), many=True).data
            block = []
    yield from PairSerializer(shown_pairs(block), many=True).data


class PairList(OrganisersView):
    pagination_class = OldestFirst
    renderer_classes = [JSONRenderer, CSVRenderer, JSONLinesRenderer]

    @extend_schema(
        parameters=[PairFilters],
        responses={
            (200, "application/json"): PairSerializer(many=True),
            (200, "application/jsonl"): PairSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            400: READS[400],
            **OWN,
        },
        examples=[RELEASED_CSV],
    )
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Every pair, for organisers: in pages of JSON, whole as JSON lines, or as CSV in the released columns.

        The CSV (`?format=csv` or `Accept: text/csv`) has the settled pairs only, in the order of their first claim;
        `machine_score` is the ensemble's verdict, 0 or 1. Its texts stand as they are, so that reading it back gives
        what was written: import it into a spreadsheet as text.
        """
        asked = read_filters(PairFilters, request)
        wanted = request.accepted_renderer.format
        if wanted == CSVRenderer.format:
            rows = released_rows(filter_pairs(settled_pairs(self.challenge), asked))
            return stream_csv(f"{slug}-pairs.csv", RELEASED_COLUMNS, rows)
        pairs = filter_pairs(pairs_of(self.challenge), asked)
        if wanted == JSONLinesRenderer.format:
            return stream_json_lines(f"{slug}-pairs.jsonl", all_shown(pairs))
        return self.paged(PairSerializer(shown_pairs(self.page_of(pairs)), many=True))


class PairDetail(OrganisersView):
    @extend_schema(responses={200: PairDetailSerializer, **OWN})
    def get(self, request: Request, slug: str, pair_id: int) -> Response:
        """One pair, for organisers, with what each classifier said of it."""
        [pair] = shown_pairs([get_object_or_404(pairs_of(self.challenge), pk=pair_id)])
        return Response(PairDetailSerializer(pair).data)


class Queue(EditionView):
    @extend_schema(parameters=[QueueFilters], responses={200: QueueEntrySerializer(many=True), **READS})
    def get(self, request: Request, slug: str) -> Response:
        """Every pair of the challenge and how far it is, newest first. Outcomes are public with a release only."""
        page = self.page_of(filter_pairs(public_queue(self.challenge), read_filters(QueueFilters, request)))
        claims = first_claims(pair for pair in page if pair.state == PairState.SETTLED)
        for pair in page:
            claim = claims.get(pair.pk)
            pair.submitter = claim.participation.public_name if claim else None
        return self.paged(QueueEntrySerializer(page, many=True))
