"""One's own data: the file of all of it, and deleting the account."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cats4ml.accounts.models import OwnData, OwnDataState, User
from cats4ml.pages.erasing import ErasingRefused, erase_account
from cats4ml.pages.own_data_files import KEPT_FOR, order
from cats4ml.pages.own_data_parts import PARTS

# Who has no password has signed in by another site within so long.
LATELY = timedelta(minutes=15)


class EraseForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    username = forms.CharField(label=gettext_lazy("Your user name, to confirm"), max_length=150)

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.user = user
        if not user.has_usable_password():
            # Who signs in by another site has just done so again: the page asks for that.
            del self.fields["password"]

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This is not your password."))
        return password

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if name.strip() != self.user.username:
            raise forms.ValidationError(_("This is not your user name."))
        return name


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "these pages are behind a sign-in"
    return request.user


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_data(request: HttpRequest) -> HttpResponse:
    me = _me(request)
    if request.method == "POST":
        row = order(user=me, at=timezone.now())
        if row.state == OwnDataState.WAITING:
            messages.info(request, _("The file is being put together. You are told when it is ready."))
        return redirect("pages:own_data")
    row_or_none = OwnData.objects.filter(user=me).first()
    context = {"row": row_or_none, "parts": [part.words for part in PARTS], "days": KEPT_FOR.days}
    return render(request, "pages/own_data.html", context)


@login_required
@never_cache
@require_safe
def own_data_file(request: HttpRequest) -> HttpResponseBase:
    row = OwnData.objects.filter(user=_me(request), state=OwnDataState.READY).first()
    if row is None or not default_storage.exists(row.file):
        raise Http404(_("There is no file. Ask for it again."))
    file = default_storage.open(row.file, "rb")
    return FileResponse(file, as_attachment=True, filename="cats4ml-my-data.zip", content_type="application/zip")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponse:
    """Who has a password gives it here; who has none has just signed in by what they have."""
    me, at = _me(request), timezone.now()
    lately = me.last_login is not None and at - me.last_login <= LATELY
    if not me.has_usable_password() and not lately:
        messages.error(request, _("Sign out and in again first: then this page knows that it is you."))
        return redirect("pages:own_data")
    form = EraseForm(request.POST if request.method == "POST" else None, user=me)
    if request.method == "POST" and form.is_valid():
        try:
            erase_account(user=me, at=at)
        except ErasingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            logout(request)
            messages.success(request, _("Your account is deleted."))
            return redirect("pages:home")
    return render(request, "pages/erase.html", {"form": form}, status=422 if form.errors else 200)
