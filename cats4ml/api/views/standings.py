"""The board."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from cats4ml.api.documented import READS, STANDINGS_CSV
from cats4ml.api.formats import CSVRenderer, stream_csv
from cats4ml.api.pagination import ByPlace
from cats4ml.api.serializers import STANDING_COLUMNS, StandingSerializer
from cats4ml.api.views.base import EditionView
from cats4ml.leaderboard.presentation import shown_lines
from cats4ml.leaderboard.queries import ShownBoard, shown_board
from cats4ml.rules.boards import BoardState

_STATE = {"type": "string", "enum": [state.value for state in BoardState]}
_MOMENT = {"type": "string", "format": "date-time", "nullable": True}


class BoardPages(ByPlace):
    """Pages of the board that say which board it is."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        paged = super().get_paginated_response_schema(schema)
        paged["properties"] |= {
            "state": {**_STATE, "description": "frozen: as it stood at `moment`; hidden: no rows; final: stays so."},
            "state_for_all": {**_STATE, "description": "What everybody but organisers sees: they see it live."},
            "moment": {**_MOMENT, "description": "Since when it is frozen or hidden for everybody."},
            "drawn_at": {**_MOMENT, "description": "When the ranks that the lines could hold were drawn."},
        }
        return dict(paged)


def beside(shown: ShownBoard) -> dict[str, Any]:
    """What an answer says of the board beside its rows."""
    return {
        "state": shown.state,
        "state_for_all": shown.for_all,
        "moment": shown.moment,
        "drawn_at": shown.drawing.drawn_at if shown.drawing else None,
    }


class StandingList(EditionView):
    pagination_class = BoardPages
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
        """The board, best first: in pages, or whole with `?format=csv`. Equal points share a rank.

        Towards its end a challenge may freeze or hide its board (`state`) until it is final.
        """
        shown = shown_board(self.challenge, self.viewer, timezone.now())
        if request.accepted_renderer.format == CSVRenderer.format:
            counted = [shown.counted_at.isoformat().replace("+00:00", "Z") if shown.counted_at else ""]
            rows = (row.cells() + counted for row in shown_lines(shown, shown.lines))
            return stream_csv(f"{slug}-standings.csv", STANDING_COLUMNS, rows)
        lines = shown_lines(shown, self.page_of(shown.lines))
        answer = self.paged(StandingSerializer(lines, many=True, context={"counted_at": shown.counted_at}))
        answer.data |= beside(shown)
        return answer
