"""Making editions, and moving them on: the one place that writes an edition's own row."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from cats4ml.catalog.models import Classifier
from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.challenges.near_copies import freeze
from cats4ml.challenges.rosters import labels_that_cannot_be_scored
from cats4ml.rules.policy import Policy


class EditionRefused(Exception):
    """Why no edition can be made as asked, in a sentence that says how to mend it."""


def check_new_slug(slug: str) -> None:
    """Raises `EditionRefused` unless an edition can be made under this slug."""
    field = Challenge._meta.get_field("slug")  # noqa: SLF001 - Django's documented name
    try:
        field.run_validators(slug)
        field.validate(slug, None)
    except ValidationError as error:
        limit = field.max_length
        raise EditionRefused(
            f"{slug!r} can't be a challenge's slug: use up to {limit} letters, digits, hyphens and underscores"
        ) from error
    if Challenge.objects.filter(slug=slug).exists():
        raise EditionRefused(f"there is a challenge {slug!r} already: choose another slug, nothing was changed")


def _check_lengths(**texts: str) -> None:
    for name, text in texts.items():
        limit = getattr(Challenge._meta.get_field(name), "max_length", 0)  # noqa: SLF001 - Django's documented name
        if not text.strip() or len(text) > limit:
            raise EditionRefused(f"a challenge's {name} should have 1 to {limit} characters, not {len(text):,}")


def create_edition(
    *, slug: str, title: str, summary: str, vocabulary: str, policy: Policy, queue: str = "", consent_text: str = ""
) -> Challenge:
    """A new edition, a draft with its first policy. Raises `EditionRefused` where the slug is taken or no slug, and
    where the title or the vocabulary is missing or too long."""
    check_new_slug(slug)
    _check_lengths(title=title, vocabulary=vocabulary)
    try:
        with transaction.atomic():
            challenge = Challenge.objects.create(
                slug=slug,
                title=title,
                summary=summary,
                vocabulary=vocabulary,
                queue=queue,
                consent_text=consent_text,
            )
            decide_policy(challenge=challenge, policy=policy)
    except IntegrityError as error:  # somebody made it between the look and the writing
        raise EditionRefused(f"a challenge {slug!r} was made just now by somebody else: choose another slug") from error
    return challenge


def check_status(*, challenge: Challenge, status: str, despite_unknown_labels: bool = False) -> None:
    """Raises `EditionRefused` where the edition can't move to this status, as `set_status` says."""
    if status == challenge.status:
        return
    if status == ChallengeStatus.DRAFT and challenge.pk is not None:
        raise EditionRefused(
            f"{challenge.slug} has left the draft, and what was decided then stands: pause it instead of going back"
        )
    if status != ChallengeStatus.OPEN or challenge.roster_id is None or despite_unknown_labels:
        return
    unknown = labels_that_cannot_be_scored(challenge)
    if unknown:
        shown = ", ".join(label.name for label in unknown[:10]) + (" …" if len(unknown) > 10 else "")
        raise EditionRefused(
            f"too few classifiers of the roster know {len(unknown)} of the target labels, so that no pair of theirs can"
            f" be scored: {shown}. Choose a roster that knows them, take them off the targets, or open the edition"
            " despite them"
        )


def set_status(*, challenge: Challenge, status: ChallengeStatus, despite_unknown_labels: bool = False) -> None:
    """Move an edition to a status. Twice is once.

    When it leaves the draft, the near-copies that the organiser confirmed are frozen. Raises `EditionRefused` for a way
    back to the draft, and for opening an edition with target labels that its roster can't score, unless that is meant
    (an edition without a roster takes no claims yet, so that nothing is asked of it).
    """
    with transaction.atomic():
        locked = Challenge.objects.select_for_update(of=("self",), no_key=True).select_related("policy", "roster")
        current = locked.get(pk=challenge.pk)
        check_status(challenge=current, status=status, despite_unknown_labels=despite_unknown_labels)
        if current.status == ChallengeStatus.DRAFT and status != ChallengeStatus.DRAFT:
            freeze(current)
        current.status = status
        current.save(update_fields=["status"])
    challenge.status = status


def set_joint_classifier(*, challenge: Challenge, classifier: Classifier | None) -> None:
    """Let an edition's pool be searched by meaning with a joint text-image card, or with `None` no longer.

    Embeddings stay where they are. Raises `EditionRefused` for a classifier that isn't joint.
    """
    if classifier is not None and not classifier.is_joint:
        raise EditionRefused(f"{classifier.name} is no joint text-image card: it knows nothing of texts")
    challenge.joint_classifier = classifier
    challenge.save(update_fields=["joint_classifier"])


def set_queue(*, challenge: Challenge, queue: str) -> None:
    """Have an edition's messages go to workers of its own, or with an empty name to the ordinary ones."""
    challenge.queue = queue
    challenge.save(update_fields=["queue"])
