"""Handing predictions in by a form."""

from __future__ import annotations

from django import forms

from cats4ml.releases.evaluations import LONGEST_DESCRIPTION, LONGEST_NAME


class PredictionsForm(forms.Form):
    name = forms.CharField(
        label="The classifier’s name",
        max_length=LONGEST_NAME,
        error_messages={"required": "Give the classifier a name."},
        help_text="As it will stand on this board.",
    )
    file = forms.FileField(
        label="Predictions",
        allow_empty_file=True,
        error_messages={"required": "Choose a file first."},
        widget=forms.FileInput(attrs={"accept": ".csv,.gz,text/csv,application/gzip"}),
        help_text="A CSV with image_id,label_id,score, plain or packed with gzip.",
    )
    threshold = forms.FloatField(
        label="It says yes at this score or above",
        initial=0.5,
        min_value=0.000001,
        max_value=0.999999,
        error_messages={
            "required": "Give a number between 0 and 1.",
            "min_value": "Give a number between 0 and 1.",
            "max_value": "Give a number between 0 and 1.",
        },
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    description = forms.CharField(
        label="What it is",
        required=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Training data, size, where it can be found. Shown with its figures.",
    )
