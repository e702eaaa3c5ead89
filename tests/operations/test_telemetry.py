"""Traces and reports of errors: off unless they are switched on, and then without what is personal or secret."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ROOT = Path(__file__).resolve().parents[2]

# A request, with a secret in its address, that rings a task; then a worker that does it and ends.
TASK = "tests.traced"
REQUEST_AND_TASK = f"""
import django
django.setup()
from django.core.wsgi import get_wsgi_application
from wsgiref.util import setup_testing_defaults
from cats4ml.celery import app
from django.urls import path
from django.http import HttpResponse
from cats4ml import urls

@app.task(name="{TASK}")
def traced():
    pass

def ring(request):
    app.send_task("{TASK}", queue="traced")
    return HttpResponse("rung")

def fail(request):
    raise ValueError("no mail for ann@example.org with token=abcdefgh12345678")

urls.urlpatterns += [path("ring/", ring), path("fail/", fail)]
application = get_wsgi_application()
for place in ("/ring/", "/fail/"):
    environ = {{"PATH_INFO": place, "QUERY_STRING": "key=hushhush", "HTTP_HOST": "localhost"}}
    environ["HTTP_USER_AGENT"] = "Anns browser"
    setup_testing_defaults(environ)
    answer = application(environ, lambda status, headers: print(status))
    b"".join(answer)
    answer.close()
worker = app.WorkController(queues=["traced"], pool="solo", without_gossip=True, without_mingle=True,
    without_heartbeat=True, loglevel="WARNING")
from celery.signals import task_postrun
from celery.worker import state
task_postrun.connect(lambda **_: setattr(state, "should_stop", 0), weak=False)
worker.start()
from opentelemetry import trace
if hasattr(trace.get_tracer_provider(), "shutdown"):
    trace.get_tracer_provider().shutdown()
import sentry_sdk
sentry_sdk.flush(5)
"""


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A small server that takes whatever it is sent: its address, and the paths and bodies it got."""
    got: list[tuple[str, bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            # Sentry's client packs by brotli where some other package has brought it.
            unpack = {"gzip": "gzip", "br": "brotli"}.get(self.headers.get("Content-Encoding", ""))
            got.append((self.path, importlib.import_module(unpack).decompress(body) if unpack else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(code: str, **environment: str) -> str:
    everything = {**os.environ, "DJANGO_SETTINGS_MODULE": "cats4ml.settings", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=everything, capture_output=True, text=True, timeout=80, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_a_trace_goes_from_the_request_to_its_task_and_a_report_tells_of_a_failure_both_without_secrets() -> None:
    with receiver() as (address, got):
        run(
            REQUEST_AND_TASK,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{address}",
            SENTRY_DSN=f"http://public@{address}/1",
        )
    spans = {}
    for path, body in got:
        if path == "/v1/traces":
            asked = ExportTraceServiceRequest.FromString(body)
            for resource in asked.resource_spans:
                spans |= {span.name: span for scope in resource.scope_spans for span in scope.spans}
    task = f"run/{TASK}"
    assert {"GET ring/", f"apply_async/{TASK}", task} <= set(spans)
    assert spans[task].trace_id == spans["GET ring/"].trace_id
    assert spans[task].parent_span_id == spans[f"apply_async/{TASK}"].span_id
    envelopes = [body for path, body in got if path.endswith("/envelope/")]
    events = [json.loads(line) for body in envelopes for line in body.splitlines() if b'"exception"' in line]
    said = [(one["exception"]["values"][-1]["value"], one["request"]) for one in events]
    words = "no mail for [address] with token=[hidden]"
    assert said == [(words, {"method": "GET", "url": "http://localhost/fail/"})]
    assert [one["tags"]["service"] for one in events] == ["cats4ml"]
    everything = b"".join(body for _, body in got)
    secret = (b"hushhush", b"ann@example.org", b"Anns browser", b"abcdefgh1234")
    assert [one for one in secret if one in everything] == []


def test_neither_is_loaded_where_it_is_not_switched_on_nor_what_only_workers_need() -> None:
    code = (
        "import django, sys; django.setup(); import cats4ml.urls;"
        "print(sorted({'scoring.tracing', 'sentry_sdk', 'gunicorn', 'pyarrow', 'torch'} & set(sys.modules)))"
    )
    assert run(code, OTEL_EXPORTER_OTLP_ENDPOINT="", SENTRY_DSN="") == "[]\n"
