"""Evaluations of classifiers, as the API reads and writes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cats4ml.api.serializers import SPLITS
from cats4ml.releases.evaluation_shown import by_label_shown, compared_shown, shown
from cats4ml.releases.evaluations import LONGEST_DESCRIPTION, LONGEST_NAME
from cats4ml.releases.models import Evaluation, EvaluationState, ReleasePair

QUESTION_COLUMNS = ("image_id", "label_id", "label_name", "split")


class QuestionSerializer(serializers.ModelSerializer[ReleasePair]):
    """A pair of a release without its answer. `split`: `public` or `heldout`."""

    image_id = serializers.CharField(source="pair.image.image_id")
    label_id = serializers.CharField(source="pair.label.key")
    label_name = serializers.CharField(source="pair.label.name")
    split = serializers.ChoiceField(choices=SPLITS)

    class Meta:
        model = ReleasePair
        fields = QUESTION_COLUMNS


class HandInSerializer(serializers.Serializer[Any]):
    """What is said of predictions in the address that they are sent to."""

    name = serializers.CharField(max_length=LONGEST_NAME, help_text="The classifier's name, as the board shows it.")
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, required=False, default="", allow_blank=True)
    threshold = serializers.FloatField(
        required=False, default=0.5, help_text="The classifier says yes at this score or above."
    )


class RunSerializer(serializers.Serializer[Any]):
    """A classifier of the catalogue that is to be run here, by its digest or by its name in the roster."""

    classifier = serializers.CharField(max_length=120)


class RowProblemSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    message = serializers.CharField()


class RefusedPredictionsSerializer(serializers.Serializer[Any]):
    """Why predictions were not taken: all of it in `detail`, and the first 100 rows that are wrong."""

    detail = serializers.CharField(required=False)
    total = serializers.IntegerField(required=False, help_text="How many rows are wrong.")
    problems = RowProblemSerializer(required=False, many=True)


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    """One evaluation. `results` is null until it is `done`.

    `results.figures`: by part (`public`; once the rest is freed also `heldout` and `both`) and kind of pair (`adverse`,
    `false_negative`, `false_positive`, `agreement`, `all`), each of accuracy, f1, false_negative_rate and
    false_positive_rate as [value, low, high]. `results.ensemble`: the ensemble's on the same pairs.
    `results.heldout`: what is told as long as that part is held out: of `pairs` pairs or more, the true share lies from
    `value` to less than `value` + `step`, or below `below`; `why` is `not_above`, `used_up` or `too_few` where no value
    is told.
    """

    by = serializers.SerializerMethodField()
    results = serializers.SerializerMethodField()

    class Meta:
        model = Evaluation
        fields = (
            "uuid", "name", "description", "source", "in_roster", "threshold", "state", "done", "total", "error",
            "is_listed", "by", "created_at", "finished_at", "results",
        )  # fmt: skip

    def get_by(self, one: Evaluation) -> str | None:
        return one.by.public_name if one.by is not None else None

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {}})
    def get_results(self, one: Evaluation) -> dict[str, Any] | None:
        if one.state != EvaluationState.DONE:
            return None
        return shown(one, freed=self.context["freed"])


class EvaluationDetailSerializer(EvaluationSerializer):
    """As in the list, and besides `by_label` (by part, label and kind) and `compared`: the ensemble and each earlier
    classifier on the same pairs. `first` and `second` are pairs that this one and the other alone have right; `p` is
    the exact test over pictures, `p_raised` allows for how many comparisons there are."""

    by_label = serializers.SerializerMethodField()
    compared = serializers.SerializerMethodField()

    class Meta(EvaluationSerializer.Meta):
        fields = (*EvaluationSerializer.Meta.fields, "by_label", "compared")  # type: ignore[assignment]

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_by_label(self, one: Evaluation) -> dict[str, Any]:
        return by_label_shown(one, freed=self.context["freed"])

    @extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
    def get_compared(self, one: Evaluation) -> list[dict[str, Any]]:
        return compared_shown(one, freed=self.context["freed"], names=self.context["names"])


class HandedInSerializer(EvaluationSerializer):
    """The evaluation that was made, or that stood already; `ignored`: columns of the file that were not read."""

    ignored = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta(EvaluationSerializer.Meta):
        fields = (*EvaluationSerializer.Meta.fields, "ignored")  # type: ignore[assignment]

    def to_representation(self, instance: Evaluation) -> dict[str, Any]:
        instance.ignored = self.context["ignored"]  # type: ignore[attr-defined]
        return super().to_representation(instance)
