"""In which language and time zone somebody wants to read."""

from __future__ import annotations

from contextlib import nullcontext

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cats4ml.accounts.actions import set_preferences
from cats4ml.accounts.models import User
from cats4ml.addresses import path_within
from cats4ml.ui.languages import is_language, remember
from cats4ml.ui.zones import zone_names


def _languages() -> list[tuple[str, str]]:
    return [("", _("As my browser asks")), *settings.LANGUAGES]


def _zones() -> list[tuple[str, str]]:
    return [("", _("UTC")), *((name, name.replace("_", " ")) for name in zone_names() if name != "UTC")]


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=_languages,
        required=False,
        help_text=gettext_lazy("Of pages and of mails to you."),
        error_messages={"invalid_choice": gettext_lazy("The site doesn’t know this language. Choose one of the list.")},
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=_zones,
        required=False,
        help_text=gettext_lazy("Of the times in mails. Pages show your browser’s own time zone where scripts run."),
        error_messages={
            "invalid_choice": gettext_lazy("The site doesn’t know this time zone. Choose one of the list.")
        },
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    person = request.user
    assert isinstance(person, User)
    form = PreferencesForm(request.POST or None, initial={"language": person.language, "time_zone": person.time_zone})
    if request.method == "POST" and form.is_valid():
        set_preferences(user=person, **form.cleaned_data)
        language = form.cleaned_data["language"]
        with override(language) if language else nullcontext():
            messages.success(request, _("Your choice is kept."))
        response = redirect("accounts:preferences")
        remember(response, language)
        return response
    return render(request, "accounts/preferences.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """The switch on every page: kept in the browser, and with the account of who is signed in. Leads back to it."""
    response = HttpResponseRedirect(path_within(request.POST.get("next", "")) or "/")
    language = request.POST.get("language", "")
    if is_language(language):
        if isinstance(request.user, User):
            set_preferences(user=request.user, language=language)
        remember(response, language)
    return response
