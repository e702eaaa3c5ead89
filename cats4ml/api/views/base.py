"""What every address of an edition begins with."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from cats4ml.accounts.models import TokenScope
from cats4ml.api.formats import LimitedJSONParser, Negotiation
from cats4ml.api.pagination import Pages
from cats4ml.api.permissions import HasScope
from cats4ml.challenges.http import challenge_and_viewer
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.challenges.queries import Viewer


class ApiView(APIView):
    """A view with a scope (None: open for reading), pages, and answers that no cache keeps."""

    scope: ClassVar[TokenScope | None] = None
    permission_classes = [HasScope]
    parser_classes = [LimitedJSONParser]
    content_negotiation_class = Negotiation
    pagination_class: ClassVar[type[Pages]] = Pages

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    def check_permissions(self, request: Request) -> None:
        """The framework counts a request only once it is allowed: who is refused could ask as often as they like."""
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Counted by now."""

    def page_of(self, rows: QuerySet[Any]) -> list[Any]:
        """The rows of the page that the request asks for."""
        self.pages = self.pagination_class()
        return self.pages.paginate_queryset(rows, self.request, view=self) or []

    def paged(self, shown: BaseSerializer[Any]) -> Response:
        """The page whose rows `page_of` gave, with its links."""
        return self.pages.get_paginated_response(shown.data)


class EditionView(ApiView):
    """A view under `/challenges/{slug}/`: `challenge`, and what the `viewer` is in it."""

    challenge: Challenge
    viewer: Viewer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.challenge, self.viewer = challenge_and_viewer(request, kwargs["slug"])

    @property
    def finder(self) -> Participation:
        """The viewer's part as a finder. Raises `PermissionDenied` where they have none."""
        return self._joined(self.viewer.finder, "finder")

    @property
    def rater(self) -> Participation:
        """The viewer's part as a rater. Raises `PermissionDenied` where they have none."""
        return self._joined(self.viewer.rater, "rater")

    def _joined(self, part: Participation | None, role: str) -> Participation:
        if part is None:
            join = f"POST /api/v1/challenges/{self.challenge.slug}/participations/"
            raise PermissionDenied(
                _("You don’t take part in this challenge as a %(role)s. Join it first: %(join)s")
                % {"role": role, "join": join}
            )
        part.challenge = self.challenge
        return part


class OrganisersView(EditionView):
    """A view for the organisers of the edition."""

    scope = TokenScope.ORGANISE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not self.viewer.is_organiser:
            raise PermissionDenied(_("Only organisers of this challenge see this."))


class NoSuchAddress(APIView):
    """Every other address below `/api/v1/`: an error in JSON, and not the site's page."""

    schema = None
    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not request.path.endswith("/"):
            raise NotFound(_("Every address ends with a slash: %(path)s/") % {"path": request.path[:200]})
        raise NotFound(_("There is no such address. All of them are at /api/docs/."))
