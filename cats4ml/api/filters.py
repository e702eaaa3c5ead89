"""The query strings of lists. A value that can't be is an error of the request, never silently ignored."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from cats4ml.api.serializers import OUTCOMES, SPLITS, STATES
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import ADVERSE
from cats4ml.submissions.models import Pair, Submission
from cats4ml.submissions.released import is_as_released

ANY_ADVERSE = "adverse"


class ImageFilters(serializers.Serializer[Any]):
    image_id = serializers.CharField(required=False, max_length=80)


class CheckFilters(serializers.Serializer[Any]):
    check = serializers.BooleanField(
        required=False, help_text="True: say what would become of each row; claim nothing."
    )


class QueueFilters(serializers.Serializer[Any]):
    image_id = serializers.CharField(required=False, max_length=80)
    label_id = serializers.CharField(required=False, max_length=80)
    state = serializers.ChoiceField(required=False, choices=STATES)


class ClaimFilters(QueueFilters):
    outcome = serializers.ListField(
        child=serializers.ChoiceField(choices=[*OUTCOMES, ANY_ADVERSE]),
        required=False,
        help_text="May be repeated; adverse stands for false_negative and false_positive.",
    )


class PairFilters(ClaimFilters):
    split = serializers.ChoiceField(required=False, choices=SPLITS)


class RatingExportFilters(serializers.Serializer[Any]):
    form = serializers.ChoiceField(
        choices=["short", "full"], default="short", help_text="Full: with seconds, device, time and state of each."
    )
    final = serializers.BooleanField(
        default=True, help_text="False: also answers that don't count: provisional, late and discounted ones."
    )
    controls = serializers.BooleanField(default=False, help_text="True: also answers to control questions.")


def read_filters(filters: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """What the query string asks for. Raises `ValidationError` with the messages of each parameter."""
    read = filters(data=request.query_params)
    read.is_valid(raise_exception=True)
    asked: dict[str, Any] = read.validated_data
    return asked


def _outcomes(asked: list[str]) -> set[str]:
    chosen = set(asked)
    return (chosen - {ANY_ADVERSE}) | {one.value for one in ADVERSE} if ANY_ADVERSE in chosen else chosen


def filter_pairs(pairs: QuerySet[Pair], asked: dict[str, Any]) -> QuerySet[Pair]:
    fields = {"image_id": "image__image_id", "label_id": "label__key", "state": "state", "split": "split"}
    wanted = {fields[name]: value for name, value in asked.items() if name in fields}
    if asked.get("outcome"):
        wanted["outcome__in"] = _outcomes(asked["outcome"])
    return pairs.filter(**wanted)


def filter_claims(claims: QuerySet[Submission], asked: dict[str, Any]) -> QuerySet[Submission]:
    """One's own claims. One that was taken back counts as withdrawn, whatever became of its pair. By its outcome a pair
    is found only where the claimant is told how it ended (`presentation.is_told`): else the filter would tell."""
    wanted = Q()
    if "image_id" in asked:
        wanted &= Q(pair__image__image_id=asked["image_id"])
    if "label_id" in asked:
        wanted &= Q(pair__label__key=asked["label_id"])
    if asked.get("state") == PairState.WITHDRAWN:
        wanted &= Q(pair__state=PairState.WITHDRAWN) | Q(retracted_at__isnull=False)
    elif "state" in asked:
        wanted &= Q(pair__state=asked["state"], retracted_at=None)
    if asked.get("outcome"):
        wanted &= Q(pair__outcome__in=_outcomes(asked["outcome"]), retracted_at=None)
        wanted &= Q(after_settlement=False) | Q(is_as_released("pair"))
    return claims.filter(wanted)
