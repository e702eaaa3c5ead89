"""Verdict, outcome, credit; and what undoes them, always by further entries of the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from cats4ml.accounts.models import User
from cats4ml.challenges.models import Participation, PolicyVersion, PoolImage
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome, Verdict, is_adverse
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.ledger import (
    counted_ratings,
    final_answers,
    first_valid,
    give_credit,
    live_credits,
    reverse_credit,
    reverse_credits,
)
from cats4ml.submissions.actions.moves import lock_pair, move_pairs
from cats4ml.submissions.endings import Ending, counted_tally, ending_of
from cats4ml.submissions.models import Credit, CreditKind, Pair, TallySource, Uncredited
from cats4ml.submissions.near_copies import earlier_near_copy, freed_near_copies

VERDICT_FIELDS = ("verdict", "outcome", "uncredited", "policy", "settled_at", "machine_yes")
TALLY_FIELDS = ("yes_ratings", "no_ratings", "dont_know_ratings")
REASON_FIELDS = ("reopened_reason", "adjudicated_reason")


class SettlementRefused(Exception):
    """Why a pair can't be reopened or corrected, in a sentence."""


def settle_pair(
    *,
    pair: Pair,
    verdict: Verdict,
    tally: Tally,
    policy: PolicyVersion,
    ratings: Sequence[int],
    at: datetime,
    reason: str = "",
    by: User | None = None,
) -> Outcome:
    """Settle a pair in review: verdict beside machine score gives the outcome, an adverse one is credited.

    The caller holds the pair's lock and its transaction. The credit goes to the first valid claim; an adverse pair
    that earns nothing keeps its outcome, and why (`Pair.uncredited`). `reason` and `by` go into the ledger.
    Raises `IllegalMove` unless the pair is in review.
    """
    set_tally(pair, tally)
    ending = _ending(pair, verdict, policy)
    pair.machine_yes = ending.machine_yes
    pair.verdict, pair.outcome = verdict.value, ending.outcome.value
    pair.uncredited = ending.uncredited or ""
    pair.policy, pair.settled_at = policy, at
    move_pairs([pair], PairState.SETTLED, at=at, fields=[*TALLY_FIELDS, *VERDICT_FIELDS])
    if ending.points:
        give_credit(pair, kind=CreditKind.GIVEN, ratings=ratings, at=at, reason=reason, by=by)
    dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)
    return ending.outcome


def _ending(pair: Pair, verdict: Verdict, policy: PolicyVersion) -> Ending:
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
    return ending(near_copy=earlier_near_copy(pair) is not None) if alone.points else alone


def settle_again(
    *,
    pair: Pair,
    reason: str,
    by: User | None,
    at: datetime,
    fields: Sequence[str],
    verdict: Verdict | None = None,
) -> Outcome:
    """Settle a settled pair once more, with the same tally and policy, because its machine score changed or an expert
    gave another `verdict`.

    `pair` holds what is new, `fields` are those of its fields that changed. The caller holds the pair's lock. Its
    credit is reversed, and given again where it still earns, by entries with this reason.
    """
    verdict, policy = verdict or Verdict(pair.verdict), pair.policy
    assert policy is not None, "a settled pair remembers its policy"
    return settle_anew(
        pair=pair,
        verdict=verdict,
        tally=pair.tally,
        policy=policy,
        ratings=counted_ratings(pair),
        reason=reason,
        by=by,
        at=at,
        fields=fields,
    )


def settle_anew(
    *,
    pair: Pair,
    verdict: Verdict,
    tally: Tally,
    policy: PolicyVersion,
    ratings: Sequence[int],
    reason: str,
    by: User | None,
    at: datetime,
    fields: Sequence[str] = (),
) -> Outcome:
    """Settle a settled pair once more with another verdict, other answers or another policy.

    The caller holds the pair's lock; `fields` are other fields of `pair` that changed and are saved too. Its credit is
    reversed, and given where it earns now, by entries with this reason.
    """
    machine_yes = pair.machine_yes
    reverse_credits(pair, reason=reason, by=by, at=at)
    _unsettle(pair)
    pair.machine_yes = machine_yes
    move_pairs([pair], PairState.IN_REVIEW, at=at, fields=sorted({*VERDICT_FIELDS, *fields}))
    return settle_pair(
        pair=pair, verdict=verdict, tally=tally, policy=policy, ratings=ratings, at=at, reason=reason, by=by
    )


def send_back(*, pair: Pair, tally: Tally, least_ratings: int, reason: str, by: User | None, at: datetime) -> None:
    """Send a settled pair back to review; its credit is reversed by an entry. The caller holds the pair's lock.

    `tally`: its answers that count. It is not settled again with fewer than `least_ratings`.
    """
    reverse_credits(pair, reason=reason, by=by, at=at)
    _unsettle(pair)
    set_tally(pair, tally)
    pair.least_ratings, pair.reopened_reason, pair.adjudicated_reason = least_ratings, reason, ""
    fields = [*VERDICT_FIELDS, *TALLY_FIELDS, "least_ratings", *REASON_FIELDS]
    move_pairs([pair], PairState.IN_REVIEW, at=at, fields=fields)
    dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)


