"""Verdict, outcome, credit; and what undoes them, always by further entries of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from cats4ml.accounts.models import NoticeKind, User
from cats4ml.accounts.notices import notify
from cats4ml.challenges.acts import record_act
from cats4ml.challenges.models import ActKind, OrganiserAct, Participation, PolicyVersion
from cats4ml.rules.answers import Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.verdicts import Outcome, Verdict, is_adverse
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.awarding import (
    award_again,
    ending_now,
    free_near_copies,
    lock_with_near_copies,
    pass_on,
)
from cats4ml.submissions.actions.ledger import (
    counted_ratings,
    final_answers,
    first_valid_of,
    give_credit,
    live_credits,
    reverse_credits,
    take_back,
)
from cats4ml.submissions.actions.moves import lock_pair, move_pairs
from cats4ml.submissions.models import CreditKind, Pair, Submission, TallySource
from cats4ml.submissions.queries import valid_claims

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
    ending = ending_now(pair, verdict, policy)
    pair.machine_yes = ending.machine_yes
    pair.verdict, pair.outcome = verdict.value, ending.outcome.value
    pair.uncredited = ending.uncredited or ""
    pair.policy, pair.settled_at = policy, at
    move_pairs([pair], PairState.SETTLED, at=at, fields=[*TALLY_FIELDS, *VERDICT_FIELDS])
    if ending.points:
        give_credit(pair, kind=CreditKind.GIVEN, ratings=ratings, at=at, reason=reason, by=by)
    dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)
    return ending.outcome


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
    unsettle(pair)
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
    unsettle(pair)
    set_tally(pair, tally)
    pair.least_ratings, pair.reopened_reason, pair.adjudicated_reason = least_ratings, reason, ""
    fields = [*VERDICT_FIELDS, *TALLY_FIELDS, "least_ratings", *REASON_FIELDS]
    move_pairs([pair], PairState.IN_REVIEW, at=at, fields=fields)
    dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)


def unsettle(pair: Pair) -> None:
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
        raise SettlementRefused(_("Say why: a pair is reopened only with a reason."))
    if more_ratings < 1:
        raise SettlementRefused(_("Ask for at least one more rating: nothing else would settle the pair again."))
    with transaction.atomic():
        pair = lock_pair(pair_id)
        if pair.tally_source == TallySource.IMPORTED:
            raise SettlementRefused(_("This tally was imported without single ratings, so that it can’t be reopened."))
        if pair.state != PairState.SETTLED:
            raise SettlementRefused(_("Only a settled pair can be reopened."))
        if pair.challenge.is_final:
            end_as_ambiguous(pair, reason)
            return pair
        # All that were given, though a rule that stopped early may have counted fewer.
        given = Tally.of(final_answers(pair))
        least = given.total + more_ratings
        send_back(pair=pair, tally=given, least_ratings=least, reason=reason, by=by, at=at)
    return pair


def end_as_ambiguous(pair: Pair, reason: str) -> None:
    """Correct a pair of a final edition: it is ambiguous with this reason, and the final board stands. The caller holds
    the pair's lock."""
    pair.reopened_reason, pair.adjudicated_reason = reason, ""
    pair.verdict, pair.outcome, pair.uncredited = Verdict.UNDECIDED.value, Outcome.AMBIGUOUS.value, ""
    pair.save(update_fields=["verdict", "outcome", "uncredited", *REASON_FIELDS])


def disqualify_participant(*, participation: Participation, reason: str, by: User, at: datetime) -> int:
    """Exclude a participant; each credit of theirs is reversed and inherited by the earliest valid claim after it.

    Where nobody else claimed the pair, the pair of a near-copy that came after it inherits (`free_near_copies`).
    Their queued pairs that nobody else claims are withdrawn; pairs that raters have seen go on. Twice is once.
    Returns how many credits were taken back. Raises `SettlementRefused` without a reason or in a final edition.
    """
    if not reason.strip():
        raise SettlementRefused(_("Say why: a participant is disqualified only with a reason."))
    if participation.challenge.is_final:
        raise SettlementRefused(_("This edition is final: its board stands."))
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
        take_back(mine, reason=reason, by=by, at=at)
        pass_on(by_pk, mine, by=by, at=at)
        own = [by_pk[pk] for pk in claimed.order_by("pk").values_list("pk", flat=True)]
        queued = [pair for pair in own if pair.state == PairState.QUEUED]
        still = first_valid_of(queued)
        idle = [pair for pair in queued if pair.pk not in still]
        move_pairs(idle, PairState.WITHDRAWN, at=at)
        free_near_copies(pairs=own, at=at, by=by)
        act = record_act(
            challenge=locked.challenge,
            kind=ActKind.DISQUALIFIED,
            summary=f"Disqualified {participation.user.public_name}"[:300],
            details={"participation": locked.pk, "credits": len(mine), "withdrawn": [pair.pk for pair in idle]},
            reason=reason.strip(),
            by=by,
            at=at,
        )
        _tell(locked, "disqualified", act, at)
        dispatch.after_commit(dispatch.ring_board, locked.challenge_id, locked.challenge.queue)
    return len(mine)


