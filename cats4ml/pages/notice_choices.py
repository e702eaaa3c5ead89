"""How somebody wants to be told of what: the kinds that concern them, by what they are in any edition."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import choices_of, choose
from cats4ml.challenges.models import Participation, Role

# All other kinds concern everybody.
OF_ROLES: Mapping[NoticeKind, Role] = {
    NoticeKind.PAIRS: Role.FINDER,
    NoticeKind.DISPUTE: Role.FINDER,
    NoticeKind.TAKEDOWN: Role.ORGANISER,
    NoticeKind.STALLED: Role.ORGANISER,
}


def kinds_for(user: User) -> list[NoticeKind]:
    """What somebody can be told about. Who left an edition may still hear of what they did there."""
    roles = {Role(role) for role in Participation.objects.filter(user=user).values_list("role", flat=True)}
    if user.is_superuser:
        roles.add(Role.ORGANISER)
    return [kind for kind in NoticeKind if kind not in OF_ROLES or OF_ROLES[kind] in roles]


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notice_choices(request: HttpRequest) -> HttpResponse:
    """A choice of a kind that the page did not show stays as it is."""
    me = request.user
    assert isinstance(me, User), "the page is behind a sign-in"
    kinds = kinds_for(me)
    if request.method == "POST":
        shown = request.POST.getlist("shown")
        for kind in kinds:
            if kind != NoticeKind.ACCOUNT and kind.value in shown:
                on_site, by_mail = (f"{kind.value}-{way}" in request.POST for way in ("site", "mail"))
                choose(user=me, kind=kind, on_site=on_site, by_mail=by_mail)
        messages.success(request, _("Your choices are saved."))
        return redirect("pages:notice_choices")
    chosen = choices_of(me)
    rows = [(kind, kind.label, *chosen[kind], kind == NoticeKind.ACCOUNT) for kind in kinds]
    context = {"rows": rows, "mail_is_on": bool(me.email)}
    return render(request, "pages/notice_choices.html", context)
