"""Pairs, the claims people make of them, and the ledger of credit.

Machine and human results belong to the pair; credit belongs to a submission and is a row of the ledger.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import Team, User
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import Challenge, Participation, PolicyVersion, RosterVersion
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.split import Split
from cats4ml.rules.verdicts import Outcome, Verdict


def choices(codes: type[StrEnum]) -> list[tuple[str, Any]]:
    """The codes with their words, whose texts stand in `cats4ml.ui.words`."""
    return [(code.value, _(code.value.replace("_", " ").capitalize())) for code in codes]


class TallySource(models.TextChoices):
    RATINGS = "ratings", _("Counted from ratings")
    IMPORTED = "imported", _("Imported from a release")


class Uncredited(models.TextChoices):
    """Why an adverse pair earns nothing."""

    KNOWN_UNKNOWN = "known_unknown", _("The machines were unsure")
    NEAR_COPY = "near_copy", _("A near-copy of a picture claimed before")
    ADJUDICATED = "adjudicated", _("An expert decided it")


class Pair(models.Model):
    """One target image with one target label: scored once, rated once, in one edition.

    The database holds more than is seen here: composite foreign keys to the edition's pool and to its labels.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="pairs")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=choices(PairState), default=PairState.QUEUED)
    state_changed_at = models.DateTimeField()
    created_at = models.DateTimeField()
    split = models.CharField(max_length=8, choices=choices(Split))

    score_requested_at = models.DateTimeField(null=True, blank=True)
    score_requests = models.PositiveIntegerField(default=0)
    unscorable_reason = models.CharField(max_length=300, blank=True)
    machine_mean = models.FloatField(null=True, blank=True)
    machine_spread = models.FloatField(null=True, blank=True)
    machine_voices = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How many classifiers know the label and were counted."
    )
    machine_yes = models.BooleanField(null=True, blank=True, help_text="At the threshold of the policy in force.")
    roster = models.ForeignKey(RosterVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    scored_at = models.DateTimeField(null=True, blank=True)

    tally_source = models.CharField(max_length=8, choices=TallySource.choices, default=TallySource.RATINGS)
    yes_ratings = models.PositiveIntegerField(default=0)
    no_ratings = models.PositiveIntegerField(default=0)
    dont_know_ratings = models.PositiveIntegerField(default=0)
    verdict = models.CharField(max_length=9, choices=choices(Verdict), blank=True)
    outcome = models.CharField(max_length=14, choices=choices(Outcome), blank=True)
    policy = models.ForeignKey(
        PolicyVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="That settled it."
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    uncredited = models.CharField(max_length=13, choices=Uncredited.choices, blank=True)
    least_ratings = models.PositiveSmallIntegerField(
        default=0, help_text="Answers without which it is not settled, once reopened."
    )
    reopened_reason = models.TextField(blank=True)
    adjudicated_reason = models.TextField(blank=True, help_text="Why an expert decided so; empty where raters did.")
    withdrawn_reason = models.TextField(
        blank=True, help_text="Why an organiser took it out; empty where its claimants retracted it. Nobody claims it."
    )
    is_example = models.BooleanField(
        default=False, help_text="Shown with its outcome on the challenge page, by the organiser's choice."
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "image", "label"], name="one_pair_per_image_and_label"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in PairState]), name="pair_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=PairState.SETTLED) & ~Q(outcome="") & ~Q(verdict="") & Q(settled_at__isnull=False)
                | ~Q(state=PairState.SETTLED) & Q(outcome="", verdict="", settled_at=None),
                name="pair_outcome_iff_settled",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", *(outcome.value for outcome in Outcome)]), name="pair_outcome_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[PairState.IN_REVIEW, PairState.SETTLED]) | Q(machine_yes__isnull=False),
                name="pair_in_review_is_scored",
            ),
            models.CheckConstraint(
                condition=~Q(state=PairState.UNSCORABLE) | ~Q(unscorable_reason=""),
                name="pair_unscorable_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(machine_mean=None) | Q(machine_mean__gte=0, machine_mean__lte=1), name="pair_mean_in_0_1"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_reason="") | Q(state=PairState.WITHDRAWN), name="pair_taken_out_is_withdrawn"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["challenge", "state", "id"], name="pair_by_state"),
            models.Index(fields=["score_requested_at"], condition=Q(state=PairState.QUEUED), name="pair_queued"),
            models.Index(fields=["image"], condition=Q(state=PairState.QUEUED), name="pair_queued_image"),
            models.Index(fields=["settled_at"], condition=Q(settled_at__isnull=False), name="pair_by_settlement"),
            models.Index(fields=["scored_at"], condition=Q(scored_at__isnull=False), name="pair_by_time_of_score"),
            models.Index(
                fields=["challenge", "created_at", "id"],
                condition=Q(state=PairState.IN_REVIEW),
                name="pair_waiting_for_raters",
            ),
            models.Index(
                fields=["challenge", "id"],
                condition=Q(outcome=Outcome.AMBIGUOUS, adjudicated_reason=""),
                name="pair_needs_an_expert",
            ),
        ]

    def __str__(self) -> str:
        return f"pair {self.pk}"

    @property
    def tally(self) -> Tally:
        return Tally(yes=self.yes_ratings, no=self.no_ratings, dont_know=self.dont_know_ratings)


