"""Pictures and labels of the world, whichever edition uses them, and what classifiers said of the pictures."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from cats4ml.catalog.takedown_models import (
    ComplaintKind,
    PictureComplaint,
    Resolution,
    SensitiveKind,
    Takedown,
)

__all__ = [
    "JOINT",
    "Annotation",
    "AnnotationKind",
    "AnnotationSource",
    "Classifier",
    "ComplaintKind",
    "Embedding",
    "FetchFailure",
    "Image",
    "ImageWords",
    "ImportRun",
    "ImportState",
    "Label",
    "LabelEdge",
    "LabelEdgeKind",
    "PictureComplaint",
    "Prediction",
    "RealField",
    "Resolution",
    "ScoringFailure",
    "SensitiveKind",
    "Takedown",
]


class RealField(models.FloatField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A four-byte float: the precision in which classifiers answer, at half the size."""

    def db_type(self, connection: Any) -> str:
        return "real"


class Label(models.Model):
    """A label by its key in a vocabulary: `/m/015p6` in `openimages`, `3` in `digits`. Names are not keys."""

    vocabulary = models.CharField(max_length=40)
    key = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["vocabulary", "key"], name="one_label_per_key"),
            models.CheckConstraint(condition=~models.Q(key="") & ~models.Q(name=""), name="label_key_and_name_given"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"


class LabelEdgeKind(models.TextChoices):
    SUBCATEGORY = "subcategory", _("Subcategory")
    PART = "part", _("Part")


class LabelEdge(models.Model):
    """One step down the hierarchy of a vocabulary: `child` is a kind of `parent`, or a part of it."""

    parent = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="edges_down")
    child = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="edges_up")
    kind = models.CharField(max_length=11, choices=LabelEdgeKind.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["parent", "child", "kind"], name="one_edge_of_a_kind"),
            models.CheckConstraint(condition=~Q(parent=F("child")), name="no_label_below_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.child} below {self.parent}"


class Image(models.Model):
    """A picture by its id in a collection. The file lies in the picture storage under a name that tells nothing."""

    collection = models.CharField(max_length=80)
    image_id = models.CharField(max_length=80)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(max_length=200, blank=True, help_text="Empty where the picture itself is not known.")
    sha256 = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    upright = models.FileField(
        max_length=200, blank=True, help_text="The picture turned for people, where the file itself lies on its side."
    )
    thumbnail = models.FileField(max_length=200, blank=True, help_text="A small upright version, for the gallery.")
    rotation = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Degrees by which the collection says the original is to be turned."
    )
    perceptual_hash = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="64 bits: alike pictures differ in few of them."
    )
    subset = models.CharField(max_length=20, blank=True)
    original_url = models.URLField(max_length=500, blank=True)
    original_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="The size of the original.")
    original_md5 = models.CharField(max_length=24, blank=True, help_text="Of the original's bytes, in base64.")
    thumbnail_url = models.URLField(max_length=500, blank=True, help_text="A smaller version at its host.")
    landing_url = models.URLField(max_length=500, blank=True)
    license = models.CharField(max_length=200, blank=True)
    author = models.CharField(max_length=300, blank=True)
    author_url = models.URLField(max_length=500, blank=True)
    title = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    hidden_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it is taken down: see `catalog.hiding`."
    )
    sensitive = ArrayField(
        models.CharField(max_length=8, choices=SensitiveKind.choices),
        default=list,
        db_default=[],
        blank=True,
        help_text="What of it not everybody wants to see.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "image_id"], name="one_image_per_id"),
            models.CheckConstraint(condition=~models.Q(image_id=""), name="image_id_given"),
            models.CheckConstraint(
                condition=Q(rotation=None) | Q(rotation__in=[0, 90, 180, 270]), name="image_rotation_by_quarters"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(hidden_at__isnull=False), name="image_hidden"),
            models.Index(fields=["id"], condition=~Q(sensitive=[]), name="image_sensitive"),
        ]

    def __str__(self) -> str:
        return self.image_id

    @property
    def sensitive_words(self) -> str:
        """Its kinds, for people."""
        return ", ".join(str(SensitiveKind(kind).label) for kind in self.sensitive)


class FetchFailure(models.Model):
    """Why a picture could not be fetched from where its collection says it is. Gone once it was."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="fetch_failure")
    reason = models.CharField(max_length=40, help_text="A code, the same for all pictures with this trouble.")
    detail = models.CharField(max_length=500, blank=True)
    tries = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.image}: {self.reason}"


class AnnotationSource(models.IntegerChoices):
    """Who said that a label is in a picture or not. The names in Open Images' files are in `catalog.openimages`."""

    VERIFICATION = 1, _("Annotators")
    CROWDSOURCE = 2, _("Crowdsource app")
    MACHINE = 3, _("Machine")


