"""The columns of the API. What is shown to whom is decided by the views and by the policy."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cats4ml.api.policy_serializer import PolicySerializer
from cats4ml.catalog.models import SensitiveKind
from cats4ml.challenges.consents import finder_terms, rater_terms, why_asked_anew
from cats4ml.challenges.models import Challenge, ChallengeStatus, DataFileKind, DataFileState, Participation, Role
from cats4ml.leaderboard.presentation import CSV_COLUMNS
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.split import Split
from cats4ml.rules.verdicts import Outcome, Verdict
from cats4ml.submissions.disputing import LEAST_WORDS, MOST_WORDS
from cats4ml.submissions.models import DisputeState, TallySource, Uncredited
from cats4ml.submissions.presentation import CANDIDATE_UNKNOWN_UNKNOWN, KNOWN_UNKNOWN, ClaimView
from cats4ml.submissions.problems import MAX_RATIONALE, Problem

STATES = [state.value for state in PairState]
OUTCOMES = [outcome.value for outcome in Outcome]
VERDICTS = [verdict.value for verdict in Verdict]
SPLITS = [split.value for split in Split]


class ErrorSerializer(serializers.Serializer[Any]):
    """What every refusal says. A request that is wrong in single fields gets a list of messages for each instead."""

    detail = serializers.CharField()


class ChallengeSerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField()
    title = serializers.CharField()
    summary = serializers.CharField()
    question = serializers.CharField(help_text="What raters are asked; {label} stands for the label's name.")
    status = serializers.ChoiceField(choices=ChallengeStatus.values)
    is_demo = serializers.BooleanField(help_text="Its people are simulated.")
    opens_at = serializers.DateTimeField(allow_null=True)
    closes_at = serializers.DateTimeField(allow_null=True)
    ratings_close_at = serializers.DateTimeField(allow_null=True)
    results_at = serializers.DateTimeField(allow_null=True)
    label_count = serializers.IntegerField()
    picture_count = serializers.IntegerField()
    consent_version = serializers.IntegerField(help_text="Send it to join: it says which text you agreed to.")
    consent_text = serializers.CharField()
    minimum_age = serializers.IntegerField(
        allow_null=True, help_text="Whoever joins confirms to be so old; null: nobody is asked."
    )
    eligibility = serializers.CharField(help_text="What else whoever joins confirms; empty: nothing.")
    finder_terms = serializers.SerializerMethodField(help_text="What participants agree to besides.")
    rater_terms = serializers.SerializerMethodField(help_text="What raters agree to besides.")
    teams_fixed_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on until it is final nobody joins or leaves a team that takes part."
    )
    policy = PolicySerializer(allow_null=True, help_text="In force now; null in a draft without one.")

    def get_finder_terms(self, challenge: Challenge) -> str:
        return finder_terms()

    def get_rater_terms(self, challenge: Challenge) -> str:
        return rater_terms()


class AnnouncementSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    title = serializers.CharField()
    text = serializers.CharField(help_text="Plain text; an empty line begins a paragraph.")
    by = serializers.CharField(source="by.public_name", allow_null=True, default=None, help_text="The organiser.")
    created_at = serializers.DateTimeField()


class LabelSerializer(serializers.Serializer[Any]):
    label_id = serializers.CharField(source="label.key")
    name = serializers.CharField(source="label.name")
    description = serializers.CharField(source="label.description")
    guidance = serializers.CharField(help_text="What counts and what doesn't.")


class ImageSerializer(serializers.Serializer[Any]):
    image_id = serializers.CharField(source="image_key")
    width = serializers.IntegerField(source="image.width", allow_null=True)
    height = serializers.IntegerField(source="image.height", allow_null=True)
    author = serializers.CharField(source="image.author")
    license = serializers.CharField(source="image.license")
    landing_url = serializers.CharField(source="image.landing_url", help_text="Where its author shows it, or empty.")
    picture_url = serializers.URLField(allow_null=True, help_text="Null where the picture itself is not known here.")
    sensitive = serializers.ListField(
        source="image.sensitive",
        child=serializers.ChoiceField(choices=SensitiveKind.choices),
        help_text="Why not everybody wants to see it; which kinds you do you choose at `…/sensitive/`.",
    )


class DataFileSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=DataFileKind.choices)
    name = serializers.CharField(help_text="What it is called in CHECKSUMS.")
    state = serializers.ChoiceField(
        choices=DataFileState.choices,
        help_text="The zip of the pictures waits until somebody asks for it. `error` says why one failed.",
    )
    done = serializers.IntegerField(help_text="Pictures written so far, of `total`.")
    total = serializers.IntegerField()
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True, help_text="In hex.")
    url = serializers.CharField(help_text="Where it is downloaded.")
    built_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_blank=True)


class BeingBuiltSerializer(serializers.Serializer[Any]):
    """A file that is not ready: ask again."""

    state = serializers.ChoiceField(choices=[DataFileState.WAITING.value, DataFileState.BUILDING.value])
    done = serializers.IntegerField(help_text="Pictures written so far, of `total`.")
    total = serializers.IntegerField()


class QuotaSerializer(serializers.Serializer[Any]):
    base = serializers.IntegerField()
    bonus = serializers.IntegerField(help_text="Earned by adverse pairs.")
    used = serializers.IntegerField()
    total = serializers.IntegerField(help_text="base + bonus")
    remaining = serializers.IntegerField(help_text="Never below zero: accepted work stands.")


class ParticipationSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.values)
    team = serializers.CharField(source="team.name", allow_null=True, default=None)
    consent_version = serializers.IntegerField(allow_null=True)
    consented_at = serializers.DateTimeField(allow_null=True)
    left_at = serializers.DateTimeField(allow_null=True)
    asked_anew = serializers.SerializerMethodField(
        help_text="Why you must agree to the text in force before you go on: post here again. Empty: you needn’t."
    )
    disqualified_at = serializers.DateTimeField(allow_null=True)
    disqualified_reason = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_asked_anew(self, part: Participation) -> str:
        return why_asked_anew(part)


class JoinSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=[Role.FINDER.value, Role.RATER.value])
    consent_version = serializers.IntegerField(help_text="The challenge's: you agree to the text of that version.")
    old_enough = serializers.BooleanField(
        default=False, help_text="You are at least as old as the challenge’s `minimum_age` says, where it has one."
    )
    eligible = serializers.BooleanField(
        default=False, help_text="The challenge’s `eligibility` holds for you, where it has one."
    )
    team = serializers.CharField(max_length=80, required=False, help_text="The name of a team that you are in.")


class ClaimSerializer(serializers.Serializer[Any]):
    """One claim, as it is sent alone."""

    image_id = serializers.CharField(max_length=80)
    label_id = serializers.CharField(max_length=80, help_text="The label's id, or its name where only one has it.")
    rationale = serializers.CharField(
        max_length=MAX_RATIONALE,
        required=False,
        default="",
        allow_blank=True,
        help_text="Why machines may err.",
    )


class ListedClaimSerializer(serializers.Serializer[Any]):
    """One claim of a list. Whatever is wrong with it but its type is answered in its own row."""

    image_id = serializers.CharField(required=False, default="", allow_blank=True)
    label_id = serializers.CharField(required=False, default="", allow_blank=True)
    rationale = serializers.CharField(required=False, default="", allow_blank=True)


class TallySerializer(serializers.Serializer[Any]):
    yes = serializers.IntegerField()
    no = serializers.IntegerField()
    dont_know = serializers.IntegerField()


class DisputeSerializer(serializers.Serializer[Any]):
    """What you wrote about how a pair of yours ended, and what an organiser made of it."""

    reason = serializers.CharField(min_length=LEAST_WORDS, max_length=MOST_WORDS, help_text="Organisers alone read it.")
    state = serializers.ChoiceField(choices=DisputeState.choices, read_only=True)
    outcome = serializers.ChoiceField(choices=OUTCOMES, read_only=True, help_text="As it stood when you disputed it.")
    answer = serializers.CharField(read_only=True, help_text="The organiser's word; empty while it waits.")
    created_at = serializers.DateTimeField(read_only=True)
    decided_at = serializers.DateTimeField(read_only=True, allow_null=True)


class SubmissionSerializer(serializers.Serializer[Any]):
    """One's own claim. While raters look at its pair it says how many have answered, never which way."""

    id = serializers.IntegerField(source="submission.pk")
    image_id = serializers.CharField(source="pair.image.image_id")
    label_id = serializers.CharField(source="pair.label.key")
    label_name = serializers.CharField(source="pair.label.name")
    rationale = serializers.CharField(source="submission.rationale")
    created_at = serializers.DateTimeField(source="submission.created_at")
    retracted_at = serializers.DateTimeField(source="submission.retracted_at", allow_null=True)
    charged = serializers.BooleanField(
        source="submission.charged", help_text="False for a later claim of a pair that somebody had claimed."
    )
    state = serializers.ChoiceField(source="pair.state", choices=STATES)
    position = serializers.IntegerField(allow_null=True, help_text="Its place in the queue for scoring.")
    wait_seconds = serializers.IntegerField(
        allow_null=True,
        help_text="An estimate from how fast the queue moved lately: until its score while queued, until its verdict "
        "while in review. Null where there is nothing to tell it from.",
    )
    people = serializers.IntegerField(allow_null=True, help_text="While in review: raters so far.")
    machine_mean = serializers.FloatField(source="mean", allow_null=True, help_text="As soon as the policy reveals it.")
    verdict = serializers.ChoiceField(source="pair.verdict", choices=VERDICTS, allow_null=True)
    outcome = serializers.ChoiceField(source="pair.outcome", choices=OUTCOMES, allow_null=True)
    tally = TallySerializer(source="pair.tally", allow_null=True, help_text="Once settled.")
    points = serializers.IntegerField()
    reason = serializers.CharField(help_text="In words; empty as long as there is nothing to say.")
    first_claimant = serializers.CharField(
        allow_null=True, help_text="For a later claim, once settled: who had claimed the pair before."
    )
    may_dispute = serializers.BooleanField(help_text="Whether you may dispute now how it ended: once for each claim.")
    dispute = DisputeSerializer(allow_null=True, help_text="Yours; null where you made none.")

    def to_representation(self, instance: ClaimView) -> dict[str, Any]:
        """A claim taken back ended there: what became of its pair is not its claimant's to see."""
        shown = super().to_representation(instance)
        retracted = instance.submission.retracted_at is not None
        if retracted or not instance.settled:
            shown.update(verdict=None, outcome=None, tally=None, first_claimant=None)
        if retracted:
            shown.update(
                state=PairState.WITHDRAWN.value, machine_mean=None, people=None, position=None, wait_seconds=None
            )
        shown["first_claimant"] = shown["first_claimant"] or None
        return shown


