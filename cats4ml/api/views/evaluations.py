# the framework calls these methods, and names their arguments
"""The questions of a release, and what classifiers make of them."""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Mapping
from typing import IO, Any, cast

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import TokenScope, User
from cats4ml.api.authentication import require_scope
from cats4ml.api.documented import WRITES, refusal
from cats4ml.api.evaluation_serializers import (
    QUESTION_COLUMNS,
    EvaluationDetailSerializer,
    EvaluationSerializer,
    HandedInSerializer,
    HandInSerializer,
    QuestionSerializer,
    RefusedPredictionsSerializer,
    RunSerializer,
)
from cats4ml.api.filters import read_filters
from cats4ml.api.formats import CSVRenderer, LimitedJSONParser, stream_csv
from cats4ml.api.pagination import ByPosition
from cats4ml.api.views.releases import ReleaseView
from cats4ml.catalog.models import Classifier
from cats4ml.releases.evaluations import (
    READABLE,
    DailyLimit,
    EvaluationRefused,
    hand_in,
    names_of,
    run_here,
    visible_evaluations,
)
from cats4ml.releases.models import ReleasePair
from cats4ml.releases.predictions import PredictionsRefused
from cats4ml.releases.serving import check_served
from cats4ml.ui.spreadsheets import harmless

NO_SUCH_RELEASE = refusal("No such release, or one that is not published.")


class RefusedPredictions(APIException):
    """Predictions that can't be read, with the rows that are wrong."""

    status_code = 400
    default_code = "refused_predictions"

    def __init__(self, error: PredictionsRefused) -> None:
        super().__init__(str(error))
        problems = [{"line": one.line, "message": one.message} for one in error.problems]
        self.detail = {"detail": str(error), "total": error.total, "problems": problems}  # type: ignore[dict-item]


class UsedUp(APIException):
    """The day's evaluations are used; `wait` becomes the header Retry-After."""

    status_code = 429
    default_code = "daily_limit"

    def __init__(self, error: DailyLimit) -> None:
        super().__init__(str(error))
        self.wait = math.ceil((error.again - timezone.now()).total_seconds())


class _Handed(BaseParser):
    """Hands the stream on: `read_predictions` reads it within its limits."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return stream


class PredictionsParser(_Handed):
    media_type = "text/csv"


class PackedPredictionsParser(_Handed):
    media_type = "application/gzip"


def is_json(request: Request) -> bool:
    kind = (request.content_type or "").partition(";")[0].strip().lower()
    return kind not in (PredictionsParser.media_type, PackedPredictionsParser.media_type)


def _stream_of(request: Request) -> IO[bytes]:
    """The body; of an empty one the framework makes no stream."""
    data: Any = request.data
    return cast("IO[bytes]", data) if hasattr(data, "read") else io.BytesIO()


class FrozenReleaseView(ReleaseView):
    """A view of a release that is whole."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.release.state not in READABLE:
            raise Http404(_("There is no such release."))

    @property
    def shown_with(self) -> dict[str, Any]:
        return {"freed": self.release.freed_at is not None}


class QuestionList(FrozenReleaseView):
    pagination_class = ByPosition
    renderer_classes = [JSONRenderer, CSVRenderer]

    @extend_schema(
        responses={
            (200, "application/json"): QuestionSerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
            404: NO_SUCH_RELEASE,
        },
    )
    def get(self, request: Request, release_id: int) -> HttpResponseBase:
        """The pairs of both parts without their answers, in the order of the release: in pages, or `?format=csv`.

        Run a classifier on them and send its scores to `evaluations/`. The pictures are the challenge's.
        """
        check_served(self.release)
        rows = ReleasePair.objects.filter(release=self.release).select_related("pair__image", "pair__label")
        if request.accepted_renderer.format == CSVRenderer.format:
            found = rows.order_by("position").values_list(
                "pair__image__image_id", "pair__label__key", "pair__label__name", "split"
            )
            lines = ((image, label, harmless(name), split) for image, label, name, split in found.iterator(2000))
            return stream_csv(f"questions-{self.release.pk}.csv", QUESTION_COLUMNS, lines)
        return self.paged(QuestionSerializer(self.page_of(rows), many=True))


