"""What a settled pair earns, and whose claim earns it, where claims or near-copies come and go after it was settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet, prefetch_related_objects

from cats4ml.accounts.models import User
from cats4ml.challenges.models import PolicyVersion, PoolImage
from cats4ml.rules.credit import NoCredit
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.ledger import (
    counted_ratings_of,
    first_valid_of,
    give_credits,
    live_credits,
    take_back,
)
from cats4ml.submissions.actions.moves import lock_pairs
from cats4ml.submissions.endings import Ending, counted_tally, ending_of
from cats4ml.submissions.models import Credit, CreditKind, Pair, TallySource, Uncredited
from cats4ml.submissions.near_copies import earlier_near_copies, earlier_near_copy, freed_near_copies


def ending_now(pair: Pair, verdict: Verdict, policy: PolicyVersion) -> Ending:
    """How a pair ends by its score, its tally and the near-copies that come before it."""
    alone = _ending(pair, verdict, policy, near_copy=False)
    # Few pairs earn, and only of these it matters whether a near-copy came first.
    return _ending(pair, verdict, policy, near_copy=earlier_near_copy(pair) is not None) if alone.points else alone


def _ending(pair: Pair, verdict: Verdict, policy: PolicyVersion, *, near_copy: bool) -> Ending:
    return ending_of(
        verdict=verdict,
        mean=pair.machine_mean,
        machine_yes=bool(pair.machine_yes),
        near_copy=near_copy,
        policy=policy.value,
        tally=counted_tally(pair),
        adjudicated=bool(pair.adjudicated_reason),
    )


def _endings(pairs: Sequence[Pair]) -> dict[int, Ending]:
    """`ending_now` of each of these settled pairs, by their own verdicts and policies."""

    def of(pair: Pair, *, near_copy: bool) -> Ending:
        assert pair.policy is not None, "a settled pair remembers its policy"
        return _ending(pair, Verdict(pair.verdict), pair.policy, near_copy=near_copy)

    alone = {pair.pk: of(pair, near_copy=False) for pair in pairs}
    copies = earlier_near_copies([pair for pair in pairs if alone[pair.pk].points])
    return alone | {pair.pk: of(pair, near_copy=True) for pair in pairs if pair.pk in copies}


def award_again(*, pairs: Sequence[Pair], reason: str, by: User | None, at: datetime) -> int:
    """Make the ledger say of each settled pair what it earns now, and whose claim earns it. Twice is once.

    To be called where claims count again or a pair came back; `pairs` are all that may be concerned, near-copies too,
    and the caller holds their locks. Returns how many pairs got entries. As many statements for many as for one.
    """
    settled = [pair for pair in pairs if pair.state == PairState.SETTLED and pair.tally_source != TallySource.IMPORTED]
    firsts = first_valid_of(settled)
    standing: dict[int, list[Credit]] = defaultdict(list)
    for credit in live_credits().filter(pair__in=settled).order_by("pk"):
        standing[credit.pair_id].append(credit)
    # Where nobody claims a pair nobody could earn; what stands is nobody's.
    claimed = [pair for pair in settled if pair.pk in firsts]
    endings = _endings(claimed)
    _note_uncredited({pair: endings[pair.pk].uncredited or "" for pair in claimed})
    changed = [
        pair
        for pair in claimed
        if [credit.submission_id for credit in standing[pair.pk]]
        != ([firsts[pair.pk].pk] if endings[pair.pk].points else [])
    ]
    for words, which in (
        (NEAR_COPY_AGAIN, [pair for pair in changed if endings[pair.pk].uncredited is NoCredit.NEAR_COPY]),
        (reason, [pair for pair in changed if endings[pair.pk].uncredited is not NoCredit.NEAR_COPY]),
    ):
        take_back([credit for pair in which for credit in standing[pair.pk]], reason=words, by=by, at=at)
    earning = [pair for pair in changed if endings[pair.pk].points]
    ratings = counted_ratings_of(earning)
    give_credits(earning, kind=CreditKind.GIVEN, ratings=ratings, at=at, reason=reason, by=by)
    return len(changed)


NEAR_COPY_AGAIN = "A near-copy that was claimed before counts again."


def _note_uncredited(wanted: Mapping[Pair, str]) -> None:
    """Write down why these pairs earn nothing, or '' for those that earn, where it isn't so already."""
    changed: dict[str, list[int]] = defaultdict(list)
    for pair, why in wanted.items():
        if pair.uncredited != why:
            pair.uncredited = why
            changed[why].append(pair.pk)
    for why, ids in changed.items():
        Pair.objects.filter(pk__in=ids).update(uncredited=why)


def pass_on(pairs: Mapping[int, Pair], lost: Sequence[Credit], *, by: User, at: datetime) -> None:
    """Have the first valid claim of each pair inherit the credit of it that was taken back, unless a near-copy was
    claimed before that claim."""
    concerned = [pairs[credit.pair_id] for credit in lost]
    claimed = first_valid_of(concerned)
    copies = earlier_near_copies([pair for pair in concerned if pair.pk in claimed])
    _note_uncredited({pair: Uncredited.NEAR_COPY.value for pair in concerned if pair.pk in copies})
    give_credits(
        [pair for pair in concerned if pair.pk not in copies],
        kind=CreditKind.INHERITED,
        ratings={credit.pair_id: credit.ratings for credit in lost},
        at=at,
        reason="The earlier claimant was disqualified.",
        by=by,
    )


def lock_with_near_copies(claimed: QuerySet[Pair]) -> list[Pair]:
    """These pairs and those of their pictures' near-copies, locked in one go and in the order of their ids.

    What `claimed` holds may have changed until the locks were got: only of the pairs that are returned it is certain.
    """
    # Looked up before: asked in one question, the table of pairs would be read from end to end.
    ids: set[int] = set()
    images: dict[int, set[int]] = defaultdict(set)
    for pk, edition, image in claimed.order_by().values_list("id", "challenge_id", "image_id"):
        ids.add(pk)
        images[edition].add(image)
    for edition, own in images.items():
        pool = PoolImage.objects.filter(challenge=edition, copy_group__isnull=False)
        copies = pool.filter(copy_group__in=pool.filter(image__in=own).values("copy_group"))
        pairs = Pair.objects.filter(challenge=edition, image__in=copies.values("image"))
        ids.update(pairs.values_list("pk", flat=True))
    locked = lock_pairs(ids)
    prefetch_related_objects(locked, "policy")
    return locked


def free_near_copies(*, pairs: Sequence[Pair], at: datetime, by: User | None = None) -> int:
    """Where valid claims of these pairs fell away, credit the near-copies that nothing comes before any more.

    The caller holds the locks of the pairs and of their near-copies (`lock_with_near_copies`). Returns how many
    inherited. Twice is once.
    """
    found = freed_near_copies(pairs)
    if not found:
        return 0
    locked = [pair for pair in lock_pairs(one.pk for one in found) if pair.uncredited == Uncredited.NEAR_COPY]
    earlier = earlier_near_copies(locked)
    freed = [pair for pair in locked if pair.pk not in earlier]
    prefetch_related_objects(freed, "policy")
    _note_uncredited(dict.fromkeys(freed, ""))
    give_credits(
        freed,
        kind=CreditKind.INHERITED,
        ratings=counted_ratings_of(freed),
        at=at,
        reason="The near-copy that was claimed before counts no more.",
        by=by,
    )
    return len(freed)
