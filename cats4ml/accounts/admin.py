from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from cats4ml.accounts.models import ApiToken, Team, TeamMembership, User
from cats4ml.ui.admin import ReadOnlyAdmin

admin.site.site_header = "CATS4ML"
admin.site.site_title = "CATS4ML"

admin.site.register(User, UserAdmin)


class MembershipInline(admin.TabularInline):
    model = TeamMembership
    autocomplete_fields: ClassVar = ["user"]
    extra = 0


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)
    inlines: ClassVar = [MembershipInline]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "prefix", "user", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    exclude = ("digest",)
