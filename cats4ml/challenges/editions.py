"""Making editions, and moving them on. What is written on an edition's own row is written here or, where an organiser
changes what it says, in `edition_settings`; the policy and the roster in force by `actions`."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Classifier
from cats4ml.challenges.actions import decide_policy, join_challenge
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.ending import nobody_settles
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus, Role
from cats4ml.challenges.near_copies import freeze
from cats4ml.challenges.rosters import labels_that_cannot_be_scored
from cats4ml.rules.policy import Policy
from cats4ml.ui.words import figure

# Slugs that are addresses of the site's own.
RESERVED = ("new",)


class EditionRefused(Exception):
    """Why an edition can't be made or changed as asked, in a sentence that says how to mend it."""


def may_make_editions(user: object) -> bool:
    """Organisers of the whole site, and people with the permission `challenges.add_challenge`."""
    return isinstance(user, User) and not user.is_guest and user.has_perm("challenges.add_challenge")


def check_new_slug(slug: str) -> None:
    """Raises `EditionRefused` unless an edition can be made under this slug."""
    field = Challenge._meta.get_field("slug")  # noqa: SLF001 - Django's documented name
    try:
        field.run_validators(slug)
        field.validate(slug, None)
    except ValidationError as error:
        limit = field.max_length
        raise EditionRefused(
            _("%(slug)s can't be a challenge's slug: use up to %(limit)s letters, digits, hyphens and underscores")
            % {"slug": f"{slug!r}", "limit": limit}
        ) from error
    if slug.lower() in RESERVED:
        raise EditionRefused(_("%(slug)s is an address of this site: choose another slug") % {"slug": f"{slug!r}"})
    if Challenge.objects.filter(slug=slug).exists():
        raise EditionRefused(
            _("there is a challenge %(slug)s already: choose another slug, nothing was changed") % {"slug": f"{slug!r}"}
        )


_NAMES = {
    "title": gettext_lazy("title"),
    "question": gettext_lazy("question"),
    "vocabulary": gettext_lazy("vocabulary"),
}


def check_lengths(**texts: str) -> None:
    """Raises `EditionRefused` for a text of an edition that is missing, or longer than is kept."""
    for name, text in texts.items():
        limit = getattr(Challenge._meta.get_field(name), "max_length", 0)  # noqa: SLF001 - Django's documented name
        if not text.strip() or len(text) > limit:
            raise EditionRefused(
                _("a challenge's %(name)s should have 1 to %(limit)s characters, not %(text)s")
                % {"name": _NAMES[name], "limit": limit, "text": figure(len(text))}
            )


def check_question(question: str) -> None:
    """Raises `EditionRefused` for a question that is no question about a label."""
    check_lengths(question=question)
    if "{label}" not in question:
        raise EditionRefused(
            _("the question needs {label} where the label’s name goes, or raters don’t know what to look for")
        )


def create_edition(
    *,
    slug: str,
    title: str,
    summary: str,
    vocabulary: str,
    policy: Policy,
    queue: str = "",
    consent_text: str = "",
    minimum_age: int | None = None,
    eligibility: str = "",
    question: str = "",
    is_demo: bool = False,
    by: User | None = None,
    at: datetime | None = None,
) -> Challenge:
    """A new edition, a draft with its first policy; whoever makes it organises it. Without a question it has the usual
    one. Raises `EditionRefused` where the slug is taken or no slug, where the title or the vocabulary is missing or too
    long, and for a question without the label in it."""
    check_new_slug(slug)
    check_lengths(title=title, vocabulary=vocabulary)
    if question:
        check_question(question)
    made = {"slug": slug, "title": title, "summary": summary, "vocabulary": vocabulary, "consent_text": consent_text}
    made |= {"question": question} if question else {}
    at = at or timezone.now()
    try:
        with transaction.atomic():
            challenge = Challenge.objects.create(
                **made,
                minimum_age=minimum_age,
                eligibility=eligibility,
                queue=queue,
                is_demo=is_demo,
                created_at=at,
            )
            decide_policy(challenge=challenge, policy=policy, by=by)
            if by is not None:
                join_challenge(challenge=challenge, user=by, role=Role.ORGANISER, consent_version=None, at=at)
            summary_of_act = f"Made the challenge “{title}”"
            record_act(
                challenge=challenge, kind=ActKind.CREATED, summary=summary_of_act, by=by, at=at, details={"made": made}
            )
    except IntegrityError as error:  # somebody made it between the look and the writing
        raise EditionRefused(
            _("a challenge %(slug)s was made just now by somebody else: choose another slug") % {"slug": f"{slug!r}"}
        ) from error
    return challenge


