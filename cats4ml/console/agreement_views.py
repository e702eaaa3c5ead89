"""The organiser's pages about agreement: the edition, its raters' answers, and one pair."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console import agreement_figures as figures
from cats4ml.console.agreement import agreement_of, kept
from cats4ml.console.agreement_pair import facts_of
from cats4ml.console.agreement_raters import confusions, named, speeds
from cats4ml.console.views import for_organisers
from cats4ml.console.withdrawal_views import WithdrawalForm
from cats4ml.submissions.models import Pair
from cats4ml.submissions.presentation import reason_of
from cats4ml.ui.meters import Part

LABELS_SHOWN = 25
RATERS_A_PAGE = 24


@for_organisers
@require_safe
def agreement(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    counted = agreement_of(challenge)
    everything = request.GET.get("labels") == "all"
    most = None if everything else LABELS_SHOWN
    defined = [one for one in counted.labels if one.alpha is not None]
    lines = figures.label_lines(counted.labels)
    divided = Pair.objects.filter(challenge=challenge).select_related("image", "label").in_bulk(counted.divided)
    context = page_context(
        challenge,
        viewer,
        "console",
        counted=counted,
        headline=figures.headline(counted.alpha),
        alpha_words=figures.alpha_in_words(counted.alpha),
        alphas=figures.alpha_plot(counted),
        labels=figures.label_plot(defined[:most]),
        labels_left=max(0, len(counted.labels) - LABELS_SHOWN),
        everything=everything,
        without_alpha=len(counted.labels) - len(defined),
        lines=lines[:most],
        advised=sum(bool(line.advice) for line in lines),
        over_time=figures.time_plot(counted.batches),
        entropies=figures.entropy_plot(counted.entropies),
        divided=[divided[pk] for pk in counted.divided if pk in divided],
    )
    return render(request, "console/agreement.html", context)


@for_organisers
@require_safe
def answers(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """Raters beside each other, and answers by the time that they took."""
    raters, timed = kept("answers", challenge, lambda edition: (confusions(edition), speeds(edition)))
    pages = Paginator(raters, RATERS_A_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = page_context(
        challenge,
        viewer,
        "console",
        page=page,
        cards=[figures.rater_card(one, challenge.slug) for one in named(list(page.object_list))],
        previous=f"?page={page.previous_page_number()}" if page.has_previous() else "",
        next=f"?page={page.next_page_number()}" if page.has_next() else "",
        speeds=[figures.speed_figure(one) for one in timed],
    )
    return render(request, "console/agreement_answers.html", context)


@for_organisers
@require_safe
def pair(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    found = get_object_or_404(
        Pair.objects.select_related("image", "label", "policy", "challenge__policy"), challenge=challenge, pk=pk
    )
    facts = facts_of(found)
    parts = (
        Part(_("yes"), facts.tally.yes, "text"),
        Part(_("don’t know"), facts.tally.dont_know, "none"),
        Part(_("no"), facts.tally.no, "rest"),
    )
    context = page_context(
        challenge,
        viewer,
        "console",
        pair=found,
        facts=facts,
        parts=parts,
        reason=reason_of(found),
        withdrawal=WithdrawalForm(),
    )
    return render(request, "console/agreement_pair.html", context)
