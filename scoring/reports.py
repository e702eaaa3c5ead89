"""Reports of errors to Sentry, without what is personal or secret. Imported only where they are switched on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sentry_sdk
from sentry_sdk.integrations import Integration

from scoring.logs import without_secrets


def start_reports(
    *, dsn: str, service: str, integrations: Sequence[Integration], request: Callable[[], str | None] = lambda: None
) -> None:
    """`request` gives the id of the request in hand, under which its log lines are found."""

    def before_send(event: Any, _hint: dict[str, Any]) -> Any:
        event.setdefault("tags", {}).update({"service": service, "request_id": request() or "none"})
        return cleaned(event)

    sentry_sdk.init(
        dsn=dsn,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        # Only those that are named: looking which others could be used would load Django into the scoring worker.
        auto_enabling_integrations=False,
        integrations=list(integrations),
        before_send=before_send,
    )


def cleaned(event: dict[str, Any]) -> dict[str, Any]:
    """The event without who it was and what they sent; of the request the method and the address are kept."""
    for personal in ("user", "breadcrumbs", "extra"):
        event.pop(personal, None)
    if "request" in event:
        asked = event["request"]
        event["request"] = {name: asked[name] for name in ("method", "url") if name in asked}
    return {name: _without_secrets(value) for name, value in event.items()}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {name: _without_secrets(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    return value
