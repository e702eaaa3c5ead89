"""The API against its own description: whatever is sent, it answers as it says that it does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cats4ml.accounts.actions import create_token
from cats4ml.challenges.models import Role
from cats4ml.wsgi import application
from tests.security.people import Everybody, build_everybody
from tests.security.routes import OF_NAME

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 5  # of each operation: half of them with ids that exist, and by somebody who may do everything


@pytest.fixture
def site(db, settings, monkeypatch) -> Iterator[tuple[Everybody, list[str]]]:
    """A world, the key of somebody who finds and organises in it, and that of a rater."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.PAGE_RATES = dict.fromkeys(settings.PAGE_RATES)
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})
    logging.disable(logging.CRITICAL)
    # As Django's own test client does: the transaction of this test is not to end with the first request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    here = build_everybody()
    user = here.people["finder"]
    here.world.challenge.participations.create(user=user, role=Role.ORGANISER)
    scopes = ["submit", "rate", "organise"]
    secrets = [
        create_token(user=one, name="all", scopes=scopes, at=here.world.clock)[1] for one in (user, here.rater.user)
    ]
    yield here, secrets
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    logging.disable(logging.NOTSET)


def _try(operation: Any, here: Everybody, secrets: list[str], wrong: dict[str, str]) -> None:
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    name = f"{operation.method.upper()} {operation.path}"

    @given(
        case=some.one_of([operation.as_strategy(generation_mode=mode) for mode in modes]),
        known=some.booleans(),
        secret=some.sampled_from([None, *secrets]),
    )
    @examples(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    def answers(case: Any, known: bool, secret: str | None) -> None:
        if known and isinstance(case.path_parameters, dict):
            case.path_parameters |= {one: str(OF_NAME[one](here)) for one in case.path_parameters if one in OF_NAME}
        with transaction.atomic():
            answer = case.call(headers={"Authorization": f"Token {secret}"} if secret else None)
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    try:
        answers()
    except FailureGroup as group:
        wrong[name] = "\n".join(str(one) for one in group.exceptions)
    except Exception as error:
        wrong[name] = f"{type(error).__name__}: {error}"[:600]


@pytest.mark.slow
def test_the_api_answers_as_its_description_says(site) -> None:
    here, secrets = site
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
    wrong: dict[str, str] = {}
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        _try(operation, here, secrets, wrong)
    assert not wrong, "\n\n".join(f"{name}: {what}" for name, what in wrong.items())
