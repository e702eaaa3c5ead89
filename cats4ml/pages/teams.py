"""One's teams: making and leading one, being asked into one, leaving."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import Team, TeamInvitation, User
from cats4ml.accounts.secrets_kept import decrypt, encrypt
from cats4ml.challenges import teams
from cats4ml.challenges.models import ChallengeStatus, Participation, Role
from cats4ml.challenges.teams import TeamRefused
from cats4ml.leaderboard.actions import rename_team_lines
from cats4ml.ui.paging import whole_number

NEW_LINK = "new_team_link"


class NameForm(forms.Form):
    name = forms.CharField(
        max_length=teams.MOST_NAME,
        label=gettext_lazy("Name of the team"),
        help_text=gettext_lazy("It stands on the board in place of yours."),
    )


class InviteForm(forms.Form):
    username = forms.CharField(
        max_length=150,
        label=gettext_lazy("User name"),
        help_text=gettext_lazy("They are told, and come in when they say yes."),
    )


class LinkForm(forms.Form):
    places = forms.IntegerField(
        min_value=1, max_value=teams.MOST_PLACES, initial=1, label=gettext_lazy("For how many people")
    )


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "these pages are behind a sign-in"
    return request.user


def _mine(request: HttpRequest, pk: int) -> Team:
    """A team that this person is in; 404 for any other, so that nobody learns which there are."""
    own = Team.objects.filter(memberships__user=_me(request), memberships__left_at=None)
    return get_object_or_404(own.select_related("captain").distinct(), pk=pk)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_teams(request: HttpRequest) -> HttpResponse:
    me, at = _me(request), timezone.now()
    form = NameForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = teams.make_team(name=form.cleaned_data["name"], by=me, at=at)
        except TeamRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            return redirect("pages:team", pk=made.pk)
    context = {
        "form": form,
        "teams": Team.objects.filter(memberships__user=me, memberships__left_at=None)
        .select_related("captain")
        .order_by("name"),
        "invitations": teams.invitations_to(me, at),
    }
    return render(request, "pages/teams.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_safe
def team(request: HttpRequest, pk: int) -> HttpResponse:
    one = _mine(request, pk)
    return _team_page(request, one, link=_new_link(request, one))


def _team_page(
    request: HttpRequest,
    one: Team,
    *,
    invite_form: InviteForm | None = None,
    link_form: LinkForm | None = None,
    name_form: NameForm | None = None,
    link: str = "",
) -> HttpResponse:
    at, me = timezone.now(), _me(request)
    leads = one.captain_id == me.pk
    own = Participation.objects.filter(user=me, role=Role.FINDER, left_at=None).select_related("challenge", "team")
    context = {
        "team": one,
        "leads": leads,
        "members": teams.members_of(one),
        "invitations": teams.open_invitations(one, at) if leads else [],
        "fixed": teams.fixed_in(one, at),
        "parts": [
            (part, part.challenge.fixes_teams(at)) for part in own.exclude(challenge__status=ChallengeStatus.FINAL)
        ],
        "invite_form": invite_form or InviteForm(),
        "link_form": link_form or LinkForm(),
        "name_form": name_form or NameForm(initial={"name": one.name}),
        "link": link,
    }
    errors = any(form is not None and form.errors for form in (invite_form, link_form, name_form))
    return render(request, "pages/team.html", context, status=422 if errors else 200)


@login_required
@never_cache
@require_POST
def team_rename(request: HttpRequest, pk: int) -> HttpResponse:
    one, form = _mine(request, pk), NameForm(request.POST)
    if form.is_valid():
        try:
            with transaction.atomic():
                renamed = teams.rename_team(
                    team=one, name=form.cleaned_data["name"], by=_me(request), at=timezone.now()
                )
                rename_team_lines(team=renamed)
        except TeamRefused as refusal:
            form.add_error("name", str(refusal))
        else:
            return redirect("pages:team", pk=pk)
    return _team_page(request, one, name_form=form)


@login_required
@never_cache
@require_POST
def team_invite(request: HttpRequest, pk: int) -> HttpResponse:
    one, form = _mine(request, pk), InviteForm(request.POST)
    if form.is_valid():
        try:
            name = form.cleaned_data["username"]
            teams.invite(team=one, username=name, by=_me(request), at=timezone.now())
        except TeamRefused as refusal:
            form.add_error("username", str(refusal))
        else:
            messages.success(request, _("%(name)s is asked and was told.") % {"name": name})
            return redirect("pages:team", pk=pk)
    return _team_page(request, one, invite_form=form)


@login_required
@never_cache
@require_POST
def team_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link, and lead to the page that shows it once: whoever loads that page again makes no second one."""
    one, form = _mine(request, pk), LinkForm(request.POST)
    if form.is_valid():
        try:
            places = form.cleaned_data["places"]
            _row, token = teams.make_link(team=one, places=places, by=_me(request), at=timezone.now())
        except TeamRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            request.session[NEW_LINK] = {"team": pk, "token": encrypt(token)}
            return redirect("pages:team", pk=pk)
    return _team_page(request, one, link_form=form)


