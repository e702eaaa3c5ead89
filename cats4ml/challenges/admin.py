from django.contrib import admin

from cats4ml.challenges.models import Announcement, Challenge, OrganiserAct, Participation, PolicyVersion, RosterVersion
from cats4ml.ui.admin import ReadOnlyAdmin


@admin.register(Challenge)
class ChallengeAdmin(ReadOnlyAdmin):
    """An edition is made, changed and moved on in the console, which writes down who did it."""

    list_display = ("title", "slug", "status", "opens_at", "closes_at")


@admin.register(OrganiserAct)
class OrganiserActAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "challenge", "kind", "summary", "by")
    list_filter = ("challenge", "kind")
    list_select_related = ("challenge", "by")


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "challenge", "title", "by", "taken_down_at")
    list_select_related = ("challenge", "by")


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
