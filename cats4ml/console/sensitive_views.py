"""What of the pictures not everybody wants to see: said of one picture, or of many by a CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.views import for_organisers, organiser_of
from cats4ml.review.actions.sensitive import mark_sensitive
from cats4ml.review.sensitive import kind_lines, seen_by_nobody
from cats4ml.ui.words import figure

MOST_BYTES = 5 * 1024 * 1024
SHOWN = 5


class SensitiveForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("A CSV with the columns image_id and kinds"),
        error_messages={"required": gettext_lazy("Choose a CSV.")},
    )


class FileRefused(Exception):
    """Why a file is not taken, in a sentence that says how to mend it. Nothing was written."""


@for_organisers
@require_POST
def picture_sensitive(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    kinds = {pk: request.POST.getlist("kind")} if pk < 2**63 else {}
    if mark_sensitive(challenge=challenge, kinds=kinds, by=organiser_of(request), at=timezone.now()):
        messages.success(request, _("It is kept, and raters’ queues follow at once."))
    else:
        messages.info(request, _("Nothing has changed."))
    return redirect("console:picture", slug=challenge.slug, pk=pk)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def sensitive(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = SensitiveForm(*sent)
    if request.method == "POST" and form.is_valid():
        try:
            kinds = _read(challenge, form.cleaned_data["file"])
        except FileRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            changed = mark_sensitive(challenge=challenge, kinds=kinds, by=organiser_of(request), at=timezone.now())
            said = ngettext("%(n)s picture has changed.", "%(n)s pictures have changed.", changed)
            messages.success(request, said % {"n": figure(changed)})
            return redirect("console:sensitive", slug=challenge.slug)
    context = page_context(
        challenge,
        viewer,
        "console",
        form=form,
        lines=kind_lines(challenge),
        unseen=seen_by_nobody(challenge).count(),
        kinds=SensitiveKind,
    )
    return render(request, "console/sensitive.html", context, status=422 if form.errors else 200)


def _read(challenge: Challenge, file: UploadedFile[bytes]) -> dict[int, list[str]]:
    """What a CSV says, by the numbers of the pictures' rows. Raises `FileRefused`."""
    if (file.size or 0) > MOST_BYTES:
        raise FileRefused(_("The file is larger than 5 MB. Send it in parts."))
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused(_("The file is no UTF-8. Save it as “CSV UTF-8”.")) from None
    try:
        rows = dict(_rows(text.replace("\0", "�")))
    except csv.Error:
        raise FileRefused(_("The file is no CSV. Quote texts with commas.")) from None
    found = dict(shown_pool(challenge).filter(image_key__in=rows).values_list("image_key", "image_id"))
    unknown = [key for key in rows if key not in found]
    if unknown:
        words = _("%(number)s of these ids are no pictures of this challenge, so that nothing was written: %(ids)s.")
        shown = ", ".join(one[:40] for one in unknown[:SHOWN]) + (" …" if len(unknown) > SHOWN else "")
        raise FileRefused(words % {"number": figure(len(unknown)), "ids": shown})
    return {found[key]: kinds for key, kinds in rows.items()}


def _rows(text: str) -> Iterator[tuple[str, list[str]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    if not reader.fieldnames or not {"image_id", "kinds"} <= set(reader.fieldnames):
        raise FileRefused(_("The first line should name the columns image_id and kinds."))
    for line, row in enumerate(reader, start=2):
        kinds = (row["kinds"] or "").replace("|", " ").replace(";", " ").split()
        wrong = [kind for kind in kinds if kind not in SensitiveKind.values]
        if wrong:
            words = _("Line %(line)s: %(kind)s is no kind. The kinds are %(kinds)s.")
            raise FileRefused(words % {"line": line, "kind": wrong[0][:40], "kinds": ", ".join(SensitiveKind.values)})
        yield (row["image_id"] or "").strip(), kinds
