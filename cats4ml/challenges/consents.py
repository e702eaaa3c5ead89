"""What people agree to when they take part: each version kept as it stood, asked for anew when it changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, Consent, ConsentText, Participation, Role

# The site's own words beside the organisers' text, for each role. Kept in English as they stood.
RATER_TERMS = gettext_noop(
    "Your answers as a rater are published with the data, under a pseudonym that does not tell who you are."
)
FINDER_TERMS = gettext_noop(
    "The pairs that you claim are published with the data, without your name. What you write about why machines may "
    "err is licensed under CC BY 4.0, so that anybody may use it who names the challenge."
)
ALSO_AGREED = {Role.RATER: RATER_TERMS, Role.FINDER: FINDER_TERMS}


@dataclass(frozen=True)
class Confirmed:
    """What somebody says of themselves when they agree."""

    old_enough: bool = False
    eligible: bool = False


def rater_terms() -> str:
    """What every rater agrees to beside the organisers' text, in the language of who reads it."""
    return _(RATER_TERMS)


def finder_terms() -> str:
    return _(FINDER_TERMS)


def what_is_missing(challenge: Challenge, confirmed: Confirmed | None) -> str:
    """What is still to be confirmed by who wants to take part, in a sentence; '' where nothing is."""
    said = confirmed or Confirmed()
    if challenge.minimum_age and not said.old_enough:
        return _("Confirm that you are at least %(age)d years old: only then can you take part.") % {
            "age": challenge.minimum_age
        }
    if challenge.eligibility and not said.eligible:
        return _("Confirm that the organisers’ condition holds for you: only then can you take part.")
    return ""


def keep_text(*, challenge: Challenge, at: datetime) -> ConsentText:
    """The text in force as a version that is kept. The caller holds the edition's row, with what it says now."""
    values = {
        "text": challenge.consent_text,
        "minimum_age": challenge.minimum_age,
        "eligibility": challenge.eligibility,
    }
    text, made = ConsentText.objects.get_or_create(
        challenge=challenge, version=challenge.consent_version, defaults={**values, "created_at": at}
    )
    if not made and any(getattr(text, name) != value for name, value in values.items()):
        # Nobody has agreed to it yet: else the change would have been a new version.
        ConsentText.objects.filter(pk=text.pk).update(**values, created_at=at)
    return text


def record_consent(*, participation: Participation, challenge: Challenge, at: datetime) -> None:
    """Write down that this person agrees to the text in force and confirms what it asks. Twice is once.

    The caller holds the edition's row and has looked that nothing is missing.
    """
    text = keep_text(challenge=challenge, at=at)
    Consent.objects.get_or_create(
        participation=participation,
        text=text,
        withdrawn_at=None,
        defaults={
            "age_confirmed": challenge.minimum_age,
            "eligibility_confirmed": challenge.eligibility,
            "also_agreed": ALSO_AGREED[Role(participation.role)],
            "agreed_at": at,
        },
    )


def why_asked_anew(participation: Participation) -> str:
    """Why somebody who takes part must agree before they go on, with the address where; '' where they needn't."""
    challenge = participation.challenge
    if participation.role == Role.ORGANISER or challenge.is_final:
        return ""
    where = settings.SITE_URL + reverse("pages:join", args=[challenge.slug])
    if participation.left_at is not None:
        return _("You left this challenge on %(day)s. To take part again, agree to its text: %(address)s") % {
            "day": formats.date_format(participation.left_at, "DATE_FORMAT"),
            "address": where,
        }
    if participation.consent_version != challenge.consent_version:
        return _(
            "What you agreed to has changed: version %(version)d is in force. Read it and agree to go on: %(address)s"
        ) % {"version": challenge.consent_version, "address": where}
    return ""


def consents_of(user: User) -> QuerySet[Consent]:
    """Everything that a person agreed to, newest first, with its text and where."""
    mine = Consent.objects.filter(participation__user=user)
    return mine.select_related("text", "participation__challenge").order_by("-agreed_at", "-pk")


def leave_challenge(*, participation: Participation, at: datetime) -> bool:
    """Take one's consent back: no further claim, answer or notice; what was done stays, for others' work rests on it.

    Whether they took part until now. Questions that a rater holds are given to others by the sweep. Coming back is
    agreeing anew, in the same role.
    """
    with transaction.atomic():
        one = Participation.objects.select_for_update(no_key=True).get(pk=participation.pk)
        if one.role == Role.ORGANISER or one.left_at is not None:
            return False
        one.left_at = at
        one.save(update_fields=["left_at"])
        Consent.objects.filter(participation=one, withdrawn_at=None).update(withdrawn_at=at)
    participation.left_at = at
    return True
