"""Releases as the API shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cats4ml.releases.models import ReleasePart, ReleaseState


class OutcomeCountsSerializer(serializers.Serializer[Any]):
    """Of the public part. Of the held-out part nothing is told but how many pairs it has."""

    false_negative = serializers.IntegerField()
    false_positive = serializers.IntegerField()
    agreement = serializers.IntegerField()
    ambiguous = serializers.IntegerField()


class ReleaseSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    challenge = serializers.SlugField(source="challenge.slug")
    version = serializers.CharField()
    state = serializers.ChoiceField(
        choices=ReleaseState.choices, help_text="Everybody sees published ones; organisers the others too."
    )
    step = serializers.CharField(help_text="What is being written now, for organisers; `done` of `total` pairs.")
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField(help_text="Why it failed.")
    notes = serializers.CharField()
    pairs = serializers.IntegerField(allow_null=True, help_text="Null until it is frozen, as all counts.")
    public_pairs = serializers.IntegerField(allow_null=True)
    heldout_pairs = serializers.IntegerField(allow_null=True)
    public_outcomes = OutcomeCountsSerializer(allow_null=True)
    ratings = serializers.IntegerField(allow_null=True)
    root_digest = serializers.CharField(help_text="The SHA-256 of MANIFEST.sha256, which pins every file.")
    frozen_at = serializers.DateTimeField(allow_null=True, help_text="It holds what was settled then.")
    published_at = serializers.DateTimeField(allow_null=True)
    freed_at = serializers.DateTimeField(allow_null=True, help_text="When the held-out part became everybody's.")
    withdrawn_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when its files are served no more: a picture in it was taken down."
    )
    withdrawn_reason = serializers.CharField(allow_blank=True)
    former = serializers.CharField(source="former.version", allow_null=True, default=None)
    url = serializers.CharField(help_text="Its permanent page.")
    archive_url = serializers.CharField(help_text="All files of the public part, as a zip.")
    citation = serializers.CharField(allow_blank=True)
    bibtex = serializers.CharField(allow_blank=True)


class ReleaseFileSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Its path in the release.")
    part = serializers.ChoiceField(choices=ReleasePart.choices)
    is_archive = serializers.BooleanField(help_text="A zip of other files. It is in no manifest.")
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    url = serializers.CharField()


class RootSerializer(serializers.Serializer[Any]):
    challenge = serializers.SlugField()
    version = serializers.CharField()
    root_digest = serializers.CharField()
    published_at = serializers.DateTimeField(allow_null=True)


class NewReleaseSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(
        required=False, max_length=32, help_text="Letters, digits, dots, hyphens, underscores. Else the next number."
    )
    notes = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
