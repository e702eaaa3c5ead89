"""The board of classifiers of a release, and one classifier's figures."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.challenges.http import challenge_and_viewer, page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.releases.evaluation_forms import PredictionsForm
from cats4ml.releases.evaluation_pages import board_context, evaluation_context
from cats4ml.releases.evaluations import (
    Allowance,
    EvaluationRefused,
    check_may_evaluate,
    hand_in,
    open_releases,
    set_listed,
    visible_evaluations,
)
from cats4ml.releases.models import Evaluation, Release, ReleasePair
from cats4ml.releases.predictions import MOST_SENT, PredictionsRefused
from cats4ml.releases.serving import withdrawn_in_words
from cats4ml.submissions.limits import limited_to
from cats4ml.ui.spreadsheets import harmless

QUESTION_COLUMNS = ("image_id", "label_id", "label_name", "split")


def _release(request: HttpRequest, slug: str, version: str) -> tuple[Challenge, Viewer, Release]:
    challenge, viewer = challenge_and_viewer(request, slug)
    release = open_releases(challenge, viewer).filter(version=version.replace("\x00", "")).first()
    if release is None:
        raise Http404(gettext("There is no such release."))
    release.challenge = challenge
    return challenge, viewer, release


@limited_to(lambda: MOST_SENT)
@require_http_methods(["GET", "HEAD", "POST"])
def board(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    challenge, viewer, release = _release(request, slug, version)
    user, at = request.user, timezone.now()
    if request.method == "POST" and not isinstance(user, User):
        return redirect(f"/accounts/login/?next={request.path}")
    context = page_context(challenge, viewer, "releases", release=release)
    status = 200
    if isinstance(user, User):
        form = PredictionsForm(request.POST or None, request.FILES or None)
        if request.method == "POST":
            made = _hand_in(request, form, release, user, viewer, context)
            if made is not None:
                return redirect("evaluations:evaluation", slug=slug, version=version, evaluation_id=made.uuid)
            status = 422
        context |= {"form": form, **_rights(release, user, viewer)}
        context["allowance"] = Allowance(release=release, user=user, is_organiser=viewer.is_organiser, at=at)
    evaluations = list(visible_evaluations(release, user, viewer)[:200])
    return render(
        request, "releases/classifiers.html", context | board_context(release, evaluations, user), status=status
    )


def _rights(release: Release, user: User, viewer: Viewer) -> dict[str, str]:
    try:
        check_may_evaluate(release=release, user=user, is_organiser=viewer.is_organiser)
    except EvaluationRefused as refusal:
        return {"refusal": str(refusal)}
    return {}


def _hand_in(
    request: HttpRequest, form: PredictionsForm, release: Release, user: User, viewer: Viewer, context: dict[str, Any]
) -> Evaluation | None:
    """The evaluation that was made of the form, or None with what is wrong in the form and in the context."""
    if not form.is_valid():
        return None
    given = form.cleaned_data
    try:
        made, predictions = hand_in(
            release=release,
            by=user,
            is_organiser=viewer.is_organiser,
            name=given["name"],
            description=given["description"],
            threshold=given["threshold"],
            stream=given["file"],
            at=timezone.now(),
        )
    except PredictionsRefused as refusal:
        form.add_error("file", str(refusal))
        context |= {"problems": refusal.problems, "problems_total": refusal.total}
        return None
    except EvaluationRefused as refusal:
        form.add_error(None, str(refusal))
        return None
    if predictions.ignored:
        messages.info(
            request, gettext("Columns that were not read: %(ignored)s.") % {"ignored": ", ".join(predictions.ignored)}
        )
    return made


def _seen(request: HttpRequest, slug: str, version: str, evaluation_id: uuid.UUID) -> tuple[dict[str, Any], Evaluation]:
    challenge, viewer, release = _release(request, slug, version)
    rows = visible_evaluations(release, request.user, viewer)
    one = rows.defer(None).defer("scores").filter(uuid=evaluation_id).first()
    if one is None:
        raise Http404(gettext("There is no such evaluation."))
    is_mine = isinstance(request.user, User) and (one.by_id == request.user.pk or viewer.is_organiser)
    context = page_context(challenge, viewer, "releases", release=release, one=one, is_mine=is_mine, others=rows)
    return context, one


@require_safe
def evaluation(request: HttpRequest, slug: str, version: str, evaluation_id: uuid.UUID) -> HttpResponse:
    context, one = _seen(request, slug, version, evaluation_id)
    if request.htmx and one.finished_at is None:  # type: ignore[attr-defined]
        return render(request, "releases/_classifier_progress.html", context)
    answer = render(request, "releases/classifier.html", context | evaluation_context(one, **_of(context)))
    if request.htmx:  # type: ignore[attr-defined]
        answer["HX-Refresh"] = "true"
    return answer


def _of(context: dict[str, Any]) -> dict[str, Any]:
    return {"release": context["release"], "others": context["others"]}


@require_POST
def listing(request: HttpRequest, slug: str, version: str, evaluation_id: uuid.UUID) -> HttpResponse:
    """Show one's evaluation on the board, or not."""
    context, one = _seen(request, slug, version, evaluation_id)
    if not context["is_mine"]:
        raise Http404(gettext("There is no such evaluation of yours."))
    is_listed = request.POST.get("listed") == "yes"
    set_listed(evaluation=one, is_listed=is_listed)
    said = (
        gettext("It stands on the board again.")
        if is_listed
        else gettext("It is no longer on the board. You still see it here.")
    )
    messages.success(request, said)
    return redirect("evaluations:evaluation", slug=slug, version=version, evaluation_id=evaluation_id)


class _Echo:
    """A file that hands each line straight on."""

    def write(self, line: str) -> str:
        return line


@require_safe
def questions(request: HttpRequest, slug: str, version: str) -> HttpResponseBase:
    """The pairs of both parts without their answers, as a CSV."""
    _edition, _viewer, release = _release(request, slug, version)
    if release.withdrawn_at is not None:
        words = withdrawn_in_words(release)
        return HttpResponse(f"{words}\n", status=410, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(_question_lines(release), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}-{version}-questions.csv"'
    return response


def _question_lines(release: Release) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\n")
    yield writer.writerow(QUESTION_COLUMNS)
    rows = ReleasePair.objects.filter(release=release).order_by("position")
    found = rows.values_list("pair__image__image_id", "pair__label__key", "pair__label__name", "split")
    for image, label, name, split in found.iterator(chunk_size=2000):
        yield writer.writerow((image, label, harmless(name), split))
