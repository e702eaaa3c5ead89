"""What is known of raters: how well they answer, who is paused and who is discounted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, Participation


class RaterSkill(models.Model):
    """One rater's record: how often they gave each answer where the truth was yes and where it was no. Rebuilt whole.

    `controls` counts final answers to control questions; `agreement` those to settled pairs, by how sure the other
    raters' answers make the verdict. Both are `rules.skill.Record` as {"if_yes": [yes, no, dont_know], "if_no": […]}.
    """

    rater = models.OneToOneField(Participation, primary_key=True, on_delete=models.CASCADE, related_name="skill")
    controls = models.JSONField()
    agreement = models.JSONField()
    rebuilt_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"skill of {self.rater_id}"


class EditionSkill(models.Model):
    """What holds for all raters of an edition together. Rebuilt whole.

    `pooled` is a `rules.skill.Skill` in the form of `RaterSkill.controls`; `base_rate` is how often people say yes.
    """

    challenge = models.OneToOneField(Challenge, primary_key=True, on_delete=models.CASCADE, related_name="+")
    pooled = models.JSONField()
    base_rate = models.FloatField()
    rebuilt_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(base_rate__gt=0, base_rate__lt=1), name="base_rate_between_0_and_1"),
        ]

    def __str__(self) -> str:
        return f"skill in {self.challenge_id}"


class PauseCause(models.TextChoices):
    TOO_FAST = "too_fast", _("Answers faster than a look takes")
    SAME_ANSWER = "same_answer", _("Always the same answer")
    CONTROLS = "controls", _("Control questions answered wrong")
    WARM_UP = "warm_up", _("Warm-up not passed")
    ORGANISER = "organiser", _("Paused by an organiser")


class PauseDecision(models.TextChoices):
    RESUMED = "resumed", _("May go on")
    ENDED = "ended", _("Rates no more in this challenge")


class RaterPause(models.Model):
    """A rater is asked nothing until an organiser decides. What led to it is kept as figures."""

    rater = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="pauses")
    cause = models.CharField(max_length=11, choices=PauseCause.choices)
    evidence = models.JSONField(default=dict, help_text="The figures that led to it.")
    created_at = models.DateTimeField()
    decision = models.CharField(max_length=7, choices=PauseDecision.choices, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rater"], condition=~Q(decision="resumed"), name="one_pause_at_a_time"),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None) | ~Q(decision="") & Q(decided_at__isnull=False),
                name="pause_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause}, {self.rater_id}"


class RaterDiscount(models.Model):
    """An organiser's word that a rater's answers don't count. Lifted, they count again."""

    rater = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="discounts")
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lifted_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rater"], condition=Q(lifted_at=None), name="one_discount_at_a_time"),
            models.CheckConstraint(condition=~Q(reason=""), name="discounted_with_a_reason"),
        ]

    def __str__(self) -> str:
        return f"discount of {self.rater_id}"
