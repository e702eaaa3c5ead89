"""Putting a policy in force as work for a worker, and which pairs it touched."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Challenge, PolicyDecision, PolicyVersion
from cats4ml.review.models.verdicts import VerdictBasis
from cats4ml.submissions.models import Pair


class WorkState(models.TextChoices):
    WAITING = "waiting", _("Waits for a worker")
    WORKING = "working", _("Under way")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


ON_THE_WAY = (WorkState.WAITING, WorkState.WORKING)


class PolicyWork(models.Model):
    """An organiser's order to put a policy in force, or to take a decision back (`undoes`). One at a time.

    The order is carried out in one transaction, which marks it as done too.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="policy_works")
    values = models.JSONField(
        default=dict, help_text="The policy that was asked for; empty where a decision is undone."
    )
    undoes = models.ForeignKey(PolicyDecision, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    settled = models.BooleanField(default=False, help_text="Settled pairs too.")
    reopen = models.BooleanField(default=False, help_text="Settled pairs that need more answers go back to raters.")
    reason = models.TextField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=WorkState.choices, default=WorkState.WAITING)
    starts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker began it.")
    total = models.PositiveIntegerField(default=0, help_text="Pairs to be read.")
    error = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    decision = models.ForeignKey(PolicyDecision, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ended_otherwise = models.PositiveIntegerField(default=0)
    settles = models.PositiveIntegerField(default=0)
    sent_back = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["challenge"], condition=Q(state__in=["waiting", "working"]), name="one_policy_work_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="policy_work_has_a_reason"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "working"], finished_at=None)
                | Q(state__in=["done", "failed"], finished_at__isnull=False),
                name="policy_work_finished_at",
            ),
        ]

    def __str__(self) -> str:
        return f"policy work {self.pk}, {self.state}"


class RepolicedPair(models.Model):
    """How a pair stood before a decision about the policy touched it, so that the decision can be undone. Rows never
    change. `former_policy` is empty where it was in review."""

    decision = models.ForeignKey(PolicyDecision, on_delete=models.CASCADE, related_name="pairs")
    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="+")
    former_policy = models.ForeignKey(PolicyVersion, null=True, on_delete=models.PROTECT, related_name="+")
    former_basis = models.ForeignKey(VerdictBasis, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["decision", "pair"], name="a_pair_once_in_a_decision"),
        ]

    def __str__(self) -> str:
        return f"pair {self.pair_id} before decision {self.decision_id}"
