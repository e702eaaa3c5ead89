"""Editions: their dates, policy, roster, labels, pool of pictures and the people who take part."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cats4ml.accounts.models import Team, User
from cats4ml.catalog.models import Classifier, Image, Label
from cats4ml.rules.policy import Policy


class ChallengeStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    OPEN = "open", "Open"
    PAUSED = "paused", "Paused"
    CLOSED = "closed", "Closed to claims"
    FINAL = "final", "Final"


def new_split_seed() -> str:
    return secrets.token_hex(16)


class Challenge(models.Model):
    """One edition. Claims are taken while it is open and between its dates; ratings until `ratings_close_at`."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    summary = models.TextField(blank=True)
    vocabulary = models.CharField(max_length=40, help_text="The vocabulary that its label ids come from.")
    question = models.CharField(
        max_length=200,
        default="Is there a {label} in this picture?",
        help_text="What raters are asked; {label} stands for the label's name.",
    )
    status = models.CharField(max_length=10, choices=ChallengeStatus.choices, default=ChallengeStatus.DRAFT)
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    ratings_close_at = models.DateTimeField(null=True, blank=True)
    results_at = models.DateTimeField(null=True, blank=True)
    consent_text = models.TextField(blank=True)
    consent_version = models.PositiveIntegerField(default=1)
    policy = models.ForeignKey(
        "PolicyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="In force."
    )
    roster = models.ForeignKey(
        "RosterVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="In force."
    )
    queue = models.SlugField(
        max_length=60, blank=True, help_text="Workers of its own listen on scoring.<queue> and web.<queue>."
    )
    joint_classifier = models.ForeignKey(
        Classifier,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="A joint text-image card: its embeddings let the pool be searched by meaning.",
    )
    split_seed = models.CharField(max_length=64, default=new_split_seed, editable=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(opens_at=None) | Q(closes_at=None) | Q(opens_at__lt=F("closes_at")),
                name="challenge_opens_before_it_closes",
            ),
            models.CheckConstraint(
                condition=Q(status=ChallengeStatus.DRAFT) | Q(policy__isnull=False), name="challenge_open_has_a_policy"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def takes_claims(self, at: datetime) -> bool:
        started = self.opens_at is None or self.opens_at <= at
        ended = self.closes_at is not None and self.closes_at <= at
        return self.status == ChallengeStatus.OPEN and started and not ended

    def takes_ratings(self, at: datetime) -> bool:
        ended = self.ratings_close_at is not None and self.ratings_close_at <= at
        return self.status in (ChallengeStatus.OPEN, ChallengeStatus.CLOSED) and not ended

    def question_about(self, label: Label) -> str:
        """The edition's question with the label's name in it."""
        return self.question.replace("{label}", label.name)

    @property
    def is_final(self) -> bool:
        return self.status == ChallengeStatus.FINAL

    @property
    def rules(self) -> Policy:
        """The policy in force, as a value."""
        assert self.policy is not None, "an edition that left the draft has a policy"
        return self.policy.value


class PolicyVersion(models.Model):
    """A policy as it was decided. Rows never change (the database refuses it): a new rule is a new version."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="policies")
    version = models.PositiveIntegerField()
    values = models.JSONField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "version"], name="one_policy_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge.slug} policy {self.version}"

    @property
    def value(self) -> Policy:
        return Policy.from_dict(self.values)


class PolicyDecision(models.Model):
    """That a policy was put in force, by whom and why. Rows never change; the last one of an edition stands."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="policy_decisions")
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="decisions")
    reason = models.TextField(blank=True)
    settled_too = models.BooleanField(default=False, help_text="Pairs that were settled were read again by it.")
    reopened = models.PositiveIntegerField(default=0, help_text="Settled pairs that went back to review.")
    changed = models.PositiveIntegerField(default=0, help_text="Pairs that it ended otherwise than before.")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.policy} in force"


class RosterVersion(models.Model):
    """The classifiers that score an edition's pairs. Rows never change: another roster is a new version."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="rosters")
    version = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    classifiers = models.ManyToManyField(Classifier, through="RosterMember", related_name="rosters")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "version"], name="one_roster_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge.slug} roster {self.version}"


class RosterMember(models.Model):
    roster = models.ForeignKey(RosterVersion, on_delete=models.CASCADE, related_name="members")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    weight = models.FloatField(default=1.0, help_text="Its share in the ensemble's mean, beside the others'.")
    label_map = models.JSONField(
        null=True,
        blank=True,
        help_text=(
            "Where the classifier speaks another vocabulary than the edition: by label key, the places of the outputs "
            "that count for the label. Empty: its outputs are labels themselves."
        ),
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["roster", "classifier"], name="a_classifier_once_in_a_roster"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="roster_weight_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} in {self.roster}"


class RosterDecision(models.Model):
    """That a roster was put in force, by whom and why. Rows never change; the last one of an edition stands."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="roster_decisions")
    roster = models.ForeignKey(RosterVersion, on_delete=models.PROTECT, related_name="decisions")
    reason = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.roster} in force"


