"""The documentation pages: drawn by Swagger UI and Redoc from our own host.

Both write styles into the page and carry pictures in their styles, Redoc searches in a worker made of a blob. That
much is allowed on these two pages and nowhere else; scripts come from files here as well.
"""

from __future__ import annotations

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

STYLES = {"style-src": ["'self'", "'unsafe-inline'"], "img-src": ["'self'", "data:"]}
DRAWN_BY_SCRIPT = csp_update(STYLES)
SEARCHED_IN_A_WORKER = csp_update({**STYLES, "worker-src": ["'self'", "blob:"]})


@method_decorator(DRAWN_BY_SCRIPT, name="dispatch")
class SwaggerPage(SpectacularSwaggerSplitView):
    url_name = "api:schema"


@method_decorator(SEARCHED_IN_A_WORKER, name="dispatch")
class RedocPage(SpectacularRedocView):
    url_name = "api:schema"
    # The package's own template fetches fonts from another host.
    template_name = "api/redoc.html"
