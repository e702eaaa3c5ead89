"""Releases: frozen, versioned sets of settled pairs, their files, and what classifiers scored on them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Classifier, ComplaintKind
from cats4ml.challenges.models import Challenge, PolicyVersion, RosterVersion
from cats4ml.rules.split import Split
from cats4ml.rules.verdicts import Outcome, Verdict
from cats4ml.submissions.models import Pair, choices


class ReleaseState(models.TextChoices):
    """`READY`: frozen, for its organisers alone. `PUBLISHED`: its public part is everybody's."""

    WAITING = "waiting", _("Waiting to be built")
    BUILDING = "building", _("Being built")
    READY = "ready", _("Frozen, not published")
    PUBLISHED = "published", _("Published")
    FAILED = "failed", _("Failed")


ON_THE_WAY = (ReleaseState.WAITING, ReleaseState.BUILDING)
FROZEN = (ReleaseState.READY, ReleaseState.PUBLISHED)


class Release(models.Model):
    """One release of an edition. Once it is frozen nothing of it changes but who may see it."""

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField(help_text="Counts from 1 within the edition.")
    version = models.CharField(max_length=32, help_text="Its name within the edition: 1, 2, 2021.1 …")
    notes = models.TextField(blank=True, help_text="The organiser's word about it, in its changelog.")
    state = models.CharField(max_length=9, choices=ReleaseState.choices, default=ReleaseState.WAITING)
    step = models.CharField(max_length=60, blank=True, help_text="What is being written now.")
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    former = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="The release before it."
    )
    policy = models.ForeignKey(
        PolicyVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Then in force."
    )
    roster = models.ForeignKey(
        RosterVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Then in force."
    )
    counts = models.JSONField(default=dict, help_text="Pairs by part and outcome, ratings, raters, finders.")
    root_digest = models.CharField(max_length=64, blank=True, help_text="The SHA-256 of its MANIFEST.sha256.")
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    frozen_at = models.DateTimeField(null=True, blank=True, help_text="It holds what was settled then.")
    published_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    freed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    freed_at = models.DateTimeField(null=True, blank=True, help_text="When the held-out part became everybody's.")
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when its files are served no more: a picture in it was taken down."
    )
    withdrawn_reason = models.CharField(max_length=1000, blank=True, db_default="")
    purged_at = models.DateTimeField(null=True, blank=True, help_text="When its bytes were deleted from the storage.")
    replaces = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="replacements",
        help_text="The withdrawn release in whose stead it was made.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "number"], name="one_release_of_a_number"),
            models.UniqueConstraint(fields=["challenge", "version"], name="one_release_of_a_version"),
            models.UniqueConstraint(
                fields=["challenge"], condition=Q(state__in=["waiting", "building"]), name="one_release_built_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ready", "published"]) | ~Q(root_digest="") & Q(frozen_at__isnull=False),
                name="release_frozen_has_a_root",
            ),
            models.CheckConstraint(
                condition=Q(state="published", published_at__isnull=False)
                | ~Q(state="published") & Q(published_at=None),
                name="release_published_at",
            ),
            models.CheckConstraint(
                condition=Q(freed_at=None) | Q(state="published", freed_at__gte=F("published_at")),
                name="release_freed_after_it_was_published",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="release_failed_says_why"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_reason="", purged_at=None)
                | Q(withdrawn_at__isnull=False, state__in=["ready", "published"]) & ~Q(withdrawn_reason=""),
                name="release_withdrawn_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.challenge.slug} release {self.version}"