def _unsettle(pair: Pair) -> None:
    pair.verdict = pair.outcome = pair.uncredited = ""
    pair.settled_at = pair.policy = None


def set_tally(pair: Pair, tally: Tally) -> None:
    pair.yes_ratings, pair.no_ratings, pair.dont_know_ratings = tally.yes, tally.no, tally.dont_know


def reopen_pair(*, pair_id: int, reason: str, by: User, at: datetime, more_ratings: int = 2) -> Pair:
    """Send a settled pair back to review for this many more ratings; its credit is reversed by an entry.

    In an edition that is final nothing is reopened: the pair becomes ambiguous with the reason, and the final board
    stands. Raises `SettlementRefused` without a reason, without a further rating to wait for, or for an imported
    tally, which has no ratings to add to. An expert's decision falls away with it.
    """
    if not reason.strip():
        raise SettlementRefused("Say why: a pair is reopened only with a reason.")
    if more_ratings < 1:
        raise SettlementRefused("Ask for at least one more rating: nothing else would settle the pair again.")
    with transaction.atomic():
        pair = lock_pair(pair_id)
        if pair.tally_source == TallySource.IMPORTED:
            raise SettlementRefused("This tally was imported without single ratings, so that it can’t be reopened.")
        if pair.state != PairState.SETTLED:
            raise SettlementRefused("Only a settled pair can be reopened.")
        pair.reopened_reason, pair.adjudicated_reason = reason, ""
        if pair.challenge.is_final:
            pair.verdict, pair.outcome, pair.uncredited = Verdict.UNDECIDED.value, Outcome.AMBIGUOUS.value, ""
            pair.save(update_fields=["verdict", "outcome", "uncredited", *REASON_FIELDS])
            return pair
        # All that were given, though a rule that stopped early may have counted fewer.
        given = Tally.of(final_answers(pair))
        least = given.total + more_ratings
        send_back(pair=pair, tally=given, least_ratings=least, reason=reason, by=by, at=at)
    return pair


def disqualify_participant(*, participation: Participation, reason: str, by: User, at: datetime) -> int:
    """Exclude a participant; each credit of theirs is reversed and inherited by the earliest valid claim after it.

    Where nobody else claimed the pair, the pair of a near-copy that came after it inherits (`free_near_copies`).
    Their queued pairs that nobody else claims are withdrawn; pairs that raters have seen go on. Twice is once.
    Returns how many credits were taken back. Raises `SettlementRefused` without a reason or in a final edition.
    """
    if not reason.strip():
        raise SettlementRefused("Say why: a participant is disqualified only with a reason.")
    if participation.challenge.is_final:
        raise SettlementRefused("This edition is final: its board stands.")
    with transaction.atomic():
        locked = Participation.objects.select_for_update(of=("self",), no_key=True).get(pk=participation.pk)
        if locked.disqualified_at is not None:
            return 0
        locked.disqualified_at, locked.disqualified_reason = at, reason
        locked.save(update_fields=["disqualified_at", "disqualified_reason"])
        claimed = Pair.objects.filter(submissions__participation=locked, submissions__retracted_at=None)
        pairs = lock_with_near_copies(claimed)
        mine = list(live_credits().filter(participation=locked).order_by("pk"))
        by_pk = {pair.pk: pair for pair in pairs}
        for credit in mine:
            reverse_credit(credit, reason=reason, by=by, at=at)
            _pass_on(by_pk[credit.pair_id], credit, by=by, at=at)
        own = [by_pk[pk] for pk in claimed.order_by("pk").values_list("pk", flat=True)]
        idle = [pair for pair in own if pair.state == PairState.QUEUED and first_valid(pair) is None]
        move_pairs(idle, PairState.WITHDRAWN, at=at)
        free_near_copies(pairs=own, at=at, by=by)
        dispatch.after_commit(dispatch.ring_board, locked.challenge_id, locked.challenge.queue)
    return len(mine)


def _pass_on(pair: Pair, credit: Credit, *, by: User, at: datetime) -> None:
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
    rows = Pair.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ids)
    return list(rows.select_related("policy").order_by("pk"))


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


def show_as_examples(*, pairs: QuerySet[Pair]) -> int:
    """Show the settled, adverse ones of these pairs with their outcome on the challenge page. Twice is once.

    Returns how many are shown.
    """
    adverse = [outcome.value for outcome in Outcome if is_adverse(outcome)]
    return pairs.filter(state=PairState.SETTLED, outcome__in=adverse).update(is_example=True)
