"""What somebody says is wrong with a picture, and what was taken down because of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cats4ml.accounts.models import User


class SensitiveKind(models.TextChoices):
    """What not everybody wants to see. Nobody is given a picture of such a kind who hasn't chosen it."""

    VIOLENCE = "violence", _("Violence or weapons used on somebody")
    DEATH = "death", _("Dead people or animals")
    MEDICAL = "medical", _("Wounds, surgery or illness")
    NUDITY = "nudity", _("Nudity or sexual content")
    HATE = "hate", _("Symbols or words of hatred")
    PHOBIA = "phobia", _("Spiders, snakes and other things that many people fear")


class ComplaintKind(models.TextChoices):
    OFFENSIVE = "offensive", _("It is offensive")
    UNLAWFUL = "unlawful", _("It is against the law")
    PERSON = "person", _("It shows me, or somebody who objects")
    COPYRIGHT = "copyright", _("It is shown without the right to do so")
    BROKEN = "broken", _("It is broken or does not load")
    OTHER = "other", _("Something else")


class Resolution(models.TextChoices):
    HIDDEN = "hidden", _("The picture was taken down")
    KEPT = "kept", _("The picture stays")


class PictureComplaint(models.Model):
    """Anybody's word that something is wrong with a picture, in every edition that has it. `contact` is where they want
    an answer: it is for organisers alone, and goes when the complaint is long dealt with."""

    image = models.ForeignKey("catalog.Image", on_delete=models.CASCADE, related_name="complaints")
    kind = models.CharField(max_length=9, choices=ComplaintKind.choices)
    note = models.CharField(max_length=1000, blank=True)
    contact = models.EmailField(blank=True)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    resolution = models.CharField(max_length=6, choices=Resolution.choices, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=ComplaintKind.values), name="complaint_kind_is_known"),
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolution="") | Q(resolved_at__isnull=False) & ~Q(resolution=""),
                name="complaint_resolved_says_how",
            ),
            models.UniqueConstraint(
                fields=["image", "by", "kind"],
                condition=Q(resolved_at=None, by__isnull=False),
                name="one_open_complaint_of_a_kind_by_a_person",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["image"], condition=Q(resolved_at=None), name="complaint_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} about picture {self.image_id}"


class Takedown(models.Model):
    """A picture that was taken down, and what is needed to show it again.

    While it stands nothing that tells of the picture is left in its row of `Image`: not its id, its file, its author or
    its address. So a reader of pictures that forgets to ask gets nothing. All of it is here, where nobody looks but the
    page on which organisers decide. `sha256` and the id stay when the bytes are deleted for good, so that no import
    brings them back.
    """

    image = models.ForeignKey("catalog.Image", on_delete=models.PROTECT, related_name="takedowns")
    kind = models.CharField(max_length=9, choices=ComplaintKind.choices)
    reason = models.CharField(max_length=1000)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    collection = models.CharField(max_length=80)
    former_id = models.CharField(max_length=80)
    former_uuid = models.UUIDField()
    sha256 = models.CharField(max_length=64, blank=True)
    perceptual_hash = models.BigIntegerField(null=True, blank=True, editable=False)
    kept = models.JSONField(default=dict, help_text="The columns of the picture's row as they were.")
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="When its bytes were deleted for good.")
    finished_at = models.DateTimeField(
        null=True, blank=True, help_text="When all that follows was done: pairs, releases, files."
    )
    lifted_at = models.DateTimeField(null=True, blank=True, help_text="When it was shown again.")
    lifted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    lifted_reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="takedown_has_a_reason"),
            models.CheckConstraint(condition=Q(lifted_at=None) | ~Q(lifted_reason=""), name="takedown_lifted_says_why"),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | Q(deleted_at=None), name="takedown_of_deleted_bytes_stands"
            ),
            models.UniqueConstraint(fields=["image"], condition=Q(lifted_at=None), name="one_standing_takedown"),
            models.UniqueConstraint(
                fields=["collection", "former_id"], condition=Q(lifted_at=None), name="one_standing_takedown_of_an_id"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["former_uuid"], name="takedown_by_address"),
            models.Index(fields=["sha256"], condition=Q(lifted_at=None), name="takedown_by_bytes"),
            models.Index(fields=["id"], condition=Q(finished_at=None, lifted_at=None), name="takedown_unfinished"),
        ]

    def __str__(self) -> str:
        return f"takedown {self.pk}"
