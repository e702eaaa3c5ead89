"""Traces by OpenTelemetry, without what is personal or secret. Imported only where they are switched on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

from scoring.logs import without_secrets

# Who asked, and with what.
PERSONAL = frozenset(
    {
        *("net.peer.ip", "net.peer.port", "net.peer.name", "client.address", "client.port", "network.peer.address"),
        *("http.user_agent", "user_agent.original", "http.client_ip", "enduser.id", "url.query"),
    }
)
ADDRESSES = frozenset({"http.url", "http.target", "url.full"})


class WithoutSecrets(SpanExporter):
    """Hands spans on without who asked, without what addresses ask for, and without what `without_secrets` knows."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_clean(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _clean(span: ReadableSpan) -> ReadableSpan:
    events = [Event(event.name, _shown(event.attributes or {}), event.timestamp) for event in span.events]
    said = span.status.description
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_shown(span.attributes or {}),
        events=events,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, without_secrets(said) if said else None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _shown(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    kept = {name: value for name, value in attributes.items() if name not in PERSONAL}
    return {name: _value(name, value) for name, value in kept.items()}


def _value(name: str, value: AttributeValue) -> AttributeValue:
    if not isinstance(value, str):
        return value
    return without_secrets(value.partition("?")[0] if name in ADDRESSES else value)


def start_tracing(*, service: str) -> None:
    """Send traces to where `OTEL_EXPORTER_OTLP_ENDPOINT` says; OpenTelemetry's own variables tell how many and how."""
    name = os.environ.get("OTEL_SERVICE_NAME") or service
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(WithoutSecrets(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
    RedisInstrumentor().instrument()
