"""Making an edition, its steps, and what organisers say about it: texts, dates, consent, who organises."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.challenges.edition_moves import missing_to_open, moves_from
from cats4ml.challenges.edition_settings import (
    EVERY_DATE,
    Dates,
    DatesRefused,
    agreed_to,
    set_consent,
    set_dates,
    set_texts,
)
from cats4ml.challenges.editions import EditionRefused, create_edition, may_make_editions
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.challenges.organisers import (
    OrganisersRefused,
    add_organiser,
    organised_by,
    organisers_of,
    remove_organiser,
)
from cats4ml.challenges.queries import Viewer
from cats4ml.console.cloning import clone_with_examples
from cats4ml.console.edition_forms import (
    CloneForm,
    ConsentForm,
    DatesForm,
    NewEditionForm,
    OrganiserForm,
    TextsForm,
    sentence,
)
from cats4ml.console.edition_pages import free_slug, me, step_page
from cats4ml.console.edition_steps import NEEDED, happenings, steps_of
from cats4ml.console.views import for_organisers
from cats4ml.pages.challenge_page import challenge_context
from cats4ml.rules.policy import Policy
from cats4ml.ui.zones import own_zone, zone_names

WHO_MAKES = gettext_lazy(
    "Challenges are made by people with the permission for it. Ask those who run this site: an "
    "administrator can give it to you, or make the challenge and add you as an organiser."
)
LISTED = 200


def for_makers(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Refuse whoever may not make editions, with a sentence whom to ask."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: object) -> HttpResponseBase:
        if not may_make_editions(request.user):
            raise PermissionDenied(WHO_MAKES)
        return view(request, **kwargs)

    return guarded


@for_makers
@require_http_methods(["GET", "HEAD", "POST"])
def edition_new(request: HttpRequest) -> HttpResponse:
    asks_clone = "source" in request.POST or "clone" in request.GET
    sent = request.POST if request.method == "POST" else None
    others = organised_by(me(request))
    new = NewEditionForm(sent if not asks_clone else None)
    clone = CloneForm(
        sent if asks_clone else None,
        editions=others,
        initial={"source": request.GET.get("clone", ""), "with_pool": True},
    )
    made = _make(request, new, clone)
    if made is not None:
        messages.success(
            request, _("%(title)s is made: a draft, which only its organisers see.") % {"title": made.title}
        )
        return redirect("console:edition", slug=made.slug)
    context = page_context(None, None, "console", new=new, clone=clone, others=others[:LISTED], asks_clone=asks_clone)
    return render(request, "console/edition_new.html", context, status=422 if new.errors or clone.errors else 200)


def _make(request: HttpRequest, new: NewEditionForm, clone: CloneForm) -> Challenge | None:
    form = new if new.is_bound else clone
    if not form.is_valid():
        return None
    sent = form.cleaned_data
    by, at, slug = me(request), timezone.now(), sent["slug"].strip() or free_slug(sent["title"])
    try:
        if form is clone:
            return clone_with_examples(
                source=sent["source"], slug=slug, title=sent["title"], with_pool=sent["with_pool"], by=by, at=at
            )
        return create_edition(
            slug=slug,
            title=sent["title"],
            summary=sent["summary"],
            vocabulary=sent["vocabulary"],
            question=sent["question"],
            policy=Policy(),
            by=by,
            at=at,
        )
    except EditionRefused as refusal:
        form.add_error("slug", sentence(refusal))
        return None


@for_organisers
@require_safe
def edition(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    at = timezone.now()
    steps = steps_of(challenge, at)
    return step_page(
        request,
        challenge,
        viewer,
        "edition",
        now=at,
        steps=steps,
        needed=sum(one.state == NEEDED for one in steps),
        can_open=challenge.status == ChallengeStatus.DRAFT and not missing_to_open(challenge, at),
        moves=moves_from(challenge.status),
        happenings=happenings(challenge, at),
        makes_editions=may_make_editions(request.user),
        takes_claims=challenge.takes_claims(at),
        takes_ratings=challenge.takes_ratings(at),
    )


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def texts(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    initial = {name: getattr(challenge, name) for name in ("title", "summary", "question")}
    form = TextsForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            changed = set_texts(challenge=challenge, **form.cleaned_data, by=me(request), at=timezone.now())
        except EditionRefused as refusal:
            form.add_error(None, sentence(refusal))
        else:
            return _saved(request, challenge, changed=changed, words=_("The texts are saved."))
    return step_page(request, challenge, viewer, "edition_texts", form, form=form)


def _saved(request: HttpRequest, challenge: Challenge, *, changed: bool, words: str) -> HttpResponse:
    messages.success(request, words if changed else _("Nothing was changed: it was so already."))
    return redirect("console:edition", slug=challenge.slug)


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    initial = {
        "text": challenge.consent_text,
        "minimum_age": challenge.minimum_age,
        "eligibility": challenge.eligibility,
    }
    form = ConsentForm(request.POST or None, initial=initial)
    agreed = agreed_to(challenge)
    shows = "preview" in request.POST
    if form.is_valid() and not shows:
        try:
            text = form.cleaned_data["text"].replace("\r\n", "\n")
            changed = set_consent(
                challenge=challenge,
                text=text,
                minimum_age=form.cleaned_data["minimum_age"],
                eligibility=form.cleaned_data["eligibility"].replace("\r\n", "\n"),
                by=me(request),
                at=timezone.now(),
            )
        except EditionRefused as refusal:
            form.add_error("text", sentence(refusal))
        else:
            words = _("The consent text is saved as version %(consent_version)s.") % {
                "consent_version": challenge.consent_version
            }
            return _saved(request, challenge, changed=changed, words=words)
    shown = form.cleaned_data.get("text", "") if shows and form.is_valid() else challenge.consent_text
    return step_page(
        request,
        challenge,
        viewer,
        "edition_consent",
        form,
        form=form,
        agreed=agreed,
        shown=shown,
        shows=shows,
        versions=challenge.consent_texts.annotate(people=Count("consents__participation", distinct=True)).order_by(
            "-version"
        ),
    )


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def dates(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    zone, at = own_zone(request), timezone.now()
    with timezone.override(zone):
        form = DatesForm(request.POST or None, current=Dates.of(challenge))
        if form.is_valid() and _set_dates(request, challenge, form):
            return redirect("console:edition", slug=challenge.slug)
        return step_page(
            request,
            challenge,
            viewer,
            "edition_dates",
            form,
            form=form,
            fields=[form[name] for name in EVERY_DATE],
            zone=zone.key,
            zones=zone_names(),
            offset=at.astimezone(zone).strftime("UTC%z")[:6],
            here=at.astimezone(zone).strftime("%H:%M"),
            happenings=happenings(challenge, at),
        )


def _set_dates(request: HttpRequest, challenge: Challenge, form: DatesForm) -> bool:
    try:
        changed = set_dates(
            challenge=challenge,
            dates=form.dates,
            reason=form.cleaned_data["reason"],
            by=me(request),
            at=timezone.now(),
        )
    except DatesRefused as refusal:
        for name, words in refusal.problems.items():
            form.add_error(name, words)
        return False
    messages.success(
        request, _("The dates are saved.") if changed else _("Nothing was changed: the dates were so already.")
    )
    return True


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def organisers(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = OrganiserForm(request.POST or None)
    if form.is_valid():
        name = form.cleaned_data["username"]
        try:
            add_organiser(challenge=challenge, username=name, by=me(request), at=timezone.now())
        except OrganisersRefused as refusal:
            form.add_error("username", str(refusal))
        else:
            messages.success(request, _("%(name)s organises this challenge too.") % {"name": name})
            return redirect("console:edition_organisers", slug=challenge.slug)
    people = list(organisers_of(challenge))
    return step_page(request, challenge, viewer, "edition_organisers", form, form=form, people=people)


@for_organisers
@require_POST
def organiser_remove(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    try:
        gone = remove_organiser(challenge=challenge, user_id=pk, by=me(request), at=timezone.now())
    except OrganisersRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("They organise it no longer.") if gone else _("They don’t organise it."))
        if pk == me(request).pk and not me(request).is_superuser:
            return redirect("pages:home")
    return redirect("console:edition_organisers", slug=challenge.slug)


@for_organisers
@require_safe
def preview(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """The challenge page as somebody sees it who has not joined, once it is open."""
    if challenge.policy is None:
        messages.info(request, _("The page states the rules: put a policy in force first."))
        return redirect("console:edition", slug=challenge.slug)
    context = challenge_context(challenge, Viewer(), at=timezone.now())
    takes = context["takes_claims"] or challenge.status == ChallengeStatus.DRAFT
    return render(request, "pages/challenge.html", context | {"takes_claims": takes, "is_preview": True})
