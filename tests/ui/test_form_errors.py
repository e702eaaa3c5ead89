"""What is wrong with a form is told in this site's words, in the reader's language."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation

from cats4ml.ui.form_errors import plain_errors


class Sample(forms.Form):
    empty = forms.CharField()
    own = forms.CharField(error_messages={"required": "Give it a name."})
    tick = forms.BooleanField()
    choice = forms.ChoiceField(choices=[("a", "A")])
    unknown = forms.ChoiceField(choices=[("a", "A")])
    file = forms.FileField()
    email = forms.EmailField()
    short = forms.CharField(min_length=1_200)
    few = forms.IntegerField(min_value=1_000)
    share = forms.FloatField(max_value=0.5)
    word = forms.IntegerField()
    fine = forms.CharField()

    def clean_fine(self) -> str:
        raise DefaultAccountAdapter().validation_error("incorrect_password")

    def clean(self) -> None:
        raise ValidationError("Of %(n)s rows none is left.", params={"n": 3})


SENT = {
    "unknown": "<b>", "email": "x", "short": "abc", "few": "7", "share": "0.75", "word": "many", "fine": "x",
}  # fmt: skip


def said() -> dict[str, list[str]]:
    form = Sample(SENT)
    return {name: plain_errors(errors, form.fields.get(name)) for name, errors in form.errors.items()}


def test_each_error_says_how_to_mend_it_and_a_forms_own_words_are_kept() -> None:
    assert said() == {
        "empty": ["Fill this in."],
        "own": ["Give it a name."],
        "tick": ["Tick this to go on."],
        "choice": ["Choose one of these."],
        "unknown": ["<b> can’t be chosen here. Choose one of the list."],
        "file": ["Choose a file."],
        "email": ["Write an email address, such as name@example.org."],
        "short": ["Write at least 1,200 characters: now there are 3."],
        "few": ["Write 1,000 or more."],
        "share": ["Write 0.5 or less."],
        "word": ["Write a whole number, such as 20."],
        "fine": ["The password is not right."],
        "__all__": ["Of 3 rows none is left."],
    }


def test_in_german_too_with_its_numbers() -> None:
    with translation.override("de"):
        german = said()
    told = [german[name] for name in ("empty", "few", "share", "fine", "own")]
    assert told == [
        ["Füllen Sie dieses Feld aus."],
        ["Geben Sie 1.000 oder mehr ein."],
        ["Geben Sie 0,5 oder weniger ein."],
        ["Das Passwort stimmt nicht."],
        ["Give it a name."],
    ]
