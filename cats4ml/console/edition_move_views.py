"""Moving an edition on: what a move means, and making it."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cats4ml.challenges.edition_moves import MOVES, Move, missing_to_open, move_edition, moves_from, unknown_labels
from cats4ml.challenges.editions import EditionRefused
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.edition_forms import MoveForm, sentence
from cats4ml.console.edition_pages import me, step_page
from cats4ml.console.edition_steps import happenings
from cats4ml.console.views import for_organisers
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Pair
from cats4ml.ui.words import STATES, inside

UNSETTLED = (PairState.QUEUED, PairState.IN_REVIEW, PairState.UNSCORABLE)
PAIRS_SHOWN = 50


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, challenge: Challenge, viewer: Viewer, name: str) -> HttpResponse:
    asked = MOVES.get(name)
    if asked is None:
        raise Http404(_("An edition has no such move."))
    unknown = unknown_labels(challenge) if asked.name == "open" else []
    form = MoveForm(request.POST or None, move=asked, slug=challenge.slug, unknown=bool(unknown))
    if request.method == "POST" and form.is_valid() and _made(request, challenge, asked, form):
        return redirect("console:edition", slug=challenge.slug)
    at = timezone.now()
    return step_page(
        request,
        challenge,
        viewer,
        "edition_move",
        form,
        form=form,
        move=asked,
        possible=challenge.status in asked.sources,
        others=moves_from(challenge.status),
        missing=missing_to_open(challenge, at) if asked.name == "open" else [],
        unknown=unknown,
        happenings=happenings(challenge, at),
        **(_unsettled(challenge) if asked.name == "finish" else {}),
    )


def _made(request: HttpRequest, challenge: Challenge, asked: Move, form: MoveForm) -> bool:
    sent = form.cleaned_data
    try:
        moved = move_edition(
            challenge=challenge,
            move=asked,
            reason=sent.get("reason", ""),
            typed_slug=sent.get("typed_slug", ""),
            despite_unknown_labels=sent.get("despite_unknown_labels", False),
            by=me(request),
            at=timezone.now(),
        )
    except EditionRefused as refusal:
        form.add_error(None, sentence(refusal))
        return False
    now = inside(challenge.get_status_display())
    messages.success(
        request,
        _("The challenge is “%(now)s” now.") % {"now": now}
        if moved
        else _("The challenge was “%(now)s” already.") % {"now": now},
    )
    return True


def _unsettled(challenge: Challenge) -> dict[str, object]:
    """The pairs that would stay without an outcome: how many in each state, and the first of them."""
    rows = Pair.objects.filter(challenge=challenge, state__in=[state.value for state in UNSETTLED])
    counts = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    return {
        "unsettled": rows.select_related("image", "label").order_by("pk")[:PAIRS_SHOWN],
        "unsettled_counts": [
            (STATES[state.value], counts[state.value], state.value) for state in UNSETTLED if state.value in counts
        ],
        "unsettled_total": sum(counts.values()),
    }
