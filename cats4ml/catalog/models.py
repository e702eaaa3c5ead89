"""Pictures and labels of the world, whichever edition uses them, and what classifiers said of the pictures."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from pgvector.django import HalfVectorField


class Label(models.Model):
    """A label by its key in a vocabulary: `/m/015p6` in `openimages`, `3` in `digits`. Names are not keys."""

    vocabulary = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["vocabulary", "key"], name="one_label_per_key"),
            models.CheckConstraint(condition=~models.Q(key="") & ~models.Q(name=""), name="label_key_and_name_given"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"


class Image(models.Model):
    """A picture by its id in a collection. The file lies in the picture storage under a name that tells nothing."""

    collection = models.CharField(max_length=80)
    image_id = models.CharField(max_length=80)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(max_length=200, blank=True, help_text="Empty where the picture itself is not known.")
    sha256 = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    perceptual_hash = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="64 bits: alike pictures differ in few of them."
    )
    subset = models.CharField(max_length=20, blank=True)
    original_url = models.URLField(max_length=500, blank=True)
    landing_url = models.URLField(max_length=500, blank=True)
    license = models.CharField(max_length=200, blank=True)
    author = models.CharField(max_length=300, blank=True)
    author_url = models.URLField(max_length=500, blank=True)
    title = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "image_id"], name="one_image_per_id"),
            models.CheckConstraint(condition=~models.Q(image_id=""), name="image_id_given"),
        ]

    def __str__(self) -> str:
        return self.image_id


class Classifier(models.Model):
    """One version of one classifier. `digest` covers everything that changes its numbers: weights, input, labels."""

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    vocabulary = models.CharField(max_length=40)
    outputs = ArrayField(models.CharField(max_length=80), help_text="Label keys in the order of the outputs.")
    card = models.JSONField(help_text="The whole card, as the scoring worker reads it.")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"


class RealField(models.FloatField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A four-byte float: the precision in which classifiers answer, at half the size."""

    def db_type(self, connection: Any) -> str:
        return "real"


class Prediction(models.Model):
    """What one classifier version said of one picture: a probability for each of its outputs, in their order."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="predictions")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="predictions")
    probabilities = ArrayField(RealField())
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "classifier"], name="one_prediction_per_image_and_classifier"),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} of {self.image}"


class Embedding(models.Model):
    """What a classifier's backbone makes of a picture: a vector of length 1; alike pictures lie near together."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="embeddings")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="+")
    vector = HalfVectorField(help_text="Its number of dimensions is the backbone's.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "classifier"], name="one_embedding_per_image_and_classifier"),
        ]

    def __str__(self) -> str:
        return f"{self.image} as {self.classifier} sees it"


class ScoringFailure(models.Model):
    """Why a picture could not be scored: by one classifier, or without a classifier by any. Gone once it was."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="scoring_failures")
    classifier = models.ForeignKey(Classifier, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=40, help_text="A code, the same for all pictures with this trouble.")
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["image", "classifier"], name="one_failure_per_image_and_classifier", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image}: {self.reason}"