class EvaluationList(FrozenReleaseView):
    parser_classes = [LimitedJSONParser, PredictionsParser, PackedPredictionsParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.scope = TokenScope.SUBMIT if request.method == "POST" else None  # type: ignore[misc]
        super().initial(request, *args, **kwargs)

    @extend_schema(responses={200: EvaluationSerializer(many=True), 404: NO_SUCH_RELEASE})
    def get(self, request: Request, release_id: int) -> Response:
        """The classifiers that were tested on this release, newest first, with their figures."""
        rows = self.page_of(visible_evaluations(self.release, request.user, self.viewer))
        return self.paged(EvaluationSerializer(rows, many=True, context=self.shown_with))

    @extend_schema(
        parameters=[HandInSerializer],
        request={
            "text/csv": OpenApiTypes.STR,
            "application/gzip": OpenApiTypes.BINARY,
            "application/json": RunSerializer,
        },
        responses={
            200: HandedInSerializer,
            201: HandedInSerializer,
            **WRITES,
            400: RefusedPredictionsSerializer,
            404: NO_SUCH_RELEASE,
            429: refusal("The day's evaluations are used. Retry-After says when the next one is free."),
        },
    )
    def post(self, request: Request, release_id: int) -> Response:
        """Test a classifier: send its predictions as a CSV `image_id,label_id,score`, plain or packed with gzip.

        Every pair of `questions/`, or every pair of the public part alone. All of it is taken or nothing. The figures
        are counted in the background: ask for the evaluation until its state is `done`. The same predictions under the
        same name are the same evaluation (200) and cost nothing again. Organisers may instead name a `classifier`
        of the catalogue, as JSON, to have it run here (scope `organise`).
        """
        user = request.user
        assert isinstance(user, User), "the scope asks for somebody"
        at = timezone.now()
        ignored: tuple[str, ...] = ()
        try:
            if not is_json(request):
                given = read_filters(HandInSerializer, request)
                one, predictions = hand_in(
                    release=self.release,
                    by=user,
                    is_organiser=self.viewer.is_organiser,
                    stream=_stream_of(request),
                    at=at,
                    **given,
                )
                ignored = predictions.ignored
            else:
                one = run_here(release=self.release, classifier=self._classifier(request), by=user, at=at)
        except PredictionsRefused as error:
            raise RefusedPredictions(error) from None
        except DailyLimit as error:
            raise UsedUp(error) from None
        except EvaluationRefused as error:
            raise PermissionDenied(str(error)) from None
        shown = HandedInSerializer(one, context={**self.shown_with, "ignored": ignored}).data
        status = 201 if one.created_at == at else 200
        return Response(shown, status=status, headers={"Location": f"{request.path}{one.uuid}/"})

    def _classifier(self, request: Request) -> Classifier:
        require_scope(request, TokenScope.ORGANISE)
        if not self.viewer.is_organiser:
            raise PermissionDenied(_("Only organisers have a classifier run here. Send predictions as text/csv."))
        asked = RunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        named = asked.validated_data["classifier"]
        found = (
            Classifier.objects.filter(digest=named).first()
            or Classifier.objects.filter(rosters__challenge=self.release.challenge, name=named).order_by("-pk").first()
        )
        if found is None:
            raise Http404(_("There is no such classifier. Give its digest, or its name in the roster."))
        return found


class EvaluationDetail(FrozenReleaseView):
    @extend_schema(responses={200: EvaluationDetailSerializer, 404: NO_SUCH_RELEASE})
    def get(self, request: Request, release_id: int, evaluation_id: uuid.UUID) -> Response:
        """One evaluation: how far it is, and once it is done its figures, by label too, and who is ahead of whom."""
        rows = visible_evaluations(self.release, request.user, self.viewer)
        one = rows.defer(None).defer("scores").filter(uuid=evaluation_id).first()
        if one is None:
            raise Http404(_("There is no such evaluation."))
        context = {**self.shown_with, "names": names_of(rows)}
        return Response(EvaluationDetailSerializer(one, context=context).data)
