"""Reading a pair's answers, and settling it where they are enough."""

from __future__ import annotations

from datetime import datetime

from cats4ml.accounts.models import User
from cats4ml.review.models import Rating, RatingState
from cats4ml.review.queries import final_tally
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Reading, Vote, read_votes
from cats4ml.submissions.actions.moves import move_pairs
from cats4ml.submissions.actions.settlement import (
    TALLY_FIELDS,
    VERDICT_FIELDS,
    reverse_credits,
    set_tally,
    settle_pair,
)
from cats4ml.submissions.models import Pair


def reading_of(pair: Pair, policy: Policy) -> Reading:
    """What a policy makes of the pair's final answers so far."""
    answers = Rating.objects.filter(pair=pair, state=RatingState.FINAL).order_by("pk").values_list("answer", flat=True)
    votes = [Vote(Answer(answer)) for answer in answers]
    return read_votes(votes, rule=policy.rule, machine_yes=pair.machine_yes, least=pair.least_ratings)


def settle_if_ready(pair: Pair, at: datetime) -> None:
    """Settle a pair in review whose answers are enough by the policy in force; else count its answers anew.

    The caller holds the pair's lock and its transaction.
    """
    policy = pair.challenge.policy
    assert policy is not None, "pairs exist only in an edition with a policy"
    tally, ratings = final_tally(pair)
    reading = reading_of(pair, policy.value)
    if reading.verdict is None:
        set_tally(pair, tally)
        pair.save(update_fields=TALLY_FIELDS)
        return
    settle_pair(pair=pair, verdict=reading.verdict, tally=tally, policy=policy, ratings=ratings, at=at)


def resettle(pair: Pair, *, reason: str, by: User | None, at: datetime) -> None:
    """Read a settled pair again whose answers changed, by the policy that settled it: settle it anew where they are
    still enough, else reopen it. Answers that came after it would have been settled count for nothing.

    The caller holds the pair's lock and its transaction. Its credit is reversed, and given again where it still earns.
    """
    policy = pair.policy
    assert policy is not None, "a settled pair remembers its policy"
    reverse_credits(pair, reason=reason, by=by, at=at)
    pair.verdict = pair.outcome = pair.uncredited = ""
    pair.settled_at = pair.policy = None
    move_pairs([pair], PairState.IN_REVIEW, at=at, fields=VERDICT_FIELDS)
    rows = list(Rating.objects.filter(pair=pair, state=RatingState.FINAL).order_by("final_at", "pk"))
    for number in range(1, len(rows) + 1):
        votes = [Vote(Answer(row.answer)) for row in rows[:number]]
        reading = read_votes(votes, rule=policy.value.rule, machine_yes=pair.machine_yes, least=pair.least_ratings)
        if reading.verdict is not None:
            settle_pair(
                pair=pair,
                verdict=reading.verdict,
                tally=Tally.of(row.answer for row in rows[:number]),
                policy=policy,
                ratings=[row.pk for row in rows[:number]],
                at=at,
                reason=reason,
                by=by,
            )
            return
    set_tally(pair, Tally.of(row.answer for row in rows))
    pair.save(update_fields=TALLY_FIELDS)
