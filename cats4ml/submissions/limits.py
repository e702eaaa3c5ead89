"""A file that is larger than it may be is not kept while it is received."""

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

    def __init__(self, request: HttpRequest, *, most: int) -> None:
        super().__init__(request)
        self.most = most

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if self.passed > self.most:
            return None
        self.passed += len(raw_data)
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        return None


def limited_to(most: Callable[[], int]) -> Callable[[View], View]:
    """Receive a view's files through `LimitedUpload`, so many bytes and a little more. The token is looked at after
    that: it lies in the same body."""

    def decorate(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def received(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            request.upload_handlers.insert(0, LimitedUpload(request, most=most()))
            return protected(request, *args, **kwargs)

        return received

    return decorate


limited_upload = limited_to(lambda: settings.UPLOAD_MAX_BYTES)
