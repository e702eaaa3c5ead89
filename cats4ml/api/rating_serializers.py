"""What a program that rates gets and sends. As the page has it: nothing that could sway an answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cats4ml.catalog.models import ComplaintKind
from cats4ml.review.models import ReportKind
from cats4ml.rules.answers import Answer


class CardSerializer(serializers.Serializer[Any]):
    """A question, and nothing that could sway the answer."""

    token = serializers.UUIDField()
    question = serializers.CharField()
    guidance = serializers.CharField(help_text="What counts and what doesn't; examples are at `…/guidance/`.")
    picture_url = serializers.URLField()
    next_picture_url = serializers.URLField(allow_null=True, help_text="To load ahead.")
    warm_up = serializers.BooleanField(help_text="The answer counts for nothing, and the truth is told after it.")


class FeedbackSerializer(serializers.Serializer[Any]):
    right = serializers.BooleanField()
    truth = serializers.ChoiceField(choices=[Answer.YES.value, Answer.NO.value])
    explanation = serializers.CharField()


class RatingSerializer(serializers.Serializer[Any]):
    token = serializers.UUIDField()
    answer = serializers.ChoiceField(choices=[answer.value for answer in Answer])


class GivenRatingSerializer(RatingSerializer):
    feedback = FeedbackSerializer(allow_null=True, help_text="After a question of the warm-up; null after any other.")


class SkipsSerializer(serializers.Serializer[Any]):
    skips_left = serializers.IntegerField(help_text="How many questions you may still skip for now.")


class PictureReportSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ReportKind.values)
    note = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ExampleSerializer(serializers.Serializer[Any]):
    picture_url = serializers.URLField()
    caption = serializers.CharField()


class ComplaintSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ComplaintKind.choices)
    note = serializers.CharField(max_length=1000, allow_blank=True, default="")


class GuidanceSerializer(serializers.Serializer[Any]):
    label_name = serializers.CharField()
    guidance = serializers.CharField()
    counts = ExampleSerializer(many=True)
    does_not_count = ExampleSerializer(many=True)
