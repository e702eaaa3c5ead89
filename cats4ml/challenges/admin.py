from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from cats4ml.challenges.editions import EditionRefused, check_status, set_status
from cats4ml.challenges.models import (
    Challenge,
    ChallengeStatus,
    Participation,
    PolicyVersion,
    RosterVersion,
    TargetLabel,
)
from cats4ml.ui.admin import ReadOnlyAdmin


class TargetLabelInline(admin.TabularInline):
    model = TargetLabel
    raw_id_fields = ("label",)
    extra = 0
    can_delete = False


class ChallengeForm(forms.ModelForm):
    """An edition's row; its status moves by the action that knows what opening an edition means."""

    despite_unknown_labels = forms.BooleanField(
        required=False, label="Open it even if too few classifiers know some of its labels"
    )

    class Meta:
        model = Challenge
        fields = (
            *("slug", "title", "summary", "vocabulary", "question", "status"),
            *("opens_at", "closes_at", "ratings_close_at", "results_at", "consent_text", "consent_version", "queue"),
        )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        before = Challenge.objects.filter(pk=self.instance.pk).first()
        if before is not None and "status" in values:
            try:
                despite = values.get("despite_unknown_labels", False)
                check_status(challenge=before, status=values["status"], despite_unknown_labels=despite)
            except EditionRefused as refusal:
                self.add_error("status", f"{refusal}.")
        return values


@admin.register(Challenge)
class ChallengeAdmin(admin.ModelAdmin):
    form = ChallengeForm
    list_display = ("title", "slug", "status", "opens_at", "closes_at")
    readonly_fields = ("policy", "roster", "split_seed", "is_demo", "created_at")
    inlines: ClassVar = [TargetLabelInline]

    def save_model(self, request: HttpRequest, obj: Challenge, form: Any, change: bool) -> None:  # noqa: FBT001
        status = ChallengeStatus(obj.status)
        if change:
            # Only what the form holds: a roster or policy that came in force since the row was read stays.
            obj.save(update_fields=[name for name in ChallengeForm.Meta.fields if name != "status"])
        else:
            obj.status = ChallengeStatus.DRAFT
            super().save_model(request, obj, form, change)
        set_status(
            challenge=obj, status=status, despite_unknown_labels=form.cleaned_data.get("despite_unknown_labels", False)
        )

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        """An edition and its ledger are a record."""
        return False


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    list_display = ("challenge", "version", "created_at", "created_by")
    list_select_related = ("challenge", "created_by")


@admin.register(RosterVersion)
class RosterVersionAdmin(ReadOnlyAdmin):
    list_display = ("challenge", "version", "created_at", "created_by")
    list_select_related = ("challenge", "created_by")


@admin.register(Participation)
class ParticipationAdmin(ReadOnlyAdmin):
    list_display = ("user", "challenge", "role", "team", "consented_at", "disqualified_at")
    list_filter = ("challenge", "role")
    list_select_related = ("user", "challenge", "team")
    search_fields = ("user__username",)
