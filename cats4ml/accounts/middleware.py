"""What somebody may do who came by the link of a study, and how a sign-in leaves for another site."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User

ALLOWED = ("account_logout", "accounts:language")
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class GuestsOnlyRate:
    """A guest account may look at what is public and write where raters write; it may sign out. Nothing else: it gets
    no password, no address, no token and no other part in any challenge."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> None:
        if request.method in SAFE:
            return
        match = request.resolver_match
        assert match is not None, "a view was found"
        if "review" in match.namespaces or match.view_name in ALLOWED:
            return
        if isinstance(request.user, User) and request.user.is_guest:
            raise PermissionDenied(_("You are here by the link of a study: all you can do is answer its questions."))


class LeaveByPage:
    """A form's answer that leads to another site, as that of a sign-in by a provider, becomes a page that goes there:
    the policy for forms (`form-action`) would hold a redirect back, and allow every provider everywhere otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        match = request.resolver_match
        if request.method != "POST" or response.status_code != 302 or match is None:
            return response
        address = urlsplit(response.headers["Location"])
        if not match.view_name.endswith("_login") or address.netloc in ("", request.get_host()):
            return response
        context = {"address": address.geturl(), "host": address.hostname}
        page = render(request, "socialaccount/leaving.html", context)
        page.cookies.update(response.cookies)
        return page
