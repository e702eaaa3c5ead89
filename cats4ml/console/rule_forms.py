"""The form in which an organiser tries another policy, and puts it in force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms

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

YES_NO = [("yes", "Yes"), ("no", "No")]
KEEP, REOPEN = "keep", "reopen"
RULES = [
    (VerdictRule.MAJORITY.value, "Majority of a fixed number"),
    (VerdictRule.MAJORITY_OF_KNOWN.value, "Majority of those who knew"),
    (VerdictRule.LEAD.value, "First answer that is ahead"),
    (VerdictRule.WEIGHTED.value, "Weighted by the raters’ skill"),
]
DONT_KNOWS = [
    (DontKnow.ANSWER.value, "It sides with nobody"),
    (DontKnow.REPLACED.value, "Somebody else is asked"),
    (DontKnow.EVIDENCE.value, "It counts by its rater’s habits"),
]
COINS = [("1", "One figure: right or wrong"), ("2", "Two figures: yes and no apart")]
CREDIT_RULES = [(FLAT, "Each adverse pair the same"), (PROPORTIONAL, "More for a larger error of the machines")]
BOARDS = [
    (BOARD_LIVE, "All of it"),
    (BOARD_FROZEN, "As it stood when these hours began"),
    (BOARD_HIDDEN, "Nothing until it is final"),
]
SWITCHES = ("adjudicated_earns", "takes_disputes", "near_threshold_scores")


def _number(label: str, help_text: str, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, **more)


def _share(label: str, help_text: str) -> forms.FloatField:
    return forms.FloatField(label=label, help_text=help_text, widget=forms.NumberInput(attrs={"step": "any"}))


class PolicyForm(forms.Form):
    """A policy, but for what is fixed once an edition is open. What an address leaves out is as it is in force."""

    threshold = _share("The machines say yes from", "The mean of the classifiers. Settled pairs are read by it too.")
    near_margin = _share("Unsure within", "Nearer to that than this, and the machines were unsure.")
    near_threshold_scores = forms.ChoiceField(label="A pair of which the machines were unsure earns", choices=YES_NO)
    verdict_rule = forms.ChoiceField(label="Verdict rule", choices=RULES)
    quorum = _number("Answers to wait for", "Of both majorities: so many answers, no fewer.")
    lead = _number("Answers ahead", "Of the first answer that is ahead: by how many.")
    max_ratings = _number("Answers at most", "Where a rule that stops early gives up asking.")
    bound = forms.FloatField(
        label="How sure", help_text="Of the weighted rule: 0.93 stops at 93% sure.", widget=forms.NumberInput
    )
    dont_know = forms.ChoiceField(label="A “don’t know”", choices=DONT_KNOWS)
    credit_rule = forms.ChoiceField(label="What an adverse pair earns", choices=CREDIT_RULES)
    points_per_adverse = _number("Points", "For an adverse pair, or the most of them.")
    min_ratings = _number("Answers for credit", "An adverse pair with fewer is ambiguous.")
    min_lead = _number("Lead for credit", "An adverse pair with less is ambiguous.")
    adjudicated_earns = forms.ChoiceField(label="A pair that an expert decided earns", choices=YES_NO)
    takes_disputes = forms.ChoiceField(label="Finders may dispute an outcome, once", choices=YES_NO)
    base_quota = _number("Claims to start with", "Of each finder.")
    bonus_per_adverse = _number("Claims for an adverse pair", "Each adds so many.")
    board = forms.ChoiceField(label="Everybody sees of the board before the end", choices=BOARDS)
    board_hours = _number("Hours before the end", "For so long before claims close, and until it is final.")
    evaluations_per_day = _number("Evaluations a day", "Of a person’s classifiers on a release. 0: none.")
    skill_coins = forms.TypedChoiceField(label="A rater’s skill", choices=COINS, coerce=int)
    warm_up = _number("Warm-up questions", "Control questions before the first answer that counts.")
    control_percent = _number("Controls for new raters, %", "So many of a new rater’s questions are control questions.")
    control_percent_least = _number("Controls for trusted raters, %", "It falls to this with trust.")
    skips_per_hundred = _number("Skips in a hundred", "Questions that a rater may pass over.")
    fast_seconds = forms.FloatField(
        label="Too fast, seconds", help_text="Raters who are mostly faster are paused.", widget=forms.NumberInput
    )
    same_answers = _number("Equal answers in a row", "So many pause a rater. 0: never.")
    controls_right_percent = _number("Controls right, %", "Raters below are paused. 0: never.")
    reopen = forms.ChoiceField(
        label="Settled pairs that need more answers",
        choices=[(KEEP, "Keep verdict and rule"), (REOPEN, "Go back to raters")],
    )

    GROUPS = (
        ("The machines", ("threshold", "near_margin", "near_threshold_scores")),
        ("The verdict", ("verdict_rule", "quorum", "lead", "max_ratings", "bound", "dont_know")),
        (
            "What earns",
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
        ("Claims", ("base_quota", "bonus_per_adverse")),
        ("The board, and classifiers on releases", ("board", "board_hours", "evaluations_per_day")),
        (
            "Raters",
            ("skill_coins", "warm_up", "control_percent", "control_percent_least", "skips_per_hundred"),
        ),
        ("Pauses", ("fast_seconds", "same_answers", "controls_right_percent")),
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
            (title, [self[name] for name in names], title in FOLDED and not set(names) & set(self.errors))
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
            return f"There is no {', '.join(unknown)} here. An address may give {', '.join(self.fields)}."
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


FOLDED = ("Claims", "The board, and classifiers on releases", "Raters", "Pauses")
FROM_NOW_ON, SETTLED_TOO = "new", "settled"


class PutInForceForm(forms.Form):
    """An organiser's word on why another policy comes in force, and for which pairs."""

    scope = forms.ChoiceField(
        label="For which pairs",
        widget=forms.RadioSelect,
        choices=[
            (FROM_NOW_ON, "Pairs that are not settled yet"),
            (SETTLED_TOO, "Settled pairs too, as shown above"),
        ],
        initial=FROM_NOW_ON,
        error_messages={"required": "Choose for which pairs."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept with the decision, and in the ledger with every credit that changes.",
        error_messages={"required": "Say why: another policy is put in force only with a reason."},
    )


class UndoForm(forms.Form):
    """An organiser's word on why a decision about the policy is taken back."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept with the decision, and in the ledger with every credit that changes.",
        error_messages={"required": "Say why: a policy is taken back only with a reason."},
    )
