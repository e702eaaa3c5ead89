"""The organiser's list of pairs: by label, state, outcome and picture, the newest or the oldest first; and as a CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, PoolImage
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.console.views import for_organisers
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome
from cats4ml.submissions.models import Pair
from cats4ml.submissions.presentation import reason_of
from cats4ml.submissions.queries import first_claims
from cats4ml.ui.paging import keyset_page
from cats4ml.ui.spreadsheets import harmless
from cats4ml.ui.words import STATES

PAIRS_A_PAGE = 50
ROWS_AT_A_TIME = 1_000
COLUMNS = (
    "pair", "image_id", "label_id", "label_name", "state", "state_since", "claimed_at", "scored_at", "settled_at",
    "machine_mean", "yes_ratings", "no_ratings", "dont_know_ratings", "verdict", "outcome", "first_claimed_by",
    "reason",
)  # fmt: skip


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Filters:
    label: str = ""
    state: str = ""
    outcome: str = ""
    image: str = ""
    oldest: bool = False

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        """What of an address makes sense; the rest is left out."""
        state, outcome = query.get("state", ""), query.get("outcome", "")
        return cls(
            label=query.get("label", "").replace("\x00", "").strip()[:200],
            state=state if state in list(PairState) else "",
            outcome=outcome if outcome in list(Outcome) else "",
            image=query.get("image", "").replace("\x00", "").strip()[:80],
            oldest=query.get("order") == "oldest",
        )

    @property
    def query(self) -> str:
        """For the address of the same choice."""
        given = {"label": self.label, "state": self.state, "outcome": self.outcome, "image": self.image}
        given["order"] = "oldest" if self.oldest else ""
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def chosen(self) -> bool:
        return bool(self.label or self.state or self.outcome or self.image)

    def of_edition(self, challenge: Challenge) -> QuerySet[Pair]:
        rows = Pair.objects.filter(challenge=challenge)
        if self.label:
            rows = rows.filter(label__key=self.label)
        if self.state:
            rows = rows.filter(state=self.state)
        if self.outcome:
            rows = rows.filter(outcome=self.outcome)
        if self.image:
            # The pool has an index for the beginnings of ids.
            images = PoolImage.objects.filter(challenge=challenge, image_key__startswith=self.image)
            rows = rows.filter(image__in=images.values("image"))
        return rows.select_related("image", "label", "policy", "challenge__policy")


def _with_claims(pairs: Sequence[Pair]) -> Sequence[Any]:
    """Whose first valid claim each pair is, and why it stands as it does."""
    claims = first_claims(pairs)
    for pair in pairs:
        claim = claims.get(pair.pk)
        pair.submitter = claim.participation.public_name if claim else ""  # type: ignore[attr-defined]
        pair.reason = (  # type: ignore[attr-defined]
            pair.unscorable_reason
            if pair.state == PairState.UNSCORABLE
            else pair.withdrawn_reason
            if pair.state == PairState.WITHDRAWN
            else reason_of(pair)
        )
    return pairs


@for_organisers
@require_safe
def pairs(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    filters = Filters.of(request.GET)
    page = keyset_page(request, filters.of_edition(challenge), size=PAIRS_A_PAGE, ascending=filters.oldest)
    _with_claims(page.rows)
    context = page_context(
        challenge,
        viewer,
        "console",
        page=page,
        filters=filters,
        labels=[target.label for target in target_labels(challenge)],
        states=STATES.items(),
        outcomes=list(Outcome),
    )
    return render(request, "console/pairs.html", context)


@for_organisers
@require_safe
def pairs_csv(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponseBase:
    """All pairs of the same choice, the oldest first, in little memory however many there are."""
    filters = Filters.of(request.GET)
    writer = csv.writer(_Echo())
    lines = (writer.writerow(row) for row in _rows(filters.of_edition(challenge).order_by("pk")))
    reply = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    reply["Content-Disposition"] = f'attachment; filename="{challenge.slug}-console-pairs.csv"'
    return reply


def _rows(pairs: QuerySet[Pair]) -> Iterator[Sequence[object]]:
    yield COLUMNS
    block: list[Pair] = []
    for pair in pairs.iterator(chunk_size=ROWS_AT_A_TIME):
        block.append(pair)
        if len(block) == ROWS_AT_A_TIME:
            yield from map(_row, _with_claims(block))
            block = []
    yield from map(_row, _with_claims(block))


def _row(pair: Any) -> Sequence[object]:
    times = (pair.state_changed_at, pair.created_at, pair.scored_at, pair.settled_at)
    since, *moments = ("" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in times)
    mean = "" if pair.machine_mean is None else repr(pair.machine_mean)
    texts = (pair.submitter, pair.reason)
    return (
        pair.pk, harmless(pair.image.image_id), harmless(pair.label.key), harmless(pair.label.name), pair.state, since,
        *moments, mean, pair.yes_ratings, pair.no_ratings, pair.dont_know_ratings, pair.verdict, pair.outcome,
        *map(harmless, texts),
    )  # fmt: skip
