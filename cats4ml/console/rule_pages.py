"""What the page about the policy shows, made ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy, ngettext

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Challenge, PolicyDecision, PolicyVersion, TargetLabel
from cats4ml.console.rule_forms import RULES, in_words
from cats4ml.leaderboard.actions import count_lines
from cats4ml.leaderboard.models import Standing
from cats4ml.review.actions.policy_work import newest_work, progress_of
from cats4ml.review.actions.repolicing import why_not_undone
from cats4ml.review.models import ON_THE_WAY, PolicyWork
from cats4ml.review.policy_previews import Preview, Summary, default_policies, kept_comparison, readings
from cats4ml.review.policy_readings import Fate, Under
from cats4ml.rules.credit import quota_of
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import BOARD_HIDDEN, BOARD_LIVE, Policy
from cats4ml.rules.verdicts import ADVERSE
from cats4ml.submissions.models import Pair, Submission
from cats4ml.submissions.queries import first_claims
from cats4ml.submissions.quotas import adverse_by_finder, quota_claims
from cats4ml.ui.policy_words import verdict_in_words
from cats4ml.ui.spreadsheets import harmless
from cats4ml.ui.words import figure

CSV_BLOCK = 1_000
# What became of an order is said for so long after it was carried out.
TOLD_FOR = timedelta(minutes=10)
RULE_NAMES = dict(RULES)
SHOWN = (Fate.ENDS_OTHERWISE, Fate.SETTLES, Fate.NEEDS_MORE)
FATES = {
    Fate.ENDS_OTHERWISE: gettext_lazy("End otherwise"),
    Fate.SETTLES: gettext_lazy("Are settled at once"),
    Fate.NEEDS_MORE: gettext_lazy("Need more answers"),
}


@dataclass(frozen=True)
class RuleLine:
    """A row of the comparison: a policy's name, its rule in words, what it makes of the edition and its address."""

    name: str
    words: str
    summary: Summary
    query: str
    in_force: bool = False
    chosen: bool = False


