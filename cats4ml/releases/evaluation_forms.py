"""Handing predictions in by a form."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from cats4ml.releases.evaluations import LONGEST_DESCRIPTION, LONGEST_NAME


class PredictionsForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("The classifier’s name"),
        max_length=LONGEST_NAME,
        error_messages={"required": gettext_lazy("Give the classifier a name.")},
        help_text=gettext_lazy("As it will stand on this board."),
    )
    file = forms.FileField(
        label=gettext_lazy("Predictions"),
        allow_empty_file=True,
        error_messages={"required": gettext_lazy("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": ".csv,.gz,text/csv,application/gzip"}),
        help_text=gettext_lazy("A CSV with image_id,label_id,score, plain or packed with gzip."),
    )
    threshold = forms.FloatField(
        label=gettext_lazy("It says yes at this score or above"),
        initial=0.5,
        min_value=0.000001,
        max_value=0.999999,
        error_messages={
            "required": gettext_lazy("Give a number between 0 and 1."),
            "min_value": gettext_lazy("Give a number between 0 and 1."),
            "max_value": gettext_lazy("Give a number between 0 and 1."),
        },
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    description = forms.CharField(
        label=gettext_lazy("What it is"),
        required=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Training data, size, where it can be found. Shown with its figures."),
    )
