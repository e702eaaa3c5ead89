"""The organiser's page about the policy: what is in force, what another would make of the edition, putting it in force,
and taking that back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cats4ml.accounts.models import User
from cats4ml.api.formats import stream_csv
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, PolicyDecision
from cats4ml.challenges.queries import Viewer
from cats4ml.console.rule_forms import SETTLED_TOO, PolicyForm, PutInForceForm, UndoForm
from cats4ml.console.rule_pages import (
    FATES,
    SHOWN,
    board_lines,
    change_lines,
    consequences,
    csv_columns,
    csv_rows,
    policy_history,
    policy_work,
    rule_lines,
    undoable,
    work_in_words,
)
from cats4ml.console.views import for_organisers
from cats4ml.review.actions.policy_work import request_policy, request_undo
from cats4ml.review.actions.repolicing import PolicyRefused, why_not_undone
from cats4ml.review.models import ON_THE_WAY, PolicyWork
from cats4ml.review.policy_previews import Preview, default_policies, kept_preview
from cats4ml.review.policy_undoing import preview_undo
from cats4ml.rules.policy import Policy
from cats4ml.ui.paging import whole_number
from cats4ml.ui.policy_words import credit_in_words, expert_in_words, machines_in_words, verdict_in_words

CHANGES_A_PAGE = 50
BOARD_ROWS = 50


def _in_force(challenge: Challenge) -> Policy:
    return challenge.rules if challenge.policy is not None else Policy()


def _in_words(policy: Policy) -> list[str]:
    disputes = [_("Finders may dispute how a pair of theirs ended, once.")] if policy.takes_disputes else []
    return [
        machines_in_words(policy),
        verdict_in_words(policy),
        *credit_in_words(policy),
        expert_in_words(policy),
        *disputes,
    ]


@for_organisers
@require_safe
def verdict_rule(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = PolicyForm(request.GET, in_force=_in_force(challenge))
    tried = any(name in form.fields for name in request.GET)
    return _page(request, challenge, viewer, form, PutInForceForm(), tried=tried)


def _page(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, form: PolicyForm, put: PutInForceForm, *, tried: bool
) -> HttpResponse:
    form.full_clean()
    in_force, chosen = _in_force(challenge), form.policy if tried else None
    context = page_context(
        challenge,
        viewer,
        "console",
        form=form,
        put=put,
        tried=tried,
        words=_in_words(in_force),
        history=policy_history(challenge),
        **undoable(challenge),
        work=policy_work(challenge, timezone.now()),
        lines=rule_lines(challenge, in_force, chosen),
    )
    if chosen is not None:
        preview = kept_preview(challenge, chosen, reopen=form.reopens)
        context |= {
            "chosen": chosen,
            "chosen_words": verdict_in_words(chosen),
            "is_in_force": chosen == in_force and challenge.policy is not None,
            "summary": preview.summary,
            "consequences": consequences(challenge, in_force, chosen, preview),
            **_board(challenge, preview),
            **_changes(request, preview),
        }
    return render(request, "console/verdict_rule.html", context, status=422 if form.errors or put.errors else 200)


def _board(challenge: Challenge, preview: Preview) -> dict[str, object]:
    lines = board_lines(challenge, preview)
    return {
        "board": lines[:BOARD_ROWS],
        "board_more": max(0, len(lines) - BOARD_ROWS),
        "moves": sum(bool(line.move) for line in lines),
        "gains": sum(bool(line.gain) for line in lines),
    }


def _changes(request: HttpRequest, preview: Preview) -> dict[str, object]:
    """A page of the pairs that don't stay as they are; `show` picks one fate of them, `after` is a pair's number."""
    counts = preview.summary.fates
    show = request.GET.get("show", "")
    wanted = [fate for fate in SHOWN if fate.value == show] or list(SHOWN)
    after = whole_number(request.GET.get("after")) or 0
    found = [one for one in preview.of(*wanted) if one.pair > after]
    kept = request.GET.copy()
    for name in ("after", "show"):
        kept.pop(name, None)
    following = ""
    if len(found) > CHANGES_A_PAGE:
        onward = kept.copy()
        onward["show"], onward["after"] = show, str(found[CHANGES_A_PAGE - 1].pair)
        following = f"?{onward.urlencode()}#changes"
    return {
        "changes": change_lines(found[:CHANGES_A_PAGE]),
        "changed": sum(counts[fate.value] for fate in SHOWN),
        "following": following,
        "first": f"?{kept.urlencode()}&show={show if len(wanted) == 1 else ''}#changes" if after else "",
        "shows": [
            (words, counts[fate.value], f"?{kept.urlencode()}&show={fate.value}#changes", show == fate.value)
            for fate, words in FATES.items()
            if counts[fate.value]
        ],
        "show_all": f"?{kept.urlencode()}#changes" if len(wanted) == 1 else "",
        "query": kept.urlencode(),
    }


@for_organisers
@require_POST
def verdict_rule_apply(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    form = PolicyForm(request.POST, in_force=_in_force(challenge))
    put = PutInForceForm(request.POST)
    if form.is_valid() and form.policy is not None and put.is_valid():
        assert isinstance(request.user, User)
        settled = put.cleaned_data["scope"] == SETTLED_TOO
        try:
            work = request_policy(
                challenge=challenge,
                policy=form.policy,
                reason=put.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
                settled=settled,
                reopen=settled and form.reopens,
            )
        except PolicyRefused as refusal:
            put.add_error(None, str(refusal))
        else:
            _tell(request, work)
            return redirect("console:verdict_rule", slug=challenge.slug)
    return _page(request, challenge, viewer, form, put, tried=True)


def _tell(request: HttpRequest, work: PolicyWork) -> None:
    if work.state not in ON_THE_WAY:
        messages.success(request, work_in_words(work))


@for_organisers
@require_safe
def work_fragment(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponse:
    """How far the policy is that is being put in force. Once it is done the page is read anew."""
    work = policy_work(challenge, timezone.now())
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("console:verdict_rule", slug=challenge.slug)
    response = render(request, "console/_policy_work.html", {"challenge": challenge, "work": work})
    if not work["under_way"]:
        response["HX-Refresh"] = "true"
    return response


@for_organisers
@require_http_methods(["GET", "HEAD", "POST"])
def verdict_rule_undo(request: HttpRequest, challenge: Challenge, viewer: Viewer, pk: int) -> HttpResponse:
    """What taking a decision about the policy back would do, and the button that does it."""
    decisions = PolicyDecision.objects.select_related("policy", "former", "by", "challenge__policy")
    decision, form = get_object_or_404(decisions, challenge=challenge, pk=pk), UndoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        try:
            work = request_undo(
                decision=decision, reason=form.cleaned_data["reason"], by=request.user, at=timezone.now()
            )
        except PolicyRefused as refused:
            form.add_error(None, str(refused))
        else:
            _tell(request, work)
            return redirect("console:verdict_rule", slug=challenge.slug)
    refusal = (
        _("This challenge is final: its board stands.") if challenge.is_final else why_not_undone(decision, challenge)
    )
    context = page_context(challenge, viewer, "console", decision=decision, form=form, refusal=refusal)
    if not refusal:
        assert decision.former is not None, "else it could not be taken back"
        preview = preview_undo(challenge=challenge, decision=decision)
        context |= {
            "words": _in_words(decision.former.value),
            **_board(challenge, preview),
            **_changes(request, preview),
        }
    return render(request, "console/policy_undo.html", context, status=422 if form.errors else 200)


@for_organisers
@require_safe
def verdict_rule_csv(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponseBase:
    """Every rated pair under each rule, and under the policy of the address; one that can't be played by is refused."""
    in_force = _in_force(challenge)
    form = PolicyForm(request.GET, in_force=in_force)
    refusal = form.refusal(request.GET)
    if refusal:
        return HttpResponse(f"{refusal}\n", status=400, content_type="text/plain; charset=utf-8")
    policies = {"in_force": in_force, **default_policies(in_force)}
    if request.GET and form.policy is not None:
        policies["yours"] = form.policy
    rows = csv_rows(challenge, list(policies.values()))
    return stream_csv(f"{challenge.slug}-verdict-rules.csv", csv_columns(list(policies)), rows)