def rule_lines(challenge: Challenge, in_force: Policy, chosen: Policy | None) -> list[RuleLine]:
    """The rule in force, each rule at its defaults, and the chosen one, side by side."""
    named = [(gettext("In force"), in_force)]
    named += [(str(RULE_NAMES[rule]), policy) for rule, policy in default_policies(in_force).items()]
    named += [(gettext("Yours"), chosen)] if chosen is not None else []
    summaries = kept_comparison(challenge, [policy for _, policy in named])
    return [
        RuleLine(
            name,
            verdict_in_words(policy),
            summary,
            urlencode(in_words(policy)),
            in_force=policy is in_force,
            chosen=policy is chosen,
        )
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


def undoable(challenge: Challenge) -> dict[str, object]:
    """Which decision can be taken back, and which were."""
    decisions = PolicyDecision.objects.filter(challenge=challenge)
    last = decisions.order_by("-pk").first()
    may = last is not None and not challenge.is_final and not why_not_undone(last, challenge)
    undone = set(decisions.filter(undoes__isnull=False).values_list("undoes", flat=True))
    return {"undoable": last.pk if last is not None and may else None, "undone": undone}


def policy_work(challenge: Challenge, at: datetime) -> dict[str, object]:
    """What is to be said of the newest order to put a policy in force: it is under way, failed, or was just done."""
    row = newest_work(challenge)
    if row is None or (row.finished_at is not None and row.finished_at < at - TOLD_FOR):
        return {"row": None, "under_way": False}
    under_way = row.state in ON_THE_WAY
    done = progress_of(row) if under_way else 0
    return {"row": row, "under_way": under_way, "done": done, "words": "" if under_way else work_in_words(row)}


def work_in_words(work: PolicyWork) -> str:
    """What an order that is carried out has done."""
    said = [gettext("The former policy is in force again.") if work.undoes_id else gettext("The policy is in force.")]
    ended, settles, back = work.ended_otherwise, work.settles, work.sent_back
    counted = (
        (ended, ngettext("%(n)s pair ends otherwise than before.", "%(n)s pairs end otherwise than before.", ended)),
        (
            settles,
            ngettext(
                "%(n)s pair is settled now that waited for raters.",
                "%(n)s pairs are settled now that waited for raters.",
                settles,
            ),
        ),
        (back, ngettext("%(n)s pair goes back to raters.", "%(n)s pairs go back to raters.", back)),
    )
    return " ".join([*said, *(words % {"n": figure(number)} for number, words in counted if number)])


def consequences(challenge: Challenge, in_force: Policy, chosen: Policy, preview: Preview) -> list[str]:
    """What a policy changes besides the board and the pairs, in sentences."""
    said = []
    if chosen.threshold != in_force.threshold:
        scored = Pair.objects.filter(challenge=challenge, state__in=[PairState.IN_REVIEW, PairState.SETTLED])
        other = scored.filter(machine_mean__gte=chosen.threshold, machine_yes=False).count()
        other += scored.filter(machine_mean__lt=chosen.threshold, machine_yes=True).count()
        said.append(
            ngettext(
                "Of %(n)s scored pair the machines would say otherwise.",
                "Of %(n)s scored pairs the machines would say otherwise.",
                other,
            )
            % {"n": figure(other)}
        )
    if (chosen.base_quota, chosen.bonus_per_adverse) != (in_force.base_quota, in_force.bonus_per_adverse):
        said.append(_quotas(challenge, in_force, chosen, preview))
    if (chosen.board, chosen.board_hours) != (in_force.board, in_force.board_hours):
        said.append(
            gettext("Everybody sees the board as it is until the end.")
            if chosen.board == BOARD_LIVE
            else _board_at_the_end(chosen)
        )
    if chosen.evaluations_per_day != in_force.evaluations_per_day:
        said.append(
            ngettext(
                "A person may have %(n)s set of predictions judged on a release in a day.",
                "A person may have %(n)s sets of predictions judged on a release in a day.",
                chosen.evaluations_per_day,
            )
            % {"n": figure(chosen.evaluations_per_day)}
        )
    return said


def _board_at_the_end(chosen: Policy) -> str:
    hours = chosen.board_hours
    if chosen.board == BOARD_HIDDEN:
        words = ngettext(
            "In the last %(n)s hour before claims close, and until it is final, everybody sees no board.",
            "In the last %(n)s hours before claims close, and until it is final, everybody sees no board.",
            hours,
        )
    else:
        words = ngettext(
            "In the last %(n)s hour before claims close, and until it is final, everybody sees it as it stood when "
            "these hours began.",
            "In the last %(n)s hours before claims close, and until it is final, everybody sees it as it stood when "
            "these hours began.",
            hours,
        )
    return words % {"n": figure(hours)}


def _quotas(challenge: Challenge, in_force: Policy, chosen: Policy, preview: Preview) -> str:
    """How many finders would have fewer claims left, and how many none."""
    claims = quota_claims(challenge)
    adverse = adverse_by_finder(challenge)
    fewer = none = 0
    for finder, used in claims.items():
        more = sum(preview.shifts.get(finder, {}).get(outcome.value, 0) for outcome in ADVERSE)
        now = quota_of(adverse=adverse.get(finder, 0), used=used, policy=in_force).remaining
        then = quota_of(adverse=adverse.get(finder, 0) + more, used=used, policy=chosen).remaining
        fewer += then < now
        none += then == 0 < now
    if not fewer:
        return gettext("No finder would have fewer claims left.")
    words = ngettext("%(n)s finder would have fewer claims left.", "%(n)s finders would have fewer claims left.", fewer)
    if none:
        words = ngettext(
            "%(n)s finder would have fewer claims left, %(none)s of them none. Claims that were accepted stand.",
            "%(n)s finders would have fewer claims left, %(none)s of them none. Claims that were accepted stand.",
            fewer,
        )
    return words % {"n": figure(fewer), "none": figure(none)}


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
