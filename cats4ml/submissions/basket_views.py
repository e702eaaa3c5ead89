"""The basket: putting pictures aside while looking, and claiming them all at once."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from cats4ml.addresses import path_within
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.http import for_role, page_context
from cats4ml.challenges.models import Challenge, Participation, PoolImage, Role
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.submissions.actions.basket import (
    BasketRefused,
    Change,
    change_items,
    clear_basket,
    put_in_basket,
    remove_item,
    submit_basket,
)
from cats4ml.submissions.actions.claims import ClaimRefused, check_may_claim
from cats4ml.submissions.basket_queries import basket_labels, checked_basket
from cats4ml.submissions.label_options import label_options
from cats4ml.submissions.models import BasketItem
from cats4ml.submissions.queries import CheckedRow, quota_for
from cats4ml.ui.paging import whole_number
from cats4ml.ui.words import figure

ITEMS_A_PAGE = 50

INVITATION = gettext_lazy("Join the challenge as a participant to put pictures into a basket.")
for_finders = for_role(Role.FINDER, invitation=INVITATION)
for_claimants = for_role(Role.FINDER, invitation=INVITATION, acts=True)


@for_finders
@require_safe
def basket(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    checked, labels = checked_basket(finder), list(target_labels(challenge))
    # All of it is checked in any case, for the quota goes by the order: so pages by number cost nothing more.
    page = Paginator(checked.lines, ITEMS_A_PAGE).get_page(request.GET.get("page"))
    refusal = ""
    try:
        check_may_claim(finder, timezone.now())
    except ClaimRefused as error:
        refusal = str(error)
    context = page_context(
        challenge,
        viewer,
        "explore",
        basket=checked,
        page=page,
        lines=[(line, label_options(labels, line.item.label.key if line.item.label else "")) for line in page],
        short_list=bool(label_options(labels, "")),
        previous=f"?page={page.previous_page_number()}" if page.has_previous() else "",
        next=f"?page={page.next_page_number()}" if page.has_next() else "",
        labels=labels,
        quota=quota_for(finder),
        refusal=refusal,
        here=request.get_full_path(),
    )
    return render(request, "submissions/basket.html", context)


@for_claimants
@require_POST
def put(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    """Put a picture aside. To htmx the answer is the picture's part of the page, and the basket's count beside it."""
    key = request.POST.get("image_id", "").replace("\x00", "")
    one = get_object_or_404(shown_pool(challenge).select_related("image"), image_key=key)
    refusal = ""
    try:
        put_in_basket(participation=finder, image=one.image, label=request.POST.get("label", ""), at=timezone.now())
    except BasketRefused as error:
        refusal = str(error)
    if not request.htmx:  # type: ignore[attr-defined]
        if refusal:
            messages.error(request, refusal)
        else:
            messages.success(request, _("Picture %(image_key)s is in your basket.") % {"image_key": one.image_key})
        return redirect(_back(request, challenge))
    return _control(request, challenge, viewer, finder, one, refusal)


def _control(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation, one: PoolImage, refusal: str
) -> HttpResponse:
    context = page_context(
        challenge,
        viewer,
        "explore",
        image=one.image,
        key=one.image_key,
        basket_labels=basket_labels(finder, [one.image_id]).get(one.image_id, []),
        label_options=label_options(list(target_labels(challenge)), request.POST.get("label", "")),
        chosen=request.POST.get("label", ""),
        basket_count=BasketItem.objects.filter(participation=finder).count(),
        here=request.POST.get("next", ""),
        refusal=refusal,
        renewed=True,
    )
    return render(request, "submissions/_basket_control.html", context)


def _back(request: HttpRequest, challenge: Challenge) -> str:
    """The page that the form stood on, if that is one of ours."""
    return path_within(request.POST.get("next", "")) or f"/challenges/{challenge.slug}/basket/"


def _changes(request: HttpRequest) -> dict[int, Change]:
    """What the fields `label-ID` and `rationale-ID` of the basket's form say."""
    changes = {}
    for name, value in request.POST.items():
        item = whole_number(name.removeprefix("label-")) if name.startswith("label-") else None
        if item is not None:
            changes[item] = Change(str(value), str(request.POST.get(f"rationale-{item}", "")))
    return changes


@for_finders
@require_POST
def save(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    """Keep the labels and rationales of the page. `remove`: also take the item of this id out."""
    unwanted = whole_number(request.POST.get("remove"))
    changes = {item: change for item, change in _changes(request).items() if item != unwanted}
    try:
        change_items(participation=finder, changes=changes)
    except BasketRefused as refusal:
        messages.error(request, str(refusal))
    if unwanted is not None:
        remove_item(participation=finder, item_id=unwanted)
    return redirect(_back(request, challenge))


@for_finders
@require_POST
def clear(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    clear_basket(participation=finder)
    messages.success(request, _("Your basket is empty."))
    return redirect("submissions:basket", slug=challenge.slug)


@for_claimants
@require_POST
def submit(request: HttpRequest, challenge: Challenge, viewer: Viewer, finder: Participation) -> HttpResponse:
    """Keep the labels and rationales of the page, then claim what has no problem."""
    try:
        checked = submit_basket(participation=finder, changes=_changes(request), at=timezone.now())
    except (BasketRefused, ClaimRefused) as refusal:
        messages.error(request, str(refusal))
        return redirect("submissions:basket", slug=challenge.slug)
    taken = [row for row in checked if row.problem is None]
    messages.success(request, _what_came(taken, len(checked) - len(taken)))
    return redirect("pages:mine" if taken and len(taken) == len(checked) else "submissions:basket", slug=challenge.slug)


def _what_came(taken: list[CheckedRow], left: int) -> str:
    if not taken:
        return (
            _("Nothing was submitted. What is wrong with each picture stands beside it.")
            if left
            else _("It was submitted.")
        )
    later = sum(row.later for row in taken)
    words = ngettext("%(n)s pair submitted.", "%(n)s pairs submitted.", len(taken)) % {"n": figure(len(taken))}
    if later:
        words += " " + _("%(later)s of them somebody claimed before you: they cost you nothing.") % {"later": later}
    if left:
        words += " " + ngettext(
            "%(n)s picture stayed in the basket: the reason stands beside each.",
            "%(n)s pictures stayed in the basket: the reason stands beside each.",
            left,
        ) % {"n": figure(left)}
    return words
