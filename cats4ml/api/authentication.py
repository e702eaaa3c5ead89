"""API tokens in the header `Authorization: Token <key>` or `Bearer <key>`, and what their scopes allow."""

from __future__ import annotations

import time

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from cats4ml.accounts.actions import find_token
from cats4ml.accounts.models import ApiToken, TokenScope, User
from cats4ml.addresses import client_address
from cats4ml.throttling import seconds_to_wait


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in (b"token", b"bearer"):
            return None
        if len(words) != 2:
            raise AuthenticationFailed(_("Send the header as: Authorization: Token <key>"))
        token = find_token(key=words[1].decode("latin-1"), at=timezone.now())
        if token is None:
            # The framework looks who asks before it counts: without this, keys could be tried as fast as they are sent.
            wait = seconds_to_wait("wrong-tokens", client_address(request), at=time.time())
            if wait:
                raise Throttled(wait)
            raise AuthenticationFailed(
                _("This token is unknown, expired or revoked. Make one on the page “API tokens”.")
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # the framework's signature
        return "Token"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # likewise
        return {"type": "http", "scheme": "bearer", "description": "An API token; `Token <key>` is taken too."}


def has_scope(request: Request, scope: TokenScope) -> bool:
    """Whether the token has this scope; a session in the browser has them all."""
    return not isinstance(request.auth, ApiToken) or scope.value in request.auth.scopes


def require_scope(request: Request, scope: TokenScope) -> None:
    """Raises `PermissionDenied` for a token without this scope; a session in the browser has them all."""
    if not has_scope(request, scope):
        raise PermissionDenied(
            _("This token lacks the scope “%(value)s”. Make one that has it on the page “API tokens”.")
            % {"value": scope.value}
        )
