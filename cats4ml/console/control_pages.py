"""What the pages about control questions show, made ready to be drawn."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.challenges.models import Challenge, TargetLabel
from cats4ml.console.control_files import read_controls
from cats4ml.console.tables import TableRefused
from cats4ml.review.actions.controls import MOST_EXPLANATION, ControlRow
from cats4ml.review.actions.examples import MOST_CAPTION, ExampleRow
from cats4ml.review.models import TRUTHS, ControlQuestion, ControlUse, LabelExample, Lease, Rating, RatingState
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.models import Pair

# A control is doubtful where at least so many good raters answered it and most of them otherwise. Good is who had four
# of five of at least five other controls right.
GOOD_RATERS = 4
GOOD_SHARE = 0.8
GOOD_ANSWERS = 5
# A settled pair may become a control where so many raters gave the same answer and nobody another.
UNANIMOUS = 3

FIGURES = """
WITH given AS (
    SELECT rating.control_id, (rating.answer = control.truth)::int AS is_right,
        SUM((rating.answer = control.truth)::int) OVER of_rater AS all_right, COUNT(*) OVER of_rater AS answers
    FROM review_rating rating JOIN review_controlquestion control ON control.id = rating.control_id
    WHERE control.challenge_id = %(challenge)s AND rating.state = %(final)s
    WINDOW of_rater AS (PARTITION BY rating.rater_id)
), judged AS (
    SELECT control_id, is_right,
        answers > %(answers)s AND all_right - is_right >= %(share)s * (answers - 1) AS is_good
    FROM given
)
SELECT control_id, COUNT(*), SUM(is_right), COUNT(*) FILTER (WHERE is_good),
    COALESCE(SUM(is_right) FILTER (WHERE is_good), 0)
