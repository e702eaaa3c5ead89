"""What the page of a challenge shows, for who visits it and for organisers who look before it opens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cats4ml.challenges.announcements import live_announcements
from cats4ml.challenges.hiding import shown_pool
from cats4ml.challenges.http import page_context
from cats4ml.challenges.models import Announcement, Challenge, ChallengeStatus
from cats4ml.challenges.queries import Viewer, target_labels
from cats4ml.pages.queries import example_pair_of_pictures
from cats4ml.ui.policy_words import raters_in_words, raters_look, rules_in_words, verdict_in_words

SHOWN = 3
MOST_ANNOUNCEMENTS = 50


def challenge_context(edition: Challenge, viewer: Viewer, *, at: datetime) -> dict[str, Any]:
    """The edition has a policy."""
    labels = target_labels(edition).count()
    policy = edition.rules
    near_copies = edition.pool.filter(copy_group__isnull=False).exists()
    announcements = list(live_announcements(edition)[:MOST_ANNOUNCEMENTS])
    return page_context(
        edition,
        viewer,
        "challenge",
        now=at,
        policy=policy,
        rules=rules_in_words(policy, labels=labels, near_copies=near_copies),
        verdict_rule=verdict_in_words(policy),
        raters=raters_in_words(policy),
        raters_look=raters_look(policy),
        labels=labels,
        pictures=shown_pool(edition).count(),
        examples=example_pair_of_pictures(edition),
        takes_claims=edition.takes_claims(at),
        opens_later=edition.status == ChallengeStatus.OPEN and edition.opens_at is not None and edition.opens_at > at,
        announcements=announcements[:SHOWN],
        older_announcements=announcements[SHOWN:],
    )


def announced(challenges: Iterable[Challenge]) -> list[Challenge]:
    """These editions with the number of their announcements, and the newest one. One query."""
    editions = list(challenges)
    rows = Announcement.objects.filter(challenge__in=editions, taken_down_at=None).order_by("pk")
    found: dict[int, list[Announcement]] = {}
    for row in rows.only("challenge", "title", "created_at"):
        found.setdefault(row.challenge_id, []).append(row)
    for edition in editions:
        mine = found.get(edition.pk, [])
        edition.announced = len(mine)  # type: ignore[attr-defined]
        edition.newest = mine[-1] if mine else None  # type: ignore[attr-defined]
    return editions
