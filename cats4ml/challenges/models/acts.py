"""What organisers did to an edition, and what they told its people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from cats4ml.accounts.models import User
from cats4ml.challenges.models.editions import Challenge


class ActKind(models.TextChoices):
    CREATED = "created", "Made the edition"
    EDITED = "edited", "Changed its texts or settings"
    STATUS = "status", "Moved it to another status"
    DATES = "dates", "Changed its dates"
    ANNOUNCED = "announced", "Announced something"
    DISQUALIFIED = "disqualified", "Disqualified a participant"
    REINSTATED = "reinstated", "Took a disqualification back"
    BASELINE = "baseline", "Changed who plays out of competition"
    WITHDRAWN = "withdrawn", "Withdrew a pair"
    RESTORED = "restored", "Put a withdrawn pair back"
    REQUEUED = "requeued", "Sent stalled pairs again"
    RELEASED = "released", "Made, published or opened a release"
    POLICY = "policy", "Put a policy in force"
    DISCOUNTED = "discounted", "Took a rater’s answers out"
    LIFTED = "lifted", "Let a rater’s answers count again"
    ADJUDICATED = "adjudicated", "Decided a pair as an expert"
    DISPUTED = "disputed", "Answered a dispute"
    PAUSED = "paused", "Paused a rater, or decided about one"
    NEAR_COPIES = "near_copies", "Decided about near-copies"
    CONTROLS = "controls", "Changed control questions"
    TAKEDOWN = "takedown", "Hid a picture, or showed it again"
    REPORTS = "reports", "Dealt with reports about pictures"
    GUIDANCE = "guidance", "Changed the guidance for raters"
    STUDIES = "studies", "Changed a study of a paid crowd"
    ROLES = "roles", "Changed who organises"
    VOUCHED = "vouched", "Vouched for somebody whose address is not confirmed"
    TEAMS = "teams", "Changed a team"


class OrganiserAct(models.Model):
    """One line of the log of what organisers did (the database refuses updates and deletions)."""

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="acts")
    kind = models.CharField(max_length=12, choices=ActKind.choices)
    summary = models.CharField(max_length=300, help_text="What was done, in a sentence.")
    details = models.JSONField(default=dict, help_text="Before and after, by field, and the ids that it is about.")
    reason = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=ActKind.values), name="act_kind_is_known"),
            models.CheckConstraint(condition=~Q(summary=""), name="act_says_what_was_done"),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "-id"], name="act_of_challenge")]

    def __str__(self) -> str:
        return self.summary


class Announcement(models.Model):
    """A word of the organisers to everybody, shown on the challenge page; the newest first."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="announcements")
    title = models.CharField(max_length=120)
    text = models.TextField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    taken_down_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(title="") & ~Q(text=""), name="announcement_says_something"),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "-id"], name="announcement_of_challenge")]

    def __str__(self) -> str:
        return self.title
