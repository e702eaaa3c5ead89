"""What participants send: one pair by form, many by CSV (`claim_files` reads it)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.challenges.models import TargetLabel
from cats4ml.submissions.claim_files import UnreadableUpload, read_claims
from cats4ml.submissions.disputing import LEAST_WORDS, MOST_WORDS
from cats4ml.submissions.problems import MAX_RATIONALE
from cats4ml.submissions.queries import ClaimRow
from cats4ml.ui.words import figure


class ClaimForm(forms.Form):
    image_id = forms.CharField(
        label=gettext_lazy("Picture ID"),
        max_length=80,
        error_messages={"required": gettext_lazy("Fill in the picture’s ID.")},
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "class": "id"}),
    )
    label_id = forms.ChoiceField(
        label=gettext_lazy("Label"), error_messages={"required": gettext_lazy("Choose a label.")}
    )
    rationale = forms.CharField(
        label=gettext_lazy("Why might the machines get it wrong?"),
        required=False,
        max_length=MAX_RATIONALE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What you write here is licensed under CC BY 4.0."),
    )

    def __init__(self, *args: object, labels: Sequence[TargetLabel], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choices = [("", _("Choose a label")), *((target.label.key, capfirst(target.label.name)) for target in labels)]
        self.fields["label_id"].choices = choices  # type: ignore[attr-defined]

    def row(self) -> ClaimRow:
        data = self.cleaned_data
        return ClaimRow(line=1, image_id=data["image_id"], label_id=data["label_id"], rationale=data["rationale"])


def _too_long() -> str:
    return _("Say it in %(most)s characters at most.") % {"most": figure(MOST_WORDS)}


class DisputeForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("What may the raters have missed?"),
        min_length=LEAST_WORDS,
        max_length=MOST_WORDS,
        error_messages={
            "required": gettext_lazy("Say what the raters may have missed."),
            "min_length": gettext_lazy("Say it in %(limit_value)s characters at least."),
            "max_length": lazy(_too_long, str)(),
        },
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        allow_empty_file=True,
        error_messages={"required": gettext_lazy("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> UploadedFile[Any]:
        """The file, with its rows in `self.rows`."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        try:
            self.rows = read_claims(file.read(settings.UPLOAD_MAX_BYTES + 1))
        except UnreadableUpload as error:
            raise forms.ValidationError(str(error)) from None
        return file
