# the framework calls these methods, and names their arguments
"""Rating pairs: a question, an answer, and taking the last answer back."""

from __future__ import annotations

import uuid

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import TokenScope
from cats4ml.api.documented import OWN, WRITES, refusal
from cats4ml.api.formats import AnyAccepted
from cats4ml.api.serializers import CardSerializer, RatingSerializer
from cats4ml.api.views.base import EditionView
from cats4ml.catalog.http import picture_response
from cats4ml.review.actions.answering import cast_rating, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.models import Lease
from cats4ml.review.presentation import card_of
from cats4ml.rules.answers import Answer


class NextQuestion(EditionView):
    scope = TokenScope.RATE

    def _picture_url(self, token: uuid.UUID) -> str:
        return self.request.build_absolute_uri(reverse("api:rating_picture", args=[self.challenge.slug, token]))

    @extend_schema(
        responses={200: CardSerializer, 204: OpenApiResponse(description="Nothing waits for your answer."), **OWN}
    )
    def get(self, request: Request, slug: str) -> Response:
        """The question that you hold, or the next one. Asked again before you answered, it is the same one."""
        leases = hold_leases(rater=self.rater, at=timezone.now())
        card = card_of(self.challenge, leases)
        if card is None:
            return Response(status=204)
        following = self._picture_url(leases[1].token) if len(leases) > 1 else None
        shown = {
            "token": card.token,
            "question": card.question,
            "guidance": card.guidance,
            "picture_url": self._picture_url(card.token),
            "next_picture_url": following,
        }
        return Response(CardSerializer(shown).data)


class QuestionPicture(EditionView):
    scope = TokenScope.RATE
    content_negotiation_class = AnyAccepted

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY, **OWN})
    def get(self, request: Request, slug: str, token: uuid.UUID) -> FileResponse:
        """The picture of a question that you hold, under an address that tells nothing of it."""
        leases = Lease.objects.select_related("pair__image", "control__image")
        return picture_response(get_object_or_404(leases, token=token, rater=self.rater).subject.image)


class RatingList(EditionView):
    scope = TokenScope.RATE

    @extend_schema(
        request=RatingSerializer,
        responses={
            200: RatingSerializer,
            201: RatingSerializer,
            **WRITES,
            409: refusal("You gave another answer to this question before."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Answer the question of this token. The same answer again changes nothing and is answered with 200."""
        sent = RatingSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        at = timezone.now()
        rating = cast_rating(
            rater=self.rater, token=sent.validated_data["token"], answer=Answer(sent.validated_data["answer"]), at=at
        )
        return Response(RatingSerializer(sent.validated_data).data, status=201 if rating.created_at == at else 200)


class LastRating(EditionView):
    scope = TokenScope.RATE

    @extend_schema(responses={204: None, **OWN})
    def delete(self, request: Request, slug: str) -> Response:
        """Undo your last answer while it is provisional (403 from then on). The next question is that one again."""
        undo_rating(rater=self.rater, at=timezone.now())
        return Response(status=204)
