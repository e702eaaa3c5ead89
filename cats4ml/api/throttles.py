"""The API's limits: by person, and by address where nobody signed in.

Where Redis is away nobody is held up: the counts are in the cache, which is empty then.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from cats4ml.addresses import client_address


class _ByClient(SimpleRateThrottle):
    def get_ident(self, request: Request) -> str:
        return client_address(request)


class ByAddress(_ByClient, AnonRateThrottle):
    pass


class ByPerson(_ByClient, UserRateThrottle):
    pass
