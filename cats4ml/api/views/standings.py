"""The board."""

from __future__ import annotations

from collections.abc import Iterator

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from cats4ml.api.documented import READS, STANDINGS_CSV
from cats4ml.api.formats import CSVRenderer, stream_csv
from cats4ml.api.pagination import ByRank
from cats4ml.api.serializers import STANDING_COLUMNS, StandingSerializer
from cats4ml.api.views.base import EditionView
from cats4ml.leaderboard.models import Board, Standing
from cats4ml.leaderboard.queries import standings
from cats4ml.ui.spreadsheets import harmless


def csv_cells(line: Standing) -> list[object]:
    """A line of the board as it is shown; names can't be formulas, truth is 0 or 1."""
    shown = {**StandingSerializer(line).data}
    shown.update(name=harmless(shown["name"]), shared=int(shown["shared"]))
    return [shown[column] for column in STANDING_COLUMNS]


class StandingList(EditionView):
    pagination_class = ByRank
    renderer_classes = [JSONRenderer, CSVRenderer]

    @extend_schema(
        responses={
            (200, "application/json"): StandingSerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
            **READS,
        },
        examples=[STANDINGS_CSV],
    )
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """The board, best first: in pages, or whole with `?format=csv`. Equal points share a rank."""
        lines = standings(self.challenge)
        board = Board.objects.filter(challenge=self.challenge).first()

        def counted(rows: list[Standing] | Iterator[Standing]) -> Iterator[Standing]:
            for line in rows:
                line.counted_at = board.counted_at if board else None  # type: ignore[attr-defined]
                yield line

        if request.accepted_renderer.format == CSVRenderer.format:
            rows = (csv_cells(line) for line in counted(lines.iterator(chunk_size=2000)))
            return stream_csv(f"{slug}-standings.csv", STANDING_COLUMNS, rows)
        return self.paged(StandingSerializer(list(counted(self.page_of(lines))), many=True))
