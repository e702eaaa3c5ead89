"""The target labels of an edition and its pool of pictures."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models.editions import Challenge


class TargetLabel(models.Model):
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="target_labels")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    question = models.CharField(max_length=200, blank=True, help_text="Instead of the edition's question.")
    guidance = models.TextField(blank=True, help_text="What counts and what doesn't, shown to raters and finders.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "label"], name="a_label_once_in_a_challenge"),
        ]

    def __str__(self) -> str:
        return f"{self.label} in {self.challenge.slug}"


class PoolImage(models.Model):
    """A target image: a picture that may be claimed in this edition."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="pool")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    image_key = models.CharField(max_length=80, help_text="The picture's id, unique within the edition.")
    copy_group = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Pictures of one number are near-copies, by the organiser's word.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "image"], name="an_image_once_in_a_challenge"),
            models.UniqueConstraint(fields=["challenge", "image_key"], name="an_image_id_once_in_a_challenge"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["challenge", "image_key"],
                opclasses=["int8_ops", "varchar_pattern_ops"],
                name="pool_by_id_prefix",
            ),
            models.Index(
                fields=["challenge", "copy_group"], condition=Q(copy_group__isnull=False), name="pool_near_copies"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image_key} in {self.challenge.slug}"


class PoolDraw(models.Model):
    """How target images were drawn: the choice, the seed and how many came of it. Rows are written once."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="pool_draws")
    choice = models.JSONField(help_text="Labels, subclasses, subset, annotation and size, as they were asked for.")
    seed = models.CharField(max_length=64)
    matching = models.PositiveBigIntegerField(help_text="Pictures of the catalogue that fit the choice.")
    added = models.PositiveBigIntegerField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.added} pictures for {self.challenge.slug}"


class PoolOrderState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DRAWING = "drawing", _("Looking through the catalogue")
    COUNTING = "counting", _("Counting the pool")
    WORDS = "words", _("Writing the words by which pictures are found")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class PoolOrder(models.Model):
    """The last draw that an organiser ordered in the browser, and how far it is. One for each edition."""

    challenge = models.OneToOneField(Challenge, on_delete=models.CASCADE, related_name="pool_order")
    choice = models.JSONField(help_text="What `pools.PoolChoice` holds.")
    seed = models.CharField(max_length=64)
    dry_run = models.BooleanField(default=False, help_text="Only count what fits.")
    state = models.CharField(max_length=8, choices=PoolOrderState.choices, default=PoolOrderState.WAITING)
    result = models.JSONField(default=dict, help_text="What `pools.Drawn` holds, once it is drawn.")
    error = models.CharField(max_length=500, blank=True)
    done = models.PositiveBigIntegerField(default=0, help_text="Pictures whose words are written, of `total`.")
    total = models.PositiveBigIntegerField(default=0)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=PoolOrderState.values), name="pool_order_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"draw for {self.challenge.slug}"


class PoolCount(models.Model):
    """What was counted of an edition's pool when it was what `contents` says. Rebuilt whole."""

    challenge = models.OneToOneField(Challenge, on_delete=models.CASCADE, related_name="pool_count")
    contents = models.CharField(max_length=64, help_text="A digest of the state of the pool.")
    by_label = models.JSONField(help_text="Pictures by label id and kind of annotation.")
    credits = models.JSONField(help_text="The authors of the most pictures: name, page, licence, pictures.")
    authors = models.PositiveBigIntegerField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"counts of {self.challenge.slug}"


class CopyDecision(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    CONFIRMED = "confirmed", _("Near-copies")
    REJECTED = "rejected", _("Different")


class NearCopy(models.Model):
    """Two target images that may be near-copies of each other, why that is proposed, and what the organiser decided."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="near_copies")
    first = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    same_bytes = models.BooleanField(default=False)
    hash_distance = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Bits of 64 that differ.")
    similarity = models.FloatField(null=True, blank=True, help_text="Cosine of the embeddings.")
    decision = models.CharField(max_length=9, choices=CopyDecision.choices, default=CopyDecision.PROPOSED)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "near-copies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "first", "second"], name="near_copies_proposed_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="near_copies_in_order"),
            models.CheckConstraint(
                condition=Q(decision=CopyDecision.PROPOSED, decided_at=None)
                | ~Q(decision=CopyDecision.PROPOSED) & Q(decided_at__isnull=False),
                name="near_copies_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"
