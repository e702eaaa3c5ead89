"""The organiser's page of releases: freeze a new one, publish it, free its held-out part, try again, delete."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.release_pages import next_release, release_lines
from cats4ml.console.views import for_organisers
from cats4ml.releases import actions
from cats4ml.releases.actions import ReleaseRefused, request_release
from cats4ml.releases.models import Release


class ReleaseForm(forms.Form):
    version = forms.CharField(
        label=gettext_lazy("Version"),
        max_length=32,
        help_text=gettext_lazy(
            "It stands in every address and citation: letters, digits, dots, hyphens and underscores."
        ),
        error_messages={
            "required": gettext_lazy("Give the release a version."),
            "max_length": gettext_lazy("Keep it to 32 characters."),
        },
    )
    notes = forms.CharField(
        label=gettext_lazy("Notes"),
        required=False,
        max_length=actions.MOST_NOTES,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What whoever uses it should know. It stands in the changelog."),
    )


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def releases(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    if request.method == "POST":
        form = ReleaseForm(request.POST)
        if form.is_valid() and _freeze(request, challenge, form):
            return redirect("console:releases", slug=challenge.slug)
    else:
        form = ReleaseForm()
    lines = release_lines(challenge)
    context = page_context(
        challenge, viewer, "console", lines=lines, form=form, moving=any(line.moving for line in lines)
    )
    if request.htmx and request.method != "POST":  # type: ignore[attr-defined]
        return render(request, "console/_releases.html", context)
    coming = next_release(challenge)
    if not form.is_bound:
        form.initial = {"version": coming.version}
    context["coming"] = coming
    return render(request, "console/releases.html", context, status=422 if form.errors else 200)


def _freeze(request: HttpRequest, challenge: Challenge, form: ReleaseForm) -> bool:
    try:
        release = request_release(challenge=challenge, by=_person(request), at=timezone.now(), **form.cleaned_data)
    except ReleaseRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(
        request, _("Release %(version)s is being made. Nobody but organisers sees it.") % {"version": release.version}
    )
    return True


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "organisers are signed in"
    return request.user


def _act(request: HttpRequest, challenge: Challenge, pk: int, act: Callable[..., object], done: str) -> HttpResponse:
    release = get_object_or_404(Release, challenge=challenge, pk=pk)
    try:
        act(release=release, by=_person(request), at=timezone.now())
    except ReleaseRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done % {"version": release.version})
    return redirect("console:releases", slug=challenge.slug)


@for_organisers
@require_POST
def release_publish(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    return _act(request, challenge, pk, actions.publish, _("Release %(version)s is published."))


@for_organisers
@require_POST
def release_free(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """Asks for the version, typed: the held-out answers can't be called back."""
    release = get_object_or_404(Release, challenge=challenge, pk=pk)
    if request.POST.get("version", "").strip() != release.version:
        messages.error(
            request,
            _("Nothing was freed: type the version, %(version)s, to say that you mean it.")
            % {"version": release.version},
        )
        return redirect("console:releases", slug=challenge.slug)
    return _act(
        request, challenge, pk, actions.free_heldout, _("The held-out part of release %(version)s is everybody’s.")
    )


@for_organisers
@require_POST
def release_retry(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    return _act(request, challenge, pk, actions.retry_release, _("Release %(version)s is being made again."))


@for_organisers
@require_POST
def release_delete(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    return _act(request, challenge, pk, actions.delete_release, _("Release %(version)s is deleted."))