class UploadState(models.TextChoices):
    CHECKED = "checked", _("Checked")
    SUBMITTED = "submitted", _("Submitted")


class Upload(models.Model):
    """A CSV of claims. Its rows are checked first; nothing is charged before the participant says so."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=UploadState.choices, default=UploadState.CHECKED)
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.filename


class UploadRow(models.Model):
    """One data row of an upload as it stands in the file, with what the check found (`problem`, empty if nothing)."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()
    image_id = models.TextField(blank=True)
    label_id = models.TextField(blank=True)
    rationale = models.TextField(blank=True)
    problem = models.CharField(max_length=30, blank=True)
    detail = models.TextField(blank=True)
    later = models.BooleanField(default=False, help_text="Somebody claimed the pair before.")
    near_copy = models.BooleanField(default=False, help_text="A near-copy of the picture is claimed for the label.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["upload", "line"], name="one_upload_row_per_line")]

    def __str__(self) -> str:
        return f"line {self.line}"


class Submission(models.Model):
    """One participant's claim of one pair. Its id comes from a sequence: the order of claims, not a clock."""

    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="submissions")
    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="submissions")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    upload = models.ForeignKey(Upload, null=True, blank=True, on_delete=models.SET_NULL, related_name="submissions")
    rationale = models.TextField(blank=True)
    charged = models.BooleanField(help_text="False for a later claim of a pair that somebody had claimed.")
    after_settlement = models.BooleanField(
        default=False, help_text="The pair was settled when it was claimed: its claimant is not told how it ended."
    )
    created_at = models.DateTimeField()
    retracted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pair", "participation"],
                condition=Q(retracted_at=None),
                name="one_claim_per_pair_and_participant",
            ),
            models.UniqueConstraint(
                fields=["pair", "team"], condition=Q(retracted_at=None), name="one_claim_per_pair_and_team"
            ),
            models.CheckConstraint(
                condition=Q(retracted_at=None) | Q(retracted_at__gte=F("created_at")),
                name="retracted_after_it_was_claimed",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["participation", "-id"], name="submission_of_one_person")]

    def __str__(self) -> str:
        return f"claim {self.pk}"


class DisputeState(models.TextChoices):
    OPEN = "open", _("Waits for an organiser")
    REOPENED = "reopened", _("More raters were asked")
    ADJUDICATED = "adjudicated", _("An expert decided")
    DECLINED = "declined", _("The outcome stands")


