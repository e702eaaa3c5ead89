"""Ratings, the leases under which they are given, and reports about pictures."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cats4ml.challenges.models import Participation
from cats4ml.review.models.controls import ControlQuestion
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Pair, choices

ONE_SUBJECT = Q(pair__isnull=False, control=None) | Q(pair=None, control__isnull=False)


class LeaseEnd(models.TextChoices):
    ANSWERED = "answered", _("Answered")
    SKIPPED = "skipped", _("Skipped")
    REPORTED = "reported", _("Picture reported")
    EXPIRED = "expired", _("Ran out")
    WITHDRAWN = "withdrawn", _("Taken back by the platform")


class Lease(models.Model):
    """One pair or one control question in one rater's hands for a while: to the rater they look alike. It is open
    until it is answered, skipped or reported, or runs out."""

    pair = models.ForeignKey(Pair, null=True, blank=True, on_delete=models.CASCADE, related_name="leases")
    control = models.ForeignKey(ControlQuestion, null=True, blank=True, on_delete=models.PROTECT, related_name="leases")
    rater = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="leases")
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True, blank=True, help_text="When its picture became the one in view.")
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=9, choices=LeaseEnd.choices, blank=True, help_text="How; empty while open.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pair", "rater"], condition=Q(closed_at=None), name="one_open_lease_per_pair_and_rater"
            ),
            models.UniqueConstraint(
                fields=["control", "rater"], condition=Q(closed_at=None), name="one_open_lease_per_control_and_rater"
            ),
            models.CheckConstraint(condition=ONE_SUBJECT, name="lease_of_a_pair_or_of_a_control"),
            models.CheckConstraint(
                condition=Q(closed_at=None, ended="") | Q(closed_at__isnull=False) & ~Q(ended=""),
                name="lease_closed_says_how",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="lease_ends_after_it_begins"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["pair", "expires_at"], condition=Q(closed_at=None), name="lease_open_of_pair"),
            models.Index(fields=["expires_at"], condition=Q(closed_at=None), name="lease_open_by_end"),
            models.Index(fields=["rater", "-id"], name="lease_of_rater"),
            models.Index(fields=["rater"], condition=Q(control__isnull=False), name="lease_of_a_control"),
            models.Index(fields=["pair", "rater"], condition=Q(ended="skipped"), name="lease_skipped"),
        ]

    def __str__(self) -> str:
        return str(self.token)

    @property
    def subject(self) -> Pair | ControlQuestion:
        """What is asked about: both have an `image` and a `label`."""
        subject = self.pair or self.control
        assert subject is not None, "the database has one of the two"
        return subject


class RatingState(models.TextChoices):
    """`PROVISIONAL` may still be undone; only `FINAL` counts; `LATE` came after its lease or its pair had ended;
    `DISCOUNTED` was final until an organiser discounted its rater."""

    PROVISIONAL = "provisional", _("Provisional")
    FINAL = "final", _("Final")
    LATE = "late", _("Late, not counted")
    DISCOUNTED = "discounted", _("Its rater is discounted")


class Device(models.TextChoices):
    """What kind of device an answer came from, no finer."""

    DESKTOP = "desktop", _("Desktop")
    TABLET = "tablet", _("Tablet")
    PHONE = "phone", _("Phone")
    API = "api", _("API")
    UNKNOWN = "unknown", _("Unknown")


class Rating(models.Model):
    """One rater's answer to a pair, or to a control question, which counts for no verdict."""

    pair = models.ForeignKey(Pair, null=True, blank=True, on_delete=models.PROTECT, related_name="ratings")
    control = models.ForeignKey(
        ControlQuestion, null=True, blank=True, on_delete=models.PROTECT, related_name="ratings"
    )
    rater = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="ratings")
    lease = models.OneToOneField(Lease, on_delete=models.PROTECT, related_name="rating")
    answer = models.CharField(max_length=9, choices=choices(Answer))
    state = models.CharField(max_length=11, choices=RatingState.choices)
    created_at = models.DateTimeField()
    final_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(help_text="From the picture in view to the answer.")
    device = models.CharField(max_length=7, choices=Device.choices, default=Device.UNKNOWN)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pair", "rater"], name="one_rating_per_rater_and_pair"),
            models.UniqueConstraint(fields=["control", "rater"], name="one_rating_per_rater_and_control"),
            models.CheckConstraint(condition=ONE_SUBJECT, name="rating_of_a_pair_or_of_a_control"),
            models.CheckConstraint(
                condition=Q(answer__in=[answer.value for answer in Answer]), name="rating_answer_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[RatingState.FINAL, RatingState.DISCOUNTED], final_at__isnull=False)
                | Q(state__in=[RatingState.PROVISIONAL, RatingState.LATE], final_at=None),
                name="rating_final_has_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=Q(state="provisional"), name="rating_provisional"),
            models.Index(fields=["rater", "-id"], name="rating_of_rater"),
            models.Index(fields=["rater", "-id"], condition=Q(control__isnull=False), name="rating_of_a_control"),
            models.Index(fields=["final_at"], condition=Q(final_at__isnull=False), name="rating_by_time_of_final"),
        ]

    def __str__(self) -> str:
        return f"rating {self.pk}"


class ReportKind(models.TextChoices):
    BROKEN = "broken", _("The picture is broken or does not load")
    OFFENSIVE = "offensive", _("The picture is offensive")
    PERSON = "person", _("It shows a person who should not be here")
    OTHER = "other", _("Something else")


class PictureReport(models.Model):
    """A rater's word that something is wrong with a picture. The rater is not asked about that pair again."""

    pair = models.ForeignKey(Pair, null=True, blank=True, on_delete=models.CASCADE, related_name="reports")
    control = models.ForeignKey(
        ControlQuestion, null=True, blank=True, on_delete=models.PROTECT, related_name="reports"
    )
    rater = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="reports")
    kind = models.CharField(max_length=10, choices=ReportKind.choices)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pair", "rater"], name="one_report_per_rater_and_pair"),
            models.UniqueConstraint(fields=["control", "rater"], name="one_report_per_rater_and_control"),
            models.CheckConstraint(condition=ONE_SUBJECT, name="report_about_a_pair_or_a_control"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} about {self.pair or self.control}"
