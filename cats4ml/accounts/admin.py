from typing import Any, ClassVar

from allauth.mfa import admin as mfa_admin
from allauth.mfa.models import Authenticator
from allauth.socialaccount import admin as socialaccount_admin
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from cats4ml.accounts.models import ApiToken, OutgoingMail, Team, TeamMembership, User
from cats4ml.ui.admin import ReadOnlyAdmin, ReadOnlyInline

admin.site.site_header = "CATS4ML"
admin.site.site_title = "CATS4ML"

admin.site.register(User, UserAdmin)

# allauth's pages would show a second factor's secret, and let providers be set up by the database: their secrets come
# from the environment alone. They are registered as soon as they are imported.
assert mfa_admin
assert socialaccount_admin
admin.site.unregister([Authenticator, SocialApp, SocialToken])


@admin.register(Authenticator)
class SecondFactorAdmin(ReadOnlyAdmin):
    """For who has lost phone and recovery codes: the operator, who knows the person, takes the second factor away."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, User) and request.user.is_superuser


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    """Whether mails arrive, and what the mail server said. Nobody reads what stands in them."""

    list_display = ("created_at", "to", "subject", "state", "attempts", "next_try_at", "ended_at", "error")
    list_filter = ("state",)
    search_fields = ("to",)
    ordering = ("-id",)
    exclude = ("body", "headers")


class MembershipInline(ReadOnlyInline):
    model = TeamMembership


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)
    inlines: ClassVar = [MembershipInline]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "prefix", "user", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    exclude = ("digest",)
