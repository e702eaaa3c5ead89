# the framework calls these methods, and names their arguments
"""Who is asking."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import ApiToken, TokenScope
from cats4ml.api.documented import WRITES
from cats4ml.api.views.base import ApiView


class MeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Your user name.")
    token = serializers.CharField(allow_null=True, help_text="The token's name; null for a session in the browser.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=TokenScope.values), help_text="What you may do with it."
    )
    expires_at = serializers.DateTimeField(allow_null=True)


class Me(ApiView):
    permission_classes = [IsAuthenticated]

    @extend_schema(responses={200: MeSerializer, 401: WRITES[401]})
    def get(self, request: Request) -> Response:
        """Who you are here, and what your token may do."""
        token = request.auth if isinstance(request.auth, ApiToken) else None
        shown = {
            "name": request.user.get_username(),
            "token": token.name if token else None,
            "scopes": token.scopes if token else TokenScope.values,
            "expires_at": token.expires_at if token else None,
        }
        return Response(MeSerializer(shown).data)