class VoiceSerializer(serializers.Serializer[Any]):
    """What one classifier said of a pair."""

    name = serializers.CharField()
    digest = serializers.CharField(help_text="Of the classifier's version: what changes its numbers.")
    weight = serializers.FloatField(help_text="In the ensemble's mean.")
    probability = serializers.FloatField(allow_null=True, help_text="Of the pair's label.")


class SubmissionDetailSerializer(SubmissionSerializer):
    classifiers = VoiceSerializer(many=True, help_text="What each of them said; empty until you are told the outcome.")


class AcceptedRowSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(source="row.line")
    id = serializers.IntegerField(source="submission.pk", allow_null=True, default=None, help_text="Null in a check.")
    image_id = serializers.CharField(source="row.image_id")
    label_id = serializers.CharField(source="label.key")
    later = serializers.BooleanField(help_text="Somebody claimed the pair before: kept, and it costs nothing.")
    near_copy = serializers.BooleanField(
        help_text="A near-copy of the picture is claimed for this label: rated and released, but it earns nothing."
    )


class RefusedRowSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField(source="row.line")
    image_id = serializers.CharField(source="row.image_id")
    label_id = serializers.CharField(source="row.label_id")
    problem = serializers.ChoiceField(choices=Problem.values)
    message = serializers.SerializerMethodField()
    remedy = serializers.CharField(source="problem.remedy")

    def get_message(self, row: Any) -> str:
        return f"{row.problem.label}. {row.detail}".strip()


