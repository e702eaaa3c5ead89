"""Pictures over HTTP."""

from __future__ import annotations

import io
import mimetypes
from contextlib import suppress

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from cats4ml.catalog.models import Image
from cats4ml.catalog.pictures import PictureRefused, presentable

# The bytes of a picture never change (its storage key is their digest), but it may be taken down. From then on no page
# names this address any more, and whoever kept it asks again after five minutes: what is gone is gone there too.
CACHE_SECONDS = 300
# A browser draws a picture whatever the status of the answer, so that a page that names one that is gone shows this.
_GONE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" role="img">
<rect width="400" height="300" fill="#767676"/>
<path d="M120 90h160v120H120z M120 210l160-120" fill="none" stroke="#fff" stroke-width="4"/>
</svg>
"""


def picture_response(image: Image, request: HttpRequest, *, small: bool = False) -> HttpResponseBase:
    """The picture as people see it: upright, without a note of whose it is, under no name, for the viewer's own cache.

    `small`: the thumbnail, or where there is none the picture itself. 410 for one that was taken down, 404 where the
    picture is not known. A rater must learn nothing but the picture, so that the metadata of the file are cut out on
    the way; the versions that were made here have none.
    """
    if image.hidden_at is not None:
        return taken_down_response(request)
    keys = [image.thumbnail, image.upright] if small else [image.upright]
    return stored_picture(request, file=str(image.file), made=[str(key) for key in keys])


def stored_picture(request: HttpRequest, *, file: str, made: list[str], caching: str = "") -> HttpResponseBase:
    """A picture from the storage: the first of the versions that were `made` here, or the file itself."""
    known = [one.strip() for one in request.headers.get("If-None-Match", "").split(",")]
    for key in [one for one in made if one]:
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        with suppress(FileNotFoundError):
            if _etag(key) in known:
                return _headed(HttpResponse(status=304), key, caching)
            return _headed(FileResponse(default_storage.open(key, "rb"), content_type=kind), key, caching)
    if not file:
        raise Http404(_("This picture is not known here."))
    if _etag(file) in known:
        return _headed(HttpResponse(status=304), file, caching)
    try:
        with default_storage.open(file, "rb") as source:
            content, kind = presentable(source.read())
    except FileNotFoundError:
        raise Http404(_("This picture is missing.")) from None
    except PictureRefused:
        raise Http404(_("This picture can't be shown: its file is damaged.")) from None
    return _headed(FileResponse(io.BytesIO(content), content_type=kind), file, caching)


def taken_down_response(request: HttpRequest) -> HttpResponse:
    """410: to a page a placeholder that can be seen, to anybody else a sentence."""
    if "image/" in request.headers.get("Accept", "") and "text/html" not in request.headers.get("Accept", ""):
        response = HttpResponse(_GONE, status=410, content_type="image/svg+xml")
    else:
        words = _("This picture was taken down.")
        response = HttpResponse(f"{words}\n", status=410, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _etag(key: str) -> str:
    """Of the name in the storage, which is made of the digest of the bytes; keyed, for that digest would tell a rater
    which picture of the published lists it is."""
    return f'"{salted_hmac("cats4ml.catalog.http", key, algorithm="sha256").hexdigest()[:32]}"'


def _headed(response: HttpResponseBase, key: str, caching: str) -> HttpResponseBase:
    response["Cache-Control"] = caching or f"private, max-age={CACHE_SECONDS}"
    response["Content-Disposition"] = "inline"
    response["ETag"] = _etag(key)
    response["X-Content-Type-Options"] = "nosniff"
    return response
