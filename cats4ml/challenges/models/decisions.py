"""What was decided for an edition: policies and rosters, whose rows never change."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from cats4ml.accounts.models import User
from cats4ml.catalog.models import Classifier
from cats4ml.challenges.models.editions import Challenge
from cats4ml.rules.policy import Policy


class PolicyVersion(models.Model):
    """A policy as it was decided. Rows never change (the database refuses it): a new rule is a new version."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="policies")
    version = models.PositiveIntegerField()
    values = models.JSONField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "version"], name="one_policy_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge.slug} policy {self.version}"

    @cached_property
    def value(self) -> Policy:
        return Policy.from_dict(self.values)


class PolicyDecision(models.Model):
    """That a policy was put in force, by whom and why. Rows never change; the last one of an edition stands."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="policy_decisions")
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="decisions")
    reason = models.TextField(blank=True)
    settled_too = models.BooleanField(default=False, help_text="Pairs that were settled were read again by it.")
    former = models.ForeignKey(
        PolicyVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What was in force before; empty where that was not written down, or nothing was.",
    )
    undoes = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="undone_by",
        help_text="What it takes back.",
    )
    reopened = models.PositiveIntegerField(default=0, help_text="Settled pairs that went back to review.")
    changed = models.PositiveIntegerField(default=0, help_text="Pairs that it ended otherwise than before.")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.policy} in force"


class RosterVersion(models.Model):
    """The classifiers that score an edition's pairs. Rows never change: another roster is a new version."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="rosters")
    version = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    classifiers = models.ManyToManyField(Classifier, through="RosterMember", related_name="rosters")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "version"], name="one_roster_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge.slug} roster {self.version}"


class RosterMember(models.Model):
    roster = models.ForeignKey(RosterVersion, on_delete=models.CASCADE, related_name="members")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    weight = models.FloatField(default=1.0, help_text="Its share in the ensemble's mean, beside the others'.")
    label_map = models.JSONField(
        null=True,
        blank=True,
        help_text=(
            "Where the classifier speaks another vocabulary than the edition: by label key, the places of the outputs "
            "that count for the label. Empty: its outputs are labels themselves."
        ),
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["roster", "classifier"], name="a_classifier_once_in_a_roster"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="roster_weight_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} in {self.roster}"


class RosterDecision(models.Model):
    """That a roster was put in force, by whom and why. Rows never change; the last one of an edition stands."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="roster_decisions")
    roster = models.ForeignKey(RosterVersion, on_delete=models.PROTECT, related_name="decisions")
    reason = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.roster} in force"