class ReportSerializer(serializers.Serializer[Any]):
    """What became of each row of a list or file. `line` is the line in the file, or the place in the list from 1."""

    checked_only = serializers.BooleanField(help_text="True for ?check=true: nothing was claimed.")
    accepted = AcceptedRowSerializer(many=True)
    later = serializers.IntegerField(help_text="How many of the accepted cost nothing, being later claims.")
    refused = RefusedRowSerializer(many=True)


class PairSerializer(serializers.Serializer[Any]):
    """A pair as its organisers see it; the released columns by their released names."""

    id = serializers.IntegerField()
    image_id = serializers.CharField(source="image.image_id")
    label_id = serializers.CharField(source="label.key")
    label_name = serializers.CharField(source="label.name")
    hum_yes_rating = serializers.IntegerField(source="yes_ratings")
    hum_no_rating = serializers.IntegerField(source="no_ratings")
    hum_dont_know_rating = serializers.IntegerField(source="dont_know_ratings")
    machine_score = serializers.SerializerMethodField(help_text="The ensemble's verdict, 0 or 1.")
    machine_mean = serializers.FloatField(allow_null=True)
    machine_spread = serializers.FloatField(allow_null=True, help_text="Of the classifiers' probabilities.")
    machine_voices = serializers.IntegerField(allow_null=True, help_text="How many classifiers were counted.")
    sureness = serializers.FloatField(
        allow_null=True, help_text="Of the machines: 0 at the threshold, 1 at the end of its side."
    )
    kind = serializers.ChoiceField(
        choices=[KNOWN_UNKNOWN, CANDIDATE_UNKNOWN_UNKNOWN],
        allow_null=True,
        help_text="Whether an error of the machines is a known unknown here, near to the threshold.",
    )
    state = serializers.ChoiceField(choices=STATES)
    verdict = serializers.ChoiceField(choices=VERDICTS, allow_null=True)
    outcome = serializers.ChoiceField(choices=OUTCOMES, allow_null=True)
    uncredited = serializers.ChoiceField(
        choices=Uncredited.values, allow_null=True, help_text="Why an adverse pair earns nothing; null for any other."
    )
    split = serializers.ChoiceField(choices=SPLITS)
    tally_source = serializers.ChoiceField(choices=TallySource.values)
    policy_version = serializers.IntegerField(
        source="policy.version", allow_null=True, default=None, help_text="Of the policy that settled it."
    )
    roster_version = serializers.IntegerField(source="roster.version", allow_null=True, default=None)
    first_submitter = serializers.CharField(allow_null=True, help_text="Whose valid claim was first; null if imported.")
    created_at = serializers.DateTimeField()
    scored_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    unscorable_reason = serializers.CharField()
    reopened_reason = serializers.CharField()
    adjudicated_reason = serializers.CharField(help_text="Why an expert decided so; empty where raters did.")
    withdrawn_reason = serializers.CharField(help_text="Why an organiser took it out; empty where none did.")

    def get_machine_score(self, pair: Any) -> int | None:
        return None if pair.machine_yes is None else int(pair.machine_yes)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return {**shown, **{name: shown[name] or None for name in ("verdict", "outcome", "uncredited")}}


