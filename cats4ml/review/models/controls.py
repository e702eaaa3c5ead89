"""Questions whose answer is known, and the examples that explain a label."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import Challenge, TargetLabel
from cats4ml.rules.answers import Answer

TRUTHS = [(Answer.YES.value, "Yes"), (Answer.NO.value, "No")]


class ControlUse(models.TextChoices):
    """`WARM_UP`: asked first, and its answer told. `MIXED`: asked among pairs, and its answer never told."""

    WARM_UP = "warm_up", _("Warm-up, answer told")
    MIXED = "mixed", _("Mixed in, answer never told")


class ControlQuestion(models.Model):
    """A picture and a label of which experts said whether they fit. Answers to it tell how good a rater is."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="controls")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    truth = models.CharField(max_length=3, choices=TRUTHS)
    use = models.CharField(max_length=7, choices=ControlUse.choices)
    explanation = models.CharField(max_length=500, blank=True, help_text="Why, told after a warm-up answer.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True, help_text="From then on it is asked no more.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "image", "label"], name="one_control_per_image_and_label"),
            models.CheckConstraint(
                condition=Q(truth__in=[truth for truth, _ in TRUTHS]), name="control_truth_is_yes_or_no"
            ),
        ]

    def __str__(self) -> str:
        return f"control {self.pk}"


class LabelExample(models.Model):
    """A picture that shows what counts as a label, or what doesn't, chosen by the organiser."""

    target = models.ForeignKey(TargetLabel, on_delete=models.CASCADE, related_name="examples")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    fits = models.BooleanField(help_text="Whether the label fits the picture.")
    caption = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "image"], name="an_example_once_for_a_label"),
        ]

    def __str__(self) -> str:
        return f"example {self.pk}"
