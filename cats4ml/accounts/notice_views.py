"""What somebody was told, and the link in a mail that stops it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import Notice, User
from cats4ml.accounts.notice_mails import reader_of_link
from cats4ml.accounts.notice_words import shown
from cats4ml.accounts.notices import mark_read, stop_mails
from cats4ml.addresses import path_within
from cats4ml.ui.paging import keyset_page

NOTICES_A_PAGE = 30


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "these pages are behind a sign-in"
    return request.user


@login_required
@never_cache
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    page = keyset_page(request, Notice.objects.filter(user=_me(request), on_site=True), size=NOTICES_A_PAGE)
    return render(
        request, "accounts/notices.html", {"page": page, "notices": [(one, *shown(one)) for one in page.rows]}
    )


@login_required
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark everything that the page showed as read; what came meanwhile stays unread."""
    mark_read(user=_me(request), until=request.POST.get("until", ""), at=timezone.now())
    return redirect("accounts:notices")


@login_required
@require_POST
def notice_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Go where a notice leads, and have it read."""
    one = get_object_or_404(Notice, pk=pk, user=_me(request), on_site=True)
    mark_read(user=one.user, only=one.pk, at=timezone.now())
    return redirect(path_within(one.url) or "accounts:notices")


@csrf_exempt  # the mail server's one click (RFC 8058) brings no cookie; the signed link is what allows it
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notices_stop(request: HttpRequest, link: str) -> HttpResponse:
    """No more mails of one kind, by the link in one of them; whoever holds the mail needs no sign-in."""
    try:
        user, kind = reader_of_link(link)
    except (BadSignature, User.DoesNotExist):
        raise Http404(_("This link is not whole. Copy all of it from the mail.")) from None
    done = request.method == "POST"
    if done:
        stop_mails(user=user, kind=kind)
    return render(request, "accounts/notices_stop.html", {"kind": kind.label, "done": done})
