"""Rating pairs: a question, an answer, taking the last answer back, skipping and reporting."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import TokenScope
from cats4ml.api.documented import OWN, WRITES, refusal
from cats4ml.api.formats import AnyAccepted
from cats4ml.api.rating_serializers import (
    CardSerializer,
    FeedbackSerializer,
    GivenRatingSerializer,
    GuidanceSerializer,
    PictureReportSerializer,
    RatingSerializer,
    SkipsSerializer,
)
from cats4ml.api.views.base import EditionView
from cats4ml.catalog.http import picture_response
from cats4ml.challenges.models import TargetLabel
from cats4ml.review.actions.answering import cast_rating, undo_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.skipping import skip, skips_left
from cats4ml.review.controls import feedback_on
from cats4ml.review.models import Device, Lease, ReportKind
from cats4ml.review.presentation import SHOWN_EXAMPLES, Example, cards_of, example_for, guidance_of
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
        cards = cards_of(self.challenge, hold_leases(rater=self.rater, at=timezone.now()))
        if not cards:
            return Response(status=204)
        card = cards[0]
        shown = {
            "token": card.token,
            "question": card.question,
            "guidance": card.guidance.text,
            "picture_url": self._picture_url(card.token),
            "next_picture_url": self._picture_url(cards[1].token) if len(cards) > 1 else None,
            "warm_up": card.warm_up,
        }
        return Response(CardSerializer(shown).data)


class QuestionView(EditionView):
    """A view of one question, for the rater whose it is."""

    scope = TokenScope.RATE

    def lease_of(self, token: uuid.UUID) -> Lease:
        leases = Lease.objects.select_related("pair__image", "control__image")
        return get_object_or_404(leases, token=token, rater=self.rater)


class QuestionPicture(QuestionView):
    content_negotiation_class = AnyAccepted

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY, **OWN})
    def get(self, request: Request, slug: str, token: uuid.UUID) -> HttpResponseBase:
        """The picture of a question that you hold, under an address that tells nothing of it."""
        return picture_response(self.lease_of(token).subject.image, request)


class QuestionGuidance(QuestionView):
    @extend_schema(responses={200: GuidanceSerializer, **OWN})
    def get(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """What the organisers say of the label that you are asked about, with their examples."""
        targets = TargetLabel.objects.filter(challenge=self.challenge).select_related("label")
        target = targets.prefetch_related(SHOWN_EXAMPLES).get(label=self.lease_of(token).subject.label_id)
        guidance = guidance_of(target)
        shown = {
            "label_name": guidance.label,
            "guidance": guidance.text,
            "counts": self._shown(guidance.fits),
            "does_not_count": self._shown(guidance.fits_not),
        }
        return Response(GuidanceSerializer(shown).data)

    def _shown(self, examples: Sequence[Example]) -> list[dict[str, str]]:
        addresses = [reverse("api:rating_example", args=[self.challenge.slug, one.number]) for one in examples]
        return [
            {"picture_url": self.request.build_absolute_uri(address), "caption": one.caption}
            for address, one in zip(addresses, examples, strict=True)
        ]


class ExamplePicture(EditionView):
    scope = TokenScope.RATE
    content_negotiation_class = AnyAccepted

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY, **OWN})
    def get(self, request: Request, slug: str, example_id: int) -> HttpResponseBase:
        """The small picture of an example, under an address that tells nothing of it."""
        found = example_for(self.rater.user_id, slug, example_id)
        if found is None:
            raise Http404(_("There is no such example."))
        return picture_response(found.image, request, small=True)


class RatingList(EditionView):
    scope = TokenScope.RATE

    @extend_schema(
        request=RatingSerializer,
        responses={
            200: GivenRatingSerializer,
            201: GivenRatingSerializer,
            **WRITES,
            409: refusal("You gave another answer to this question before."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Answer the question of this token. The same answer again changes nothing and is answered with 200."""
        sent = RatingSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        token, answer = sent.validated_data["token"], Answer(sent.validated_data["answer"])
        at = timezone.now()
        rating = cast_rating(rater=self.rater, token=token, answer=answer, at=at, device=Device.API)
        feedback = feedback_on(rating)
        told = {"token": token, "answer": answer.value, "feedback": None}
        if feedback is not None:
            said = {"right": feedback.right, "truth": feedback.truth.value, "explanation": feedback.explanation}
            told["feedback"] = FeedbackSerializer(said).data
        return Response(GivenRatingSerializer(told).data, status=201 if rating.created_at == at else 200)


class LastRating(EditionView):
    scope = TokenScope.RATE

    @extend_schema(responses={204: None, **OWN})
    def delete(self, request: Request, slug: str) -> Response:
        """Undo your last answer while it is provisional (403 from then on). The next question is that one again."""
        undo_rating(rater=self.rater, at=timezone.now())
        return Response(status=204)


class Skip(EditionView):
    scope = TokenScope.RATE

    @extend_schema(request=None, responses={200: SkipsSerializer, **WRITES})
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """Pass this question over: you are not asked it again. Again, it changes nothing; 403 where no skip is left."""
        skip(rater=self.rater, token=token, at=timezone.now())
        return Response(SkipsSerializer({"skips_left": skips_left(self.rater)}).data)


class Report(EditionView):
    scope = TokenScope.RATE

    @extend_schema(request=PictureReportSerializer, responses={204: None, **WRITES})
    def post(self, request: Request, slug: str, token: uuid.UUID) -> Response:
        """Say what is wrong with the picture of this question: you are not asked it again."""
        sent = PictureReportSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        kind, note = ReportKind(sent.validated_data["kind"]), sent.validated_data["note"]
        report_picture(rater=self.rater, token=token, kind=kind, note=note, at=timezone.now())
        return Response(status=204)
