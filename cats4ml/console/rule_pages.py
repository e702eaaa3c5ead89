"""What the page about the verdict rule shows, made ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlencode

from django.db.models import QuerySet

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Challenge, PolicyVersion, TargetLabel
from cats4ml.console.rule_forms import RULES, in_words
from cats4ml.leaderboard.actions import count_lines
from cats4ml.leaderboard.models import Standing
from cats4ml.review.policy_previews import Preview, Summary, default_policies, kept_comparison, readings
from cats4ml.review.policy_readings import Fate, Under
from cats4ml.rules.plain_words import verdict_in_words
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair, Submission
from cats4ml.submissions.queries import first_claims
from cats4ml.ui.spreadsheets import harmless

CSV_BLOCK = 1_000
RULE_NAMES = dict(RULES)
SHOWN = (Fate.ENDS_OTHERWISE, Fate.SETTLES, Fate.NEEDS_MORE)
FATES = {
    Fate.ENDS_OTHERWISE: "End otherwise",
    Fate.SETTLES: "Are settled at once",
    Fate.NEEDS_MORE: "Need more answers",
}


@dataclass(frozen=True)
class RuleLine:
    """A row of the comparison: a policy's name, its rule in words, what it makes of the edition and its address."""

    name: str
    words: str
    summary: Summary
    query: str
    in_force: bool = False


def rule_lines(challenge: Challenge, in_force: Policy, chosen: Policy | None) -> list[RuleLine]:
    """The rule in force, each rule at its defaults, and the chosen one, side by side."""
    named = [("In force", in_force)]
    named += [(RULE_NAMES[rule], policy) for rule, policy in default_policies(in_force).items()]
    named += [("Yours", chosen)] if chosen is not None else []
    summaries = kept_comparison(challenge, [policy for _, policy in named])
    return [
        RuleLine(name, verdict_in_words(policy), summary, urlencode(in_words(policy)), in_force=name == "In force")
        for (name, policy), summary in zip(named, summaries, strict=True)
    ]


@dataclass(frozen=True)
class BoardLine:
    """A line of the board as it would be, beside what it is. `move`: ranks won, below zero lost; 0 for a baseline."""

    then: Standing
    now: Standing

    @property
    def move(self) -> int:
        return 0 if self.now.rank is None or self.then.rank is None else self.now.rank - self.then.rank

    @property
    def gain(self) -> int:
        return self.then.points - self.now.points


def board_lines(challenge: Challenge, preview: Preview) -> list[BoardLine]:
    """The whole board as it would be under a previewed policy, best first."""
    now = {line.key: line for line in count_lines(challenge)}
    then = count_lines(challenge, shifts=preview.shifts)
    return [BoardLine(line, now[line.key]) for line in then]


@dataclass(frozen=True)
class ChangeLine:
    """A pair that a policy does not leave as it is."""

    pair: Pair
    under: Under
    claimant: str


def change_lines(found: Sequence[Under]) -> list[ChangeLine]:
    """These pairs with what a table shows of them. Two queries."""
    pairs = Pair.objects.select_related("image", "label").in_bulk([one.pair for one in found])
    firsts: Mapping[int, Submission] = first_claims(pairs.values())
    lines = []
    for one in found:
        claim = firsts.get(one.pair)
        lines.append(ChangeLine(pairs[one.pair], one, claim.participation.public_name if claim else ""))
    return lines


def policy_history(challenge: Challenge) -> QuerySet[PolicyVersion]:
    """Every policy of the edition, newest first, with who put it in force and why."""
    versions = PolicyVersion.objects.filter(challenge=challenge).select_related("created_by")
    return versions.prefetch_related("decisions__by").order_by("-version")


def csv_columns(names: Sequence[str]) -> list[str]:
    per_rule = [f"{name}_{what}" for name in names for what in ("verdict", "outcome", "answers", "missing")]
    return ["pair", "image_id", "label_id", "state", "verdict", "outcome", "answers", *per_rule]


def csv_rows(challenge: Challenge, policies: Sequence[Policy]) -> Iterator[list[object]]:
    """Every rated pair as it stands, and under each policy. What is missing is 0 where the policy settles it."""
    keys = dict(TargetLabel.objects.filter(challenge=challenge).values_list("label_id", "label__key"))
    found = ((pair, unders) for pair, _, unders in readings(challenge, policies))
    while block := list(islice(found, CSV_BLOCK)):
        images = Image.objects.filter(pk__in={pair.image_id for pair, _ in block})
        names = dict(images.values_list("pk", "image_id"))
        for pair, unders in block:
            row: list[object] = [pair.pk, harmless(names[pair.image_id]), harmless(keys.get(pair.label_id, ""))]
            row += [pair.state, pair.verdict, pair.outcome, pair.tally.total]
            for one in unders:
                row += [one.new.verdict, one.new.outcome, one.new.answers, one.missing]
            yield row
