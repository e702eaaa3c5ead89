"""Where an edition stands: its steps with what each lacks, and what happens when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cats4ml.challenges.edition_moves import missing_to_open, unknown_labels
from cats4ml.challenges.models import Challenge, ChallengeStatus, CopyDecision, NearCopy
from cats4ml.challenges.organisers import organisers_of
from cats4ml.challenges.queries import target_labels
from cats4ml.review.models import ControlQuestion, ControlUse
from cats4ml.ui.policy_words import verdict_in_words
from cats4ml.ui.words import figure

DONE, NEEDED, OPTIONAL = "done", "needed", "optional"
# What is done first in a step that lacks something.
BEGIN = {
    "labels": gettext_lazy("Choose"),
    "pool": gettext_lazy("Draw"),
    "classifiers": gettext_lazy("Choose"),
    "consent": gettext_lazy("Write it"),
    "dates": gettext_lazy("Move it"),
}
STATE_WORDS = {DONE: gettext_lazy("Done"), NEEDED: gettext_lazy("Needs you"), OPTIONAL: gettext_lazy("Optional")}


@dataclass(frozen=True)
class Step:
    """`words` say how it stands; `href` leads to where it is done, by the name `act`."""

    key: str
    title: str
    state: str
    words: str
    href: str
    act: str

    @property
    def state_words(self) -> str:
        return str(STATE_WORDS[self.state])


@dataclass(frozen=True)
class Happening:
    """A moment of an edition, and what happens then. `done`: it has passed."""

    moment: datetime
    words: str
    done: bool


def happenings(challenge: Challenge, at: datetime) -> list[Happening]:
    """What the dates do by themselves, and what they only announce, in the order of time."""
    draft = challenge.status == ChallengeStatus.DRAFT
    said = (
        (
            challenge.opens_at,
            _("Claims are taken from this moment on, once you have opened it.")
            if draft
            else _("Claims are taken from this moment on."),
        ),
        (challenge.closes_at, _("No more claims are taken. Raters go on, and what was submitted counts.")),
        (challenge.ratings_close_at, _("No more answers are taken. Pairs that lack some stay unsettled.")),
        (
            challenge.results_at,
            _(
                "The day that is announced for the results. Nothing happens by itself: make the challenge final, "
                "and publish a release."
            ),
        ),
        (
            challenge.teams_fixed_at,
            _("Nobody joins or leaves a team that takes part any more, until the challenge is final."),
        ),
    )
    found = [Happening(moment, words, moment <= at) for moment, words in said if moment is not None]
    return sorted(found, key=lambda one: one.moment)


def steps_of(challenge: Challenge, at: datetime) -> list[Step]:
    """Every step of making an edition, in order. The number of queries doesn't grow with labels or pictures."""
    missing = {one.step: one.words for one in missing_to_open(challenge, at)}
    return [_as_step(challenge, missing, *one) for one in _found(challenge)]


def _as_step(
    challenge: Challenge, missing: dict[str, str], key: str, title: str, state: str, words: str, page: str, act: str
) -> Step:
    lacking = missing.get(key)
    return Step(
        key=key,
        title=title,
        state=NEEDED if lacking else state,
        words=lacking or words,
        href=reverse(f"console:{page}", args=[challenge.slug]),
        act=str(BEGIN.get(key, act)) if lacking else act,
    )


