"""The form in which an organiser tries another policy, and puts it in force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.rules.policy import (
    BOARD_FROZEN,
    BOARD_HIDDEN,
    BOARD_LIVE,
    FLAT,
    PROPORTIONAL,
    InvalidPolicy,
    Policy,
)
from cats4ml.rules.verdicts import DontKnow, VerdictRule

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

YES_NO = [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))]
KEEP, REOPEN = "keep", "reopen"
RULES = [
    (VerdictRule.MAJORITY.value, gettext_lazy("Majority of a fixed number")),
    (VerdictRule.MAJORITY_OF_KNOWN.value, gettext_lazy("Majority of those who knew")),
    (VerdictRule.LEAD.value, gettext_lazy("First answer that is ahead")),
    (VerdictRule.WEIGHTED.value, gettext_lazy("Weighted by the raters’ skill")),
]
DONT_KNOWS = [
    (DontKnow.ANSWER.value, gettext_lazy("It sides with nobody")),
    (DontKnow.REPLACED.value, gettext_lazy("Somebody else is asked")),
    (DontKnow.EVIDENCE.value, gettext_lazy("It counts by its rater’s habits")),
]
COINS = [("1", gettext_lazy("One figure: right or wrong")), ("2", gettext_lazy("Two figures: yes and no apart"))]
CREDIT_RULES = [
    (FLAT, gettext_lazy("Each adverse pair the same")),
    (PROPORTIONAL, gettext_lazy("More for a larger error of the machines")),
]
BOARDS = [
    (BOARD_LIVE, gettext_lazy("All of it")),
    (BOARD_FROZEN, gettext_lazy("As it stood when these hours began")),
    (BOARD_HIDDEN, gettext_lazy("Nothing until it is final")),
]
SWITCHES = ("adjudicated_earns", "takes_disputes", "near_threshold_scores")


def _number(label: str | StrPromise, help_text: str | StrPromise, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, **more)


def _share(label: str | StrPromise, help_text: str | StrPromise) -> forms.FloatField:
    return forms.FloatField(label=label, help_text=help_text, widget=forms.NumberInput(attrs={"step": "any"}))


class PolicyForm(forms.Form):
    """A policy, but for what is fixed once an edition is open. What an address leaves out is as it is in force."""

    threshold = _share(
        gettext_lazy("The machines say yes from"),
        gettext_lazy("The mean of the classifiers. Settled pairs are read by it too."),
    )
    near_margin = _share(
        gettext_lazy("Unsure within"), gettext_lazy("Nearer to that than this, and the machines were unsure.")
    )
    near_threshold_scores = forms.ChoiceField(
        label=gettext_lazy("A pair of which the machines were unsure earns"), choices=YES_NO
    )
    verdict_rule = forms.ChoiceField(label=gettext_lazy("Verdict rule"), choices=RULES)
    quorum = _number(
        gettext_lazy("Answers to wait for"), gettext_lazy("Of both majorities: so many answers, no fewer.")
    )
    lead = _number(gettext_lazy("Answers ahead"), gettext_lazy("Of the first answer that is ahead: by how many."))
    max_ratings = _number(
        gettext_lazy("Answers at most"), gettext_lazy("Where a rule that stops early gives up asking.")
    )
    bound = forms.FloatField(
        label=gettext_lazy("How sure"),
        help_text=gettext_lazy("Of the weighted rule: 0.93 stops at 93% sure."),
        widget=forms.NumberInput,
    )
    dont_know = forms.ChoiceField(label=gettext_lazy("A “don’t know”"), choices=DONT_KNOWS)
    credit_rule = forms.ChoiceField(label=gettext_lazy("What an adverse pair earns"), choices=CREDIT_RULES)
    points_per_adverse = _number(gettext_lazy("Points"), gettext_lazy("For an adverse pair, or the most of them."))
    min_ratings = _number(gettext_lazy("Answers for credit"), gettext_lazy("An adverse pair with fewer is ambiguous."))
    min_lead = _number(gettext_lazy("Lead for credit"), gettext_lazy("An adverse pair with less is ambiguous."))
    adjudicated_earns = forms.ChoiceField(label=gettext_lazy("A pair that an expert decided earns"), choices=YES_NO)
    takes_disputes = forms.ChoiceField(label=gettext_lazy("Finders may dispute an outcome, once"), choices=YES_NO)
    base_quota = _number(gettext_lazy("Claims to start with"), gettext_lazy("Of each finder."))
    bonus_per_adverse = _number(gettext_lazy("Claims for an adverse pair"), gettext_lazy("Each adds so many."))
    board = forms.ChoiceField(label=gettext_lazy("Everybody sees of the board before the end"), choices=BOARDS)
    board_hours = _number(
        gettext_lazy("Hours before the end"), gettext_lazy("For so long before claims close, and until it is final.")
    )
    evaluations_per_day = _number(
        gettext_lazy("Evaluations a day"), gettext_lazy("Of a person’s classifiers on a release. 0: none.")
    )
    skill_coins = forms.TypedChoiceField(label=gettext_lazy("A rater’s skill"), choices=COINS, coerce=int)
    warm_up = _number(
        gettext_lazy("Warm-up questions"), gettext_lazy("Control questions before the first answer that counts.")
    )
    control_percent = _number(
        gettext_lazy("Controls for new raters, %"),
        gettext_lazy("So many of a new rater’s questions are control questions."),
    )
    control_percent_least = _number(
        gettext_lazy("Controls for trusted raters, %"), gettext_lazy("It falls to this with trust.")
    )
    skips_per_hundred = _number(
        gettext_lazy("Skips in a hundred"), gettext_lazy("Questions that a rater may pass over.")
    )
    fast_seconds = forms.FloatField(
        label=gettext_lazy("Too fast, seconds"),
        help_text=gettext_lazy("Raters who are mostly faster are paused."),
        widget=forms.NumberInput,
    )
    same_answers = _number(gettext_lazy("Equal answers in a row"), gettext_lazy("So many pause a rater. 0: never."))
    controls_right_percent = _number(
        gettext_lazy("Controls right, %"), gettext_lazy("Raters below are paused. 0: never.")
    )
    reopen = forms.ChoiceField(
        label=gettext_lazy("Settled pairs that need more answers"),
        choices=[(KEEP, gettext_lazy("Keep verdict and rule")), (REOPEN, gettext_lazy("Go back to raters"))],
    )

    GROUPS = (
        (gettext_lazy("The machines"), ("threshold", "near_margin", "near_threshold_scores")),
        (gettext_lazy("The verdict"), ("verdict_rule", "quorum", "lead", "max_ratings", "bound", "dont_know")),
        (
            gettext_lazy("What earns"),
            (
                "credit_rule",
                "points_per_adverse",
                "min_ratings",
                "min_lead",
                "adjudicated_earns",
                "takes_disputes",
                "reopen",
            ),
        ),
        (gettext_lazy("Claims"), ("base_quota", "bonus_per_adverse")),
        (gettext_lazy("The board, and classifiers on releases"), ("board", "board_hours", "evaluations_per_day")),
        (
            gettext_lazy("Raters"),
            ("skill_coins", "warm_up", "control_percent", "control_percent_least", "skips_per_hundred"),
        ),
        (gettext_lazy("Pauses"), ("fast_seconds", "same_answers", "controls_right_percent")),
    )

    def __init__(self, given: Mapping[str, Any], *, in_force: Policy) -> None:
        self.in_force = in_force
        self.policy: Policy | None = None
        values = in_words(in_force) | {name: str(given[name]) for name in self.base_fields if name in given}
        super().__init__(values)

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField], bool]]:
        """The fields by heading, and whether the group is folded: what has nothing to do with verdicts is."""
        return [
            (str(title), [self[name] for name in names], title in FOLDED and not set(names) & set(self.errors))
            for title, names in self.GROUPS
        ]

    @property
    def values(self) -> list[tuple[str, str]]:
        """Every field as it is sent."""
        return [(name, str(self.data[name])) for name in self.fields]

    @property
    def reopens(self) -> bool:
        return bool(self.data["reopen"] == REOPEN)

    def refusal(self, given: Mapping[str, Any]) -> str:
        """Why a program's address is refused, in a sentence; empty where all it gives is understood."""
        unknown = sorted(set(given) - set(self.fields))
        if unknown:
            return _("There is no %(unknown)s here. An address may give %(fields)s.") % {
                "unknown": ", ".join(unknown),
                "fields": ", ".join(self.fields),
            }
        wrong = [f"{name}: {' '.join(map(str, words))}" for name, words in self.errors.items()]
        return " ".join(wrong)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        chosen = {name: value for name, value in cleaned.items() if name != "reopen"}
        chosen |= {name: chosen[name] == "yes" for name in SWITCHES}
        try:
            self.policy = Policy.from_dict({**self.in_force.to_dict(), **chosen})
        except InvalidPolicy as refusal:
            words = str(refusal).split()
            self.add_error(words[0] if words[0] in self.fields else None, self._plain(str(refusal)))
        return cleaned

    def _plain(self, refusal: str) -> str:
        """A refusal with the fields' labels in it instead of their names."""

        def label(found: re.Match[str]) -> str:
            field = self.fields.get(found[0])
            return f"“{field.label}”" if field is not None else found[0]

        text = re.sub(r"^[a-z]+\b|\b[a-z]+(?:_[a-z]+)+\b", label, refusal)
        return f"{text}."


