"""What a settled pair earns, and whose claim earns it, where claims or near-copies come and go after it was settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet, prefetch_related_objects

from cats4ml.accounts.models import User
from cats4ml.challenges.models import PolicyVersion, PoolImage
from cats4ml.rules.credit import NoCredit
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.ledger import (
    counted_ratings,
    first_valid,
    give_credit,
    live_credits,
    reverse_credit,
)
from cats4ml.submissions.actions.moves import lock_pair, lock_pairs
from cats4ml.submissions.endings import Ending, counted_tally, ending_of
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission, TallySource, Uncredited
from cats4ml.submissions.near_copies import earlier_near_copy, freed_near_copies
from cats4ml.submissions.queries import valid_claims


def ending_now(pair: Pair, verdict: Verdict, policy: PolicyVersion, *, may_be_copy: bool = True) -> Ending:
    """How a pair ends by its score, its tally and the near-copies that come before it. Unless it `may_be_copy`, the
    caller knows that its picture has no near-copies."""

    def ending(*, near_copy: bool) -> Ending:
        return ending_of(
            verdict=verdict,
            mean=pair.machine_mean,
            machine_yes=bool(pair.machine_yes),
            near_copy=near_copy,
            policy=policy.value,
            tally=counted_tally(pair),
            adjudicated=bool(pair.adjudicated_reason),
        )

    alone = ending(near_copy=False)
    # Few pairs earn, and only of these it matters whether a near-copy came first.
    asked = alone.points and may_be_copy
    return ending(near_copy=earlier_near_copy(pair) is not None) if asked else alone


def award_again(*, pairs: Sequence[Pair], reason: str, by: User | None, at: datetime) -> int:
    """Make the ledger say of each settled pair what it earns now, and whose claim earns it. Twice is once.

    To be called where claims count again or a pair came back; `pairs` are all that may be concerned, near-copies too,
    and the caller holds their locks. Returns how many pairs got entries. A few queries, and some for each pair that
    earns otherwise now.
    """
    settled = [pair for pair in pairs if pair.state == PairState.SETTLED and pair.tally_source != TallySource.IMPORTED]
    claims = Submission.objects.filter(valid_claims(), pair__in=settled).order_by("pair_id", "pk").distinct("pair_id")
    firsts = dict(claims.values_list("pair_id", "pk"))
    standing: dict[int, list[Credit]] = defaultdict(list)
    for credit in live_credits().filter(pair__in=settled).order_by("pk"):
        standing[credit.pair_id].append(credit)
    grouped = PoolImage.objects.filter(
        challenge__in={pair.challenge_id for pair in settled},
        image__in={pair.image_id for pair in settled},
        copy_group__isnull=False,
    )
    copies = set(grouped.values_list("challenge_id", "image_id"))
    # Where nobody claims a pair nobody could earn; what stands is nobody's.
    return sum(
        _award(
            pair,
            firsts[pair.pk],
            standing[pair.pk],
            may_be_copy=(pair.challenge_id, pair.image_id) in copies,
            reason=reason,
            by=by,
            at=at,
        )
        for pair in settled
        if pair.pk in firsts
    )


def _award(
    pair: Pair,
    first: int,
    standing: Sequence[Credit],
    *,
    may_be_copy: bool,
    reason: str,
    by: User | None,
    at: datetime,
) -> bool:
    assert pair.policy is not None, "a settled pair remembers its policy"
    ending = ending_now(pair, Verdict(pair.verdict), pair.policy, may_be_copy=may_be_copy)
    if pair.uncredited != (ending.uncredited or ""):
        pair.uncredited = ending.uncredited or ""
        pair.save(update_fields=["uncredited"])
    if [credit.submission_id for credit in standing] == ([first] if ending.points else []):
        return False
    for credit in standing:
        words = NEAR_COPY_AGAIN if ending.uncredited is NoCredit.NEAR_COPY else reason
        reverse_credit(credit, reason=words, by=by, at=at)
    if ending.points:
        ratings = counted_ratings(pair)
        give_credit(pair, kind=CreditKind.GIVEN, ratings=ratings, at=at, reason=reason, by=by)
    return True


NEAR_COPY_AGAIN = "A near-copy that was claimed before counts again."


def pass_on(pair: Pair, credit: Credit, *, by: User, at: datetime) -> None:
    """Have the first valid claim of a pair inherit a credit that was taken back, unless a near-copy was claimed before
    that claim."""
    if first_valid(pair) is not None and earlier_near_copy(pair) is not None:
        pair.uncredited = Uncredited.NEAR_COPY
        pair.save(update_fields=["uncredited"])
        return
    reason = "The earlier claimant was disqualified."
    give_credit(pair, kind=CreditKind.INHERITED, ratings=credit.ratings, at=at, reason=reason, by=by)


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
    freed = 0
    for found in freed_near_copies(pairs):
        pair = lock_pair(found.pk)
        if pair.uncredited != Uncredited.NEAR_COPY or earlier_near_copy(pair) is not None:
            continue
        pair.uncredited = ""
        pair.save(update_fields=["uncredited"])
        freed += 1
        give_credit(
            pair,
            kind=CreditKind.INHERITED,
            ratings=counted_ratings(pair),
            at=at,
            reason="The near-copy that was claimed before counts no more.",
            by=by,
        )
    return freed
