"""What undoing a decision about the policy makes of the pairs that it touched: each goes back to the one that it had.

A verdict that was read before is read from what it rested on then, so that what raters are known to be worth by now
moves nothing; only where an answer counts no more that counted then is the pair read anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from cats4ml.challenges.models import Challenge, PolicyDecision, PolicyVersion
from cats4ml.review.ballots import Ballot, tally_of
from cats4ml.review.models import RepolicedPair, VerdictBasis
from cats4ml.review.policy_previews import Preview, PreviewInTheMaking
from cats4ml.review.policy_readings import EditionFacts, Found, RatedPair, Reader, Under, pair_under, pairs_and_ballots
from cats4ml.review.skills import skills_of
from cats4ml.rules.answers import Answer
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import Verdict, Vote

BLOCK = 1_000


class Undone(NamedTuple):
    """A pair that the undoing looks at. `version`: the policy that it goes back to. `basis`: what its verdict rested on
    under that policy, where it still does. `goes_back`: it was in review, and is again where its answers are too few.
    `anew`: its verdict is not the one that stands."""

    pair: RatedPair
    ballots: Sequence[Ballot]
    under: Under
    version: PolicyVersion
    reader: Reader
    basis: VerdictBasis | None
    goes_back: bool
    anew: bool


class _Before(NamedTuple):
    policy: int | None
    basis: int | None


def verdict_in(basis: VerdictBasis) -> Verdict:
    """The verdict that was read from these answers, by what each was worth then."""
    votes = [Vote(Answer(one["answer"]), Skill(Odds(*one["if_yes"]), Odds(*one["if_no"]))) for one in basis.votes]
    rule = basis.policy.value.rule
    verdict = read_in_order(votes, rule=rule, prior_yes=basis.prior_yes, least=len(votes)).verdict
    assert verdict is not None, "whatever was settled has a verdict"
    return verdict


def undone_readings(challenge: Challenge, decision: PolicyDecision, facts: EditionFacts) -> Iterator[Undone]:
    """Every pair in review, and every settled one that the decision touched and that still has its policy."""
    former = decision.former
    assert former is not None, "whoever asks has looked"
    versions = PolicyVersion.objects.filter(challenge=challenge).in_bulk()
    skills = skills_of(challenge)
    readers: dict[int, Reader] = {}
    rows = RepolicedPair.objects.filter(decision=decision).values_list("pair", "former_policy", "former_basis")
    before = {pair: _Before(policy, basis) for pair, policy, basis in rows.iterator()}
    found = _concerned(pairs_and_ballots(challenge), before, decision)
    while block := list(islice(found, BLOCK)):
        bases = VerdictBasis.objects.select_related("policy").in_bulk(
            [before[pair.pk].basis for pair, _ in block if pair.pk in before and before[pair.pk].basis]
        )
        for pair, ballots in block:
            was = before.get(pair.pk, _Before(None, None))
            version = versions[was.policy or former.pk]
            reader = readers.setdefault(version.pk, Reader(version.value, skills))
            basis = _standing(bases.get(was.basis or 0), version, pair, ballots)
            stands = pair.state == PairState.SETTLED and facts.stands(pair, reader)
            known = None
            if basis is not None and not stands:
                known = Found(verdict_in(basis), tally_of(ballots[: len(basis.votes)]), 0)
            under = pair_under(pair, ballots, reader, facts, known=known)
            goes_back = pair.state == PairState.SETTLED and was.policy is None
            kept = basis if known is not None else None
            yield Undone(pair, ballots, under, version, reader, kept, goes_back, anew=not stands)


def _concerned(
    pairs: Iterator[tuple[RatedPair, list[Ballot]]], before: Mapping[int, _Before], decision: PolicyDecision
) -> Iterator[tuple[RatedPair, list[Ballot]]]:
    for pair, ballots in pairs:
        touched = pair.pk in before and pair.policy_id == decision.policy_id
        if pair.state == PairState.IN_REVIEW or touched:
            yield pair, ballots


def _standing(
    basis: VerdictBasis | None, version: PolicyVersion, pair: RatedPair, ballots: Sequence[Ballot]
) -> VerdictBasis | None:
    """The basis where it was read by this rule, its answers are still the first that count, and as many are enough:
    they are not where the pair was reopened for more since."""
    if basis is None or basis.policy.value.rule != version.value.rule or len(basis.votes) < pair.least_ratings:
        return None
    first = [ballot.rating for ballot in ballots[: len(basis.votes)]]
    return basis if first == [vote["rating"] for vote in basis.votes] else None


def preview_undo(*, challenge: Challenge, decision: PolicyDecision) -> Preview:
    """What `undo_policy` would do now: of the pairs that it looks at."""
    facts = EditionFacts(challenge)
    made = PreviewInTheMaking(facts, reopen=False)
    for one in undone_readings(challenge, decision, facts):
        made.add(one.under, goes_back=one.goes_back)
    return made.preview()
