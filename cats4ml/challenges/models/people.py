"""The people who take part in an edition."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import Team, User
from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.models.editions import Challenge, ConsentText


class Role(models.TextChoices):
    FINDER = "finder", _("Participant")
    RATER = "rater", _("Rater")
    ORGANISER = "organiser", _("Organiser")


class Participation(models.Model):
    """A person's part in an edition, with the consent they gave to it."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="participations")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    role = models.CharField(max_length=10, choices=Role.choices)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="participations")
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_version = models.PositiveIntegerField(null=True, blank=True)
    left_at = models.DateTimeField(
        null=True, blank=True, help_text="When they took their consent back: what they did stays, they do no more."
    )
    disqualified_at = models.DateTimeField(null=True, blank=True)
    disqualified_reason = models.TextField(blank=True)
    is_baseline = models.BooleanField(
        default=False, help_text="Plays out of competition: shown on the board beside the others, without a rank."
    )
    created_at = models.DateTimeField(default=timezone.now)
    sensitive_kinds = ArrayField(
        models.CharField(max_length=8, choices=SensitiveKind.choices),
        null=True,
        blank=True,
        help_text="Which kinds of sensitive pictures this person chose to see; null where they haven't said.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "user", "role"], name="one_participation_per_role"),
            models.CheckConstraint(
                condition=Q(consented_at=None, consent_version=None)
                | Q(consented_at__isnull=False, consent_version__isnull=False),
                name="consent_has_a_version_and_a_time",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.ORGANISER) | Q(consented_at__isnull=False), name="finders_and_raters_consented"
            ),
            models.CheckConstraint(
                condition=Q(disqualified_at=None) | ~Q(disqualified_reason=""), name="disqualified_with_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} in {self.challenge.slug}"

    @property
    def public_name(self) -> str:
        return self.team.name if self.team else self.user.public_name


class Consent(models.Model):
    """What somebody agreed to and confirmed when, for good; taking it back is written beside it."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="consents")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="consents")
    age_confirmed = models.PositiveSmallIntegerField(null=True, blank=True, help_text="At least so many years old.")
    eligibility_confirmed = models.TextField(blank=True, help_text="The condition as it was confirmed.")
    also_agreed = models.TextField(blank=True, help_text="The site's own sentence for the role, as it stood.")
    agreed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["participation", "text"], condition=Q(withdrawn_at=None), name="one_consent_per_text"
            ),
        ]

    def __str__(self) -> str:
        return f"consent {self.pk}"
