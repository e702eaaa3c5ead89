"""The edition that a replay is played in: its labels, pool, roster and simulated people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.catalog.actions import NewLabel, add_images, add_labels, picture_suffix, store_picture
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.actions import add_pool_images, add_target_labels, decide_roster, join_challenge
from cats4ml.challenges.editions import EditionRefused, create_edition, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.console.progress import Log, Progress
from cats4ml.console.replay_data import ReplayData
from cats4ml.console.rosters import Entry, new_members
from cats4ml.rules.policy import Policy

AMPLE_QUOTA = 10_000_000
CONSENT = "A replay of recorded votes: the people in it are simulated, and nobody is asked."


@dataclass(frozen=True)
class Stage:
    """An open edition with all that a replay needs: who claims, and who rates, by the rater's recorded name."""

    challenge: Challenge
    finder: Participation
    raters: dict[str, Participation]


def next_slug() -> str:
    """`replay-1`, or the number after the highest that an edition or the people of one ever had."""
    taken = [
        *Challenge.objects.filter(slug__startswith="replay-").values_list("slug", flat=True),
        *User.objects.filter(username__startswith="replay-finder-replay-").values_list("username", flat=True),
    ]
    numbers = [int(found[1]) for name in taken if (found := re.fullmatch(r"(?:replay-finder-)?replay-(\d{1,9})", name))]
    return f"replay-{max(numbers, default=0) + 1}"


def set_stage(
    *, data: ReplayData, entries: Sequence[Entry], vocabulary: str, slug: str, quorum: int, at: datetime, log: Log
) -> Stage:
    """Make the edition `slug`, open, with workers' queues of its own name. All of it is made or nothing.

    Raises `EditionRefused` for the slug or where its people's names are taken, and `RosterRefused` for a classifier
    that is known with its weights elsewhere.
    """
    policy = Policy(quorum=quorum, base_quota=AMPLE_QUOTA, provisional_seconds=0, heldout_percent=0)
    with transaction.atomic():
        challenge = create_edition(
            slug=slug,
            title=f"Replay {slug}",
            summary="Recorded votes on real pictures, played once more through the platform. All people are simulated.",
            vocabulary=vocabulary,
            policy=policy,
            queue=slug,
            consent_text=CONSENT,
        )
        decide_roster(challenge=challenge, classifiers=new_members(entries))
        labels = add_labels(vocabulary=vocabulary, labels=[NewLabel(*item) for item in data.classes.items()])
        _say_other_names(labels, data, log)
        add_target_labels(challenge=challenge, labels=labels)
        add_pool_images(challenge=challenge, images=_store_pictures(data, collection=slug, log=log))
        set_status(challenge=challenge, status=ChallengeStatus.OPEN)
        names = {rater: f"replay-rater-{slug}-{rater}" for rater in data.raters}
        people = _make_people([f"replay-finder-{slug}", *names.values()])
        finder, *raters = (
            join_challenge(
                challenge=challenge,
                user=person,
                role=Role.RATER if place else Role.FINDER,
                consent_version=challenge.consent_version,
                at=at,
            )
            for place, person in enumerate(people)
        )
    return Stage(challenge, finder, dict(zip(names, raters, strict=True)))


def _say_other_names(labels: Sequence[Label], data: ReplayData, log: Log) -> None:
    for label in labels:
        if label.name != data.classes[label.key]:
            log.say(
                f"class {label.key} is called {label.name!r} in the vocabulary {label.vocabulary!r} already, and keeps"
                f" that name; classes.csv says {data.classes[label.key]!r}"
            )


def _store_pictures(data: ReplayData, *, collection: str, log: Log) -> list[Image]:
    images = []
    with Progress(len(data.pictures), "Storing pictures", log) as progress:
        for image_id, path in data.pictures.items():
            images.append(_stored(image_id, path, log))
            progress.add()
    return add_images(collection=collection, images=images)


def _stored(image_id: str, path: Path, log: Log) -> Image:
    """The picture in the storage. One that isn't there is an image without a file, which scoring will find missing."""
    try:
        content = path.read_bytes()
    except OSError as error:
        log.say(f"{path}: {error.strerror}; the pairs of {image_id} can't be scored")
        return Image(image_id=image_id)
    key, digest = store_picture(content=content, suffix=picture_suffix(path.name))
    return Image(image_id=image_id, file=key, sha256=digest)


def _make_people(names: Sequence[str]) -> list[User]:
    """Simulated people of these names, who can't sign in. Raises `EditionRefused` where a name is taken."""
    taken = User.objects.filter(username__in=names).values_list("username", flat=True).first()
    if taken is not None:
        raise EditionRefused(f"there is a user {taken!r} already, of another replay: choose another slug")
    return [User.objects.create_user(name, is_simulated=True) for name in names]
