"""Joining an edition."""

from __future__ import annotations

from django import forms

from cats4ml.accounts.models import Team, User
from cats4ml.challenges.models import Role


class JoinForm(forms.Form):
    role = forms.ChoiceField(
        label="I want to",
        choices=[(Role.FINDER.value, "find pictures that fool the machines"), (Role.RATER.value, "rate pictures")],
        widget=forms.RadioSelect,
        initial=Role.FINDER.value,
        error_messages={"required": "Choose what you want to do."},
    )
    team = forms.ModelChoiceField(
        queryset=Team.objects.none(),
        required=False,
        empty_label="Nobody, I take part alone",
        label="Together with",
    )
    consent = forms.BooleanField(
        label="I have read the text above and agree to it.",
        error_messages={"required": "You can take part only if you agree."},
    )
    consent_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        teams = Team.objects.filter(memberships__user=user).order_by("name")
        if teams.exists():
            self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        else:
            del self.fields["team"]

    def ask_again(self, consent_version: int) -> None:
        """After a refusal: show the consent text that is in force now, not agreed to yet."""
        data = {name: self.data[name] for name in self.data}
        if data.get("consent_version") != str(consent_version):
            data["consent_version"] = str(consent_version)
            data.pop("consent", None)
        self.data = data
