"""The finder's workshop: a gallery with filters, pictures like another one, and one picture large."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from cats4ml.catalog.hiding import was_taken_down
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge, PoolImage
from cats4ml.challenges.neighbours import NotIndexed, Seen, neighbours, seen_by_roster
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.pages.explore_queries import (
    ANNOTATIONS,
    NONE,
    PICTURES_A_PAGE,
    UNASKED,
    Filters,
    Shown,
    annotations_of,
    filtered,
    page_asked_for,
    page_of_ids,
    read_filters,
    says_nothing,
    shown,
)
from cats4ml.submissions.finder_head import finder_head
from cats4ml.submissions.label_options import label_options
from cats4ml.ui.navigation import url_or_empty
from cats4ml.ui.paging import whole_number

# Further away than this, "like" means nothing any more.
MOST_LIKE = 480
IN_THE_STRIP = 12
NO_EMBEDDING = gettext_lazy(
    "Pictures like this one can’t be shown yet: it hasn’t been prepared for that. The organisers of this challenge do "
    "it; there is nothing that you can do."
)
NO_INDEX = gettext_lazy(
    "Pictures like this one can’t be shown yet: the pool is large and is still being prepared for that. It is done "
    "without you; come back in an hour."
)


def explore_context(request: HttpRequest, edition: Challenge, viewer: Viewer, **more: Any) -> dict[str, Any]:
    """What every page with pictures has: the filters that are asked for, the labels, and how full the basket is."""
    labels = list(target_labels(edition))
    filters = read_filters(request.GET, labels)
    return page_context(
        edition,
        viewer,
        "explore",
        labels=labels,
        filters=filters,
        label_options=label_options(labels, filters.label.label.key if filters.label else ""),
        annotations=ANNOTATIONS.items(),
        # The page of the search by meaning, where the edition has a joint text-image card.
        meaning_url=url_or_empty("pages:meaning", edition.slug) if edition.joint_classifier_id else "",
        here=request.get_full_path(),
        **finder_head(viewer.finder),
        **more,
    )


@require_safe
def explore(request: HttpRequest, slug: str) -> HttpResponse:
    edition, viewer = challenge_and_viewer(request, slug)
    context = explore_context(request, edition, viewer)
    filters: Filters = context["filters"]
    if request.GET.get("by") == "meaning" and context["meaning_url"] and filters.words:
        return redirect(f"{context['meaning_url']}?{urlencode({'q': filters.words})}")
    after, before = page_asked_for(request.GET)
    page = page_of_ids(filtered(edition, filters, viewer.finder), after=after, before=before, size=PICTURES_A_PAGE)
    context |= {
        "page": page,
        "rows": shown(edition, page.ids, viewer.finder),
        "previous": _page(filters, "before", page.previous),
        "next": _page(filters, "after", page.following),
        "empty": _why_empty(filters) if not page.ids else None,
    }
    return render(request, "pages/explore.html", context)


def _page(filters: Filters, name: str, key: int | None) -> str:
    return "" if key is None else f"?{filters.query}{'&' if filters.query else ''}{name}={key}"


def _why_empty(filters: Filters) -> dict[str, str]:
    """What an empty gallery says, and the one next step."""
    everything = {"href": "?", "label": _("Show all pictures")}
    if filters.words and says_nothing(filters.words):
        return {
            "text": _("Words that are in every sentence aren’t searched for. Try another."),
            **everything,
        }
    if filters.label is not None and filters.annotation not in (UNASKED, NONE) and len(filters.chips) == 1:
        text = _("The annotations of no picture here say this of “%(label)s”.") % {"label": filters.label.label.name}
        href = f"?{Filters(label=filters.label, annotation=NONE).query}"
        return {"text": text, "href": href, "label": _("Show pictures that aren’t annotated")}
    if not filters.chips:
        return {"text": _("There are no more pictures in the pool."), **everything}
    return {"text": _("No picture fits all of this. Take a filter away."), **everything}


def _in_pool(edition: Challenge, image_uuid: uuid.UUID) -> PoolImage | None:
    """A target image; None for one that was taken down."""
    found = shown_pool(edition).filter(image__uuid=image_uuid).select_related("image").first()
    if found is None and not was_taken_down(image_uuid):
        raise Http404(_("This picture is not in the pool."))
    return found


def _gone(request: HttpRequest, edition: Challenge, viewer: Viewer) -> HttpResponse:
    return render(request, "pages/explore_gone.html", page_context(edition, viewer, "explore"), status=410)


@require_safe
def like(request: HttpRequest, slug: str, image_uuid: uuid.UUID) -> HttpResponse:
    """The pictures nearest to one, nearest first; filters narrow them as in the gallery."""
    edition, viewer = challenge_and_viewer(request, slug)
    target = _in_pool(edition, image_uuid)
    if target is None:
        return _gone(request, edition, viewer)
    context = explore_context(request, edition, viewer, target=target)
    filters: Filters = context["filters"]
    start = min(whole_number(request.GET.get("from")) or 0, MOST_LIKE - PICTURES_A_PAGE)
    pool = filtered(edition, filters, viewer.finder)
    ids, refusal = _nearest(edition, target, pool, limit=PICTURES_A_PAGE + 1, offset=start)
    following = start + PICTURES_A_PAGE
    later = len(ids) > PICTURES_A_PAGE and following < MOST_LIKE
    context |= {
        "rows": _marked(shown(edition, ids[:PICTURES_A_PAGE], viewer.finder), target),
        "refusal": refusal,
        "previous": _page(filters, "from", max(0, start - PICTURES_A_PAGE)) if start else "",
        "next": _page(filters, "from", following) if later else "",
    }
    return render(request, "pages/explore_like.html", context)


def _nearest(
    edition: Challenge, target: PoolImage, pool: QuerySet[PoolImage], *, limit: int, offset: int = 0
) -> tuple[list[int], str]:
    """Ids of the pictures nearest to `target` among `pool` without itself, or why there are none."""
    seen: Seen | None = seen_by_roster(edition, target.image_id)
    if seen is None:
        return [], str(NO_EMBEDDING)
    others = pool.exclude(image=target.image_id)
    try:
        found = neighbours(
            edition, classifier_id=seen.classifier, vector=seen.vector, limit=limit, offset=offset, among=others
        )
    except NotIndexed:
        return [], str(NO_INDEX)
    return [one.image for one in found], ""


def _marked(rows: list[Shown], target: PoolImage) -> list[Shown]:
    for one in rows:
        one.near_copy = target.copy_group is not None and one.copy_group == target.copy_group
    return rows


@require_safe
def picture(request: HttpRequest, slug: str, image_uuid: uuid.UUID) -> HttpResponse:
    """One picture large, with what the collection says of it, its author, and pictures like it."""
    edition, viewer = challenge_and_viewer(request, slug)
    target = _in_pool(edition, image_uuid)
    if target is None:
        return _gone(request, edition, viewer)
    context = explore_context(request, edition, viewer, target=target)
    ids, refusal = _nearest(edition, target, shown_pool(edition), limit=IN_THE_STRIP)
    [one] = shown(edition, [target.image_id], viewer.finder)
    context |= {
        "one": one,
        "said": annotations_of(target.image, context["labels"]),
        "rows": _marked(shown(edition, ids, viewer.finder), target),
        "refusal": refusal,
    }
    return render(request, "pages/explore_picture.html", context)
