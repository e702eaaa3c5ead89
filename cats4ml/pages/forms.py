"""Joining an edition."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.utils.translation import gettext, gettext_lazy

from cats4ml.accounts.models import Team, User
from cats4ml.challenges.consents import Confirmed
from cats4ml.challenges.models import Challenge, Role


class JoinForm(forms.Form):
    role = forms.ChoiceField(
        label=gettext_lazy("I want to"),
        choices=[
            (Role.FINDER.value, gettext_lazy("find pictures that fool the machines")),
            (Role.RATER.value, gettext_lazy("rate pictures")),
        ],
        widget=forms.RadioSelect,
        initial=Role.FINDER.value,
        error_messages={"required": gettext_lazy("Choose what you want to do.")},
    )
    team = forms.ModelChoiceField(
        queryset=Team.objects.none(),
        required=False,
        empty_label=gettext_lazy("Nobody, I take part alone"),
        label=gettext_lazy("Together with"),
    )
    consent = forms.BooleanField(
        label=gettext_lazy("I have read the text above and agree to it."),
        error_messages={"required": gettext_lazy("You can take part only if you agree.")},
    )
    old_enough = forms.BooleanField(
        error_messages={"required": gettext_lazy("You can take part only if you are old enough.")}
    )
    eligible = forms.BooleanField(
        error_messages={"required": gettext_lazy("You can take part only if this holds for you.")}
    )
    consent_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self, *args: object, user: User, challenge: Challenge, at: datetime, role: Role | None = None, **kwargs: object
    ) -> None:
        """`role`: of somebody who takes part already and agrees anew."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        teams = Team.objects.filter(memberships__user=user, memberships__left_at=None).order_by("name")
        if role is None and not challenge.fixes_teams(at) and teams.exists():
            self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        else:
            del self.fields["team"]
        if role is not None:
            self.fields["role"] = forms.ChoiceField(choices=[(role.value, role.label)], widget=forms.HiddenInput)
        if challenge.minimum_age:
            words = gettext("I am at least %(age)d years old.") % {"age": challenge.minimum_age}
            self.fields["old_enough"].label = words
        else:
            del self.fields["old_enough"]
        if challenge.eligibility:
            self.fields["eligible"].label = challenge.eligibility
        else:
            del self.fields["eligible"]

    @property
    def confirmed(self) -> Confirmed:
        """What was confirmed, of what the challenge asks. The form is valid."""
        said = self.cleaned_data
        return Confirmed(old_enough=said.get("old_enough", False), eligible=said.get("eligible", False))

    def ask_again(self, consent_version: int) -> None:
        """After a refusal: show the consent text that is in force now, not agreed to yet."""
        data = {name: self.data[name] for name in self.data}
        if data.get("consent_version") != str(consent_version):
            data["consent_version"] = str(consent_version)
            for name in ("consent", "old_enough", "eligible"):
                data.pop(name, None)
        self.data = data
