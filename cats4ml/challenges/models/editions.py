"""Editions: their dates, what is in force, and where they stand."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cats4ml.catalog.models import Classifier, Label
from cats4ml.rules.policy import Policy


class ChallengeStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed to claims")
    FINAL = "final", _("Final")


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
    minimum_age = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Whoever takes part says that they are so old. Empty: nobody is asked."
    )
    eligibility = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What else must hold of whoever takes part, as they confirm it.",
    )
    teams_fixed_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on until it is final nobody joins or leaves a team that takes part."
    )
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

    def fixes_teams(self, at: datetime) -> bool:
        """Whether nobody may join or leave a team that takes part now."""
        return not self.is_final and self.teams_fixed_at is not None and self.teams_fixed_at <= at

    @property
    def is_final(self) -> bool:
        return self.status == ChallengeStatus.FINAL

    @property
    def rules(self) -> Policy:
        """The policy in force, as a value."""
        assert self.policy is not None, "an edition that left the draft has a policy"
        return self.policy.value


class ConsentText(models.Model):
    """A version of what people agree to, as it stood: kept once somebody has agreed to it, or organisers saved it."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="consent_texts")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    minimum_age = models.PositiveSmallIntegerField(null=True, blank=True)
    eligibility = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "version"], name="one_consent_text_per_version"),
        ]

    def __str__(self) -> str:
        return f"version {self.version} of {self.challenge_id}"
