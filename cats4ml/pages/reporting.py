"""“Report this picture”: for everybody who may see it, with or without an account."""

from __future__ import annotations

import uuid

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cats4ml.accounts.models import User
from cats4ml.addresses import client_address
from cats4ml.catalog.complaints import MOST_NOTE, ComplaintRefused
from cats4ml.catalog.hiding import was_taken_down
from cats4ml.catalog.models import ComplaintKind, Image
from cats4ml.challenges.complaints import report_to_organisers
from cats4ml.challenges.hiding import editions_with
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import visible_challenges


class ReportForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What is wrong with it?"),
        choices=ComplaintKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what is wrong with it.")},
    )
    note = forms.CharField(
        label=_("What the organisers should know"),
        required=False,
        max_length=MOST_NOTE,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("If it shows you, say where. If you hold the rights, say how you can show it."),
    )
    contact = forms.EmailField(
        label=_("Your mail address"),
        required=False,
        max_length=254,
        help_text=_(
            "Only if you want an answer. Only organisers read it, and it is deleted three months after they are done."
        ),
    )
    # People don't see this one. Programs that fill in every field do, and are refused: a browser that filled it in for
    # somebody must not lose their report.
    website = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report_picture(request: HttpRequest, image_uuid: uuid.UUID) -> HttpResponse:
    image = Image.objects.filter(uuid=image_uuid, hidden_at=None).first()
    if image is None:
        if was_taken_down(image_uuid):
            return render(request, "pages/report_picture.html", {"gone": True}, status=410)
        raise Http404(str(_("There is no such picture.")))
    edition = _edition_of(request, image)
    user = request.user if isinstance(request.user, User) else None
    context = {"challenge": None, "image": image, "edition": edition, "signed_in": user is not None}
    if request.method != "POST":
        return render(
            request, "pages/report_picture.html", {**context, "form": ReportForm(), "done": "done" in request.GET}
        )
    form = ReportForm(request.POST)
    if form.is_valid() and _sent(request, form, image, user):
        return redirect(f"{reverse('pages:report_picture', args=[image_uuid])}?done=1")
    return render(request, "pages/report_picture.html", {**context, "form": form}, status=422)


def _sent(request: HttpRequest, form: ReportForm, image: Image, user: User | None) -> bool:
    """Whether the report was taken."""
    data = form.cleaned_data
    if data["website"]:
        said = gettext("The field “Leave this empty” was filled in. Empty it, and send the report again.")
        form.add_error(None, said)
        return False
    try:
        report_to_organisers(
            image=image,
            kind=ComplaintKind(data["kind"]),
            note=data["note"],
            contact=data["contact"],
            by=user,
            sender=f"user-{user.pk}" if user is not None else f"address-{client_address(request)}",
            at=timezone.now(),
        )
    except ComplaintRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _edition_of(request: HttpRequest, image: Image) -> Challenge:
    """The newest edition with the picture that who asks may see."""
    found = visible_challenges(request.user).filter(pk__in=editions_with(image).values("pk")).first()
    if found is None:
        raise Http404(str(_("There is no such picture.")))
    return found
