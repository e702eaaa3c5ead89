"""Which kinds of sensitive pictures a finder will see, wherever pictures are shown."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cats4ml.addresses import path_within
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.review.actions.sensitive import choose_kinds
from cats4ml.review.sensitive import kinds_to_choose


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def kinds(request: HttpRequest, slug: str) -> HttpResponse:
    challenge, viewer = challenge_and_viewer(request, slug)
    part = viewer.finder
    if part is None and viewer.is_rater:
        # Raters have a page for it of their own, which guests may send too.
        return redirect(f"{reverse('review:review', args=[slug])}?kinds=1")
    if part is None:
        messages.info(request, _("Join the challenge first: then you can choose which pictures you will see."))
        return redirect("pages:join", slug=slug)
    back = _back(request, slug)
    if request.method == "POST":
        choose_kinds(part=part, kinds=request.POST.getlist("kind"), at=timezone.now())
        messages.success(request, _("Your choice is kept."))
        return redirect(back)
    context = page_context(challenge, viewer, "explore", kinds=kinds_to_choose(part), back=back)
    return render(request, "pages/kinds.html", context)


def _back(request: HttpRequest, slug: str) -> str:
    """The page that they came from, if that is one of ours; else the pictures."""
    sent = request.POST if request.method == "POST" else request.GET
    return path_within(sent.get("next", "")) or reverse("pages:explore", args=[slug])
