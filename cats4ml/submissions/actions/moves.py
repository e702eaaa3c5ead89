"""The one writer of a pair's state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cats4ml.challenges.ending import keep_from_ending
from cats4ml.challenges.models import Challenge
from cats4ml.rules.lifecycle import PairState, check_move
from cats4ml.submissions.models import Pair


def lock_pair(pk: int) -> Pair:
    """The pair, locked until the transaction ends. `no_key` lets rows that point to it be written meanwhile.

    Its edition and policy come with it, not locked: what settles a pair looks at both.
    """
    for pair in lock_pairs([pk]):
        return pair
    raise Pair.DoesNotExist(f"there is no pair {pk}")


def lock_pairs(ids: Iterable[int]) -> list[Pair]:
    """These pairs, locked in one go and in the order of their ids, with their editions and the policies of these.

    What belongs to them is read once they are locked. In one statement with the lock it would be as it stood when the
    waiting for the lock began: whoever waited for another policy to be put in force would settle by the former one.
    Until the transaction ends none of these editions becomes final (`challenges.ending`).
    """
    pairs = list(Pair.objects.select_for_update(no_key=True).filter(pk__in=set(ids)).order_by("pk"))
    keep_from_ending({pair.challenge_id for pair in pairs})
    editions = Challenge.objects.select_related("policy").in_bulk({pair.challenge_id for pair in pairs})
    for pair in pairs:
        pair.challenge = editions[pair.challenge_id]
    return pairs


def move_pairs(pairs: Sequence[Pair], to: PairState, *, at: datetime, fields: Sequence[str] = ()) -> None:
    """Move pairs to a state and save these other fields of theirs with it.

    The caller holds the locks of the rows and read them under these locks; that is what makes the comparison with
    the table hold. Raises `IllegalMove` for a move that the table does not have, and then moves none.
    """
    for pair in pairs:
        check_move(pair.state, to)
    for pair in pairs:
        pair.state = to.value
        pair.state_changed_at = at
    if not fields:  # all alike: one statement, however many there are
        Pair.objects.filter(pk__in=[pair.pk for pair in pairs]).update(state=to.value, state_changed_at=at)
        return
    if len(pairs) == 1:  # as every answer that settles one: a plain UPDATE is composed ten times as fast
        pairs[0].save(update_fields=["state", "state_changed_at", *fields])
        return
    Pair.objects.bulk_update(pairs, ["state", "state_changed_at", *fields], batch_size=500)
