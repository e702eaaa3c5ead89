"""Where an edition stands: its steps with what each lacks, and what happens when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.challenges.edition_moves import missing_to_open, unknown_labels
from cats4ml.challenges.models import Challenge, ChallengeStatus, CopyDecision, NearCopy
from cats4ml.challenges.organisers import organisers_of
from cats4ml.challenges.queries import target_labels
from cats4ml.review.models import ControlQuestion, ControlUse
from cats4ml.ui.policy_words import verdict_in_words
from cats4ml.ui.words import counted

DONE, NEEDED, OPTIONAL = "done", "needed", "optional"
# What is done first in a step that lacks something.
BEGIN = {"labels": "Choose", "pool": "Draw", "classifiers": "Choose", "consent": "Write it", "dates": "Move it"}
STATE_WORDS = {DONE: "Done", NEEDED: "Needs you", OPTIONAL: "Optional"}


@dataclass(frozen=True)
class Step:
    """`words` say how it stands; `href` leads to where it is done, by the name `act`."""

    key: str
    title: str
    state: str
    words: str
    href: str
    act: str = "Change"

    @property
    def state_words(self) -> str:
        return STATE_WORDS[self.state]


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
        (challenge.opens_at, "Claims are taken from this moment on" + (", once you have opened it." if draft else ".")),
        (challenge.closes_at, "No more claims are taken. Raters go on, and what was submitted counts."),
        (challenge.ratings_close_at, "No more answers are taken. Pairs that lack some stay unsettled."),
        (
            challenge.results_at,
            "The day that is announced for the results. Nothing happens by itself: make the challenge final, and "
            "publish a release.",
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
        act=BEGIN.get(key, act) if lacking else act,
    )


def _found(challenge: Challenge) -> Iterator[tuple[str, str, str, str, str, str]]:
    draft = challenge.status == ChallengeStatus.DRAFT
    change = "Change" if draft else "See"
    labels = list(target_labels(challenge).annotate(shown=Count("examples")))
    said = "A summary is written." if challenge.summary else "No summary yet: nobody reads what it is about."
    yield "texts", "Title and texts", DONE if challenge.summary else OPTIONAL, said, "edition_texts", "Change"
    yield "labels", "Labels", DONE, f"{counted(len(labels), 'target label')}.", "edition_labels", change
    pictures = challenge.pool.count()
    yield "pool", "Pool", DONE, f"{counted(pictures, 'picture')}.", "edition_pool", change
    yield _classifiers(challenge, change)
    policy = "Nothing is in force." if challenge.policy is None else verdict_in_words(challenge.rules)
    yield "policy", "Policy", DONE, policy, "edition_policy", "See what it comes to"
    dates = "No closing date: claims are taken until you close it."
    if challenge.closes_at is not None:
        dates = "A closing date is set."
    yield "dates", "Dates", DONE if challenge.closes_at else OPTIONAL, dates, "edition_dates", "Change"
    consent = f"Version {challenge.consent_version} of the text is in force."
    yield "consent", "Consent", DONE, consent, "edition_consent", "Change"
    yield _guidance(labels)
    yield _controls(challenge)
    if draft:
        yield _near_copies(challenge)
    people = organisers_of(challenge).count()
    yield "organisers", "Organisers", DONE, f"{counted(people, 'organiser')}.", "edition_organisers", "Change"


def _classifiers(challenge: Challenge, change: str) -> tuple[str, str, str, str, str, str]:
    unknown = unknown_labels(challenge)
    words, state = "They know every label.", DONE
    if unknown:
        shown = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
        words = f"Too few of them know {counted(len(unknown), 'label')}, which can’t be scored: {shown}."
        state = NEEDED
    return "classifiers", "Classifiers", state, words, "edition_classifiers", change


def _guidance(labels: list) -> tuple[str, str, str, str, str, str]:  # type: ignore[type-arg]
    lacking = [one for one in labels if not (one.guidance or one.shown)]
    words = (
        f"{counted(len(lacking), 'label')} without a word on what counts." if lacking else "Every label is explained."
    )
    state = OPTIONAL if lacking or not labels else DONE
    return "guidance", "Guidance for raters", state, words if labels else "No labels yet.", "guidance", "Write it"


def _controls(challenge: Challenge) -> tuple[str, str, str, str, str, str]:
    asked = challenge.rules.warm_up if challenge.policy is not None else 0
    there = ControlQuestion.objects.filter(challenge=challenge, retired_at=None)
    warm_ups = there.filter(use=ControlUse.WARM_UP).count()
    words = f"{counted(warm_ups, 'warm-up question')}; raters are asked {asked:,} before they begin."
    state = DONE if warm_ups >= 2 * asked else OPTIONAL
    return "controls", "Control questions", state, words, "controls", "Add some"


def _near_copies(challenge: Challenge) -> tuple[str, str, str, str, str, str]:
    proposals = NearCopy.objects.filter(challenge=challenge)
    number, open_ = proposals.count(), proposals.filter(decision=CopyDecision.PROPOSED).count()
    words = f"{counted(open_, 'proposal')} to decide before it opens." if open_ else "All proposals are decided."
    state = DONE if number and not open_ else OPTIONAL
    return "near-copies", "Near-copies", state, words if number else "Nobody has looked for any.", "near_copies", "Look"
