"""Editions: their dates, what is in force, and where they stand."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cats4ml.catalog.models import Classifier, Label
from cats4ml.rules.policy import Policy


class ChallengeStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    OPEN = "open", "Open"
    PAUSED = "paused", "Paused"
    CLOSED = "closed", "Closed to claims"
    FINAL = "final", "Final"


def new_split_seed() -> str:
    return secrets.token_hex(16)


class Challenge(models.Model):
    """One edition. Claims are taken while it is open and between its dates; ratings until `ratings_close_at`."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    summary = models.TextField(blank=True)
    vocabulary = models.CharField(max_length=40, help_text="The vocabulary that its label ids come from.")
    question = models.CharField(
        max_length=200,
        default="Is there a {label} in this picture?",
        help_text="What raters are asked; {label} stands for the label's name.",
    )
    status = models.CharField(max_length=10, choices=ChallengeStatus.choices, default=ChallengeStatus.DRAFT)
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    ratings_close_at = models.DateTimeField(null=True, blank=True)
    results_at = models.DateTimeField(null=True, blank=True)
    consent_text = models.TextField(blank=True)
    consent_version = models.PositiveIntegerField(default=1)
    policy = models.ForeignKey(
        "PolicyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="In force."
    )
    roster = models.ForeignKey(
        "RosterVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="In force."
    )
    queue = models.SlugField(
        max_length=60, blank=True, help_text="Workers of its own listen on scoring.<queue> and web.<queue>."
    )
    joint_classifier = models.ForeignKey(
        Classifier,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="A joint text-image card: its embeddings let the pool be searched by meaning.",
    )
    split_seed = models.CharField(max_length=64, default=new_split_seed, editable=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(opens_at=None) | Q(closes_at=None) | Q(opens_at__lt=F("closes_at")),
                name="challenge_opens_before_it_closes",
            ),
            models.CheckConstraint(
                condition=Q(status=ChallengeStatus.DRAFT) | Q(policy__isnull=False), name="challenge_open_has_a_policy"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def takes_claims(self, at: datetime) -> bool:
        started = self.opens_at is None or self.opens_at <= at
        ended = self.closes_at is not None and self.closes_at <= at
        return self.status == ChallengeStatus.OPEN and started and not ended

    def takes_ratings(self, at: datetime) -> bool:
        ended = self.ratings_close_at is not None and self.ratings_close_at <= at
        return self.status in (ChallengeStatus.OPEN, ChallengeStatus.CLOSED) and not ended

    def question_about(self, label: Label) -> str:
        """The edition's question with the label's name in it."""
        return self.question.replace("{label}", label.name)

    @property
    def is_final(self) -> bool:
        return self.status == ChallengeStatus.FINAL

    @property
    def rules(self) -> Policy:
        """The policy in force, as a value."""
        assert self.policy is not None, "an edition that left the draft has a policy"
        return self.policy.value
