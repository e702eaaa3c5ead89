"""What a token's scopes allow in a view."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from cats4ml.accounts.models import TokenScope
from cats4ml.api.authentication import require_scope


class HasScope(BasePermission):
    """A token may do what the view's `scope` names; a session in the browser may do what its person may.

    A view without a scope is open to everybody for reading.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        scope: TokenScope | None = getattr(view, "scope", None)
        if scope is None:
            return True
        require_scope(request, scope)
        return bool(request.user and request.user.is_authenticated)
