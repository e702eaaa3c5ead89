"""A file that is larger than a file of claims may be is not kept while it is received."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponseBase]


class LimitedUpload(FileUploadHandler):
    """Lets pass as much as shows that the file is too large, and drops the rest: it fills no disk."""

    passed = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if self.passed > settings.UPLOAD_MAX_BYTES:
            return None
        self.passed += len(raw_data)
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        return None


def limited_upload(view: View) -> View:
    """Receive the view's files through `LimitedUpload`. The token is looked at after that: it lies in the same body."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def received(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        request.upload_handlers.insert(0, LimitedUpload(request))
        return protected(request, *args, **kwargs)

    return received
