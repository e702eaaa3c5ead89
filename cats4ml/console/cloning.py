"""A clone of an edition with what review keeps of its labels."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.cloning import clone_edition
from cats4ml.challenges.models import Challenge
from cats4ml.review.actions.examples import copy_examples


def clone_with_examples(
    *, source: Challenge, slug: str, title: str, with_pool: bool, by: User | None, at: datetime
) -> Challenge:
    """`clone_edition`, and the pictures that explain its labels: with the pool, for they are pictures of it. Raises
    `EditionRefused`."""
    with transaction.atomic():
        made = clone_edition(source=source, slug=slug, title=title, with_pool=with_pool, by=by, at=at)
        copy_examples(source=source, target=made)
    return made
