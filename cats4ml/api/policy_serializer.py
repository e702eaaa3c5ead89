"""The policy as the API gives it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cats4ml.challenges.models import PolicyVersion
from cats4ml.rules.policy import (
    BOARD_FROZEN,
    BOARD_HIDDEN,
    BOARD_LIVE,
    FLAT,
    PROPORTIONAL,
    REVEAL_SCORED,
    REVEAL_SETTLED,
)
from cats4ml.rules.verdicts import DontKnow, VerdictRule


class PolicySerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    threshold = serializers.FloatField(help_text="The machines say yes at this mean or above.")
    verdict_rule = serializers.ChoiceField(choices=[rule.value for rule in VerdictRule])
    quorum = serializers.IntegerField(help_text="Ratings that a pair needs.")
    base_quota = serializers.IntegerField(help_text="Claims that a participant starts with.")
    bonus_per_adverse = serializers.IntegerField(help_text="Claims added by each adverse pair.")
    points_per_adverse = serializers.IntegerField()
    roles_exclusive = serializers.BooleanField(help_text="Nobody is finder and rater at once.")
    provisional_seconds = serializers.IntegerField(help_text="How long an answer may be undone.")
    lease_seconds = serializers.IntegerField(help_text="How long a rater holds a pair.")
    heldout_percent = serializers.IntegerField(help_text="The share of pairs kept out of the public part.")
    reveal_score = serializers.ChoiceField(
        choices=[REVEAL_SCORED, REVEAL_SETTLED], help_text="When a claimant sees the machine score."
    )

    min_classifiers = serializers.IntegerField(help_text="How many must know a label for its pairs to be scored.")
    near_margin = serializers.FloatField(help_text="Nearer than this to the threshold the machines are unsure.")
    near_threshold_scores = serializers.BooleanField(help_text="Whether a pair earns of which they are unsure.")
    credit_rule = serializers.ChoiceField(
        choices=[FLAT, PROPORTIONAL],
        help_text="Each adverse pair earns the same, or its share by the size of the machines' error.",
    )

    lead = serializers.IntegerField(help_text="By `lead`: answers ahead that settle a pair.")
    max_ratings = serializers.IntegerField(help_text="Where `lead` and `weighted` give up asking.")
    bound = serializers.FloatField(help_text="By `weighted`: how sure a verdict must be.")
    dont_know = serializers.ChoiceField(
        choices=[one.value for one in DontKnow],
        help_text="A don't know takes a place, is replaced by another rater, or is evidence.",
    )
    min_ratings = serializers.IntegerField(help_text="Answers without which no pair is adverse.")
    min_lead = serializers.IntegerField(help_text="Answers ahead without which no pair is adverse.")
    skill_coins = serializers.IntegerField(help_text="1: a rater is as good at yes as at no. 2: not so.")
    adjudicated_earns = serializers.BooleanField(help_text="Whether a pair earns that an expert decided.")
    takes_disputes = serializers.BooleanField(help_text="Whether a claimant may dispute an outcome, once.")
    warm_up = serializers.IntegerField(help_text="Control questions before the first counted answer.")
    control_percent = serializers.IntegerField(help_text="The share of controls among a new rater's questions.")
    control_percent_least = serializers.IntegerField(help_text="The share among a trusted rater's questions.")
    skips_per_hundred = serializers.IntegerField(help_text="Questions of a hundred that a rater may skip.")
    fast_seconds = serializers.FloatField(help_text="A rater whose answers are faster is paused.")
    same_answers = serializers.IntegerField(help_text="A rater with so many equal answers in a row is paused.")
    controls_right_percent = serializers.IntegerField(help_text="A rater with fewer controls right is paused.")
    board = serializers.ChoiceField(
        choices=[BOARD_LIVE, BOARD_FROZEN, BOARD_HIDDEN],
        help_text="What everybody sees of the board in its last hours, until it is final.",
    )
    board_hours = serializers.IntegerField(help_text="How many hours before the claims close that begins.")
    evaluations_per_day = serializers.IntegerField(
        help_text="Sets of predictions that a person may have judged on a release in 24 hours."
    )

    def to_representation(self, instance: PolicyVersion) -> dict[str, Any]:
        return super().to_representation({"version": instance.version, **instance.value.to_dict()})
