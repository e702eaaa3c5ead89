"""Reports of errors from the scoring worker. Imported only where they are switched on."""

from __future__ import annotations

from sentry_sdk.integrations.celery import CeleryIntegration

from scoring.logs import current_request_id
from scoring.reports import start_reports


def start(dsn: str) -> None:
    start_reports(dsn=dsn, service="cats4ml-scoring", integrations=[CeleryIntegration()], request=current_request_id)
