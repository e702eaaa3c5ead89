"""What is sent where, so that whoever may do something does it: a refusal must not be one of an empty form."""

# ruff: noqa: E501 - a line for each address
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.security.people import Everybody

SENT: dict[str, Callable[[Everybody], dict[str, Any]]] = {
    "pages:join": lambda here: {"role": "finder", "consent": "on", "consent_version": here.world.challenge.consent_version},
    "pages:notice_choices": lambda here: {"shown": "team"},
    "accounts:tokens": lambda here: {"name": "new", "scopes": ["submit"], "days": "30"},
    "submissions:submit_pair": lambda here: {"image_id": here.world.images[5].image_id, "label_id": "dog", "rationale": ""},
    "submissions:dispute": lambda here: {"reason": "Look at the lower left corner again."},
    "submissions:basket_put": lambda here: {"image_id": here.world.images[5].image_id, "label": "dog"},
    "pages:team_rename": lambda here: {"name": "Another name"},
    "pages:team_invite": lambda here: {"username": here.people["stranger"].username},
    "pages:invitation_answer": lambda here: {"answer": "yes"},
    "review:answer": lambda here: {"token": here.lease.token, "answer": "yes"},
    "review:skip": lambda here: {"token": here.lease.token},
    "review:kinds": lambda here: {"kind": ["hate"]},
    "pages:kinds": lambda here: {"kind": ["hate"]},
    "pages:report_picture": lambda here: {"kind": "other", "note": "x"},
    "console:takedown_lift": lambda here: {"reason": "A mistake."},
    "console:study_pay": lambda here: {"reward": "2.50", "currency": "EUR", "least_wage": ""},
    "review:report": lambda here: {"token": here.lease.token, "kind": "other", "note": "x"},
    "console:announcements": lambda here: {"title": "News", "text": "For all"},
    "console:edition_texts": lambda here: {"title": "Another", "summary": "", "question": "Is there a {label}?"},
    "console:edition_consent": lambda here: {"text": "Another text."},
    "console:edition_organisers": lambda here: {"username": here.people["stranger"].username},
    "console:edition_move": lambda here: {"reason": "A break.", "typed_slug": here.world.challenge.slug},
    "console:finder_disqualify": lambda here: {"reason": "He copied."},
    "console:finder_baseline": lambda here: {"baseline": "yes", "reason": "One of ours."},
    "console:rater_pause": lambda here: {"note": "x"},
    "console:rater_discount": lambda here: {"reason": "Guesses."},
    "console:pause_decide": lambda here: {"decision": "resumed", "note": "x"},
    "console:studies": lambda here: {
        "title": "Another", "platform": "prolific", "questions": "5", "completion_code": "ABCDEFG",
    },
    "console:control_add": lambda here: {
        "image_id": here.world.images[5].image_id, "label_id": here.example.target.label_id, "truth": "no", "use": "mixed",
    },
    "console:pair_withdraw": lambda here: {"reason": "Unlawful."},
    "console:dispute": lambda here: {"decision": "declined", "answer": "It stands."},
    "console:adjudicate_pair": lambda here: {"verdict": "yes", "words": "It is one."},
    "console:releases": lambda here: {"version": "3"},
    "console:release_free": lambda here: {"version": "1"},
    "console:release_delete": lambda here: {"version": "2.0-unpublished"},
    "console:requeue": lambda here: {"what": "stalled"},
    "evaluations:listing": lambda here: {"listed": "yes"},
}  # fmt: skip
API_SENT: dict[str, Callable[[Everybody], Any]] = {
    "api:participations": lambda here: {"role": "finder", "consent_version": here.world.challenge.consent_version},
    "api:submissions": lambda here: {"image_id": here.world.images[5].image_id, "label_id": "dog"},
    "api:dispute": lambda here: {"reason": "Look at the lower left corner again."},
    "api:sensitive": lambda here: {"kinds": ["hate"]},
    "api:ratings": lambda here: {"token": str(here.lease.token), "answer": "yes"},
    "api:picture_reports": lambda here: {"kind": "other", "note": "x"},
    "api:rating_report": lambda here: {"kind": "other", "note": "x"},
    "api:releases": lambda here: {"version": "3"},
    "api:evaluations": lambda here: {"classifier": here.world.classifiers[0].digest},
}
