"""The organiser's page of patterns among claims and answers."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.counted import counted
from cats4ml.console.pattern_queries import SHOWN
from cats4ml.console.patterns import count_patterns
from cats4ml.console.views import for_organisers

# Nobody acts on a pattern within minutes, and counting it takes longer than anything else here.
GOOD_FOR = timedelta(minutes=15)


@for_organisers
@require_safe
def patterns(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    found = counted("patterns", challenge, count_patterns, at=timezone.now(), good_for=GOOD_FOR)
    context = page_context(
        challenge, viewer, "console", counted=found, patterns=found.figures if found else None, most=SHOWN
    )
    return render(request, "console/patterns.html", context)
