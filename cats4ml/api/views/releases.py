# the framework calls these methods, and names their arguments
"""Releases: which there are, their files, and what organisers do with them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import ApiToken, TokenScope, User
from cats4ml.api.authentication import require_scope
from cats4ml.api.documented import OWN, READS, WRITES, refusal
from cats4ml.api.formats import AnyAccepted
from cats4ml.api.pagination import OldestFirst
from cats4ml.api.release_serializers import (
    NewReleaseSerializer,
    ReleaseFileSerializer,
    ReleaseSerializer,
    RootSerializer,
)
from cats4ml.api.views.base import ApiView, EditionView
from cats4ml.challenges.http import challenge_and_viewer
from cats4ml.challenges.queries import Viewer
from cats4ml.releases.actions import delete_release, free_heldout, publish, request_release
from cats4ml.releases.citing import citation_text, full_bibtex
from cats4ml.releases.layout import ARCHIVES, HELDOUT, PUBLIC
from cats4ml.releases.models import Release, ReleaseFile, ReleasePart
from cats4ml.releases.queries import released, releases_of
from cats4ml.releases.serving import find_file, served
from cats4ml.ui.served_files import file_response

NO_RELEASE = refusal("No such release, or one that isn’t published.")
CONFLICT = refusal("It can’t be done with this release as it is. `detail` says why, and what to do.")
RANGE = OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="One part, as `bytes=1000-`.")
BYTES = {
    (200, "*/*"): OpenApiTypes.BINARY,
    (206, "*/*"): OpenApiTypes.BINARY,
    304: OpenApiResponse(description="The file that `If-None-Match` names is still the one."),
    404: refusal("No such file, or one of the held-out part before that is freed."),
    410: refusal("The release was withdrawn: a picture in it was taken down. `detail` says which one stands now."),
    416: OpenApiResponse(description="The file has no such bytes."),
}


def as_seen_by_program(request: Request, viewer: Viewer) -> Viewer:
    """Through a token without the scope `organise` an organiser sees what everybody sees."""
    if isinstance(request.auth, ApiToken) and TokenScope.ORGANISE.value not in request.auth.scopes:
        return viewer._replace(is_organiser=False)
    return viewer


def shown(request: Request, release: Release) -> dict[str, Any]:
    """What `ReleaseSerializer` shows of a release."""
    counts, site = release.counts, request.build_absolute_uri("/").rstrip("/")
    public = counts.get("public")
    page = reverse("pages:release", args=[release.challenge.slug, release.version])
    return {
        **{name: getattr(release, name) for name in ("id", "challenge", "version", "state", "step", "done", "total")},
        **{name: getattr(release, name) for name in ("error", "notes", "root_digest", "former")},
        **{name: getattr(release, name) for name in ("frozen_at", "published_at", "freed_at")},
        **{name: getattr(release, name) for name in ("withdrawn_at", "withdrawn_reason")},
        "pairs": counts.get("pairs"),
        "ratings": counts.get("ratings"),
        "public_pairs": public and public["pairs"],
        "heldout_pairs": counts["heldout"]["pairs"] if public else None,
        "public_outcomes": public,
        "url": request.build_absolute_uri(page),
        "archive_url": request.build_absolute_uri(reverse("api:release_archive", args=[release.pk])),
        "citation": citation_text(release, site=site) if release.root_digest else "",
        "bibtex": full_bibtex(release, site=site) if release.root_digest else "",
    }


def organiser_of(request: Request, viewer: Viewer) -> User:
    """Raises `NotAuthenticated` or `PermissionDenied` for anybody else."""
    if not isinstance(request.user, User):
        raise PermissionDenied(_("Only organisers of this challenge do this. Send a token with the scope “organise”."))
    require_scope(request, TokenScope.ORGANISE)
    if not viewer.is_organiser:
        raise PermissionDenied(_("Only organisers of this challenge do this."))
    return request.user


class ReleaseList(EditionView):
    def _seen(self, request: Request) -> QuerySet[Release]:
        viewer = as_seen_by_program(request, self.viewer)
        rows = releases_of(self.challenge) if viewer.is_organiser else released(self.challenge)
        return rows.select_related("challenge", "former")

    @extend_schema(responses={200: ReleaseSerializer(many=True), **READS})
    def get(self, request: Request, slug: str) -> Response:
        """The challenge's published releases, newest first; for organisers all of them."""
        rows = [shown(request, one) for one in self.page_of(self._seen(request))]
        return self.paged(ReleaseSerializer(rows, many=True))

    @extend_schema(request=NewReleaseSerializer, responses={202: ReleaseSerializer, **WRITES, 409: CONFLICT})
    def post(self, request: Request, slug: str) -> Response:
        """Freeze all that is settled as a release, for organisers. It is built in the background: ask for it again
        until its `state` is `ready`. Nobody else sees it before it is published."""
        by = organiser_of(request, self.viewer)
        sent = NewReleaseSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = request_release(
            challenge=self.challenge,
            version=sent.validated_data.get("version"),
            notes=sent.validated_data["notes"],
            by=by,
            at=timezone.now(),
        )
        return Response(ReleaseSerializer(shown(request, made)).data, status=202)


