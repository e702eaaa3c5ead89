"""One's own API tokens."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from cats4ml.accounts.account_views import person
from cats4ml.accounts.actions import TokenRefused, create_token, revoke_token
from cats4ml.accounts.addresses import is_verified
from cats4ml.accounts.models import ApiToken, TokenScope


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("What it is for, such as “laptop”."),
        error_messages={"required": gettext_lazy("Give it a name, so that you know it again.")},
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        choices=TokenScope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one thing that it may do.")},
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("It ends after"),
        coerce=int,
        choices=[(30, gettext_lazy("30 days")), (90, gettext_lazy("90 days")), (365, gettext_lazy("a year"))],
        initial=90,
    )


@login_required
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    at, user = timezone.now(), person(request)
    form = TokenForm(request.POST or None)
    key = ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        ends = at + timedelta(days=data["days"])
        try:
            _token, key = create_token(user=user, name=data["name"], scopes=data["scopes"], at=at, expires_at=ends)
            form = TokenForm()
        except TokenRefused as refusal:
            form.add_error("name", str(refusal))
    own = ApiToken.objects.filter(user=user, revoked_at=None).order_by("-created_at")
    for token in own:
        token.words = [TokenScope(scope).label for scope in token.scopes]  # type: ignore[attr-defined]
        token.ended = not token.is_live(at)  # type: ignore[attr-defined]
    status = 422 if form.errors else 200
    context = {"form": form, "key": key, "tokens": own, "verified": is_verified(user)}
    return render(request, "accounts/tokens.html", context, status=status)


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_id, user=request.user.pk)
    revoke_token(user=token.user, token_id=token.pk, at=timezone.now())
    messages.success(request, _("The token “%(name)s” no longer works.") % {"name": token.name})
    return redirect("accounts:tokens")