class TargetLabel(models.Model):
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="target_labels")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    question = models.CharField(max_length=200, blank=True, help_text="Instead of the edition's question.")
    guidance = models.TextField(blank=True, help_text="What counts and what doesn't, shown to raters and finders.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "label"], name="a_label_once_in_a_challenge"),
        ]

    def __str__(self) -> str:
        return f"{self.label} in {self.challenge.slug}"


class PoolImage(models.Model):
    """A target image: a picture that may be claimed in this edition."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="pool")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    image_key = models.CharField(max_length=80, help_text="The picture's id, unique within the edition.")
    copy_group = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Pictures of one number are near-copies, by the organiser's word.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "image"], name="an_image_once_in_a_challenge"),
            models.UniqueConstraint(fields=["challenge", "image_key"], name="an_image_id_once_in_a_challenge"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["challenge", "image_key"],
                opclasses=["int8_ops", "varchar_pattern_ops"],
                name="pool_by_id_prefix",
            ),
            models.Index(
                fields=["challenge", "copy_group"], condition=Q(copy_group__isnull=False), name="pool_near_copies"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image_key} in {self.challenge.slug}"


class PoolDraw(models.Model):
    """How target images were drawn: the choice, the seed and how many came of it. Rows are written once."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="pool_draws")
    choice = models.JSONField(help_text="Labels, subclasses, subset, annotation and size, as they were asked for.")
    seed = models.CharField(max_length=64)
    matching = models.PositiveBigIntegerField(help_text="Pictures of the catalogue that fit the choice.")
    added = models.PositiveBigIntegerField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.added} pictures for {self.challenge.slug}"


class PoolCount(models.Model):
    """What was counted of an edition's pool when it was what `contents` says. Rebuilt whole."""

    challenge = models.OneToOneField(Challenge, on_delete=models.CASCADE, related_name="pool_count")
    contents = models.CharField(max_length=64, help_text="A digest of the state of the pool.")
    by_label = models.JSONField(help_text="Pictures by label id and kind of annotation.")
    credits = models.JSONField(help_text="The authors of the most pictures: name, page, licence, pictures.")
    authors = models.PositiveBigIntegerField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"counts of {self.challenge.slug}"


class DataFileKind(models.TextChoices):
    LABELS = "labels", "Target labels"
    IMAGES = "images", "Target images"
    ANNOTATIONS = "annotations", "Image-level labels"
    IDS = "ids", "Image list for the downloader"
    PICTURES = "pictures", "The pictures"


class DataFileState(models.TextChoices):
    WAITING = "waiting", "Waiting to be built"
    BUILDING = "building", "Being built"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


class DataFile(models.Model):
    """A file of an edition's data for download, built once for what `contents` says the data were."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="data_files")
    kind = models.CharField(max_length=11, choices=DataFileKind.choices)
    state = models.CharField(max_length=8, choices=DataFileState.choices, default=DataFileState.WAITING)
    contents = models.CharField(max_length=64, blank=True, help_text="A digest of the state of the data in the file.")
    file = models.FileField(max_length=200, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    done = models.PositiveBigIntegerField(default=0, help_text="Rows or pictures that are written so far.")
    total = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    requested_at = models.DateTimeField()
    built_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "kind"], name="one_data_file_of_a_kind"),
            models.CheckConstraint(
                condition=~Q(state=DataFileState.READY) | ~Q(file="") & ~Q(sha256="") & Q(bytes__isnull=False),
                name="data_file_ready_is_there",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.challenge.slug}"


class CopyDecision(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    CONFIRMED = "confirmed", "Near-copies"
    REJECTED = "rejected", "Different"


class NearCopy(models.Model):
    """Two target images that may be near-copies of each other, why that is proposed, and what the organiser decided."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="near_copies")
    first = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    same_bytes = models.BooleanField(default=False)
    hash_distance = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Bits of 64 that differ.")
    similarity = models.FloatField(null=True, blank=True, help_text="Cosine of the embeddings.")
    decision = models.CharField(max_length=9, choices=CopyDecision.choices, default=CopyDecision.PROPOSED)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "near-copies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["challenge", "first", "second"], name="near_copies_proposed_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="near_copies_in_order"),
            models.CheckConstraint(
                condition=Q(decision=CopyDecision.PROPOSED, decided_at=None)
                | ~Q(decision=CopyDecision.PROPOSED) & Q(decided_at__isnull=False),
                name="near_copies_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


class Role(models.TextChoices):
    FINDER = "finder", "Participant"
    RATER = "rater", "Rater"
    ORGANISER = "organiser", "Organiser"


class Participation(models.Model):
    """A person's part in an edition, with the consent they gave to it."""

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="participations")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    role = models.CharField(max_length=10, choices=Role.choices)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="participations")
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_version = models.PositiveIntegerField(null=True, blank=True)
    disqualified_at = models.DateTimeField(null=True, blank=True)
    disqualified_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

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
