"""Files of an edition’s data for download."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cats4ml.challenges.models.editions import Challenge


class DataFileKind(models.TextChoices):
    LABELS = "labels", _("Target labels")
    IMAGES = "images", _("Target images")
    ANNOTATIONS = "annotations", _("Image-level labels")
    IDS = "ids", _("Image list for the downloader")
    PICTURES = "pictures", _("The pictures")


class DataFileState(models.TextChoices):
    WAITING = "waiting", _("Waiting to be built")
    BUILDING = "building", _("Being built")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


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
