"""Paid crowds: a study that points at the queue, and who came by it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, Participation


class StudyPlatform(models.TextChoices):
    PROLIFIC = "prolific", _("Prolific")
    MTURK = "mturk", _("Amazon Mechanical Turk")
    OTHER = "other", _("Another")


class Study(models.Model):
    """A number of answers for which people are paid elsewhere. Its link brings them, its code sends them back."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="studies")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=120)
    platform = models.CharField(max_length=8, choices=StudyPlatform.choices)
    questions = models.PositiveSmallIntegerField(help_text="Answers that complete it.")
    completion_code = models.CharField(max_length=64)
    is_open = models.BooleanField(default=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When it was closed the last time.")
    reward = models.DecimalField(
        max_digits=8, decimal_places=2, null=True, blank=True, help_text="What whoever completes it is paid."
    )
    currency = models.CharField(max_length=3, blank=True, db_default="", help_text="As ISO 4217 has it: EUR, GBP, USD.")
    least_wage = models.DecimalField(
        max_digits=8, decimal_places=2, null=True, blank=True, help_text="What an hour must be paid at least."
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "studies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "slug"], name="one_study_per_slug"),
            models.CheckConstraint(condition=Q(questions__gt=0), name="study_asks_something"),
            models.CheckConstraint(condition=~Q(completion_code=""), name="study_has_a_code"),
        ]

    def __str__(self) -> str:
        return self.title


class StudyVisit(models.Model):
    """One worker's way through a study. `worker` tells a worker from others as long as the study is open: a keyed
    digest of the paid crowd's id, from which the id can't be had. The id itself is a `CrowdIdentity`.

    The table still has `external_id`, `session_id` and `external_study`, empty since migration 0007, for the code
    before it: the next version drops them."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="visits")
    rater = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="study_visits")
    worker = models.CharField(max_length=64, null=True, blank=True, help_text="None once it is not needed any more.")
    started_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "worker"], name="one_visit_per_worker_digest"),
            models.UniqueConstraint(fields=["study", "rater"], name="one_visit_per_rater"),
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"


class CrowdIdentity(models.Model):
    """Who a visitor is to the paid crowd: personal data, kept apart, for organisers alone, and only for a while."""

    visit = models.OneToOneField(StudyVisit, on_delete=models.CASCADE, related_name="identity")
    external_id = models.CharField(max_length=128)
    session_id = models.CharField(max_length=128, blank=True, help_text="Prolific's session or MTurk's assignment.")
    external_study = models.CharField(max_length=128, blank=True, help_text="Prolific's study or MTurk's HIT.")

    class Meta:
        verbose_name_plural = "crowd identities"

    def __str__(self) -> str:
        return f"identity of visit {self.visit_id}"
