from typing import ClassVar

from django.contrib import admin

from cats4ml.challenges.models import Challenge, Participation, PolicyVersion, RosterVersion, TargetLabel
from cats4ml.ui.admin import ReadOnlyAdmin


class TargetLabelInline(admin.TabularInline):
    model = TargetLabel
    raw_id_fields = ("label",)
    extra = 0
    can_delete = False


@admin.register(Challenge)
class ChallengeAdmin(admin.ModelAdmin):
    list_display = ("title", "slug", "status", "opens_at", "closes_at")
    readonly_fields = ("policy", "roster", "split_seed", "is_demo", "created_at")
    inlines: ClassVar = [TargetLabelInline]

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        """An edition and its ledger are a record."""
        return False


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    list_display = ("challenge", "version", "created_at", "created_by")
    list_select_related = ("challenge", "created_by")


@admin.register(RosterVersion)
class RosterVersionAdmin(ReadOnlyAdmin):
    list_display = ("challenge", "version", "created_at", "created_by")
    list_select_related = ("challenge", "created_by")


@admin.register(Participation)
class ParticipationAdmin(ReadOnlyAdmin):
    list_display = ("user", "challenge", "role", "team", "consented_at", "disqualified_at")
    list_filter = ("challenge", "role")
    list_select_related = ("user", "challenge", "team")
    search_fields = ("user__username",)