class PairDetailSerializer(PairSerializer):
    classifiers = VoiceSerializer(many=True, help_text="Those that know the label, as they scored the pair.")


class QueueEntrySerializer(serializers.Serializer[Any]):
    """A pair as everybody sees it: its outcome with a release only, and who claimed it only once it is settled."""

    image_id = serializers.CharField(source="image.image_id")
    label_id = serializers.CharField(source="label.key")
    label_name = serializers.CharField(source="label.name")
    state = serializers.ChoiceField(choices=STATES)
    created_at = serializers.DateTimeField()
    submitter = serializers.CharField(allow_null=True)
    released_outcome = serializers.ChoiceField(
        choices=OUTCOMES, allow_null=True, help_text="In the newest release; null where none tells it."
    )


STANDING_COLUMNS = (*CSV_COLUMNS, "counted_at")


class StandingSerializer(serializers.Serializer[Any]):
    """Of a `leaderboard.presentation.ShownLine`, and when its board was counted (context `counted_at`)."""

    rank = serializers.IntegerField(allow_null=True, help_text="None for a baseline, which is out of competition.")
    shared = serializers.BooleanField(help_text="Somebody else holds the same rank.")
    could_be_low = serializers.IntegerField(
        allow_null=True, help_text="The ranks of 95 draws in 100 begin here; null where none were drawn yet."
    )
    could_be_high = serializers.IntegerField(allow_null=True, help_text="And end here.")
    name = serializers.CharField(help_text="Of the team, or of the participant who works alone.")
    baseline = serializers.BooleanField(help_text="Plays out of competition: no rank, and nobody's place.")
    points = serializers.IntegerField()
    false_negatives = serializers.IntegerField()
    false_positives = serializers.IntegerField()
    claims = serializers.IntegerField(help_text="Own pairs: those of which this is the first valid claim.")
    settled = serializers.IntegerField()
    pending = serializers.IntegerField()
    rejected = serializers.IntegerField(help_text="Own pairs, settled or unscorable, that earned nothing.")
    success_rate = serializers.FloatField(allow_null=True, help_text="Adverse ÷ settled.")
    rate_low = serializers.FloatField(allow_null=True, help_text="The 95% interval of the success rate begins here.")
    rate_high = serializers.FloatField(allow_null=True, help_text="And ends here.")
    rate_method = serializers.CharField(
        allow_null=True,
        help_text="bootstrap: over groups of near-copies; wilson: Wilson's over them, where all pairs ended alike.",
    )
    labels = serializers.IntegerField(help_text="Different labels among the adverse pairs.")
    clusters = serializers.IntegerField(help_text="Different pictures among them, near-copies taken as one.")
    kinds = serializers.IntegerField(help_text="Kinds of error among them, 0 to 2.")
    diversity = serializers.FloatField(
        help_text="The effective number of labels × pictures among them: the exponential of Shannon's entropy."
    )
    counted_at = serializers.DateTimeField(help_text="When the board was last counted from the ledger.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = {column: instance.value(column) for column in CSV_COLUMNS}
        return dict(super().to_representation({**shown, "counted_at": self.context["counted_at"]}))
