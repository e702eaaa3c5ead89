"""The forms in which an edition is made and changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from cats4ml.catalog.models import Label
from cats4ml.catalog.names import collections, vocabularies
from cats4ml.challenges.announcements import MOST_TEXT as MOST_ANNOUNCED
from cats4ml.challenges.announcements import MOST_TITLE
from cats4ml.challenges.edition_moves import Move
from cats4ml.challenges.edition_settings import EVERY_DATE, MOST_ELIGIBILITY, MOST_TEXT, OLDEST_MINIMUM, Dates
from cats4ml.challenges.models import Challenge, TargetLabel
from cats4ml.challenges.pools import ANY, HUMAN_NO, HUMAN_YES, MACHINE, MOST, NONE, PoolChoice
from cats4ml.ui.words import figure

LOCAL = "%Y-%m-%dT%H:%M"


def sentence(refusal: object) -> str:
    """A refusal as it stands on a page: from a capital letter to a full stop."""
    text = str(refusal).strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?", "!", "…")) else ".")


def text_area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class NewEditionForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=120,
        help_text=gettext_lazy("As everybody reads it. It can be changed later."),
    )
    slug = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"data-slug-of": "id_title"}),
        help_text=gettext_lazy(
            "The end of its address: letters, digits and hyphens. Leave it empty to have it made of the title. "
            "It can’t be changed later."
        ),
    )
    vocabulary = forms.ChoiceField(
        label=gettext_lazy("Labels of"),
        help_text=gettext_lazy("The vocabulary that its labels come from. It can’t be changed later."),
    )
    summary = forms.CharField(
        required=False, max_length=MOST_TEXT, widget=text_area(4), label=gettext_lazy("What it is about")
    )
    question = forms.CharField(
        label=gettext_lazy("Question"),
        max_length=200,
        initial=Challenge._meta.get_field("question").default,  # noqa: SLF001 - Django's documented name
        help_text=gettext_lazy("What raters are asked. {label} stands for the label’s name."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = vocabularies()
        counts = {name: Label.objects.filter(vocabulary=name).count() for name in names}
        self.fields["vocabulary"].choices = [  # type: ignore[attr-defined]
            (name, gettext("%(name)s (%(counts)s labels)") % {"name": name, "counts": figure(counts[name])})
            for name in names
        ]


class CloneForm(forms.Form):
    source = forms.ModelChoiceField(
        queryset=Challenge.objects.none(),
        label=gettext_lazy("Clone"),
        to_field_name="slug",
        empty_label=gettext_lazy("Choose a challenge"),
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120)
    slug = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"data-slug-of": "clone_title"}),
        help_text=gettext_lazy("Leave it empty to have it made of the title."),
    )
    with_pool = forms.BooleanField(required=False, label=gettext_lazy("With the same pictures in its pool"))

    def __init__(self, *args: Any, editions: Any, **kwargs: Any) -> None:
        kwargs["auto_id"] = "clone_%s"  # it stands beside the other form
        super().__init__(*args, **kwargs)
        self.fields["source"].queryset = editions  # type: ignore[attr-defined]


class TextsForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120)
    summary = forms.CharField(
        required=False,
        max_length=MOST_TEXT,
        widget=text_area(6),
        label=gettext_lazy("What it is about"),
        help_text=gettext_lazy("On the challenge page, below its title."),
    )
    question = forms.CharField(
        label=gettext_lazy("Question"),
        max_length=200,
        help_text=gettext_lazy(
            "What raters are asked. {label} stands for the label’s name. A label may have a question of its own."
        ),
    )


class ConsentForm(forms.Form):
    text = forms.CharField(
        max_length=MOST_TEXT,
        widget=text_area(12),
        label=gettext_lazy("What people agree to when they join"),
        help_text=gettext_lazy(
            "Plain text; an empty line begins a paragraph. Say what is kept, what is published, under which "
            "licence, and whom to write to."
        ),
    )
    minimum_age = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=OLDEST_MINIMUM,
        label=gettext_lazy("Least age in years"),
        help_text=gettext_lazy("Whoever joins confirms that they are so old. Empty: nobody is asked."),
    )
    eligibility = forms.CharField(
        required=False,
        max_length=MOST_ELIGIBILITY,
        widget=text_area(2),
        label=gettext_lazy("Another condition"),
        help_text=gettext_lazy(
            "As whoever joins confirms it, such as “I do not work for the organisers”. Empty: nobody is asked."
        ),
    )


class DatesForm(forms.Form):
    """Read and shown in the time zone that is in force (`timezone.override`)."""

    opens_at = forms.DateTimeField(
        label=gettext_lazy("Claims open"),
        required=False,
        help_text=gettext_lazy("Empty: as soon as you open the challenge."),
    )
    closes_at = forms.DateTimeField(
        label=gettext_lazy("Claims close"),
        required=False,
        help_text=gettext_lazy("Empty: when you close it. Work submitted before it counts."),
    )
    ratings_close_at = forms.DateTimeField(
        label=gettext_lazy("Last answers of raters"),
        required=False,
        help_text=gettext_lazy("Empty: when you make the challenge final."),
    )
    results_at = forms.DateTimeField(
        label=gettext_lazy("Results and data"),
        required=False,
        help_text=gettext_lazy("Shown on the challenge page. You publish them yourself."),
    )
    teams_fixed_at = forms.DateTimeField(
        label=gettext_lazy("Teams are fixed"),
        required=False,
        help_text=gettext_lazy(
            "From then on nobody joins or leaves a team that takes part, until the challenge is final. Empty: teams "
            "may change all the time."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        widget=text_area(2),
        help_text=gettext_lazy("Needed once the challenge has opened."),
    )

    def __init__(self, *args: Any, current: Dates, **kwargs: Any) -> None:
        self.current = current
        kwargs["initial"] = {name: getattr(current, name) for name in EVERY_DATE}
        super().__init__(*args, **kwargs)
        for name in EVERY_DATE:
            field = self.fields[name]
            field.widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL)
            field.input_formats = [LOCAL, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]  # type: ignore[attr-defined]
            field.error_messages["invalid"] = gettext("Write a date and a time, such as 2026-12-18 18:00.")

    @property
    def dates(self) -> Dates:
        """What was sent; a date that was left as it was keeps its seconds, which the form doesn't show."""
        return Dates(**{name: self._kept(name, self.cleaned_data[name]) for name in EVERY_DATE})

    def _kept(self, name: str, sent: datetime | None) -> datetime | None:
        was: datetime | None = getattr(self.current, name)
        same = sent is not None and was is not None and was.replace(second=0, microsecond=0) == sent
        return was if same else sent


