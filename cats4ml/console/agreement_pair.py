"""One pair as its organisers see it: each answer, what they make together by each rule, and all that became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cats4ml.challenges.models import ActKind, OrganiserAct
from cats4ml.console.rule_forms import RULES
from cats4ml.review.models import PictureReport, Rating, RatingState, VerdictBasis
from cats4ml.review.skills import EditionSkills, skills_of
from cats4ml.rules.agreement import entropy
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import (
    QUORUM_RULES,
    DontKnow,
    Outcome,
    Reading,
    Rule,
    Verdict,
    VerdictRule,
    Vote,
    is_enough,
    outcome_of,
)
from cats4ml.submissions.models import Credit, CreditKind, Dispute, DisputeState, Pair, Submission, TallySource
from cats4ml.ui.navigation import url_or_empty
from cats4ml.ui.words import OUTCOMES, decimal, figure, inside

RULE_NAMES = dict(RULES)
_CREDITS = {
    CreditKind.GIVEN: gettext_lazy("Credited"),
    CreditKind.REVERSED: gettext_lazy("Credit taken back"),
    CreditKind.INHERITED: gettext_lazy("Credit passed on"),
}


_ACTS = {ActKind.WITHDRAWN: gettext_lazy("Taken out by %(who)s"), ActKind.RESTORED: gettext_lazy("Put back by %(who)s")}


@dataclass(frozen=True)
class Given:
    """One answer. `href` leads to its rater, '' where there is no such page; `counts`: it is final."""

    name: str
    href: str
    answer: Answer
    seconds: float
    device: str
    at: datetime
    state: str
    counts: bool


@dataclass(frozen=True)
class RuleReading:
    """What one rule makes of the answers in the order in which they were given. `used`: the answers after which it
    would have stopped, or all there are. `asks`: how many more it would ask for at least."""

    rule: str
    in_force: bool
    verdict: Verdict | None
    outcome: Outcome | None
    used: int
    posterior: float
    asks: int


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    detail: str = ""


@dataclass(frozen=True)
class PairFacts:
    tally: Tally
    entropy: float
    given: tuple[Given, ...]
    basis: VerdictBasis | None
    readings: tuple[RuleReading, ...]
    events: tuple[Event, ...]


def facts_of(pair: Pair) -> PairFacts:
    """`pair` comes with its challenge and the policy in force."""
    ratings = list(
        Rating.objects.filter(pair=pair).select_related("rater__user", "rater__team").order_by("created_at", "pk")
    )
    bases = list(VerdictBasis.objects.filter(pair=pair).select_related("policy").order_by("pk"))
    final = [rating for rating in ratings if rating.state == RatingState.FINAL]
    imported = pair.tally_source == TallySource.IMPORTED
    tally = pair.tally if imported else Tally.of(rating.answer for rating in final)
    basis = bases[-1] if bases else None
    return PairFacts(
        tally=tally,
        entropy=entropy(tally),
        given=tuple(_given(rating, pair.challenge.slug) for rating in ratings),
        basis=basis,
        readings=() if imported or not final else tuple(readings(pair, final, basis)),
        events=tuple(sorted([*_events(pair, bases)], key=lambda event: event.at)),
    )


def _given(rating: Rating, slug: str) -> Given:
    return Given(
        name=rating.rater.public_name,
        href=url_or_empty("console:rater", slug, rating.rater_id),
        answer=Answer(rating.answer),
        seconds=rating.seconds,
        device=rating.get_device_display(),
        at=rating.created_at,
        state=rating.get_state_display(),
        counts=rating.state == RatingState.FINAL,
    )


def votes_of(final: Sequence[Rating], basis: VerdictBasis | None, skills: EditionSkills) -> list[Vote]:
    """The answers with what each was worth when the pair was last settled; one that came later has its rater's skill of
    today."""
    worth: Mapping[int, Skill] = {} if basis is None else {one["rating"]: _skill(one) for one in basis.votes}
    return [Vote(Answer(rating.answer), worth.get(rating.pk, skills.of[rating.rater_id])) for rating in final]


def _skill(vote: Mapping[str, Sequence[float]]) -> Skill:
    return Skill(if_yes=Odds(*vote["if_yes"]), if_no=Odds(*vote["if_no"]))


def readings(pair: Pair, final: Sequence[Rating], basis: VerdictBasis | None) -> Iterator[RuleReading]:
    """What each of the rules says, with the parameters of the policy in force."""
    policy = pair.challenge.rules
    skills = skills_of(pair.challenge, raters=[rating.rater_id for rating in final])
    votes = votes_of(final, basis, skills)
    prior = basis.prior_yes if basis else skills.base_rate
    for kind in VerdictRule:
        rule = rule_as(policy, kind)
        found = read_in_order(
            votes, rule=rule, prior_yes=prior, machine_yes=bool(pair.machine_yes), least=pair.least_ratings
        )
        used = found.ratings
        yield RuleReading(
            rule=str(RULE_NAMES[kind.value]),
            in_force=kind == policy.verdict_rule,
            verdict=found.verdict,
            outcome=_outcome(found, votes[:used], rule=rule, pair=pair),
            used=used,
            posterior=found.posterior,
            asks=found.missing,
        )


def rule_as(policy: Policy, kind: VerdictRule) -> Rule:
    """The policy's rule with another kind: what a don't know is stays where that kind can read it so."""
    rule = policy.rule
    unreadable = (rule.dont_know is DontKnow.EVIDENCE and kind is not VerdictRule.WEIGHTED) or (
        rule.dont_know is DontKnow.REPLACED and kind not in QUORUM_RULES
    )
    return replace(rule, kind=kind, dont_know=DontKnow.ANSWER if unreadable else rule.dont_know)


def _outcome(reading: Reading, votes: Sequence[Vote], *, rule: Rule, pair: Pair) -> Outcome | None:
    if reading.verdict is None or pair.machine_yes is None:
        return None
    tally = Tally.of(vote.answer for vote in votes)
    enough = reading.verdict is Verdict.UNDECIDED or is_enough(tally, verdict=reading.verdict, rule=rule)
    return outcome_of(machine_yes=pair.machine_yes, verdict=reading.verdict, enough=enough)


def _events(pair: Pair, bases: Sequence[VerdictBasis]) -> Iterator[Event]:
    """Everything that happened to the pair, in no order."""
    for claim in Submission.objects.filter(pair=pair).select_related("participation__user", "participation__team"):
        yield Event(
            claim.created_at,
            _("Claimed by %(public_name)s") % {"public_name": claim.participation.public_name},
            claim.rationale,
        )
        if claim.retracted_at is not None:
            yield Event(
                claim.retracted_at,
                _("Claim taken back by %(public_name)s") % {"public_name": claim.participation.public_name},
            )
    if pair.scored_at is not None and pair.machine_mean is not None:
        voices = ngettext("%(n)s classifier", "%(n)s classifiers", pair.machine_voices or 0) % {
            "n": figure(pair.machine_voices or 0)
        }
        yield Event(
            pair.scored_at,
            _("Scored by %(voices)s") % {"voices": voices},
            _("The mean is %(machine_mean)s.") % {"machine_mean": decimal(pair.machine_mean, 2)},
        )
    for basis in bases:
        answers = ngettext("%(n)s answer", "%(n)s answers", len(basis.votes)) % {"n": figure(len(basis.votes))}
        what = _("Verdict read from %(answers)s by policy %(version)s") % {
            "answers": answers,
            "version": basis.policy.version,
        }
        yield Event(
            basis.created_at,
            what,
            _("Yes is true with probability %(posterior)s.") % {"posterior": decimal(basis.posterior, 2)},
        )
    if pair.settled_at is not None:
        expert = (
            _("An expert decided: %(adjudicated_reason)s") % {"adjudicated_reason": pair.adjudicated_reason}
            if pair.adjudicated_reason
            else ""
        )
        yield Event(pair.settled_at, _("Settled: %(label)s") % {"label": inside(OUTCOMES[pair.outcome].word)}, expert)
    if pair.reopened_reason and pair.settled_at is None:
        yield Event(pair.state_changed_at, _("Opened again"), pair.reopened_reason)
    acts = OrganiserAct.objects.filter(challenge=pair.challenge_id, kind__in=_ACTS, details__pair=pair.pk)
    for act in acts.select_related("by"):
        yield Event(
            act.created_at,
            _ACTS[ActKind(act.kind)] % {"who": act.by.public_name if act.by else _("a command")},
            act.reason,
        )
    yield from _credits(pair)
    yield from _words(pair)


def _credits(pair: Pair) -> Iterator[Event]:
    entries = Credit.objects.filter(pair=pair).select_related("participation__user", "participation__team", "by")
    for entry in entries:
        points = ngettext("%(n)s point", "%(n)s points", abs(entry.points)) % {"n": figure(abs(entry.points))}
        by = " " + _("By %(who)s.") % {"who": entry.by.public_name} if entry.by else ""
        what = f"{_CREDITS[CreditKind(entry.kind)]}: {points}, {entry.participation.public_name}"
        yield Event(entry.created_at, what, f"{entry.reason}{by}".strip())


def _words(pair: Pair) -> Iterator[Event]:
    """What people said of it: disputes, and reports of its picture."""
    disputes = Dispute.objects.filter(submission__pair=pair).select_related("decided_by")
    for dispute in disputes:
        yield Event(dispute.created_at, _("Disputed by its finder"), dispute.reason)
        if dispute.decided_at is not None:
            yield Event(
                dispute.decided_at,
                _("Dispute decided: %(label)s") % {"label": inside(DisputeState(dispute.state).label)},
                dispute.answer,
            )
    for report in PictureReport.objects.filter(pair=pair):
        yield Event(
            report.created_at,
            _("Picture reported: %(kind)s") % {"kind": inside(report.get_kind_display())},
            report.note,
        )
