"""Which kinds of sensitive pictures one will see."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import TokenScope
from cats4ml.api.authentication import has_scope, require_scope
from cats4ml.api.documented import OWN, WRITES
from cats4ml.api.views.base import EditionView
from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.models import Participation
from cats4ml.review.actions.sensitive import choose_kinds


class ChosenKindsSerializer(serializers.Serializer[Any]):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=SensitiveKind.choices),
        allow_null=True,
        max_length=20,
        help_text="The kinds that you will see; null where you haven't chosen, which shows none of them.",
    )


class ChooseKindsSerializer(serializers.Serializer[Any]):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=SensitiveKind.choices),
        allow_empty=True,
        max_length=20,
        help_text="The kinds that you will see, in place of those that you chose before.",
    )


class SensitiveKinds(EditionView):
    permission_classes = [IsAuthenticated]

    def part(self, request: Request) -> Participation:
        """The viewer's part, by a token that may do what is done in it. Raises `PermissionDenied`."""
        if self.viewer.rater is not None and (self.viewer.finder is None or has_scope(request, TokenScope.RATE)):
            require_scope(request, TokenScope.RATE)
            return self.rater
        finder = self.finder
        require_scope(request, TokenScope.SUBMIT)
        return finder

    @extend_schema(responses={200: ChosenKindsSerializer, **OWN})
    def get(self, request: Request, slug: str) -> Response:
        """Which kinds of sensitive pictures you chose to see in this challenge (scope `submit` or `rate`)."""
        return Response(ChosenKindsSerializer({"kinds": self.part(request).sensitive_kinds}).data)

    @extend_schema(request=ChooseKindsSerializer, responses={200: ChosenKindsSerializer, **WRITES})
    def post(self, request: Request, slug: str) -> Response:
        """Choose which kinds you will see, as a finder (scope `submit`) or a rater (scope `rate`).

        A question that you hold about a picture of another kind is taken back. Again, it changes nothing.
        """
        part = self.part(request)
        sent = ChooseKindsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        kinds = choose_kinds(part=part, kinds=sent.validated_data["kinds"], at=timezone.now())
        return Response(ChosenKindsSerializer({"kinds": kinds}).data)
