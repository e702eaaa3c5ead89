"""What the platform knows of an edition beside its pairs: who took part, what they agreed to, what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Collate
from django.urls import reverse

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Challenge, Participation, PoolImage, Role
from cats4ml.challenges.queries import target_labels
from cats4ml.releases.models import Release, Tombstone
from cats4ml.releases.rows import ROWS_AT_A_TIME, settled_pairs
from cats4ml.review.models import RaterDiscount, StudyPlatform, StudyVisit
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions.models import Dispute, Pair, Submission
from cats4ml.ui.licences import licence_name
from cats4ml.ui.spreadsheets import harmless

NO_LICENCE = "not known"


@dataclass(frozen=True)
class LeftOut:
    """Pairs of the edition that are not in a release made now, by why."""

    queued: int
    in_review: int
    unscorable: int
    withdrawn: int

    @property
    def total(self) -> int:
        return self.queued + self.in_review + self.unscorable + self.withdrawn


@dataclass(frozen=True)
class Facts:
    """The edition as it stood at the snapshot. Numbers of people, never who they are."""

    challenge: Challenge
    version: str
    number: int
    notes: str
    frozen_at: datetime
    pairs: dict[str, int]
    finders: int
    left_out: LeftOut
    consents: dict[tuple[str, int], int]
    studies: dict[str, tuple[int, int]]
    discounted: int
    disputes: int
    near_copies: int

    @property
    def total(self) -> int:
        return sum(self.pairs.values())

    @property
    def page(self) -> str:
        """Where the edition is to be found."""
        return settings.SITE_URL + reverse("pages:challenge", args=[self.challenge.slug])

    @property
    def name(self) -> str:
        return f"{self.challenge.title}, release {self.version}"


def facts_of(release: Release, *, at: datetime) -> Facts:
    challenge = release.challenge
    settled = settled_pairs(challenge).order_by()
    claims = Submission.objects.filter(pair__in=settled.values("pk"), retracted_at=None)
    visits = StudyVisit.objects.filter(study__challenge=challenge).values_list("study__platform")
    copies = PoolImage.objects.filter(challenge=challenge, copy_group__isnull=False, image__in=settled.values("image"))
    return Facts(
        challenge=challenge,
        version=release.version,
        number=release.number,
        notes=release.notes,
        frozen_at=at,
        pairs=pairs_by_part(challenge),
        finders=claims.aggregate(n=Count("participation", distinct=True))["n"],
        left_out=left_out(challenge),
        consents=_consents(challenge),
        studies={
            str(StudyPlatform(platform).label): (studies, people)
            for platform, studies, people in visits.annotate(
                studies=Count("study", distinct=True), people=Count("rater", distinct=True)
            ).order_by("study__platform")
        },
        discounted=RaterDiscount.objects.filter(rater__challenge=challenge, lifted_at=None).count(),
        disputes=Dispute.objects.filter(submission__pair__in=settled.values("pk")).count(),
        near_copies=copies.count(),
    )


def pairs_by_part(challenge: Challenge) -> dict[str, int]:
    """How many settled pairs each part has."""
    rows = settled_pairs(challenge).order_by().values_list("split").annotate(n=Count("pk"))
    return dict(rows)


def left_out(challenge: Challenge) -> LeftOut:
    rows = Pair.objects.filter(challenge=challenge).order_by().values_list("state").annotate(n=Count("pk"))
    found = dict(rows)
    states = (PairState.QUEUED, PairState.IN_REVIEW, PairState.UNSCORABLE, PairState.WITHDRAWN)
    return LeftOut(*(found.get(state.value, 0) for state in states))


def _consents(challenge: Challenge) -> dict[tuple[str, int], int]:
    """By role and version of the text, how many people agreed to it."""
    people = Participation.objects.filter(challenge=challenge).exclude(role=Role.ORGANISER)
    rows = people.values_list("role", "consent_version").annotate(n=Count("pk")).order_by("role", "consent_version")
    return {(role, version or 0): number for role, version, number in rows}


def pictures_of(challenge: Challenge, part: str) -> QuerySet[Image]:
    """Every picture of the part's pairs once, by its id in the order of its bytes."""
    pairs = settled_pairs(challenge).order_by().filter(split=part)
    return Image.objects.filter(pk__in=pairs.values("image")).order_by(Collate("image_id", "C"))


def picture_rows(challenge: Challenge, part: str) -> Iterator[tuple[str, ...]]:
    """The rows of `images.csv`."""
    columns = ("image_id", "author", "author_url", "title", "license", "landing_url", "original_url", "sha256")
    for image_id, *texts in pictures_of(challenge, part).values_list(*columns).iterator(chunk_size=ROWS_AT_A_TIME):
        yield (image_id, *(harmless(text) for text in texts))


def tombstone_rows(challenge: Challenge, part: str) -> Iterator[tuple[str, ...]]:
    """The rows of `tombstones.csv`: what of the part's rows in every release before is gone, with its picture."""
    rows = Tombstone.objects.filter(release__challenge=challenge, split=part).order_by("release__number", "position")
    columns = ("release__version", "position", "image_sha256", "row_sha256", "kind", "taken_down_at")
    for version, position, image, row, kind, at in rows.values_list(*columns):
        yield version, str(position), image, row, kind, f"{at:%Y-%m-%d}"


def licences_of(challenge: Challenge, part: str) -> dict[str, int]:
    """The part's pictures by licence, the most frequent first."""
    rows = pictures_of(challenge, part).order_by().values_list("license").annotate(n=Count("pk"))
    found: Counter[str] = Counter()
    for licence, number in rows:
        found[licence_name(licence) or NO_LICENCE] += number
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def stored_pictures(challenge: Challenge, part: str) -> int:
    """How many of the part's pictures the platform has as files."""
    return pictures_of(challenge, part).order_by().filter(~Q(sha256="")).count()


def label_rows(challenge: Challenge) -> Iterator[tuple[str, str, str, str]]:
    """The rows of `labels.csv`."""
    for target in target_labels(challenge):
        question = target.question or challenge.question_about(target.label)
        yield target.label.key, harmless(target.label.name), harmless(question), harmless(target.guidance)
