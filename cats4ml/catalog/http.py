"""Pictures over HTTP."""

from __future__ import annotations

import mimetypes

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404

from cats4ml.catalog.models import Image

# The bytes of a picture never change (its storage key is their digest), but it may be hidden: so not for ever.
CACHE_SECONDS = 3600


def picture_response(image: Image) -> FileResponse:
    """The picture's bytes, for the viewer's own cache only and under no name. 404 where the picture is not known."""
    if not image.file:
        raise Http404("This picture is not known here.")
    try:
        file = default_storage.open(str(image.file), "rb")
    except FileNotFoundError:
        raise Http404("This picture is missing.") from None
    kind = mimetypes.guess_type(str(image.file))[0] or "application/octet-stream"
    response = FileResponse(file, content_type=kind)
    response["Cache-Control"] = f"private, max-age={CACHE_SECONDS}, immutable"
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    return response