def reinstate_participant(*, participation: Participation, reason: str, by: User, at: datetime) -> int:
    """Take a disqualification back: the participant's claims count again, each at its place in the order of claims.

    What their pairs earn goes back to them by entries of the ledger, from whoever had inherited it and from near-copies
    that come after theirs again. Pairs that were withdrawn because nobody else claimed them are queued again. Twice is
    once. Returns how many credits they hold now. Raises `SettlementRefused` without a reason or in a final edition.
    """
    if not reason.strip():
        raise SettlementRefused(_("Say why: a disqualification is taken back only with a reason."))
    if participation.challenge.is_final:
        raise SettlementRefused(_("This edition is final: its board stands."))
    with transaction.atomic():
        rows = Participation.objects.select_for_update(of=("self",), no_key=True)
        locked = rows.select_related("challenge", "user").get(pk=participation.pk)
        mine = live_credits().filter(participation=locked)
        if locked.disqualified_at is None:
            return mine.count()
        locked.disqualified_at, locked.disqualified_reason = None, ""
        locked.save(update_fields=["disqualified_at", "disqualified_reason"])
        claimed = Pair.objects.filter(submissions__participation=locked, submissions__retracted_at=None)
        pairs = lock_with_near_copies(claimed)
        own = set(claimed.values_list("pk", flat=True))
        queue_again([pair for pair in pairs if pair.pk in own and pair.state == PairState.WITHDRAWN], at=at)
        words = f"A disqualification was taken back: {reason.strip()}"
        award_again(pairs=pairs, reason=words, by=by, at=at)
        held = mine.count()
        act = record_act(
            challenge=locked.challenge,
            kind=ActKind.REINSTATED,
            summary=f"Took back the disqualification of {locked.user.public_name}"[:300],
            details={"participation": locked.pk, "credits": held},
            reason=reason.strip(),
            by=by,
            at=at,
        )
        _tell(locked, "reinstated", act, at)
        dispatch.after_commit(dispatch.ring_board, locked.challenge_id, locked.challenge.queue)
    return held


def _tell(participation: Participation, what: str, act: OrganiserAct, at: datetime) -> None:
    challenge = participation.challenge
    notify(
        users=[participation.user],
        kind=NoticeKind.STANDING,
        what=what,
        key=f"act-{act.pk}",
        at=at,
        url=reverse("pages:challenge", args=[challenge.slug]),
        values={"edition": challenge.title, "reason": act.reason},
    )


def queue_again(pairs: Sequence[Pair], *, at: datetime) -> list[Pair]:
    """Queue those of these withdrawn pairs that have a valid claim and that no organiser took out. Their scores are
    asked for once that is committed. The caller holds their locks. Returns them."""
    claims = Submission.objects.filter(valid_claims(), pair__in=[pair.pk for pair in pairs])
    claimed = set(claims.values_list("pair_id", flat=True))
    back = [pair for pair in pairs if pair.pk in claimed and not pair.withdrawn_reason]
    for pair in back:
        pair.score_requested_at, pair.score_requests = at, 1
    move_pairs(back, PairState.QUEUED, at=at, fields=["score_requested_at", "score_requests"])
    if back:
        images = {pair.image_id for pair in back}
        dispatch.after_commit(dispatch.request_scores, back[0].challenge, images)
    return back


def show_as_examples(*, pairs: QuerySet[Pair]) -> int:
    """Show the settled, adverse ones of these pairs with their outcome on the challenge page. Twice is once.

    Returns how many are shown.
    """
    adverse = [outcome.value for outcome in Outcome if is_adverse(outcome)]
    return pairs.filter(state=PairState.SETTLED, outcome__in=adverse).update(is_example=True)
