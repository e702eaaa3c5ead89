from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from cats4ml.accounts.models import User
from cats4ml.submissions.actions.settlement import SettlementRefused, disqualify_participant, reopen_pair
from cats4ml.submissions.models import Adjudication, Credit, Dispute, Pair, Submission
from cats4ml.ui.admin import ReadOnlyAdmin, ReasonForm


@admin.register(Pair)
class PairAdmin(ReadOnlyAdmin):
    list_display = ("id", "challenge", "image", "label", "state", "outcome", "machine_mean", "settled_at")
    list_filter = ("challenge", "state", "outcome")
    list_select_related = ("challenge", "image", "label")
    search_fields = ("image__image_id",)
    action_form = ReasonForm
    actions = ("reopen",)

    @admin.action(description="Reopen, for the reason given")
    def reopen(self, request: HttpRequest, queryset: QuerySet[Pair]) -> None:
        assert isinstance(request.user, User)
        for pair in queryset:
            try:
                reopen_pair(pair_id=pair.pk, reason=request.POST.get("reason", ""), by=request.user, at=timezone.now())
            except SettlementRefused as refusal:
                self.message_user(request, f"{pair}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"{pair} is reopened.")


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    list_display = ("id", "pair", "participation", "charged", "created_at", "retracted_at")
    list_filter = ("participation__challenge",)
    list_select_related = ("pair", "participation__user", "participation__challenge")
    search_fields = ("participation__user__username",)
    action_form = ReasonForm
    actions = ("disqualify",)

    @admin.action(description="Disqualify who claimed, for the reason given")
    def disqualify(self, request: HttpRequest, queryset: QuerySet[Submission]) -> None:
        assert isinstance(request.user, User)
        people = {claim.participation_id: claim.participation for claim in queryset.select_related("participation")}
        for participation in people.values():
            try:
                taken = disqualify_participant(
                    participation=participation,
                    reason=request.POST.get("reason", ""),
                    by=request.user,
                    at=timezone.now(),
                )
            except SettlementRefused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.message_user(request, f"{participation.user} is disqualified; {taken} credits were reversed.")


@admin.register(Credit)
class CreditAdmin(ReadOnlyAdmin):
    list_display = ("id", "challenge", "kind", "points", "participation", "pair", "outcome", "reason", "created_at")
    list_filter = ("challenge", "kind")
    list_select_related = ("challenge", "participation__user", "participation__challenge", "pair")


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnlyAdmin):
    list_display = ("id", "pair", "kind", "verdict_before", "verdict", "outcome", "by", "reason", "created_at")
    list_filter = ("pair__challenge", "kind")
    list_select_related = ("pair", "by")


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    list_display = ("id", "submission", "outcome", "state", "reason", "answer", "decided_by", "created_at")
    list_filter = ("submission__pair__challenge", "state")
    list_select_related = ("submission", "decided_by")
