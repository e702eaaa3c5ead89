"""The board as a table that is always rebuilt whole from the ledger, never incremented."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cats4ml.accounts.models import Team
from cats4ml.challenges.models import Challenge, Participation


class Board(models.Model):
    """When an edition's standings were last counted."""

    challenge = models.OneToOneField(Challenge, on_delete=models.CASCADE, related_name="board")
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"board of {self.challenge.slug}"


class Standing(models.Model):
    """One line of the board: a team, or a participant who works alone."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="standings")
    participation = models.ForeignKey(Participation, null=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    rank = models.PositiveIntegerField()
    shared = models.BooleanField(help_text="Somebody else holds the same rank.")
    points = models.IntegerField()
    false_negatives = models.PositiveIntegerField()
    false_positives = models.PositiveIntegerField()
    claims = models.PositiveIntegerField()
    settled = models.PositiveIntegerField(help_text="Claims of one's own pairs that have a verdict.")
    pending = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "participation"], name="one_standing_per_participant"),
            models.UniqueConstraint(fields=["challenge", "team"], name="one_standing_per_team"),
            models.CheckConstraint(
                condition=models.Q(participation=None, team__isnull=False)
                | models.Q(participation__isnull=False, team=None),
                name="standing_of_a_team_or_a_participant",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "rank", "name"], name="board_in_order")]

    def __str__(self) -> str:
        return f"{self.rank}. {self.name}"

    @property
    def success_rate(self) -> float | None:
        """Adverse ÷ settled, None as long as nothing is settled."""
        return (self.false_negatives + self.false_positives) / self.settled if self.settled else None