class Tombstone(models.Model):
    """What is left of a row of a release whose picture was taken down: where it stood, and digests by which whoever has
    a copy can find it. No id and no answer."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="tombstones")
    position = models.PositiveIntegerField()
    split = models.CharField(max_length=8, choices=choices(Split))
    image_sha256 = models.CharField(max_length=64, help_text="Of the picture's id in UTF-8.")
    row_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of its line of pairs.csv, without the line end."
    )
    kind = models.CharField(max_length=9, choices=ComplaintKind.choices)
    taken_down_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["release", "position"], name="one_tombstone_at_a_position"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. of {self.release_id}"


class ReleasePart(models.TextChoices):
    """Whose a file is: `WHOLE` holds both parts' answers and opens with the held-out part."""

    COMMON = "common", _("About the release")
    PUBLIC = "public", _("Public part")
    HELDOUT = "heldout", _("Held-out part")
    WHOLE = "whole", _("Both parts")


class ReleaseFile(models.Model):
    """One file of a release, under its path in it. Rows and bytes never change."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=200)
    part = models.CharField(max_length=7, choices=ReleasePart.choices)
    is_archive = models.BooleanField(default=False, help_text="A zip of other files, for who wants all at once.")
    file = models.FileField(max_length=300, help_text="Its name in the storage.")
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["release", "path"], name="one_release_file_of_a_path"),
        ]

    def __str__(self) -> str:
        return self.path


class ReleasePair(models.Model):
    """What a pair was when it was released. `position` counts from 1 in the order of the first claims."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="pairs")
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="released")
    position = models.PositiveIntegerField()
    split = models.CharField(max_length=8, choices=choices(Split))
    verdict = models.CharField(max_length=9, choices=choices(Verdict))
    outcome = models.CharField(max_length=14, choices=choices(Outcome))
    machine_yes = models.BooleanField()
    machine_mean = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["release", "pair"], name="a_pair_once_in_a_release"),
            models.UniqueConstraint(fields=["release", "position"], name="one_released_pair_at_a_position"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. of {self.release_id}"


class EvaluationState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Being counted")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class EvaluationSource(models.TextChoices):
    PREDICTIONS = "predictions", _("Predictions that were handed in")
    CLASSIFIER = "classifier", _("A classifier that was run here")


class Evaluation(models.Model):
    """How a classifier fares on a release. Its scores by pair stay here; only figures over many pairs leave."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="evaluations")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    source = models.CharField(max_length=11, choices=EvaluationSource.choices)
    classifier = models.ForeignKey(Classifier, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    in_roster = models.BooleanField(
        default=False, help_text="The release was selected against it, so that its figures are low by construction."
    )
    threshold = models.FloatField(default=0.5, help_text="It says yes at this score or above.")
    state = models.CharField(max_length=7, choices=EvaluationState.choices, default=EvaluationState.WAITING)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    scores = models.BinaryField(blank=True, help_text="Float32 by position, NaN where it gave none.")
    digest = models.CharField(max_length=64, blank=True, help_text="Of the name, threshold and scores of predictions.")
    touched_at = models.DateTimeField(null=True, blank=True, help_text="When something was last done for it.")
    results = models.JSONField(
        default=dict, help_text="Of both parts: only what `evaluation_shown` lets through may leave the server."
    )
    by_label = models.JSONField(default=dict, help_text="Likewise, by label.")
    is_listed = models.BooleanField(default=True, help_text="Shown on the board of classifiers.")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="evaluations")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["release", "classifier"],
                condition=Q(source="classifier") & ~Q(state="failed"),
                name="a_classifier_is_run_once_on_a_release",
            ),
            models.UniqueConstraint(
                fields=["release", "by", "digest"],
                condition=Q(source="predictions") & ~Q(state="failed") & ~Q(digest=""),
                nulls_distinct=False,
                name="predictions_are_evaluated_once",
            ),
            models.CheckConstraint(
                condition=Q(source="predictions", classifier=None) | Q(source="classifier", classifier__isnull=False),
                name="evaluation_of_a_classifier_or_of_predictions",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gt=0, threshold__lt=1), name="evaluation_threshold_between_0_and_1"
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="evaluation_failed_says_why"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["release", "-id"], name="evaluation_of_release"),
            models.Index(fields=["by", "-created_at"], name="evaluation_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.release_id}"
