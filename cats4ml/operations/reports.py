"""Reports of errors from the web side. Imported only where they are switched on."""

from __future__ import annotations

from django.conf import settings
from django_guid.context import guid
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration

from scoring.reports import start_reports


def start() -> None:
    # Without sessions, cookies and signals there is nothing of a person in what the integration sees.
    django = DjangoIntegration(transaction_style="url", middleware_spans=False, signals_spans=False)
    start_reports(
        dsn=settings.SENTRY_DSN, service="cats4ml", integrations=[django, CeleryIntegration()], request=guid.get
    )
