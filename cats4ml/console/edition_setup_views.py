"""What an edition is made of: labels, pool, classifiers, and what its policy would have come to."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.catalog.models import Classifier
from cats4ml.challenges.data_contents import Snapshot
from cats4ml.challenges.edition_labels import (
    add_labels_by_name,
    move_label,
    names_in,
    search_labels,
    take_label_off,
)
from cats4ml.challenges.edition_roster import choose_classifiers, choose_proposal, known_classifiers
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, PoolDraw, PoolOrder, PoolOrderState, RosterMember, RosterVersion
from cats4ml.challenges.pool_counts import LabelCount, counted
from cats4ml.challenges.pool_lists import add_listed_pictures, empty_pool, ids_in
from cats4ml.challenges.pool_orders import FINISHED, order_draw
from cats4ml.challenges.pool_words import draws_in_words
from cats4ml.challenges.pools import PoolRefused
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.challenges.rosters import members_of, roster_versions
from cats4ml.console.edition_forms import DrawForm, IdsForm, LabelsForm, sentence
from cats4ml.console.edition_pages import me, past_editions, policy_lines, step_page
from cats4ml.console.roster_pages import label_rows
from cats4ml.console.rule_forms import RULES
from cats4ml.console.views import for_organisers
from cats4ml.submissions.limits import limited_upload
from cats4ml.ui.words import figure

MOST_PROPOSALS = 20


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def labels(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = LabelsForm(request.POST or None)
    if form.is_valid():
        wanted = names_in(form.cleaned_data["names"])
        try:
            new = add_labels_by_name(challenge=challenge, wanted=wanted, by=me(request), at=timezone.now())
        except PoolRefused as refusal:
            form.add_error("names", sentence(refusal))
        else:
            words = (
                ngettext("%(n)s label added.", "%(n)s labels added.", len(new)) % {"n": figure(len(new))}
                if new
                else _("Nothing was added: they are targets already.")
            )
            messages.success(request, words)
            return redirect("console:edition_labels", slug=challenge.slug)
    search = request.GET.get("find", "").strip()
    found = search_labels(challenge=challenge, text=search)
    rows = list(target_labels(challenge))
    return step_page(
        request, challenge, viewer, "edition_labels", form, form=form, rows=rows, search=search, found=found
    )


@for_organisers
@require_POST
def label_change(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """One label by its id: `up`, `down`, or `remove`."""
    key, asked, at = request.POST.get("key", "").replace("\0", ""), request.POST.get("do", ""), timezone.now()
    try:
        if asked == "remove":
            gone = take_label_off(challenge=challenge, key=key, by=me(request), at=at)
            messages.success(
                request,
                _("%(key)s is no target label any more.") % {"key": key}
                if gone
                else _("%(key)s is no target label.") % {"key": key},
            )
        elif asked in ("up", "down"):
            move_label(challenge=challenge, key=key, up=asked == "up", by=me(request), at=at)
    except PoolRefused as refusal:
        messages.error(request, sentence(refusal))
    return redirect("console:edition_labels", slug=challenge.slug)


@limited_upload
@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def pool(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    order = PoolOrder.objects.filter(challenge=challenge).first()
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "console/_pool_order.html", _order_context(challenge, viewer, order))
    asked = request.POST.get("do", "")
    draw, ids = _pool_forms(request, challenge, asked, order)
    if (asked == "ids" and _add_ids(request, challenge, ids)) or (
        asked in ("count", "draw") and _order(request, challenge, draw, dry_run=asked == "count")
    ):
        return redirect("console:edition_pool", slug=challenge.slug)
    return _pool_page(request, challenge, viewer, order, draw, ids)


def _pool_page(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, order: PoolOrder | None, draw: DrawForm, ids: IdsForm
) -> HttpResponse:
    snapshot = Snapshot(challenge)
    moving = order is not None and order.state not in FINISHED
    counts = counted(challenge=challenge, at=timezone.now(), snapshot=snapshot)
    rows = [(one, counts.by_label.get(one.label_id, LabelCount()) if counts else None) for one in snapshot.labels]
    return step_page(
        request,
        challenge,
        viewer,
        "edition_pool",
        draw,
        ids,
        draw_form=draw,
        ids_form=ids,
        rows=rows,
        counts=counts,
        pictures=snapshot.pool.pictures,
        draws=draws_in_words(challenge),
        order=order,
        moving=moving,
    )


def _pool_forms(
    request: HttpRequest, challenge: Challenge, asked: str, order: PoolOrder | None
) -> tuple[DrawForm, IdsForm]:
    last = PoolDraw.objects.filter(challenge=challenge).exclude(seed="").order_by("-pk").first()
    before = order.choice if order is not None else {}
    initial = {**before, "seed": order.seed if order else last.seed if last else secrets.token_hex(4)}
    targets, collection = list(target_labels(challenge)), str(before.get("collection") or challenge.vocabulary)
    drawing = request.POST if asked in ("count", "draw") else None
    draw = DrawForm(drawing, targets=targets, collection=collection, initial=initial)
    listing = asked == "ids"
    ids = IdsForm(request.POST if listing else None, request.FILES if listing else None, collection=collection)
    return draw, ids


def _order_context(challenge: Challenge, viewer: Viewer, order: PoolOrder | None) -> dict[str, object]:
    moving = order is not None and order.state not in FINISHED
    return page_context(challenge, viewer, "console", order=order, moving=moving)


def _order(request: HttpRequest, challenge: Challenge, form: DrawForm, *, dry_run: bool) -> bool:
    if not form.is_valid():
        return False
    try:
        order = order_draw(
            challenge=challenge,
            choice=form.choice,
            seed=form.cleaned_data["seed"],
            dry_run=dry_run,
            by=me(request),
            at=timezone.now(),
        )
    except PoolRefused as refusal:
        form.add_error(None, sentence(refusal))
        return False
    if order.state == PoolOrderState.FAILED:
        form.add_error(None, sentence(order.error))
        return False
    return True


def _add_ids(request: HttpRequest, challenge: Challenge, form: IdsForm) -> bool:
    if not form.is_valid():
        return False
    file = form.cleaned_data["file"]
    text = form.cleaned_data["ids"]
    if file is not None and file.size > settings.UPLOAD_MAX_BYTES:
        most = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        form.add_error("file", _("This file is larger than %(most)s MB. Split it into several.") % {"most": most})
        return False
    try:
        if file is not None:
            text = file.read().decode("utf-8-sig")
        listed = add_listed_pictures(
            challenge=challenge,
            collection=form.cleaned_data["collection"],
            ids=ids_in(text),
            by=me(request),
            at=timezone.now(),
            skip_unknown=form.cleaned_data["skip_unknown"],
        )
    except UnicodeDecodeError:
        form.add_error("file", _("This file is no text in UTF-8. Save it as a CSV in UTF-8 and send it again."))
        return False
    except PoolRefused as refusal:
        form.add_error("file" if file is not None else "ids", sentence(refusal))
        return False
    unknown = len(listed.unknown)
    left_out = ngettext("%(n)s unknown id left out.", "%(n)s unknown ids left out.", unknown) % {"n": figure(unknown)}
    named = ngettext("%(n)s id", "%(n)s ids", listed.named) % {"n": figure(listed.named)}
    added = ngettext("%(n)s picture added, of %(ids)s.", "%(n)s pictures added, of %(ids)s.", listed.added) % {
        "n": figure(listed.added),
        "ids": named,
    }
    messages.success(request, f"{added} {left_out}" if unknown else added)
    return True


@for_organisers
@require_POST
def pool_empty(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    try:
        number = empty_pool(challenge=challenge, by=me(request), at=timezone.now())
    except PoolRefused as refusal:
        messages.error(request, sentence(refusal))
    else:
        messages.success(
            request,
            ngettext("%(n)s picture taken out of the pool.", "%(n)s pictures taken out of the pool.", number)
            % {"n": figure(number)},
        )
    return redirect("console:edition_pool", slug=challenge.slug)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def classifiers(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    refused = ""
    if request.method == "POST":
        try:
            version = _choose(request, challenge)
        except (PoolRefused, ValueError) as refusal:
            refused = sentence(refusal)
        else:
            messages.success(request, _("Roster version %(version)s is in force.") % {"version": version.version})
            return redirect("console:edition_classifiers", slug=challenge.slug)
    roster = challenge.roster
    members = list(members_of(roster)) if roster is not None else []
    rows = label_rows(challenge, roster)
    context = page_context(
        challenge,
        viewer,
        "console",
        roster=roster,
        members=members,
        chosen={one.classifier_id for one in members},
        known=known_classifiers(challenge),
        labels=len(rows),
        unscored=[row for row in rows if row.problem] if roster is not None else [],
        proposals=_proposals(challenge),
        refused=refused,
        is_draft=challenge.status == "draft",
    )
    return render(request, "console/edition_classifiers.html", context, status=422 if refused else 200)


def _proposals(challenge: Challenge) -> list[RosterVersion]:
    """Rosters that are not in force, the newest first, with their classifiers but for the long lists of outputs."""
    members = RosterMember.objects.select_related("classifier").defer("classifier__outputs").order_by("position")
    rows = roster_versions(challenge)
    if challenge.roster is not None:
        rows = rows.exclude(pk=challenge.roster.pk)
    return list(rows.prefetch_related(Prefetch("members", queryset=members))[:MOST_PROPOSALS])


def _choose(request: HttpRequest, challenge: Challenge) -> RosterVersion:
    by, at = me(request), timezone.now()
    if request.POST.get("version", "").isdecimal():
        version = get_object_or_404(RosterVersion, challenge=challenge, version=int(request.POST["version"][:9]))
        return choose_proposal(challenge=challenge, roster=version, by=by, at=at)
    asked = [int(one) for one in request.POST.getlist("classifier") if one.isdecimal() and len(one) < 19]
    chosen = list(Classifier.objects.filter(pk__in=asked, vocabulary=challenge.vocabulary).order_by("pk"))
    return choose_classifiers(challenge=challenge, classifiers=chosen, by=by, at=at)


@for_organisers
@require_safe
def policy(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    editions = past_editions(me(request), challenge)
    asked = request.GET.get("past", "")
    past = next((one for one in editions if one.slug == asked), editions[0] if editions and not asked else None)
    lines = policy_lines(challenge, past, [(key, str(name)) for key, name in RULES]) if past is not None else []
    return step_page(
        request, challenge, viewer, "edition_policy", editions=editions, past=past, lines=lines, asked=asked
    )
