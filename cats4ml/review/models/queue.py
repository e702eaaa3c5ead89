"""The pairs that wait for raters, in the order in which they are given."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.models import Challenge, Participation, PolicyVersion
from cats4ml.submissions.models import Pair


class Waiting(models.Model):
    """A pair in review, with how many raters it may be given to now. Counted anew from its ratings and leases whenever
    one of them changes, under this row's lock; never added to.

    Given first: pairs that somebody has answered, those that miss least before the others; then fresh ones. Each of the
    two by turn, and within a turn by the keyed hash.
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
    policy = models.ForeignKey(
        PolicyVersion,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="+",
        help_text="By which `missing` counts.",
    )
    since = models.DateTimeField(help_text="When it came to review.")
    sensitive = ArrayField(
        models.CharField(max_length=8, choices=SensitiveKind.choices),
        default=list,
        db_default=[],
        help_text="What of its picture not everybody wants to see: it is given to raters who chose all of it.",
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["challenge", "missing", "turn", "shuffle", "pair"],
                condition=Q(places__gt=0, answers__gt=0),
                name="waiting_started",
            ),
            models.Index(
                fields=["challenge", "turn", "shuffle", "pair"],
                condition=Q(places__gt=0, answers=0),
                name="waiting_fresh",
            ),
            # The same two without what not everybody wants to see: for who sees none of it, however much there is.
            models.Index(
                fields=["challenge", "missing", "turn", "shuffle", "pair"],
                condition=Q(places__gt=0, answers__gt=0, sensitive=[]),
                name="waiting_started_plain",
            ),
            models.Index(
                fields=["challenge", "turn", "shuffle", "pair"],
                condition=Q(places__gt=0, answers=0, sensitive=[]),
                name="waiting_fresh_plain",
            ),
            models.Index(fields=["challenge", "finder", "-turn"], name="waiting_of_finder"),
            models.Index(fields=["challenge", "policy"], name="waiting_by_policy"),
        ]

    def __str__(self) -> str:
        return f"waiting {self.pair_id}"
