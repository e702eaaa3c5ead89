# the framework calls these methods, and names their arguments
"""Editions, what belongs to them, and taking part."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import Team, TokenScope, User
from cats4ml.api.authentication import require_scope
from cats4ml.api.documented import OWN, READS, WRITES
from cats4ml.api.filters import ImageFilters, read_filters
from cats4ml.api.pagination import ByPosition, OldestFirst
from cats4ml.api.serializers import (
    AnnouncementSerializer,
    ChallengeSerializer,
    ImageSerializer,
    JoinSerializer,
    LabelSerializer,
    ParticipationSerializer,
    QuotaSerializer,
)
from cats4ml.api.views.base import ApiView, EditionView
from cats4ml.catalog.hiding import shown
from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.announcements import live_announcements
from cats4ml.challenges.consents import Confirmed
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.models import Challenge, Participation, PoolImage, Role, TargetLabel
from cats4ml.challenges.queries import target_labels, visible_challenges
from cats4ml.submissions.queries import quota_for


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.filter(challenge=OuterRef("pk")).order_by().values("challenge").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def shown_challenges(request: Request) -> QuerySet[Challenge]:
    """The editions that this person may see, with their counts."""
    return (
        visible_challenges(request.user)
        .select_related("policy")
        .annotate(label_count=_count(TargetLabel.objects.all()), picture_count=_count(shown(PoolImage.objects.all())))
    )


class ChallengeList(ApiView):
    @extend_schema(responses={200: ChallengeSerializer(many=True), 400: READS[400]})
    def get(self, request: Request) -> Response:
        """Every challenge, newest first. Drafts are shown to their organisers."""
        return self.paged(ChallengeSerializer(self.page_of(shown_challenges(request)), many=True))


class ChallengeDetail(ApiView):
    @extend_schema(responses={200: ChallengeSerializer, 404: READS[404]})
    def get(self, request: Request, slug: str) -> Response:
        """One challenge: dates, status, the policy in force, the consent to give."""
        challenge = shown_challenges(request).filter(slug=slug).first()
        if challenge is None:
            raise Http404(_("There is no such challenge."))
        return Response(ChallengeSerializer(challenge).data)


class AnnouncementList(EditionView):
    @extend_schema(responses={200: AnnouncementSerializer(many=True), **READS})
    def get(self, request: Request, slug: str) -> Response:
        """What the organisers announced, newest first; what they took down is left out."""
        rows = live_announcements(self.challenge)
        return self.paged(AnnouncementSerializer(self.page_of(rows), many=True))


class LabelList(EditionView):
    pagination_class = ByPosition

    @extend_schema(responses={200: LabelSerializer(many=True), **READS})
    def get(self, request: Request, slug: str) -> Response:
        """The target labels."""
        return self.paged(LabelSerializer(self.page_of(target_labels(self.challenge)), many=True))


class ImageList(EditionView):
    pagination_class = OldestFirst

    @extend_schema(parameters=[ImageFilters], responses={200: ImageSerializer(many=True), **READS})
    def get(self, request: Request, slug: str) -> Response:
        """The target images, with what is known of their authors and licences."""
        asked = read_filters(ImageFilters, request)
        pool = shown_pool(self.challenge).select_related("image")
        if "image_id" in asked:
            pool = pool.filter(image_key=asked["image_id"])
        page = self.page_of(pool)
        for one in page:
            address = reverse("pages:picture", args=[one.image.uuid]) if one.image.file else ""
            one.picture_url = request.build_absolute_uri(address) if address else None
        return self.paged(ImageSerializer(page, many=True))


class QuotaDetail(EditionView):
    scope = TokenScope.SUBMIT

    @extend_schema(responses={200: QuotaSerializer, **OWN})
    def get(self, request: Request, slug: str) -> Response:
        """How many claims you have left."""
        return Response(QuotaSerializer(quota_for(self.finder)).data)


class ParticipationList(EditionView):
    permission_classes = [IsAuthenticated]
    pagination_class = OldestFirst

    @extend_schema(responses={200: ParticipationSerializer(many=True), **OWN})
    def get(self, request: Request, slug: str) -> Response:
        """Your own parts in this challenge."""
        assert isinstance(request.user, User)
        own = Participation.objects.filter(challenge=self.challenge, user=request.user).select_related(
            "team", "challenge"
        )
        return self.paged(ParticipationSerializer(self.page_of(own), many=True))

    @extend_schema(
        request=JoinSerializer, responses={200: ParticipationSerializer, 201: ParticipationSerializer, **WRITES}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Join, as a finder (scope `submit`) or a rater (scope `rate`), and agree to the consent text.

        201 when you have joined, 200 where you had before. Whoever left, or agreed to another text than is in force,
        agrees anew by it.
        """
        assert isinstance(request.user, User)
        asked = JoinSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        role = Role(asked.validated_data["role"])
        require_scope(request, TokenScope.SUBMIT if role == Role.FINDER else TokenScope.RATE)
        if self.challenge.policy is None:
            raise PermissionDenied(_("This draft has no policy yet, so that nobody can join it."))
        had = self.viewer.finder if role == Role.FINDER else self.viewer.rater
        part = join_challenge(
            challenge=self.challenge,
            user=request.user,
            role=role,
            consent_version=asked.validated_data["consent_version"],
            at=timezone.now(),
            team=_team(asked.validated_data.get("team")),
            confirmed=Confirmed(
                old_enough=asked.validated_data["old_enough"], eligible=asked.validated_data["eligible"]
            ),
        )
        return Response(ParticipationSerializer(part).data, status=200 if had else 201)


def _team(name: str | None) -> Team | None:
    if name is None:
        return None
    team = Team.objects.filter(name=name).first()
    if team is None:
        raise ValidationError({"team": [_("There is no team of this name.")]})
    return team
