"""The pairs that wait for raters, in the order in which they are given."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from cats4ml.challenges.models import Challenge, Participation
from cats4ml.submissions.models import Pair


class Waiting(models.Model):
    """A pair in review, with how many raters it may be given to now. Counted anew from its ratings and leases whenever
    one of them changes, under this row's lock; never added to.
    """

    pair = models.OneToOneField(Pair, primary_key=True, on_delete=models.CASCADE, related_name="waiting")
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="+")
    finder = models.ForeignKey(
        Participation,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Its first claimant.",
    )
    turn = models.BigIntegerField(help_text="Which turn of its finder's it is: every finder has one before a second.")
    shuffle = models.IntegerField(help_text="A keyed hash, so that the order within a turn tells nothing.")
    answers = models.PositiveSmallIntegerField(default=0, help_text="Final and provisional ones.")
    missing = models.PositiveSmallIntegerField(help_text="The fewest answers with which it could be settled.")
    places = models.PositiveSmallIntegerField(help_text="How many more raters may be given it now.")
    since = models.DateTimeField(help_text="When it came to review.")

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["challenge", "missing", "turn", "shuffle", "pair"],
                condition=Q(places__gt=0),
                name="waiting_next",
            ),
            models.Index(fields=["challenge", "finder", "-turn"], name="waiting_of_finder"),
        ]

    def __str__(self) -> str:
        return f"waiting {self.pair_id}"
