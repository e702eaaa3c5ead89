"""What a verdict was read from."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from cats4ml.challenges.models import PolicyVersion
from cats4ml.submissions.models import Pair


class VerdictBasis(models.Model):
    """The answers that settled a pair and what each was worth then, so that the verdict can be read again later,
    whatever is learned of its raters since. Rows never change; a pair that settles again gets another.

    `votes`: [{"rating": id, "answer": …, "if_yes": [3 shares], "if_no": [3 shares]}].
    """

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="bases")
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    votes = models.JSONField()
    prior_yes = models.FloatField()
    posterior = models.FloatField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "verdict bases"
        indexes: ClassVar = [models.Index(fields=["pair", "-id"], name="basis_of_pair")]

    def __str__(self) -> str:
        return f"basis of {self.pair_id}"
