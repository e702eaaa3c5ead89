"""The board as a table that is always rebuilt whole from the ledger, never incremented; and what is drawn beside it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import Team
from cats4ml.challenges.models import Challenge, Participation

OF_A_TEAM_OR_A_PARTICIPANT = Q(participation=None, team__isnull=False) | Q(participation__isnull=False, team=None)


class Board(models.Model):
    """When an edition's standings were last counted, and what they were counted from."""

    challenge = models.OneToOneField(Challenge, on_delete=models.CASCADE, related_name="board")
    counted_at = models.DateTimeField()
    changed_at = models.DateTimeField(default=timezone.now, help_text="When a count last gave something else.")
    version = models.CharField(max_length=32, blank=True, help_text="A digest of all its lines.")
    head = models.BigIntegerField(default=0, help_text="The last entry of the ledger that is in it.")
    seconds = models.FloatField(default=0.0, help_text="How long the last count took.")
    is_final = models.BooleanField(default=False, help_text="Counted after the edition was final: never again.")

    def __str__(self) -> str:
        return f"board of {self.challenge.slug}"


class BoardLine(models.Model):
    """One line of a board: a team, or a participant who works alone."""

    participation = models.ForeignKey(Participation, null=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    place = models.PositiveIntegerField(default=0, help_text="Where the line stands on the board, from 1.")
    rank = models.PositiveIntegerField(null=True, help_text="None for a baseline, which is out of competition.")
    shared = models.BooleanField(help_text="Somebody else holds the same rank.")
    baseline = models.BooleanField(default=False)
    points = models.IntegerField()
    false_negatives = models.PositiveIntegerField()
    false_positives = models.PositiveIntegerField()
    claims = models.PositiveIntegerField()
    settled = models.PositiveIntegerField(help_text="Claims of one's own pairs that have a verdict.")
    pending = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField(
        default=0, help_text="Own pairs, settled or unscorable, that earned nothing."
    )
    labels = models.PositiveIntegerField(default=0, help_text="Different labels among the adverse pairs.")
    clusters = models.PositiveIntegerField(default=0, help_text="Different pictures, near-copies taken as one.")
    kinds = models.PositiveSmallIntegerField(default=0, help_text="False negatives, false positives or both: 0 to 2.")
    diversity = models.FloatField(default=0.0, help_text="rules.diversity.effective_number of label and cluster.")

    class Meta:
        abstract = True

    @property
    def key(self) -> LineKey:
        return self.participation_id, self.team_id

    @property
    def success_rate(self) -> float | None:
        """Adverse ÷ settled, None as long as nothing is settled."""
        return (self.false_negatives + self.false_positives) / self.settled if self.settled else None


LineKey = tuple[int | None, int | None]


class Standing(BoardLine):
    """One line of the board as it stands."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="standings")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "participation"], name="one_standing_per_participant"),
            models.UniqueConstraint(fields=["challenge", "team"], name="one_standing_per_team"),
            models.CheckConstraint(condition=OF_A_TEAM_OR_A_PARTICIPANT, name="standing_of_a_team_or_a_participant"),
            models.CheckConstraint(
                condition=Q(baseline=True, rank=None, shared=False) | Q(baseline=False, rank__isnull=False),
                name="standing_has_a_rank_unless_baseline",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "place"], name="board_in_order")]

    def __str__(self) -> str:
        return f"{self.rank or '–'}. {self.name}"


class KeptBoard(models.Model):
    """The board as it stood at the moment from which it is frozen or hidden. Its lines are `KeptStanding`."""

    challenge = models.OneToOneField(Challenge, on_delete=models.CASCADE, related_name="kept_board")
    moment = models.DateTimeField(help_text="Counted as of then, however late that was done.")
    counted_at = models.DateTimeField()
    version = models.CharField(max_length=32)
    head = models.BigIntegerField(help_text="The last entry of the ledger that is in it.")

    def __str__(self) -> str:
        return f"board of {self.challenge.slug} as it stood at {self.moment}"


class KeptStanding(BoardLine):
    """One line of a kept board."""

    board = models.ForeignKey(KeptBoard, on_delete=models.CASCADE, related_name="lines")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=OF_A_TEAM_OR_A_PARTICIPANT, name="kept_of_a_team_or_a_participant"),
        ]
        indexes: ClassVar = [models.Index(fields=["board", "place"], name="kept_board_in_order")]

    def __str__(self) -> str:
        return f"{self.rank or '–'}. {self.name}"


class Drawing(models.Model):
    """One time that the ranks were drawn, and what it rests on. An edition has the last one, and the one that its kept
    board was kept with."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="drawings")
    kept = models.BooleanField(default=False, help_text="Belongs to the kept board.")
    drawn_at = models.DateTimeField()
    draws = models.PositiveIntegerField()
    seed = models.CharField(max_length=32, help_text="Follows from the ledger, so that the same data give the same.")
    board_version = models.CharField(max_length=32)
    skills_at = models.DateTimeField(null=True, help_text="When the raters' skills were learned.")
    uncertain = models.PositiveBigIntegerField(help_text="Pairs whose verdict was drawn.")
    certain = models.PositiveBigIntegerField(help_text="Settled pairs that end alike in every draw.")
    seconds = models.FloatField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "kept"], name="one_drawing_per_board"),
        ]

    def __str__(self) -> str:
        return f"ranks of {self.challenge.slug} as drawn at {self.drawn_at}"


class RateMethod(models.TextChoices):
    """What an interval of a success rate is: `BOOTSTRAP` over groups of near-copies, or `WILSON` over them where all
    ended alike, and drawing among them could only give the same again."""

    BOOTSTRAP = "bootstrap", _("Bootstrap over groups of near-copies")
    WILSON = "wilson", _("Wilson’s interval over groups of near-copies")


class DrawnRange(models.Model):
    """The ranks that a line could hold, its group, and the interval of its success rate."""

    drawing = models.ForeignKey(Drawing, on_delete=models.CASCADE, related_name="ranges")
    participation = models.ForeignKey(Participation, null=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    low = models.PositiveIntegerField(null=True, help_text="None for a baseline.")
    high = models.PositiveIntegerField(null=True)
    group = models.PositiveIntegerField(null=True, help_text="Lines of one number can't be told apart.")
    rate_low = models.FloatField(null=True, help_text="None where nothing is settled.")
    rate_high = models.FloatField(null=True)
    rate_method = models.CharField(max_length=9, choices=RateMethod.choices, blank=True)
    rate_clusters = models.PositiveIntegerField(default=0, help_text="Groups of near-copies among the settled pairs.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=OF_A_TEAM_OR_A_PARTICIPANT, name="range_of_a_team_or_a_participant"),
            models.UniqueConstraint(fields=["drawing", "participation"], name="one_range_per_participant"),
            models.UniqueConstraint(fields=["drawing", "team"], name="one_range_per_team"),
        ]

    def __str__(self) -> str:
        return f"{self.low}–{self.high}"

    @property
    def key(self) -> LineKey:
        return self.participation_id, self.team_id