FROM judged GROUP BY control_id
"""


@dataclass(frozen=True)
class Figures:
    """How often a control was answered for good, how often right, and both by good raters alone."""

    answered: int = 0
    right: int = 0
    by_good: int = 0
    right_by_good: int = 0

    @property
    def share(self) -> float | None:
        return self.right / self.answered if self.answered else None

    @property
    def doubtful(self) -> bool:
        return self.by_good >= GOOD_RATERS and 2 * self.right_by_good < self.by_good


def control_figures(challenge: Challenge) -> dict[int, Figures]:
    """The figures of every control that was answered. A rater is judged good by their other answers alone."""
    values: dict[str, float | str] = {
        "challenge": challenge.pk,
        "final": RatingState.FINAL,
        "answers": GOOD_ANSWERS,
        "share": GOOD_SHARE,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, values)
        return {control: Figures(*map(int, counts)) for control, *counts in cursor.fetchall()}


def times_asked(controls: Sequence[ControlQuestion]) -> dict[int, int]:
    rows = Lease.objects.filter(control__in=controls).order_by().values_list("control").annotate(n=Count("pk"))
    return dict(rows)


def control_counts(challenge: Challenge, doubtful: Sequence[int]) -> dict[str, int]:
    """How many there are of each kind that the page lists."""
    rows = ControlQuestion.objects.filter(challenge=challenge)
    live = Q(retired_at=None)
    return rows.aggregate(
        all=Count("pk"),
        warm_up=Count("pk", filter=live & Q(use=ControlUse.WARM_UP)),
        mixed=Count("pk", filter=live & Q(use=ControlUse.MIXED)),
        doubtful=Count("pk", filter=live & Q(pk__in=list(doubtful))),
        retired=Count("pk", filter=~live),
    )


def controls_like(challenge: Challenge, show: str, doubtful: Sequence[int]) -> QuerySet[ControlQuestion]:
    """The control questions of one list: warm_up, mixed, doubtful, retired, or all of them."""
    rows = ControlQuestion.objects.filter(challenge=challenge).select_related("image", "label", "created_by")
    if show in ControlUse.values:
        return rows.filter(retired_at=None, use=show)
    if show == "doubtful":
        return rows.filter(retired_at=None, pk__in=list(doubtful))
    return rows.filter(retired_at__isnull=False) if show == "retired" else rows


def unanimous_pairs(challenge: Challenge) -> QuerySet[Pair]:
    """Settled pairs on which raters were of one mind, and that are no control question yet.

    A rule that stops early counts only some of a pair's answers, and an expert may have decided otherwise: a pair is
    left out where any answer but a discounted rater's, or the verdict, is another than what was counted.
    """
    same = ControlQuestion.objects.filter(
        challenge=OuterRef("challenge"), image=OuterRef("image"), label=OuterRef("label")
    )
    all_yes = Q(yes_ratings__gte=UNANIMOUS, no_ratings=0, verdict=Verdict.YES)
    all_no = Q(no_ratings__gte=UNANIMOUS, yes_ratings=0, verdict=Verdict.NO)
    given = Rating.objects.filter(pair=OuterRef("pk"), state__in=(RatingState.FINAL, RatingState.LATE))
    otherwise = given.exclude(answer=OuterRef("verdict"))
    return Pair.objects.filter(
        all_yes | all_no,
        ~Exists(same),
        ~Exists(otherwise),
        challenge=challenge,
        state=PairState.SETTLED,
        dont_know_ratings=0,
    ).select_related("image", "label")


def rows_of_pairs(pairs: Sequence[Pair], use: str) -> list[ControlRow]:
    """These pairs as control questions: what all their raters said is the truth."""
    return [
        ControlRow(line, pair.image.image_id, pair.label.key, "yes" if pair.yes_ratings else "no", use)
        for line, pair in enumerate(pairs, start=1)
    ]


class ControlForm(forms.Form):
    """One control question."""

    image_id = forms.CharField(
        label=gettext_lazy("Picture ID"),
        max_length=80,
        error_messages={"required": gettext_lazy("Fill in the picture’s ID.")},
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "class": "id"}),
    )
    label_id = forms.ChoiceField(
        label=gettext_lazy("Label"), error_messages={"required": gettext_lazy("Choose a label.")}
    )
    truth = forms.ChoiceField(
        label=gettext_lazy("Does the label fit the picture?"),
        choices=TRUTHS,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Say yes or no. Where experts are not sure, choose another picture.")},
    )
    use = forms.ChoiceField(label=gettext_lazy("Use"), choices=ControlUse.choices, initial=ControlUse.MIXED)
    explanation = forms.CharField(
        label=gettext_lazy("Why"),
        required=False,
        max_length=MOST_EXPLANATION,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Told after a warm-up answer."),
    )

    def __init__(self, *args: Any, labels: Sequence[TargetLabel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose a label")), *((target.label.key, capfirst(target.label.name)) for target in labels)]
        self.fields["label_id"].choices = choices  # type: ignore[attr-defined]

    def row(self) -> ControlRow:
        return ControlRow(line=1, **self.cleaned_data)


class ControlFileForm(forms.Form):
    """A file of control questions. `rows` are what stands in it."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        allow_empty_file=True,
        error_messages={"required": gettext_lazy("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    only_good = forms.BooleanField(label=gettext_lazy("Leave bad rows out and add the others"), required=False)

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        data = file.read(settings.UPLOAD_MAX_BYTES + 1)
        if len(data) > settings.UPLOAD_MAX_BYTES:
            limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
            raise forms.ValidationError(
                _("The file is larger than %(limit)s MB. Split it into several files.") % {"limit": limit}
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "controls.csv"
            path.write_bytes(data)
            try:
                self.rows = read_controls(path)
            except TableRefused as error:
                raise forms.ValidationError(str(error).replace(f"{path}", _("The file"))) from None
        return file


class GuidanceForm(forms.Form):
    """What raters are asked about a label, and what counts as it."""

    question = forms.CharField(
        label=gettext_lazy("Question"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Instead of the challenge’s own question. Leave it empty to ask that."),
    )
    guidance = forms.CharField(
        label=gettext_lazy("Guidance"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("What counts and what doesn’t. Raters and participants read it."),
    )


class ExampleForm(forms.Form):
    """One example of a label. Without a picture's ID it is none."""

    image_id = forms.CharField(
        label=gettext_lazy("Picture ID"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "class": "id"}),
    )
    fits = forms.ChoiceField(
        label=gettext_lazy("The label"),
        choices=[("yes", gettext_lazy("fits")), ("no", gettext_lazy("does not fit"))],
        required=False,
    )
    caption = forms.CharField(label=gettext_lazy("Caption"), required=False, max_length=MOST_CAPTION)
    position = forms.IntegerField(label=gettext_lazy("Place"), required=False, min_value=1, max_value=99)


ExampleForms = forms.formset_factory(ExampleForm, extra=2, max_num=14, absolute_max=30, validate_max=False)


def initial_examples(examples: Sequence[LabelExample]) -> list[dict[str, object]]:
    return [
        {
            "image_id": one.image.image_id,
            "fits": "yes" if one.fits else "no",
            "caption": one.caption,
            "position": place,
        }
        for place, one in enumerate(examples, start=1)
    ]


def example_rows(cleaned: Sequence[Mapping[str, Any]]) -> list[ExampleRow]:
    """The examples that were filled in, by their places; those without a place come last."""
    filled = [one for one in cleaned if one.get("image_id")]
    filled.sort(key=lambda one: one.get("position") or 1_000)
    return [ExampleRow(one["image_id"], one["fits"] != "no", one.get("caption", "")) for one in filled]