def _found(challenge: Challenge) -> Iterator[tuple[str, str, str, str, str, str]]:
    draft = challenge.status == ChallengeStatus.DRAFT
    change = _("Change") if draft else _("See")
    labels = list(target_labels(challenge).annotate(shown=Count("examples")))
    said = _("A summary is written.") if challenge.summary else _("No summary yet: nobody reads what it is about.")
    yield "texts", _("Title and texts"), DONE if challenge.summary else OPTIONAL, said, "edition_texts", _("Change")
    yield (
        "labels",
        _("Labels"),
        DONE,
        ngettext("%(n)s target label.", "%(n)s target labels.", len(labels)) % {"n": figure(len(labels))},
        "edition_labels",
        change,
    )
    pictures = challenge.pool.count()
    yield (
        "pool",
        _("Pool"),
        DONE,
        ngettext("%(n)s picture.", "%(n)s pictures.", pictures) % {"n": figure(pictures)},
        "edition_pool",
        change,
    )
    yield _classifiers(challenge, change)
    policy = _("Nothing is in force.") if challenge.policy is None else verdict_in_words(challenge.rules)
    yield "policy", _("Policy"), DONE, policy, "edition_policy", _("See what it comes to")
    dates = _("No closing date: claims are taken until you close it.")
    if challenge.closes_at is not None:
        dates = _("A closing date is set.")
    yield "dates", _("Dates"), DONE if challenge.closes_at else OPTIONAL, dates, "edition_dates", _("Change")
    consent = _("Version %(consent_version)s of the text is in force.") % {"consent_version": challenge.consent_version}
    yield "consent", _("Consent"), DONE, consent, "edition_consent", _("Change")
    yield _guidance(labels)
    yield _controls(challenge)
    if draft:
        yield _near_copies(challenge)
    people = organisers_of(challenge).count()
    yield (
        "organisers",
        _("Organisers"),
        DONE,
        ngettext("%(n)s organiser.", "%(n)s organisers.", people) % {"n": figure(people)},
        "edition_organisers",
        _("Change"),
    )


def _classifiers(challenge: Challenge, change: str) -> tuple[str, str, str, str, str, str]:
    unknown = unknown_labels(challenge)
    words, state = _("They know every label."), DONE
    if unknown:
        shown = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
        words = ngettext(
            "Too few of them know %(n)s label, which can’t be scored: %(shown)s.",
            "Too few of them know %(n)s labels, which can’t be scored: %(shown)s.",
            len(unknown),
        ) % {"n": figure(len(unknown)), "shown": shown}
        state = NEEDED
    return "classifiers", _("Classifiers"), state, words, "edition_classifiers", change


def _guidance(labels: list) -> tuple[str, str, str, str, str, str]:  # type: ignore[type-arg]
    lacking = [one for one in labels if not (one.guidance or one.shown)]
    words = (
        ngettext(
            "%(n)s label without a word on what counts.", "%(n)s labels without a word on what counts.", len(lacking)
        )
        % {"n": figure(len(lacking))}
        if lacking
        else _("Every label is explained.")
    )
    state = OPTIONAL if lacking or not labels else DONE
    return (
        "guidance",
        _("Guidance for raters"),
        state,
        words if labels else _("No labels yet."),
        "guidance",
        _("Write it"),
    )


def _controls(challenge: Challenge) -> tuple[str, str, str, str, str, str]:
    asked = challenge.rules.warm_up if challenge.policy is not None else 0
    there = ControlQuestion.objects.filter(challenge=challenge, retired_at=None)
    warm_ups = there.filter(use=ControlUse.WARM_UP).count()
    words = ngettext(
        "%(n)s warm-up question; raters are asked %(asked)s before they begin.",
        "%(n)s warm-up questions; raters are asked %(asked)s before they begin.",
        warm_ups,
    ) % {"n": figure(warm_ups), "asked": figure(asked)}
    state = DONE if warm_ups >= 2 * asked else OPTIONAL
    return "controls", _("Control questions"), state, words, "controls", _("Add some")


def _near_copies(challenge: Challenge) -> tuple[str, str, str, str, str, str]:
    proposals = NearCopy.objects.filter(challenge=challenge)
    number, open_ = proposals.count(), proposals.filter(decision=CopyDecision.PROPOSED).count()
    words = (
        ngettext("%(n)s proposal to decide before it opens.", "%(n)s proposals to decide before it opens.", open_)
        % {"n": figure(open_)}
        if open_
        else _("All proposals are decided.")
    )
    state = DONE if number and not open_ else OPTIONAL
    return (
        "near-copies",
        _("Near-copies"),
        state,
        words if number else _("Nobody has looked for any."),
        "near_copies",
        _("Look"),
    )
