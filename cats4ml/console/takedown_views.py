"""The organiser's pages about one picture: what was reported, what taking it down does, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.catalog.hiding import MAX_REASON, HidingRefused, near_copies_of, takedown_of
from cats4ml.catalog.http import stored_picture
from cats4ml.catalog.models import ComplaintKind, Image, PictureComplaint, SensitiveKind, Takedown
from cats4ml.challenges.hiding import editions_with
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, PoolImage
from cats4ml.challenges.queries import Viewer
from cats4ml.console.takedowns import delete_for_good, rehearse, show_again, take_down
from cats4ml.console.views import for_organisers, organiser_of
from cats4ml.releases.withdrawing import releases_with, replacements_of
from cats4ml.review.models import PictureReport
from cats4ml.submissions.actions.hiding import TAKEN_DOWN
from cats4ml.submissions.models import Pair
from cats4ml.ui.paging import keyset_page

TAKEDOWNS_A_PAGE = 50


class TakedownForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("Why?"),
        choices=ComplaintKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Say why.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("It is kept in the log of every challenge that has the picture. Organisers read it."),
        error_messages={"required": gettext_lazy("Say why: a picture is taken down only with a reason.")},
    )


def _image(challenge: Challenge, pk: int) -> Image:
    """A picture of this edition's pool; 404 for any other."""
    pool = PoolImage.objects.filter(challenge=challenge, image=pk) if pk < 2**63 else PoolImage.objects.none()
    if not pool.exists():
        raise Http404(_("This challenge has no such picture."))
    return Image.objects.get(pk=pk)


@for_organisers
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def picture(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """A picture that is shown, with what was reported of it and what taking it down would do. POST takes it down."""
    image = _image(challenge, pk)
    standing = takedown_of(image)
    if standing is not None:
        return redirect("console:takedown", slug=challenge.slug, pk=standing.pk)
    form = TakedownForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        by, at = organiser_of(request), timezone.now()
        kind, reason = ComplaintKind(form.cleaned_data["kind"]), form.cleaned_data["reason"]
        try:
            done = take_down(image=image, kind=kind, reason=reason, by=by, at=at)
        except HidingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The picture is taken down. Nobody sees it any more, in the whole site."))
            return redirect("console:takedown", slug=challenge.slug, pk=done.pk)
    context = page_context(
        challenge,
        viewer,
        "console",
        image=image,
        form=form,
        complaints=PictureComplaint.objects.filter(image=image)
        .select_related("by", "resolved_by")
        .order_by("-pk")[:50],
        reports=_raters_reports(challenge, image)[:50],
        rehearsal=rehearse(image),
        kinds=[(one, one.value in image.sensitive) for one in SensitiveKind],
    )
    return render(request, "console/picture.html", context, status=422 if form.errors else 200)


def _raters_reports(challenge: Challenge, image: Image) -> Any:
    rows = PictureReport.objects.filter(rater__challenge=challenge).select_related("rater__user", "rater__team")
    return (rows.filter(pair__image=image) | rows.filter(control__image=image)).order_by("-pk")


@for_organisers
@require_safe
def takedowns(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """The pictures of this edition's pool that were taken down, newest first."""
    pool = PoolImage.objects.filter(challenge=challenge).values("image")
    rows = Takedown.objects.filter(image__in=pool).select_related("by", "image")
    page = keyset_page(request, rows, size=TAKEDOWNS_A_PAGE)
    return render(request, "console/takedowns.html", page_context(challenge, viewer, "console", page=page))


def _takedown(challenge: Challenge, pk: int) -> Takedown:
    pool = PoolImage.objects.filter(challenge=challenge).values("image")
    rows = Takedown.objects.filter(image__in=pool).select_related("image", "by", "lifted_by")
    return get_object_or_404(rows, pk=pk)


@for_organisers
@never_cache
@require_safe
def takedown(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """What was taken down and what became of all that hung on it. The picture itself only behind a click."""
    one = _takedown(challenge, pk)
    stands = one.lifted_at is None
    pairs = Pair.objects.filter(image=one.image)
    releases = list(releases_with(one).select_related("challenge"))
    instead = replacements_of(releases)
    context = page_context(
        challenge,
        viewer,
        "console",
        takedown=one,
        stands=stands,
        editions=editions_with(one.image),
        withdrawn=pairs.filter(withdrawn_reason=TAKEN_DOWN).count(),
        settled=pairs.filter(state="settled").count(),
        releases=[(each, instead.get(each.challenge_id)) for each in releases],
        alike=_alike(challenge, one) if stands else [],
    )
    return render(request, "console/takedown.html", context)


def _alike(challenge: Challenge, one: Takedown) -> list[Image]:
    """Pictures of this edition that look like the one that was taken down."""
    found = near_copies_of(one)
    here = set(PoolImage.objects.filter(challenge=challenge, image__in=found).values_list("image_id", flat=True))
    return [image for image in found if image.pk in here]


@for_organisers
@never_cache
@require_safe
def takedown_picture(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponseBase:
    """The picture that was taken down, for who decides about it; kept by no cache."""
    one = _takedown(challenge, pk)
    if one.lifted_at is not None or one.deleted_at is not None:
        raise Http404(_("There is no such picture any more."))
    made = [str(one.kept.get("thumbnail") or ""), str(one.kept.get("upright") or "")]
    return stored_picture(request, file=str(one.kept.get("file") or ""), made=made, caching="no-store")


def _act(
    request: HttpRequest, challenge: Challenge, pk: int, act: Callable[[Takedown], object], said: str
) -> HttpResponse:
    one = _takedown(challenge, pk)
    try:
        act(one)
    except HidingRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect("console:takedown", slug=challenge.slug, pk=pk)


@for_organisers
@require_POST
def takedown_lift(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    by, reason = organiser_of(request), request.POST.get("reason", "")
    said = _("The picture is shown again, and its pairs are put back.")
    return _act(
        request, challenge, pk, lambda one: show_again(takedown=one, reason=reason, by=by, at=timezone.now()), said
    )


@for_organisers
@require_POST
def takedown_delete(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    by = organiser_of(request)
    if request.POST.get("sure") != "yes":
        messages.error(request, _("Tick the box to say that you mean it: what is deleted can’t be brought back."))
        return redirect("console:takedown", slug=challenge.slug, pk=pk)
    said = _("The file is deleted for good. Its digest is kept, so that no import brings it back.")
    return _act(request, challenge, pk, lambda one: delete_for_good(takedown=one, by=by, at=timezone.now()), said)
