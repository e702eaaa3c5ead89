"""The API's limits: by person, and by address where nobody signed in. Where Redis is away nobody is held up."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from cats4ml.addresses import client_address

logger = logging.getLogger(__name__)


class _FailsOpen(SimpleRateThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return super().allow_request(request, view)
        except (RedisError, OSError) as error:
            logger.warning("requests are not counted: %s", type(error).__name__)
            return True

    def get_ident(self, request: Request) -> str:
        return client_address(request)


class ByAddress(_FailsOpen, AnonRateThrottle):
    pass


class ByPerson(_FailsOpen, UserRateThrottle):
    pass