def check_status(*, challenge: Challenge, status: str, despite_unknown_labels: bool = False) -> None:
    """Raises `EditionRefused` where the edition can't move to this status, as `set_status` says."""
    if status == challenge.status:
        return
    if status == ChallengeStatus.DRAFT and challenge.pk is not None:
        raise EditionRefused(
            _("%(slug)s has left the draft, and what was decided then stands: pause it instead of going back")
            % {"slug": challenge.slug}
        )
    if challenge.status == ChallengeStatus.FINAL:
        raise EditionRefused(
            _("%(slug)s is final, and its board stands: make another challenge to go on") % {"slug": challenge.slug}
        )
    if status != ChallengeStatus.OPEN or challenge.roster_id is None or despite_unknown_labels:
        return
    unknown = labels_that_cannot_be_scored(challenge)
    if unknown:
        shown = ", ".join(label.name for label in unknown[:10]) + (" …" if len(unknown) > 10 else "")
        raise EditionRefused(
            _(
                "too few classifiers of the roster know %(unknown)s of the target labels, so that no pair of "
                "theirs can be scored: %(shown)s. Choose a roster that knows them, take them off the targets, or "
                "open the edition despite them"
            )
            % {"unknown": len(unknown), "shown": shown}
        )


def set_status(
    *,
    challenge: Challenge,
    status: ChallengeStatus,
    despite_unknown_labels: bool = False,
    reason: str = "",
    by: User | None = None,
    at: datetime | None = None,
) -> None:
    """Move an edition to a status, and write it down. Twice is once. `edition_moves` has what organisers are asked.

    When it leaves the draft, the near-copies that the organiser confirmed are frozen. Raises `EditionRefused` for a way
    back to the draft or out of a final edition, and for opening an edition with target labels that its roster can't
    score, unless that is meant (an edition without a roster takes no claims yet, so that nothing is asked of it).
    """
    with transaction.atomic():
        locked = Challenge.objects.select_for_update(of=("self",), no_key=True).select_related("policy", "roster")
        current = locked.get(pk=challenge.pk)
        before = ChallengeStatus(current.status)
        check_status(challenge=current, status=status, despite_unknown_labels=despite_unknown_labels)
        if before == ChallengeStatus.DRAFT and status != ChallengeStatus.DRAFT:
            freeze(current)
        if status == ChallengeStatus.FINAL and not nobody_settles(current.pk):
            raise EditionRefused(_("pairs are being settled at this moment. Try again in a minute"))
        if before != status:
            current.status = status
            current.save(update_fields=["status"])
            with translation.override("en"):  # the log of acts is everybody's
                summary = f"Moved it from “{before.label.lower()}” to “{ChallengeStatus(status).label.lower()}”"
            record_act(
                challenge=current,
                kind=ActKind.STATUS,
                summary=summary,
                by=by,
                at=at or timezone.now(),
                reason=reason,
                details={
                    **difference({"status": before.value}, {"status": ChallengeStatus(status).value}),
                    "despite_unknown_labels": despite_unknown_labels,
                },
            )
    challenge.status = status


def set_joint_classifier(*, challenge: Challenge, classifier: Classifier | None) -> None:
    """Let an edition's pool be searched by meaning with a joint text-image card, or with `None` no longer.

    Embeddings stay where they are. Raises `EditionRefused` for a classifier that isn't joint.
    """
    if classifier is not None and not classifier.is_joint:
        raise EditionRefused(
            _("%(name)s is no joint text-image card: it knows nothing of texts") % {"name": classifier.name}
        )
    before = challenge.joint_classifier
    with transaction.atomic():
        challenge.joint_classifier = classifier
        challenge.save(update_fields=["joint_classifier"])
        _record_setting(
            challenge,
            "Changed the classifier of the search by meaning",
            {"joint_classifier": before and before.digest},
            {"joint_classifier": classifier and classifier.digest},
        )


def set_queue(*, challenge: Challenge, queue: str) -> None:
    """Have an edition's messages go to workers of its own, or with an empty name to the ordinary ones."""
    before = challenge.queue
    with transaction.atomic():
        challenge.queue = queue
        challenge.save(update_fields=["queue"])
        _record_setting(challenge, "Changed the workers that it uses", {"queue": before}, {"queue": queue})


def _record_setting(challenge: Challenge, summary: str, before: dict[str, object], after: dict[str, object]) -> None:
    """What a command set. Nothing where it was so before."""
    details = difference(before, after)
    if details:
        at = timezone.now()
        record_act(challenge=challenge, kind=ActKind.EDITED, summary=summary, by=None, at=at, details=details)
