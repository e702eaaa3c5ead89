"""Reading a pair's answers, and settling it where they are enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from cats4ml.accounts.models import User
from cats4ml.challenges.models import PolicyVersion
from cats4ml.review.ballots import Ballot, Voters, ballots_of, known_skills, read_ballots, tally_of
from cats4ml.review.models import VerdictBasis
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Reading
from cats4ml.submissions.actions.settlement import (
    TALLY_FIELDS,
    SettlementRefused,
    send_back,
    set_tally,
    settle_anew,
    settle_pair,
)
from cats4ml.submissions.models import Pair, TallySource


def voters_of(pair: Pair, policy: Policy, at: datetime) -> Voters:
    return Voters(known_skills(pair.challenge, at), policy)


def reading_of(pair: Pair, policy: Policy, at: datetime | None = None) -> Reading:
    """What a policy makes of the pair's final answers so far: its verdict, or the fewest answers it still needs.

    `at`: what time it is, where the caller knows it: skills that were read a few seconds ago serve again.
    """
    return read_ballots(pair, ballots_of(pair), policy=policy, voters=voters_of(pair, policy, at or timezone.now()))


def settle_if_ready(pair: Pair, at: datetime) -> Reading:
    """Settle a pair in review whose answers are enough by the policy in force; else count its answers anew.

    The caller holds the pair's lock and its transaction.
    """
    policy = pair.challenge.policy
    assert policy is not None, "pairs exist only in an edition with a policy"
    return settle_as_read(pair, ballots_of(pair), policy=policy, voters=voters_of(pair, policy.value, at), at=at)


def settle_as_read(
    pair: Pair, ballots: Sequence[Ballot], *, policy: PolicyVersion, voters: Voters, at: datetime
) -> Reading:
    """`settle_if_ready` where the answers, the policy and the skills are at hand."""
    reading = read_ballots(pair, ballots, policy=policy.value, voters=voters)
    if reading.verdict is None:
        set_tally(pair, tally_of(ballots))
        pair.save(update_fields=TALLY_FIELDS)
        return reading
    used = ballots[: reading.ratings]
    settle_pair(
        pair=pair, verdict=reading.verdict, tally=tally_of(used), policy=policy, ratings=rating_ids(used), at=at
    )
    basis_of(pair, used, policy=policy, voters=voters, reading=reading, at=at).save()
    return reading


def resettle(pair: Pair, *, reason: str, by: User | None, at: datetime) -> None:
    """Read a settled pair again, because the answers that count have changed.

    It is read by the policy that settled it. Where its answers are still enough it settles again: its credit is
    reversed, and given where it earns, by entries with this reason. Where they are not it goes back to review. A pair
    whose verdict rests on the same answers as before stays as it is, and so does one that an expert decided or that
    was imported; a pair in review is counted anew. Twice is once.

    The caller holds the pair's lock and its transaction. Raises `SettlementRefused` in a final edition.
    """
    if pair.challenge.is_final:
        raise SettlementRefused(_("This challenge is final: its board stands."))
    if pair.state == PairState.IN_REVIEW:
        settle_if_ready(pair, at)
    if pair.state != PairState.SETTLED or pair.adjudicated_reason or pair.tally_source == TallySource.IMPORTED:
        return
    policy = pair.policy
    assert policy is not None, "a settled pair remembers its policy"
    ballots, voters = ballots_of(pair), voters_of(pair, policy.value, at)
    last = VerdictBasis.objects.filter(pair=pair).select_related("policy").order_by("-pk").first()
    if last is not None and last.policy.value.rule == policy.value.rule and _rests_on(last, ballots):
        return
    reading = read_ballots(pair, ballots, policy=policy.value, voters=voters)
    if reading.verdict is None:
        send_back(pair=pair, tally=tally_of(ballots), least_ratings=pair.least_ratings, reason=reason, by=by, at=at)
        return
    settle_by(pair, reading, ballots, policy=policy, voters=voters, reason=reason, by=by, at=at).save()


def _rests_on(basis: VerdictBasis, ballots: Sequence[Ballot]) -> bool:
    """Whether the verdict was read from the first of these answers, as they still stand."""
    return rating_ids(ballots)[: len(basis.votes)] == [vote["rating"] for vote in basis.votes]


def settle_by(
    pair: Pair,
    reading: Reading,
    ballots: Sequence[Ballot],
    *,
    policy: PolicyVersion,
    voters: Voters,
    reason: str,
    by: User | None,
    at: datetime,
) -> VerdictBasis:
    """Settle a settled pair anew as it was read. Returns what the verdict rests on, to be saved by the caller."""
    assert reading.verdict is not None, "only a reading with a verdict settles"
    used = ballots[: reading.ratings]
    settle_anew(
        pair=pair,
        verdict=reading.verdict,
        tally=tally_of(used),
        policy=policy,
        ratings=rating_ids(used),
        reason=reason,
        by=by,
        at=at,
    )
    return basis_of(pair, used, policy=policy, voters=voters, reading=reading, at=at)


def rating_ids(ballots: Sequence[Ballot]) -> list[int]:
    return [ballot.rating for ballot in ballots]


def basis_of(
    pair: Pair, used: Sequence[Ballot], *, policy: PolicyVersion, voters: Voters, reading: Reading, at: datetime
) -> VerdictBasis:
    """What a verdict is read from, not yet saved: each answer that counted, and what it was worth."""
    votes = []
    for ballot in used:
        skill = voters.of(ballot.rater)
        shares = {"if_yes": list(skill.if_yes), "if_no": list(skill.if_no)}
        votes.append({"rating": ballot.rating, "answer": ballot.answer.value, **shares})
    return VerdictBasis(
        pair=pair,
        policy=policy,
        votes=votes,
        prior_yes=voters.base_rate,
        posterior=reading.posterior,
        created_at=at,
    )
