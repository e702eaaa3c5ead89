from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from cats4ml.review.models import PictureReport, Rating
from cats4ml.ui.admin import ReadOnlyAdmin


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ("id", "pair", "rater", "answer", "state", "seconds", "created_at")
    list_filter = ("pair__challenge", "state", "answer")
    list_select_related = ("pair", "rater__user", "rater__challenge")


@admin.register(PictureReport)
class PictureReportAdmin(ReadOnlyAdmin):
    list_display = ("id", "pair", "kind", "note", "rater", "created_at", "resolved_at")
    list_filter = ("kind", ("resolved_at", admin.EmptyFieldListFilter))
    list_select_related = ("pair", "rater__user", "rater__challenge")
    actions = ("resolve",)

    @admin.action(description="Mark as dealt with")
    def resolve(self, request: HttpRequest, queryset: QuerySet[PictureReport]) -> None:
        queryset.filter(resolved_at=None).update(resolved_at=timezone.now())
