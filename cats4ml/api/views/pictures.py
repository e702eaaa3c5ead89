# the framework calls these methods, and names their arguments
"""Reports about pictures, by whoever is signed in."""

from __future__ import annotations

import uuid

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import User
from cats4ml.api.documented import WRITES
from cats4ml.api.rating_serializers import ComplaintSerializer
from cats4ml.api.views.base import ApiView
from cats4ml.catalog.models import ComplaintKind, Image
from cats4ml.challenges.complaints import report_to_organisers
from cats4ml.challenges.hiding import editions_with
from cats4ml.challenges.queries import visible_challenges


class PictureReports(ApiView):
    permission_classes = [IsAuthenticated]

    @extend_schema(request=ComplaintSerializer, responses={201: ComplaintSerializer, **WRITES})
    def post(self, request: Request, image_uuid: uuid.UUID) -> Response:
        """Say that something is wrong with a picture, by the id in its address. The organisers of every challenge that
        has it are told at once. The same kind again changes nothing while the first one waits."""
        assert isinstance(request.user, User)
        image = Image.objects.filter(uuid=image_uuid, hidden_at=None).first()
        if (
            image is None
            or not visible_challenges(request.user).filter(pk__in=editions_with(image).values("pk")).exists()
        ):
            raise Http404("There is no such picture.")
        sent = ComplaintSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = report_to_organisers(
            image=image,
            kind=ComplaintKind(sent.validated_data["kind"]),
            note=sent.validated_data["note"],
            by=request.user,
            sender=f"user-{request.user.pk}",
            at=timezone.now(),
        )
        return Response(ComplaintSerializer(made).data, status=201)