class AnnotationKind(models.IntegerChoices):
    """What an annotation says. A label that a picture has no annotation of is *unannotated*, which is not “no”."""

    HUMAN_NO = 0, _("People said no")
    HUMAN_YES = 1, _("People said yes")
    MACHINE = 2, _("A machine said so")


class Annotation(models.Model):
    """What a collection's own image-level labels say of one picture and one label, from one source."""

    pk = models.CompositePrimaryKey("image_id", "label_id", "source")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, db_index=False, related_name="annotations")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, db_index=False, related_name="+")
    source = models.SmallIntegerField(choices=AnnotationSource.choices)
    confidence = RealField(help_text="1 or 0 from people; a machine's is a share.")
    kind = models.GeneratedField(
        expression=Case(
            When(source=AnnotationSource.MACHINE, then=Value(AnnotationKind.MACHINE.value)),
            When(confidence__gte=0.5, then=Value(AnnotationKind.HUMAN_YES.value)),
            default=Value(AnnotationKind.HUMAN_NO.value),
        ),
        output_field=models.SmallIntegerField(choices=AnnotationKind.choices),
        db_persist=True,
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(source__in=AnnotationSource.values), name="annotation_source_is_known"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="annotation_confidence_in_0_1"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["label", "kind", "image"], name="annotation_by_label")]

    def __str__(self) -> str:
        return f"{self.label} in {self.image}: {self.confidence:g}"


class ImageWords(models.Model):
    """The words by which a picture is found: its title, and the names of the labels that are said to be in it."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, primary_key=True, related_name="words")
    words = SearchVectorField()

    class Meta:
        indexes: ClassVar = [GinIndex(fields=["words"], name="image_words")]

    def __str__(self) -> str:
        return f"words of {self.image}"


class ImportState(models.TextChoices):
    RUNNING = "running", _("Not finished")
    FINISHED = "finished", _("Finished")


class ImportRun(models.Model):
    """How far the import of one file has come. Written with the rows themselves, so that an interrupted one goes on
    at `offset`, the bytes of the (unpacked) file that are done, and `line`, its lines."""

    kind = models.CharField(max_length=20)
    source = models.TextField(help_text="The path or address as it was given.")
    fingerprint = models.CharField(max_length=64, help_text="Of what the file was: its size and its beginning and end.")
    state = models.CharField(max_length=8, choices=ImportState.choices, default=ImportState.RUNNING)
    offset = models.PositiveBigIntegerField(default=0)
    line = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    new = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)
    bad = models.PositiveBigIntegerField(default=0)
    passed_over = models.PositiveBigIntegerField(
        default=0, help_text="Rows of what isn't here, by the operator's wish."
    )
    reasons = models.JSONField(default=dict, help_text="How many rows were bad or passed over, by reason.")
    report = models.TextField(blank=True, help_text="The file with the bad rows, their lines and reasons.")
    report_bytes = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "fingerprint"],
                condition=Q(state=ImportState.RUNNING),
                name="one_unfinished_import_of_a_file",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.source}"


JOINT = "joint"  # as a card says it


class Classifier(models.Model):
    """One version of one classifier. `digest` covers everything that changes its numbers: weights, input, labels."""

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    vocabulary = models.CharField(max_length=40)
    outputs = ArrayField(models.CharField(max_length=80), help_text="Label keys in the order of the outputs.")
    card = models.JSONField(help_text="The whole card, as the scoring worker reads it.")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"

    @property
    def is_joint(self) -> bool:
        """Whether it is a joint text-image card: it has no outputs and gives embeddings alone, no predictions."""
        return bool(self.card.get("family") == JOINT)


class Prediction(models.Model):
    """What one classifier version said of one picture: a probability for each of its outputs, in their order."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="predictions")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="predictions")
    probabilities = ArrayField(RealField())
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "classifier"], name="one_prediction_per_image_and_classifier"),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} of {self.image}"


class Embedding(models.Model):
    """What a classifier's backbone makes of a picture: a vector of length 1; alike pictures lie near together."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="embeddings")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="+")
    vector = HalfVectorField(help_text="Its number of dimensions is the backbone's.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "classifier"], name="one_embedding_per_image_and_classifier"),
        ]

    def __str__(self) -> str:
        return f"{self.image} as {self.classifier} sees it"


class ScoringFailure(models.Model):
    """Why a picture could not be scored: by one classifier, or without a classifier by any. Gone once it was."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="scoring_failures")
    classifier = models.ForeignKey(Classifier, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=40, help_text="A code, the same for all pictures with this trouble.")
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["image", "classifier"], name="one_failure_per_image_and_classifier", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image}: {self.reason}"
