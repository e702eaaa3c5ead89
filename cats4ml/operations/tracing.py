"""Traces of requests and of the tasks that they ring, on the web side. Imported only where they are switched on."""

from __future__ import annotations

from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor

from scoring.tracing import start_tracing


def start() -> None:
    start_tracing(service="cats4ml")
    DjangoInstrumentor().instrument(excluded_urls="healthz,readyz,metrics")
    # What comes as psycopg2-binary is psycopg2.
    Psycopg2Instrumentor().instrument(skip_dep_check=True)
