"""What an organiser says about an edition: its texts, its dates, the consent text. Each change is written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.consents import keep_text
from cats4ml.challenges.editions import EditionRefused, check_lengths, check_question
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus, Consent, Participation, Role
from cats4ml.challenges.queries import people_of
from cats4ml.ui.words import figure

MOST_TEXT = 20_000
MOST_ELIGIBILITY = 500
# Some zones put the last day of 9999 into the year 10000, which can be written down and never read again.
FURTHEST = timedelta(days=36_525)
DATE_NAMES = {
    "opens_at": gettext_lazy("Claims open"),
    "closes_at": gettext_lazy("Claims close"),
    "ratings_close_at": gettext_lazy("The last answers"),
    "results_at": gettext_lazy("The results"),
}
# What the log of acts keeps stays English, whoever reads it.
_ENGLISH = {
    "opens_at": "claims open",
    "closes_at": "claims close",
    "ratings_close_at": "the last answers",
    "results_at": "the results",
    "teams_fixed_at": "teams are fixed",
}
# Stands beside the others: teams may be fixed at any moment.
TEAMS_FIXED = "teams_fixed_at"
EVERY_DATE = {**DATE_NAMES, TEAMS_FIXED: gettext_lazy("Teams are fixed")}
OLDEST_MINIMUM = 120


@dataclass(frozen=True)
class Dates:
    """When claims open and close, when raters give their last answers, when results are out; and from when on teams
    stay as they are. None: no date."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None
    ratings_close_at: datetime | None = None
    results_at: datetime | None = None
    teams_fixed_at: datetime | None = None

    @classmethod
    def of(cls, challenge: Challenge) -> Dates:
        return cls(**{name: getattr(challenge, name) for name in EVERY_DATE})


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
    _check_length(_("summary"), summary)
    after = {"title": title, "summary": summary, "question": question}
    return _write(challenge, after, kind=ActKind.EDITED, summary="Changed {fields}", by=by, at=at)


def set_consent(
    *,
    challenge: Challenge,
    text: str,
    by: User | None,
    at: datetime,
    minimum_age: int | None = None,
    eligibility: str = "",
) -> bool:
    """Change what people agree to and confirm when they join. Whether anything changed.

    Where somebody has agreed to what is in force, this is a new version: each version is kept, with who agreed to
    which, and whoever takes part is asked to agree to the new one before their next claim or answer. Raises
    `EditionRefused` for an empty text, one that is too long or an age that nobody has, and in a final edition, which
    nobody joins.
    """
    eligibility = eligibility.strip()
    _check_length(_("consent text"), text)
    if len(eligibility) > MOST_ELIGIBILITY or "\0" in eligibility:
        raise EditionRefused(
            _("the condition has %(n)d characters: shorten it to %(most)d")
            % {"n": len(eligibility), "most": MOST_ELIGIBILITY}
        )
    if minimum_age is not None and not 1 <= minimum_age <= OLDEST_MINIMUM:
        raise EditionRefused(_("the least age is from 1 to %(most)d years") % {"most": OLDEST_MINIMUM})
    if not text.strip():
        raise EditionRefused(_("the consent text is empty: say what people agree to when they join"))
    after = {"consent_text": text, "minimum_age": minimum_age, "eligibility": eligibility}
    with transaction.atomic():
        current = _locked(challenge)
        changed = any(getattr(current, name) != value for name, value in after.items())
        if current.is_final and changed:
            raise EditionRefused(_("nobody joins a final challenge any more, so that its consent text stays as it is"))
        agreed = agreed_to(current)
        if agreed:
            keep_text(challenge=current, at=at)
        version = current.consent_version + (1 if agreed and changed else 0)
        said = f"Changed the consent text; it is version {version} now" if agreed else "Changed the consent text"
        done = _write(challenge, {**after, "consent_version": version}, kind=ActKind.EDITED, summary=said, by=by, at=at)
        keep_text(challenge=_locked(challenge), at=at)
        if version != current.consent_version:
            _tell_of_consent(current, version, at)
        return done


def _tell_of_consent(challenge: Challenge, version: int, at: datetime) -> None:
    notify(
        users=people_of(challenge).exclude(participations__challenge=challenge, participations__role=Role.ORGANISER),
        kind=NoticeKind.STANDING,
        what="consent_changed",
        key=f"consent-{challenge.pk}-{version}",
        at=at,
        url=reverse("pages:join", args=[challenge.slug]),
        values={"edition": challenge.title, "version": version},
    )


def agreed_to(challenge: Challenge) -> int:
    """How many have agreed to the consent text in force."""
    agreed = Participation.objects.filter(challenge=challenge, consent_version=challenge.consent_version).count()
    kept = Consent.objects.filter(text__challenge=challenge, text__version=challenge.consent_version)
    return max(agreed, kept.values("participation").distinct().count())


def set_dates(*, challenge: Challenge, dates: Dates, reason: str, by: User | None, at: datetime) -> bool:
    """Set an edition's dates. Whether anything changed.

    Once it has left the draft a change needs a reason, for people have planned by the dates. A date may be moved to any
    moment from now on; one that was moved to the past would close what people are at. Raises `DatesRefused`.
    """
    with transaction.atomic():
        current = _locked(challenge)
        before, after = asdict(Dates.of(current)), asdict(dates)
        changed = [name for name in EVERY_DATE if before[name] != after[name]]
        problems = dict(_problems(current, before, after, changed, at))
        if changed and not reason.strip() and current.status != ChallengeStatus.DRAFT:
            problems["reason"] = _("Say why: people have planned by the dates, and read the reason in the log.")
        if problems:
            raise DatesRefused(problems)
        said = f"Changed dates: {', '.join(_ENGLISH[name] for name in changed)}"
        return _write(challenge, after, kind=ActKind.DATES, summary=said, by=by, at=at, reason=reason)


def _problems(
    challenge: Challenge, before: Mapping[str, Any], after: Mapping[str, Any], changed: list[str], at: datetime
) -> Iterator[tuple[str, str]]:
    if changed and challenge.is_final:
        yield changed[0], _("The challenge is final: its dates stay as they are.")
    for name in changed:
        if after[name] is not None and after[name] < at:
            yield name, _("This moment has passed. Choose one from now on, or leave the date as it was.")
        elif after[name] is not None and after[name] - at > FURTHEST:
            yield name, _("This is more than a hundred years away. Look at the year.")
    begun = challenge.status != ChallengeStatus.DRAFT and (before["opens_at"] is None or before["opens_at"] <= at)
    if "opens_at" in changed and begun:
        yield (
            "opens_at",
            _("The challenge has opened already, so that this date stays. Pause it to stop claims for a while."),
        )
    given = [(name, after[name]) for name in DATE_NAMES if after[name] is not None]
    for (earlier, first), (later, second) in pairwise(given):
        if second < first or (later == "closes_at" and second == first):
            words = _("“%(later)s” comes before “%(earlier)s”. Put the dates in order.") % {
                "later": DATE_NAMES[later],
                "earlier": DATE_NAMES[earlier],
            }
            yield later if later in changed or earlier not in changed else earlier, words


def _check_length(name: str, text: str) -> None:
    if len(text) > MOST_TEXT or "\0" in text:
        raise EditionRefused(
            _("the %(name)s has %(text)s characters: shorten it to %(most_text)s")
            % {"name": name, "text": figure(len(text)), "most_text": figure(MOST_TEXT)}
        )


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
