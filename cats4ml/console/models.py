"""What the site knows of itself: who was heard when, and what stood still."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Heartbeat(models.Model):
    """Who was last heard. Written and read by `cats4ml.heartbeats` alone."""

    name = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"


class StandstillKind(models.TextChoices):
    CLOCK = "clock", "The clock"
    WEB = "web", "The web workers"
    SCORING = "scoring", "The scoring workers"
    SCORES = "scores", "Scores"
    POLICY = "policy", "A policy that is to be put in force"
    RELEASE = "release", "A release that is to be built"
    DATA_FILE = "data_file", "A data file that is to be written"
    EVALUATION = "evaluation", "An evaluation"
    POOL = "pool", "The drawing of a pool"
    BOARD = "board", "A board that is to be counted"
    MAIL = "mail", "Mails that are to be sent"


class Standstill(models.Model):
    """One time that something stood still, from when it was noticed until it moved again.

    `queue`: of the workers of an edition's own; empty for those of all.
    """

    kind = models.CharField(max_length=10, choices=StandstillKind.choices)
    queue = models.CharField(max_length=60, blank=True)
    since = models.DateTimeField(help_text="When it moved last.")
    number = models.PositiveIntegerField(default=0, help_text="How much waits; 0 where that isn't counted.")
    noticed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "queue"], condition=Q(ended_at=None), name="one_open_standstill_of_a_kind"
            ),
            models.CheckConstraint(condition=Q(kind__in=StandstillKind.values), name="standstill_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} since {self.since}"