class LabelsForm(forms.Form):
    names = forms.CharField(
        label=gettext_lazy("Names or ids"),
        max_length=200_000,
        widget=text_area(6),
        help_text=gettext_lazy(
            "One on each line. Where several labels have the name, their ids are listed, and nothing is added."
        ),
    )


ANNOTATION_CHOICES = [
    (ANY, gettext_lazy("Somebody looked for a label: people or a machine, whatever they said")),
    (HUMAN_YES, gettext_lazy("People said yes")),
    (HUMAN_NO, gettext_lazy("People said no")),
    (MACHINE, gettext_lazy("A machine found it")),
    (NONE, gettext_lazy("Nobody said anything of these labels")),
]


class DrawForm(forms.Form):
    labels = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label=gettext_lazy("For which labels"))
    annotations = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        choices=ANNOTATION_CHOICES,
        label=gettext_lazy("What is said of a label in the picture"),
        initial=[ANY],
    )
    with_subclasses = forms.BooleanField(
        required=False, label=gettext_lazy("Also pictures of labels below these in the hierarchy")
    )
    collection = forms.ChoiceField(label=gettext_lazy("Pictures of"))
    subset = forms.CharField(
        required=False,
        max_length=20,
        label=gettext_lazy("Set"),
        help_text=gettext_lazy("Such as train. Empty: every set."),
    )
    size = forms.IntegerField(required=False, min_value=1, max_value=MOST, label=gettext_lazy("At most, in all"))
    per_label = forms.IntegerField(
        required=False, min_value=1, max_value=MOST, label=gettext_lazy("At most, for each label")
    )
    seed = forms.CharField(
        label=gettext_lazy("Seed"),
        max_length=64,
        help_text=gettext_lazy("Any text. The same choice and seed give the same pictures."),
    )

    def __init__(self, *args: Any, targets: list[TargetLabel], collection: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(one.label.key, f"{one.label.name} ({one.label.key})") for one in targets]
        self.fields["labels"].choices = names  # type: ignore[attr-defined]
        self.fields["labels"].initial = [key for key, _ in names]
        set_collections(self.fields["collection"], collection)

    @property
    def choice(self) -> PoolChoice:
        sent = self.cleaned_data
        return PoolChoice(
            collection=sent["collection"],
            labels=tuple(sent["labels"]),
            annotations=tuple(sent["annotations"]),
            with_subclasses=sent["with_subclasses"],
            subset=sent["subset"],
            size=sent["size"],
            per_label=sent["per_label"],
        )


class IdsForm(forms.Form):
    collection = forms.ChoiceField(label=gettext_lazy("Pictures of"))
    ids = forms.CharField(
        required=False,
        max_length=4_000_000,
        widget=text_area(5),
        label=gettext_lazy("Ids"),
        help_text=gettext_lazy("Parted by spaces, commas or line ends."),
    )
    file = forms.FileField(
        required=False,
        label=gettext_lazy("Or a CSV"),
        help_text=gettext_lazy("With a column image_id, or the ids alone."),
    )
    skip_unknown = forms.BooleanField(
        required=False, label=gettext_lazy("Leave out ids that the collection doesn’t have")
    )

    def __init__(self, *args: Any, collection: str, **kwargs: Any) -> None:
        kwargs["auto_id"] = "ids_%s"  # it stands beside the form for a draw
        super().__init__(*args, **kwargs)
        set_collections(self.fields["collection"], collection)


def set_collections(field: forms.Field, usual: str) -> None:
    names = collections()
    field.choices = [(name, name) for name in names]  # type: ignore[attr-defined]
    field.initial = usual if usual in names else None


class OrganiserForm(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=150,
        help_text=gettext_lazy("They see everything here, and can’t rate for this challenge."),
    )


class MoveForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        widget=text_area(3),
        help_text=gettext_lazy("It is kept in the log of what was done."),
    )
    typed_slug = forms.CharField(required=False, max_length=60)
    despite_unknown_labels = forms.BooleanField(
        required=False, label=gettext_lazy("Open it even so: I mean it that these labels can’t be scored")
    )

    def __init__(self, *args: Any, move: Move, slug: str, unknown: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not move.reasoned:
            del self.fields["reason"]
        if move.name == "finish":
            self.fields["typed_slug"].label = gettext("Type %(slug)s to confirm") % {"slug": slug}
        else:
            del self.fields["typed_slug"]
        if not (move.name == "open" and unknown):
            del self.fields["despite_unknown_labels"]


class AnnouncementForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Title"), max_length=MOST_TITLE)
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=MOST_ANNOUNCED,
        widget=text_area(6),
        help_text=gettext_lazy("Plain text; an empty line begins a paragraph, and web addresses become links."),
    )
