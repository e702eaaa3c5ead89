"""Programs that talk to the API."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from cats4ml.accounts.actions import create_token
from cats4ml.accounts.models import User
from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.models import Role
from tests.factories import START, World, make_user

EVERYTHING = ("submit", "rate", "organise")


def program(user: User, *scopes: str, name: str = "program") -> APIClient:
    """A client with a token of this person's, of every scope unless some are named."""
    _, key = create_token(user=user, name=name, scopes=scopes or EVERYTHING, at=START)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def organiser_of(world: World) -> APIClient:
    user = make_user()
    join_challenge(challenge=world.challenge, user=user, role=Role.ORGANISER, consent_version=None, at=world.clock)
    return program(user)


def address(world: World, path: str = "") -> str:
    return f"/api/v1/challenges/{world.challenge.slug}/{path}"


def only(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content
