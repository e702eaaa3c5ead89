"""The pool searched by meaning: the pictures that a joint text-image card puts nearest to some words."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cats4ml.challenges.http import challenge_and_viewer
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.neighbours import NotIndexed, neighbours
from cats4ml.pages.explore import explore_context
from cats4ml.pages.explore_queries import PICTURES_A_PAGE, shown
from cats4ml.submissions.meaning import MOST_CHARACTERS, Meaning, State, clean_text, meaning_of

# What lies far down the list has little to do with the words, and each page goes through all before it.
MOST_PAGES = 20


@require_safe
def meaning(request: HttpRequest, slug: str) -> HttpResponse:
    """The pictures nearest to `q`, 48 a page. While a scoring worker works the words out, the page asks again by
    itself, or by a link where there is no JavaScript."""
    edition, viewer = challenge_and_viewer(request, slug)
    if edition.joint_classifier is None:
        raise Http404(_("This challenge has no joint text-image card, so its pictures can’t be searched by meaning."))
    words = clean_text(request.GET.get("q", ""))
    number = _page_number(request.GET.get("page", ""))
    found = None
    if words:
        stranger = not request.user.is_authenticated
        found = meaning_of(challenge=edition, text=words, at=timezone.now(), stranger=stranger)
    state = found.state.value if found else "empty"
    htmx = request.htmx  # type: ignore[attr-defined]
    if htmx and state == State.WAITING:
        return HttpResponse(status=204)  # the page stays as it is, and nothing is read out again
    near: list[int] = []
    if found is not None and found.state is State.FOUND:
        try:
            near = _nearest(edition, found, number)
        except NotIndexed:
            state = "unprepared"
        else:
            state = state if near or number > 1 else "unseen"
    context = explore_context(
        request,
        edition,
        viewer,
        words=words,
        most=MOST_CHARACTERS,
        state=state,
        cut=found.cut if found else False,
        rows=shown(edition, near[:PICTURES_A_PAGE], viewer.finder),
        previous=_address(words, number - 1) if number > 1 else None,
        next=_address(words, number + 1) if len(near) > PICTURES_A_PAGE and number < MOST_PAGES else None,
        again=_address(words, number),
    )
    return render(request, "pages/_meaning.html" if htmx else "pages/meaning.html", context)


def _nearest(challenge: Challenge, found: Meaning, number: int) -> list[int]:
    """Ids of the pictures of a page, nearest first, and one more where there is another page."""
    assert found.vector is not None, "what was found is a vector"
    assert challenge.joint_classifier_id is not None, "the view has looked"
    near = neighbours(
        challenge,
        classifier_id=challenge.joint_classifier_id,
        vector=found.vector,
        limit=PICTURES_A_PAGE + 1,
        offset=PICTURES_A_PAGE * (number - 1),
    )
    return [one.image for one in near]


def _address(words: str, number: int) -> str:
    return "?" + urlencode({"q": words} if number == 1 else {"q": words, "page": number})


def _page_number(text: str) -> int:
    return min(max(int(text), 1), MOST_PAGES) if text.isdecimal() and len(text) < 4 else 1
