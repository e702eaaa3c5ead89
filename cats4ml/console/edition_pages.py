"""What the pages of an edition's steps share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import gettext

from cats4ml.accounts.models import User
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.challenges.organisers import organised_by
from cats4ml.challenges.queries import Viewer
from cats4ml.review.models import Rating, RatingState
from cats4ml.review.policy_previews import Summary, default_policies, kept_comparison
from cats4ml.rules.policy import Policy
from cats4ml.ui.policy_words import verdict_in_words


def me(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "organisers are signed in"
    return request.user


def step_page(
    request: HttpRequest, challenge: Challenge, viewer: Viewer, name: str, *forms: Any, **more: Any
) -> HttpResponse:
    """The page of a step, with 422 where one of its forms was refused."""
    context = page_context(challenge, viewer, "console", is_draft=challenge.status == ChallengeStatus.DRAFT, **more)
    bad = any(form is not None and form.is_bound and form.errors for form in forms)
    return render(request, f"console/{name}.html", context, status=422 if bad else 200)


def free_slug(title: str) -> str:
    """A slug made of a title that no edition has yet: the title's own, else with a number behind it."""
    field = Challenge._meta.get_field("slug")  # noqa: SLF001 - Django's documented name
    base = slugify(title)[: (field.max_length or 60) - 4].strip("-") or "challenge"
    taken = set(Challenge.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | {"new"}
    numbers = (number for number in range(2, len(taken) + 3) if f"{base}-{number}" not in taken)
    return base if base not in taken else f"{base}-{next(numbers)}"


@dataclass(frozen=True)
class PolicyLine:
    """A policy beside others on the answers of a past edition. `address`: how the policy's page tries it."""

    name: str
    words: str
    summary: Summary
    policy: Policy


def past_editions(user: User, challenge: Challenge) -> list[Challenge]:
    """Other editions that this person organises in which answers count, newest first."""
    answered = Rating.objects.filter(state=RatingState.FINAL).values("pair__challenge")
    return list(organised_by(user).exclude(pk=challenge.pk).filter(pk__in=answered).select_related("policy"))


def policy_lines(challenge: Challenge, past: Challenge, names: Sequence[tuple[str, str]]) -> list[PolicyLine]:
    """This edition's policy, the one by which the past edition was run, and each rule at its defaults, on the answers
    of the past one."""
    own = challenge.rules if challenge.policy is not None else Policy()
    named = [(gettext("In force here"), own)]
    if past.policy is not None and past.rules != own:
        named.append((gettext("As %(title)s was run") % {"title": past.title}, past.rules))
    usual = default_policies(own)
    named += [(words, usual[rule]) for rule, words in names if usual[rule] != own]
    summaries = kept_comparison(past, [policy for _, policy in named])
    return [
        PolicyLine(name, verdict_in_words(policy), summary, policy)
        for (name, policy), summary in zip(named, summaries, strict=True)
    ]
