"""What organisers did to an edition, and what they told its people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.challenges.models.editions import Challenge


class ActKind(models.TextChoices):
    CREATED = "created", _("Made the edition")
    EDITED = "edited", _("Changed its texts or settings")
    STATUS = "status", _("Moved it to another status")
    DATES = "dates", _("Changed its dates")
    ANNOUNCED = "announced", _("Announced something")
    DISQUALIFIED = "disqualified", _("Disqualified a participant")
    REINSTATED = "reinstated", _("Took a disqualification back")
    BASELINE = "baseline", _("Changed who plays out of competition")
    WITHDRAWN = "withdrawn", _("Withdrew a pair")
    RESTORED = "restored", _("Put a withdrawn pair back")
    REQUEUED = "requeued", _("Sent stalled pairs again")
    RELEASED = "released", _("Made, published or opened a release")
    POLICY = "policy", _("Put a policy in force")
    DISCOUNTED = "discounted", _("Took a rater’s answers out")
    LIFTED = "lifted", _("Let a rater’s answers count again")
    ADJUDICATED = "adjudicated", _("Decided a pair as an expert")
    DISPUTED = "disputed", _("Answered a dispute")
    PAUSED = "paused", _("Paused a rater, or decided about one")
    NEAR_COPIES = "near_copies", _("Decided about near-copies")
    CONTROLS = "controls", _("Changed control questions")
    TAKEDOWN = "takedown", _("Hid a picture, or showed it again")
    REPORTS = "reports", _("Dealt with reports about pictures")
    GUIDANCE = "guidance", _("Changed the guidance for raters")
    STUDIES = "studies", _("Changed a study of a paid crowd")
    ROLES = "roles", _("Changed who organises")
    VOUCHED = "vouched", _("Vouched for somebody whose address is not confirmed")
    TEAMS = "teams", _("Changed a team")


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
