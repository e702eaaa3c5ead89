"""The organiser's page about the verdict rule: what is in force, what another would make of the edition, and putting it
in force."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from cats4ml.accounts.models import User
from cats4ml.api.formats import stream_csv
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge
from cats4ml.challenges.queries import Viewer
from cats4ml.console.rule_forms import SETTLED_TOO, PolicyForm, PutInForceForm
from cats4ml.console.rule_pages import (
    FATES,
    SHOWN,
    board_lines,
    change_lines,
    csv_columns,
    csv_rows,
    policy_history,
    rule_lines,
)
from cats4ml.console.views import for_organisers
from cats4ml.review.actions.repolicing import PolicyRefused, apply_policy
from cats4ml.review.policy_previews import Preview, default_policies, kept_preview
from cats4ml.review.policy_readings import Fate
from cats4ml.rules.plain_words import expert_in_words, verdict_in_words
from cats4ml.rules.policy import Policy
from cats4ml.ui.paging import whole_number

CHANGES_A_PAGE = 50
BOARD_ROWS = 50


def _in_force(challenge: Challenge) -> Policy:
    return challenge.rules if challenge.policy is not None else Policy()


def _in_words(policy: Policy) -> list[str]:
    disputes = ["Finders may dispute how a pair of theirs ended, once."] if policy.takes_disputes else []
    return [verdict_in_words(policy), expert_in_words(policy), *disputes]


@for_organisers
@require_GET
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
        lines=rule_lines(challenge, in_force, chosen),
    )
    if chosen is not None:
        preview = kept_preview(challenge, chosen, reopen=form.reopens)
        context |= {
            "chosen": chosen,
            "chosen_words": verdict_in_words(chosen),
            "is_in_force": chosen == in_force and challenge.policy is not None,
            "summary": preview.summary,
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
            done = apply_policy(
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
            messages.success(request, _done_in_words(done))
            return redirect("console:verdict_rule", slug=challenge.slug)
    return _page(request, challenge, viewer, form, put, tried=True)


def _done_in_words(done: Preview) -> str:
    said = ["The rule is in force."]
    for number, what in (
        (len(done.of(Fate.ENDS_OTHERWISE)), "otherwise than before"),
        (len(done.of(Fate.SETTLES)), "now that waited for raters"),
    ):
        if number:
            verb = "ends" if "otherwise" in what else "is settled"
            plural = "end" if verb == "ends" else "are settled"
            said.append(f"1 pair {verb} {what}." if number == 1 else f"{number:,} pairs {plural} {what}.")
    back = len(done.of(Fate.NEEDS_MORE)) if done.reopen else 0
    if back:
        said.append("1 pair goes back to raters." if back == 1 else f"{back:,} pairs go back to raters.")
    return " ".join(said)


@for_organisers
@require_GET
def verdict_rule_csv(request: HttpRequest, challenge: Challenge, viewer: Viewer) -> HttpResponseBase:
    in_force = _in_force(challenge)
    form = PolicyForm(request.GET, in_force=in_force)
    policies = {"in_force": in_force, **default_policies(in_force)}
    if any(name in form.fields for name in request.GET) and form.is_valid() and form.policy is not None:
        policies["yours"] = form.policy
    rows = csv_rows(challenge, list(policies.values()))
    return stream_csv(f"{challenge.slug}-verdict-rules.csv", csv_columns(list(policies)), rows)
