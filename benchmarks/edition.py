"""An edition to measure with: pictures in its pool, a roster, labels, one finder. Needs Django set up."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from benchmarks.stage import Weights
from cats4ml.accounts.models import User
from cats4ml.catalog.actions import NewLabel, add_images, add_labels, store_picture
from cats4ml.catalog.models import Image
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_roster, join_challenge
from cats4ml.challenges.editions import create_edition, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.console.rosters import new_members, read_entries
from cats4ml.console.workers import EditionWorkers
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import submit_pairs
from cats4ml.submissions.models import Pair
from cats4ml.submissions.queries import ClaimRow

PATIENCE_SECONDS = 1_200.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Edition:
    """An open edition; `labels` are the keys of its target labels."""

    challenge: Challenge
    finder: Participation
    images: Sequence[Image]
    labels: Sequence[str]


def make_edition(slug: str, pictures: Iterable[bytes], weights: Weights, *, labels: int = 1) -> Edition:
    """An open edition whose messages go to workers of its own (`console.workers.edition_workers`)."""
    entries = read_entries(weights.roster, classifiers_dir=weights.folder, classes=weights.classes)
    card = entries[0].card
    vocabulary = card["vocabulary"]
    challenge = create_edition(
        slug=slug,
        title=slug,
        summary="",
        vocabulary=vocabulary,
        policy=Policy(base_quota=1_000_000),
        queue=slug,
        consent_text="A benchmark.",
    )
    decide_roster(challenge=challenge, classifiers=new_members(entries))
    keys = list(card["labels"])[:labels]
    add_target_labels(
        challenge=challenge, labels=add_labels(vocabulary=vocabulary, labels=[NewLabel(key, key) for key in keys])
    )
    stored = [_stored(place, content) for place, content in enumerate(pictures)]
    images = add_images(collection=slug, images=stored)
    add_pool_images(challenge=challenge, images=images)
    set_status(challenge=challenge, status=ChallengeStatus.OPEN)
    finder = new_finder(challenge, f"{slug}-finder")
    return Edition(challenge, finder, images, keys)


def _stored(place: int, content: bytes) -> Image:
    key, digest = store_picture(content=content, suffix=".jpg")
    return Image(image_id=f"{place:016x}", file=key, sha256=digest)


def new_finder(challenge: Challenge, name: str) -> Participation:
    return join_challenge(
        challenge=challenge,
        user=User.objects.create_user(name, is_simulated=True),
        role=Role.FINDER,
        consent_version=challenge.consent_version,
        at=timezone.now(),
    )


def claim(edition: Edition, places: Iterable[int], *, finder: Participation | None = None) -> None:
    """Claim these pictures of the pool with the first label, in one act. Raises `RuntimeError` if one is refused."""
    rows = [
        ClaimRow(line, edition.images[place].image_id, edition.labels[0]) for line, place in enumerate(places, start=1)
    ]
    answers = submit_pairs(participation=finder or edition.finder, rows=rows, at=timezone.now())
    refused = [answer for answer in answers if answer.problem is not None]
    if refused:
        raise RuntimeError(f"{len(refused)} claims were refused, the first one: {refused[0]}")


def await_scored(edition: Edition, number: int, workers: EditionWorkers) -> float:
    """Seconds until this many pairs of the edition have a score. Raises `RuntimeError` for one that can't be scored."""
    began = time.monotonic()
    pairs = Pair.objects.filter(challenge=edition.challenge)
    while pairs.filter(state=PairState.IN_REVIEW).count() < number:
        workers.check()
        broken = pairs.filter(state=PairState.UNSCORABLE).first()
        if broken is not None:
            raise RuntimeError(f"a pair can't be scored: {broken.unscorable_reason}")
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise RuntimeError(f"not scored within {timedelta(seconds=PATIENCE_SECONDS)}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began
