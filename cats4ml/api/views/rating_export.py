# the framework calls these methods, and names their arguments
"""The organisers' export of the answers."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from cats4ml.api.documented import OWN, RATINGS_CSV, READS
from cats4ml.api.filters import RatingExportFilters, read_filters
from cats4ml.api.formats import CSVRenderer, stream_csv
from cats4ml.api.views.base import OrganisersView
from cats4ml.releases.rating_rows import Wanted, rating_rows


class RatingExport(OrganisersView):
    renderer_classes = [CSVRenderer]

    @extend_schema(
        parameters=[RatingExportFilters],
        responses={(200, "text/csv"): OpenApiTypes.STR, 400: READS[400], **OWN},
        examples=[RATINGS_CSV],
    )
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Every answer, for organisers, as CSV in the columns that crowd-kit reads: `task`, `worker` and `label`.

        `task` is `image_id:label_id`, as in the export of pairs. `worker` is a keyed hash: the same throughout the
        edition, another in every other; no name, address or account can be told from it. `label` is yes, no or
        dont_know.
        `form=full` adds `image_id`, `label_id`, `control` (0 or 1), `seconds`, `device`, `created_at` and `state`.
        """
        asked = read_filters(RatingExportFilters, request)
        wanted = Wanted(final=asked["final"], controls=asked["controls"], details=asked["form"] == "full")
        return stream_csv(f"{slug}-ratings.csv", wanted.columns, rating_rows(self.challenge, wanted))
