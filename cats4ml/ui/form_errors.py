"""What is wrong with a form, in words that say how to mend it: one place for all forms.

A form that says it in words of its own keeps these. What Django says by itself is told by its message, which is one
object for all fields of a kind: a text could be another's, and is translated besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core import validators
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorList
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cats4ml.ui.words import date_text, figure, in_our_words, short_decimal

REQUIRED = forms.Field.default_error_messages["required"]
FILL_IN, TICK, CHOOSE = _("Fill this in."), _("Tick this to go on."), _("Choose one of these.")
CHOOSE_FILE = _("Choose a file.")

SAID: Sequence[tuple[object, Promise]] = (
    (validators.EmailValidator.message, _("Write an email address, such as name@example.org.")),
    (
        validators.MinLengthValidator.message,
        _("Write at least %(limit_value)s characters: now there are %(show_value)s."),
    ),
    (
        validators.MaxLengthValidator.message,
        _("Write at most %(limit_value)s characters: now there are %(show_value)s."),
    ),
    (validators.MinValueValidator.message, _("Write %(limit_value)s or more.")),
    (validators.MaxValueValidator.message, _("Write %(limit_value)s or less.")),
    (validators.StepValueValidator.message, _("Write a number that can be divided by %(limit_value)s.")),
    (validators.ProhibitNullCharactersValidator.message, _("There is a sign in it that nobody can see. Type it anew.")),
    (validators.URLValidator.message, _("Write a whole address, such as https://example.org/page.")),
    (validators.validate_slug.message, _("Use letters without accents, digits, hyphens and underscores only.")),
    (UnicodeUsernameValidator.message, _("Use letters, digits and the signs @ . + - _ only, without spaces.")),
    (forms.IntegerField.default_error_messages["invalid"], _("Write a whole number, such as 20.")),
    (forms.FloatField.default_error_messages["invalid"], _("Write a number, such as 0.5.")),
    (forms.DecimalField.default_error_messages["invalid"], _("Write a number, such as 0.5.")),
    (forms.DateField.default_error_messages["invalid"], _("Write a date as 2026-12-31.")),
    (forms.TimeField.default_error_messages["invalid"], _("Write a time as 18:00.")),
    (forms.DateTimeField.default_error_messages["invalid"], _("Write a date and a time as 2026-12-31 18:00.")),
    (
        forms.ChoiceField.default_error_messages["invalid_choice"],
        _("%(value)s can’t be chosen here. Choose one of the list."),
    ),
    (
        forms.MultipleChoiceField.default_error_messages["invalid_choice"],
        _("%(value)s can’t be chosen here. Choose one of the list."),
    ),
    (
        forms.ModelChoiceField.default_error_messages["invalid_choice"],
        _("This can’t be chosen any more. Choose another one of the list."),
    ),
    (forms.FileField.default_error_messages["invalid"], CHOOSE_FILE),
    (forms.FileField.default_error_messages["missing"], CHOOSE_FILE),
    (forms.FileField.default_error_messages["empty"], _("The file is empty. Choose another one.")),
)


def plain_errors(errors: ErrorList, field: forms.Field | None = None) -> list[str]:
    """What is wrong, each in a sentence; `field`: whose errors they are, None for those of the whole form."""
    return list(_each(errors, field))


def _each(errors: ErrorList, field: forms.Field | None) -> Iterator[str]:
    for error in errors.as_data():
        ours = _missing(field) if field is not None and error.message is REQUIRED else _said(error)
        if ours is not None:
            yield str(ours) % _written(error.params) if error.params else str(ours)
        elif error.params:
            yield str(error.message % error.params)
        else:
            yield in_our_words(error.message)


def _said(error: ValidationError) -> Promise | None:
    return next((words for message, words in SAID if error.message is message), None)


def _missing(field: forms.Field | None) -> Promise:
    if isinstance(field, forms.FileField):
        return CHOOSE_FILE
    if isinstance(field, forms.BooleanField):
        return TICK
    return CHOOSE if isinstance(field, forms.ChoiceField) else FILL_IN


def _written(params: Mapping[str, Any] | None) -> dict[str, object]:
    return {name: _in_words(value) for name, value in (params or {}).items()}


def _in_words(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | date):
        return value
    if isinstance(value, date):
        return date_text(value, "day")
    return figure(value) if isinstance(value, int) else short_decimal(value)