def _new_link(request: HttpRequest, one: Team) -> str:
    """The link that was made a moment ago, where it was not shown yet. Only its digest is kept for good."""
    kept = request.session.get(NEW_LINK)
    if not kept or kept["team"] != one.pk or request.method != "GET":
        return ""
    del request.session[NEW_LINK]
    path = reverse("pages:team_come_in", args=[decrypt(kept["token"])])
    return settings.SITE_URL + path if settings.SITE_URL else request.build_absolute_uri(path)


def _posted(request: HttpRequest, act: Callable[[], object], said: str, to: str, *args: int) -> HttpResponse:
    """Do one thing, say so or why not, and go on."""
    try:
        act()
    except TeamRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect(to, *args)


@login_required
@require_POST
def team_revoke(request: HttpRequest, pk: int, invitation: int) -> HttpResponse:
    one = get_object_or_404(TeamInvitation.objects.select_related("team"), pk=invitation, team=_mine(request, pk))
    act = partial(teams.revoke, invitation=one, by=_me(request), at=timezone.now())
    return _posted(request, act, _("The invitation doesn’t work any more."), "pages:team", pk)


@login_required
@require_POST
def team_leave(request: HttpRequest, pk: int) -> HttpResponse:
    one = _mine(request, pk)
    act = partial(teams.leave, team=one, user=_me(request), at=timezone.now())
    return _posted(request, act, _("You are out of “%(team)s”.") % {"team": one.name}, "pages:teams")


@login_required
@require_POST
def team_remove(request: HttpRequest, pk: int, user: int) -> HttpResponse:
    one = _mine(request, pk)
    act = partial(teams.remove_member, team=one, user_id=user, by=_me(request), at=timezone.now())
    return _posted(request, act, _("They are out of the team and were told."), "pages:team", pk)


@login_required
@require_POST
def team_hand_on(request: HttpRequest, pk: int, user: int) -> HttpResponse:
    one = _mine(request, pk)
    act = partial(teams.hand_on, team=one, user_id=user, by=_me(request), at=timezone.now())
    return _posted(request, act, _("They are the captain now and were told."), "pages:team", pk)


@login_required
@require_POST
def team_part(request: HttpRequest, pk: int) -> HttpResponse:
    """Take part in an edition with this team, or alone again."""
    one = _mine(request, pk)
    wanted = whole_number(request.POST.get("part"))
    part = get_object_or_404(Participation, pk=wanted, user=_me(request), role=Role.FINDER)
    with_it = request.POST.get("with") == "yes"
    act = partial(teams.take_part_with, team=one if with_it else None, participation=part, at=timezone.now())
    said = _("You take part with the team now.") if with_it else _("You take part alone now.")
    return _posted(request, act, said, "pages:team", pk)


@login_required
@require_POST
def invitation_answer(request: HttpRequest, invitation: int) -> HttpResponse:
    me, at = _me(request), timezone.now()
    one = get_object_or_404(TeamInvitation.objects.select_related("team"), pk=invitation, user=me)
    act: Callable[[], object]
    if request.POST.get("answer") == "yes":
        act = partial(teams.accept, invitation=one, user=me, at=at)
        said = _("You are in “%(team)s”.") % {"team": one.team.name}
    else:
        act = partial(teams.decline, invitation=one, user=me, at=at)
        said = _("You said no to “%(team)s”.") % {"team": one.team.name}
    return _posted(request, act, said, "pages:teams")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def come_in(request: HttpRequest, token: str) -> HttpResponse:
    """What a link leads to: whose team it is, and one button."""
    one = teams.find_link(token=token, at=timezone.now())
    if one is None:
        raise Http404(_("This link doesn’t work any more. Ask the team for another one."))
    if request.method == "POST":
        try:
            teams.accept(invitation=one, user=_me(request), at=timezone.now())
        except TeamRefused as refusal:
            messages.error(request, str(refusal))
            return redirect("pages:teams")
        messages.success(request, _("You are in “%(team)s”.") % {"team": one.team.name})
        return redirect("pages:team", pk=one.team_id)
    return render(request, "pages/team_come_in.html", {"invitation": one, "team": one.team})
