"""Pictures over HTTP."""

from __future__ import annotations

import io
import mimetypes
from contextlib import suppress

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404
from django.utils.translation import gettext as _

from cats4ml.catalog.models import Image
from cats4ml.catalog.pictures import PictureRefused, presentable

# The bytes of a picture never change (its storage key is their digest), but it may be hidden: so not for ever.
CACHE_SECONDS = 3600


def picture_response(image: Image, *, small: bool = False) -> FileResponse:
    """The picture as people see it: upright, without a note of whose it is, under no name, for the viewer's own cache.

    `small`: the thumbnail, or where there is none the picture itself. 404 where the picture is not known. A rater must
    learn nothing but the picture, so that the metadata of the file are cut out on the way; the versions that were made
    here have none.
    """
    for key in [image.thumbnail, image.upright] if small else [image.upright]:
        if key:
            kind = mimetypes.guess_type(str(key))[0] or "application/octet-stream"
            with suppress(FileNotFoundError):
                return _response(FileResponse(default_storage.open(str(key), "rb"), content_type=kind))
    if not image.file:
        raise Http404(_("This picture is not known here."))
    try:
        with default_storage.open(str(image.file), "rb") as file:
            content, kind = presentable(file.read())
    except FileNotFoundError:
        raise Http404(_("This picture is missing.")) from None
    except PictureRefused:
        raise Http404(_("This picture can't be shown: its file is damaged.")) from None
    return _response(FileResponse(io.BytesIO(content), content_type=kind))


def _response(response: FileResponse) -> FileResponse:
    response["Cache-Control"] = f"private, max-age={CACHE_SECONDS}, immutable"
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    return response
