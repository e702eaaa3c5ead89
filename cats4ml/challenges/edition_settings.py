"""What an organiser says about an edition: its texts, its dates, the consent text. Each change is written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.editions import EditionRefused, check_lengths, check_question
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus, Participation

MOST_TEXT = 20_000
# Some zones put the last day of 9999 into the year 10000, which can be written down and never read again.
FURTHEST = timedelta(days=36_525)
DATE_NAMES = {
    "opens_at": "Claims open",
    "closes_at": "Claims close",
    "ratings_close_at": "The last answers",
    "results_at": "The results",
}


@dataclass(frozen=True)
class Dates:
    """When claims open and close, when raters give their last answers, when results are out. None: no date."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None
    ratings_close_at: datetime | None = None
    results_at: datetime | None = None

    @classmethod
    def of(cls, challenge: Challenge) -> Dates:
        return cls(**{name: getattr(challenge, name) for name in DATE_NAMES})


class DatesRefused(EditionRefused):
    """Which dates can't be as asked, and why: by field, sentences."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


def set_texts(*, challenge: Challenge, title: str, summary: str, question: str, by: User | None, at: datetime) -> bool:
    """Say what an edition is about and what raters are asked. Whether anything changed.

    Raises `EditionRefused` for a text that is missing or too long, and for a question without the label in it.
    """
    check_lengths(title=title)
    check_question(question)
    _check_length("summary", summary)
    after = {"title": title, "summary": summary, "question": question}
    return _write(challenge, after, kind=ActKind.EDITED, summary="Changed {fields}", by=by, at=at)


def set_consent(*, challenge: Challenge, text: str, by: User | None, at: datetime) -> bool:
    """Change what people agree to when they join. Whether anything changed.

    Where somebody has agreed to the text in force, the new one is a new version: who agreed before keeps the version
    that they agreed to, and its words stay in the log. Raises `EditionRefused` for an empty text or one that is too
    long, and in a final edition, which nobody joins.
    """
    _check_length("consent text", text)
    if not text.strip():
        raise EditionRefused("the consent text is empty: say what people agree to when they join")
    with transaction.atomic():
        current = _locked(challenge)
        if current.is_final and text != current.consent_text:
            raise EditionRefused("nobody joins a final challenge any more, so that its consent text stays as it is")
        agreed = agreed_to(current)
        version = current.consent_version + (1 if agreed and text != current.consent_text else 0)
        after = {"consent_text": text, "consent_version": version}
        said = f"Changed the consent text; it is version {version} now" if agreed else "Changed the consent text"
        return _write(challenge, after, kind=ActKind.EDITED, summary=said, by=by, at=at)


def agreed_to(challenge: Challenge) -> int:
    """How many have agreed to the consent text in force."""
    return Participation.objects.filter(challenge=challenge, consent_version=challenge.consent_version).count()


def set_dates(*, challenge: Challenge, dates: Dates, reason: str, by: User | None, at: datetime) -> bool:
    """Set an edition's dates. Whether anything changed.

    Once it has left the draft a change needs a reason, for people have planned by the dates. A date may be moved to any
    moment from now on; one that was moved to the past would close what people are at. Raises `DatesRefused`.
    """
    with transaction.atomic():
        current = _locked(challenge)
        before, after = asdict(Dates.of(current)), asdict(dates)
        changed = [name for name in DATE_NAMES if before[name] != after[name]]
        problems = dict(_problems(current, before, after, changed, at))
        if changed and not reason.strip() and current.status != ChallengeStatus.DRAFT:
            problems["reason"] = "Say why: people have planned by the dates, and read the reason in the log."
        if problems:
            raise DatesRefused(problems)
        said = f"Changed dates: {', '.join(DATE_NAMES[name].lower() for name in changed)}"
        return _write(challenge, after, kind=ActKind.DATES, summary=said, by=by, at=at, reason=reason)


def _problems(
    challenge: Challenge, before: Mapping[str, Any], after: Mapping[str, Any], changed: list[str], at: datetime
) -> Iterator[tuple[str, str]]:
    if changed and challenge.is_final:
        yield changed[0], "The challenge is final: its dates stay as they are."
    for name in changed:
        if after[name] is not None and after[name] < at:
            yield name, "This moment has passed. Choose one from now on, or leave the date as it was."
        elif after[name] is not None and after[name] - at > FURTHEST:
            yield name, "This is more than a hundred years away. Look at the year."
    begun = challenge.status != ChallengeStatus.DRAFT and (before["opens_at"] is None or before["opens_at"] <= at)
    if "opens_at" in changed and begun:
        yield (
            "opens_at",
            "The challenge has opened already, so that this date stays. Pause it to stop claims for a while.",
        )
    given = [(name, after[name]) for name in DATE_NAMES if after[name] is not None]
    for (earlier, first), (later, second) in pairwise(given):
        if second < first or (later == "closes_at" and second == first):
            words = f"“{DATE_NAMES[later]}” comes before “{DATE_NAMES[earlier]}”. Put the dates in order."
            yield later if later in changed or earlier not in changed else earlier, words


def _check_length(name: str, text: str) -> None:
    if len(text) > MOST_TEXT or "\0" in text:
        raise EditionRefused(f"the {name} has {len(text):,} characters: shorten it to {MOST_TEXT:,}")


def _locked(challenge: Challenge) -> Challenge:
    return Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)


def _write(
    challenge: Challenge,
    after: Mapping[str, Any],
    *,
    kind: ActKind,
    summary: str,
    by: User | None,
    at: datetime,
    reason: str = "",
) -> bool:
    """Write these fields of the edition's row and what they were. Nothing is written where they are so already."""
    with transaction.atomic():
        current = _locked(challenge)
        details = difference({name: getattr(current, name) for name in after}, after)
        if details:
            for name in details:
                setattr(current, name, after[name])
            current.save(update_fields=list(details))
            summary = summary.replace("{fields}", " and ".join(details))
            record_act(
                challenge=current, kind=kind, summary=summary, by=by, at=at, reason=reason.strip(), details=details
            )
    for name, value in after.items():
        setattr(challenge, name, value)
    return bool(details)