class Dispute(models.Model):
    """A finder's word that a pair of theirs ended wrongly. Once for each claim, before the ratings close."""

    submission = models.OneToOneField(Submission, on_delete=models.PROTECT, related_name="dispute")
    reason = models.TextField()
    outcome = models.CharField(max_length=14, choices=choices(Outcome), help_text="As it stood when it was disputed.")
    state = models.CharField(max_length=11, choices=DisputeState.choices, default=DisputeState.OPEN)
    answer = models.TextField(blank=True, help_text="The organiser's word, which the finder reads.")
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="dispute_has_a_reason"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | ~Q(state="open") & Q(decided_at__isnull=False),
                name="dispute_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return f"dispute of {self.submission_id}"


class AdjudicationKind(models.TextChoices):
    DECIDED = "decided", _("An expert decided")
    TAKEN_BACK = "taken_back", _("The decision was taken back")


class Adjudication(models.Model):
    """One line of the log of what experts decided (the database refuses updates and deletions).

    `raters_verdict` and the counts are what the raters said by themselves: where a decision is taken back that is the
    verdict again.
    """

    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="adjudications")
    kind = models.CharField(max_length=10, choices=AdjudicationKind.choices)
    verdict_before = models.CharField(max_length=9, choices=choices(Verdict))
    outcome_before = models.CharField(max_length=14, choices=choices(Outcome))
    verdict = models.CharField(max_length=9, choices=choices(Verdict))
    outcome = models.CharField(max_length=14, choices=choices(Outcome))
    raters_verdict = models.CharField(max_length=9, choices=choices(Verdict))
    yes_ratings = models.PositiveIntegerField()
    no_ratings = models.PositiveIntegerField()
    dont_know_ratings = models.PositiveIntegerField()
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="adjudication_has_a_reason"),
        ]
        indexes: ClassVar = [models.Index(fields=["pair", "-id"], name="adjudication_of_pair")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.pair_id}"

    @property
    def tally(self) -> Tally:
        return Tally(yes=self.yes_ratings, no=self.no_ratings, dont_know=self.dont_know_ratings)


class BasketItem(models.Model):
    """A picture that a participant put aside, with a label or still without. Nothing is claimed by it."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="basket")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    rationale = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["participation", "image", "label"], name="once_in_the_basket", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image} as {self.label or 'no label yet'}"


class CreditKind(models.TextChoices):
    GIVEN = "given", _("Given")
    REVERSED = "reversed", _("Reversed")
    INHERITED = "inherited", _("Inherited")


class Credit(models.Model):
    """One entry of the append-only ledger (the database refuses updates and deletions).

    A `given` or `inherited` entry has points above zero and `adverse` 1; a `reversed` one takes exactly these
    back. It points to all that it rests on: ratings by id, score, roster and policy version.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="credits")
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="credits")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="credits")
    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="credits")
    kind = models.CharField(max_length=9, choices=CreditKind.choices)
    points = models.IntegerField()
    adverse = models.SmallIntegerField()
    outcome = models.CharField(max_length=14, choices=choices(Outcome))
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    roster = models.ForeignKey(RosterVersion, null=True, on_delete=models.PROTECT, related_name="+")
    machine_mean = models.FloatField(null=True)
    ratings = ArrayField(models.BigIntegerField(), default=list, help_text="Ids of the ratings counted.")
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    reason = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "credit ledger"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind=CreditKind.REVERSED, adverse=-1, points__lt=0, reverses__isnull=False)
                | Q(kind__in=[CreditKind.GIVEN, CreditKind.INHERITED], adverse=1, points__gt=0, reverses=None),
                name="credit_sign_follows_kind",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=[Outcome.FALSE_NEGATIVE, Outcome.FALSE_POSITIVE]), name="credit_is_for_adverse"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["challenge", "id"], name="ledger_of_challenge")]

    def __str__(self) -> str:
        return f"{self.kind} {self.points:+d}"
