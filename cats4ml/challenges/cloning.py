"""A new edition after the pattern of another one."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from cats4ml.accounts.models import User
from cats4ml.catalog.hiding import HIDDEN_IDS
from cats4ml.challenges.actions import NewMember, propose_roster
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.editions import create_edition
from cats4ml.challenges.models import ActKind, Challenge, PoolDraw, RosterMember, TargetLabel
from cats4ml.challenges.queries import target_labels
from cats4ml.rules.policy import Policy


def clone_edition(
    *, source: Challenge, slug: str, title: str, with_pool: bool, by: User | None, at: datetime
) -> Challenge:
    """A draft with the other's texts, labels and what is said of them, policy, and classifiers as a proposal; with its
    pool where that is wanted. Never its dates, its people, its pairs or the seed that draws the held-out part.

    Raises `EditionRefused` as `create_edition` does.
    """
    policy = source.policy.value if source.policy is not None else Policy()
    with transaction.atomic():
        made = create_edition(
            slug=slug,
            title=title,
            summary=source.summary,
            vocabulary=source.vocabulary,
            policy=policy,
            question=source.question,
            consent_text=source.consent_text,
            minimum_age=source.minimum_age,
            eligibility=source.eligibility,
            by=by,
            at=at,
        )
        TargetLabel.objects.bulk_create(
            TargetLabel(
                challenge=made, label=one.label, position=one.position, question=one.question, guidance=one.guidance
            )
            for one in target_labels(source)
        )
        if source.roster_id is not None:
            members = RosterMember.objects.filter(roster=source.roster_id).select_related("classifier")
            chosen = [NewMember(one.classifier, one.weight, one.label_map) for one in members.order_by("position")]
            propose_roster(challenge=made, members=chosen, by=by)
        pictures = _copy_pool(source, made) if with_pool else 0
        details = {"source": source.slug, "pictures": pictures}
        said = f"Took labels, texts and policy from {source.slug}" + (", and its pool" if with_pool else "")
        record_act(challenge=made, kind=ActKind.EDITED, summary=said, by=by, at=at, details=details)
    return made


def _copy_pool(source: Challenge, made: Challenge) -> int:
    """The same pictures, and how they were drawn. Which are near-copies is decided anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO challenges_poolimage (challenge_id, image_id, image_key)"  # noqa: S608 - our own words
            " SELECT %s, image_id, image_key FROM challenges_poolimage"
            f" WHERE challenge_id = %s AND image_id NOT IN {HIDDEN_IDS} ORDER BY id",
            [made.pk, source.pk],
        )
        number = int(cursor.rowcount)
    draws = list(PoolDraw.objects.filter(challenge=source).order_by("pk"))
    for draw in draws:
        draw.pk, draw.challenge = None, made
    PoolDraw.objects.bulk_create(draws)
    return number