class ReleaseView(ApiView):
    """A view under `/releases/{id}/`: the `release`, and what the `viewer` is in its edition."""

    release: Release
    viewer: Viewer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        rows = Release.objects.select_related("challenge", "former")
        found = rows.filter(pk=kwargs["release_id"]).first() if kwargs["release_id"] < 2**63 else None
        if found is None:
            raise Http404(_("There is no such release."))
        found.challenge, viewer = challenge_and_viewer(request, found.challenge.slug)
        self.release, self.viewer = found, as_seen_by_program(request, viewer)
        if found.published_at is None and not viewer.is_organiser:
            raise Http404(_("There is no such release."))
        if found.published_at is None:
            require_scope(request, TokenScope.ORGANISE)


class ReleaseDetail(ReleaseView):
    @extend_schema(responses={200: ReleaseSerializer, 404: NO_RELEASE})
    def get(self, request: Request, release_id: int) -> Response:
        """One release."""
        return Response(ReleaseSerializer(shown(request, self.release)).data)

    @extend_schema(responses={204: None, **WRITES, 404: NO_RELEASE, 409: CONFLICT})
    def delete(self, request: Request, release_id: int) -> Response:
        """Delete a release that was never published, for organisers."""
        delete_release(release=self.release, by=organiser_of(request, self.viewer), at=timezone.now())
        return Response(status=204)


class ReleasePublish(ReleaseView):
    @extend_schema(request=None, responses={200: ReleaseSerializer, **OWN, 404: NO_RELEASE, 409: CONFLICT})
    def post(self, request: Request, release_id: int) -> Response:
        """Make the public part everybody's, for organisers. Twice is once; it can't be undone."""
        done = publish(release=self.release, by=organiser_of(request, self.viewer), at=timezone.now())
        return Response(ReleaseSerializer(shown(request, done)).data)


class ReleaseFree(ReleaseView):
    @extend_schema(request=None, responses={200: ReleaseSerializer, **OWN, 404: NO_RELEASE, 409: CONFLICT})
    def post(self, request: Request, release_id: int) -> Response:
        """Make the held-out part everybody's too, for organisers. Twice is once; it can't be undone."""
        done = free_heldout(release=self.release, by=organiser_of(request, self.viewer), at=timezone.now())
        return Response(ReleaseSerializer(shown(request, done)).data)


class ReleaseFiles(ReleaseView):
    pagination_class = OldestFirst

    @extend_schema(responses={200: ReleaseFileSerializer(many=True), 404: NO_RELEASE})
    def get(self, request: Request, release_id: int) -> Response:
        """The files that you may have: the public part and what is about it; organisers, and everybody once it is
        freed, the held-out part too."""
        files = ReleaseFile.objects.filter(release=self.release)
        if self.release.freed_at is None and not self.viewer.is_organiser:
            files = files.filter(part__in=[ReleasePart.COMMON, ReleasePart.PUBLIC])
        rows = [self._shown(request, file) for file in self.page_of(files)]
        return self.paged(ReleaseFileSerializer(rows, many=True))

    def _shown(self, request: Request, file: ReleaseFile) -> dict[str, Any]:
        address = reverse("api:release_file", args=[self.release.pk, file.path])
        columns = ("path", "part", "is_archive", "bytes", "sha256")
        return {name: getattr(file, name) for name in columns} | {"url": request.build_absolute_uri(address)}


class ReleaseFileBytes(ReleaseView):
    content_negotiation_class = AnyAccepted

    @extend_schema(parameters=[RANGE], responses=BYTES)
    def get(self, request: Request, release_id: int, path: str) -> HttpResponseBase:
        """Download a file, whole or a part of it. Its ETag is `"sha256:…"`, the digest of all its bytes; it never
        changes. (The address ends as the file's name does, without a slash.)"""
        return file_response(request, served(find_file(self.release, path, self.viewer)))


class ReleaseArchive(ReleaseView):
    content_negotiation_class = AnyAccepted

    @extend_schema(
        parameters=[RANGE, OpenApiParameter("part", str, enum=[PUBLIC, HELDOUT], description="`public` if left out.")],
        responses=BYTES,
    )
    def get(self, request: Request, release_id: int) -> HttpResponseBase:
        """Download all files of a part as a zip."""
        name = ARCHIVES.get(request.query_params.get("part", PUBLIC))
        if name is None:
            raise Http404(_("A release has the parts public and heldout."))
        return file_response(request, served(find_file(self.release, name, self.viewer)))


class ReleaseRoot(ReleaseView):
    @extend_schema(responses={200: RootSerializer, 404: NO_RELEASE})
    def get(self, request: Request, release_id: int) -> Response:
        """The root digest, by which any change of any file can be told."""
        release = self.release
        root = {"challenge": release.challenge.slug, "version": release.version, "root_digest": release.root_digest}
        return Response(RootSerializer({**root, "published_at": release.published_at}).data)