def in_words(policy: Policy, *, reopen: bool = False) -> dict[str, str]:
    """A policy's values as the form sends them."""
    values = policy.to_dict()
    shown = {name: str(values[name]) for name in PolicyForm.base_fields if name in values}
    shown |= {name: "yes" if values[name] else "no" for name in SWITCHES}
    return shown | {"reopen": REOPEN if reopen else KEEP}


FOLDED = (
    gettext_lazy("Claims"),
    gettext_lazy("The board, and classifiers on releases"),
    gettext_lazy("Raters"),
    gettext_lazy("Pauses"),
)
FROM_NOW_ON, SETTLED_TOO = "new", "settled"


class PutInForceForm(forms.Form):
    """An organiser's word on why another policy comes in force, and for which pairs."""

    scope = forms.ChoiceField(
        label=gettext_lazy("For which pairs"),
        widget=forms.RadioSelect,
        choices=[
            (FROM_NOW_ON, gettext_lazy("Pairs that are not settled yet")),
            (SETTLED_TOO, gettext_lazy("Settled pairs too, as shown above")),
        ],
        initial=FROM_NOW_ON,
        error_messages={"required": gettext_lazy("Choose for which pairs.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("It is kept with the decision, and in the ledger with every credit that changes."),
        error_messages={"required": gettext_lazy("Say why: another policy is put in force only with a reason.")},
    )


class UndoForm(forms.Form):
    """An organiser's word on why a decision about the policy is taken back."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("It is kept with the decision, and in the ledger with every credit that changes."),
        error_messages={"required": gettext_lazy("Say why: a policy is taken back only with a reason.")},
    )
