"""Claiming pairs, and taking a claim back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext

from cats4ml.catalog.hiding import hold_pictures
from cats4ml.challenges.consents import why_asked_anew
from cats4ml.challenges.models import Challenge, Participation, Role
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.split import split_of
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.awarding import free_near_copies, lock_with_near_copies
from cats4ml.submissions.actions.moves import lock_pair, move_pairs
from cats4ml.submissions.actions.scores import apply_scores
from cats4ml.submissions.bulk import insert_rows
from cats4ml.submissions.models import Pair, Submission, Upload, UploadRow, UploadState
from cats4ml.submissions.problems import Problem
from cats4ml.submissions.queries import (
    CheckedRow,
    ClaimRow,
    check_resolved,
    check_rows,
    resolve_rows,
    standing_of,
    storable,
    valid_claims,
)

NOT_SCORED = (PairState.QUEUED, PairState.UNSCORABLE)


class ClaimRefused(Exception):
    """Why no claim at all can be taken, in a sentence that says what to do."""


def check_may_claim(participation: Participation, at: datetime) -> None:
    """Raises `ClaimRefused` unless this person may claim pairs in this edition now."""
    challenge = participation.challenge
    if participation.role != Role.FINDER:
        raise ClaimRefused(gettext("You take part as a rater. Only participants claim pairs."))
    if participation.disqualified_at is not None:
        raise ClaimRefused(
            gettext("You were disqualified: %(disqualified_reason)s")
            % {"disqualified_reason": participation.disqualified_reason}
        )
    asked_anew = why_asked_anew(participation)
    if asked_anew:
        raise ClaimRefused(asked_anew)
    if not challenge.takes_claims(at):
        raise ClaimRefused(gettext("This challenge takes no claims now. Its dates are on the challenge page."))
    if challenge.roster_id is None:
        raise ClaimRefused(gettext("This challenge has no classifiers yet. Ask its organisers."))


def submit_pairs(
    *, participation: Participation, rows: Sequence[ClaimRow], at: datetime, upload: Upload | None = None
) -> list[CheckedRow]:
    """Claim every row that has no problem, and say of each other row what its problem is.

    All or nothing as far as the database goes: the participation is locked, so that two requests of one person are
    charged one after the other; then the pictures, so that none is taken down meanwhile; and then the pairs, so that of
    two people exactly one is first. Scoring is asked for once all of it is committed. Raises `ClaimRefused` where this
    person may claim nothing now.
    """
    with transaction.atomic():
        locked = (
            Participation.objects.select_for_update(of=("self",), no_key=True)
            .select_related("challenge__policy")
            .get(pk=participation.pk)
        )
        check_may_claim(locked, at)
        resolved = _resolve_and_hold(locked.challenge, rows)
        # By the participation's lock nobody else spends of this quota meanwhile: it is counted once for both looks.
        standing = standing_of(locked)
        first_look = [row for row in check_resolved(locked, resolved, standing) if row.problem is None]
        _ensure_pairs(locked.challenge, first_look, at)
        pairs = _lock_pairs(locked.challenge, first_look)
        # Checked again under the locks of the pairs: somebody may have claimed one meanwhile.
        checked = check_resolved(locked, resolved, standing)
        accepted = [row for row in checked if row.problem is None and row.pair_key in pairs]
        taken_keys = {row.pair_key for row in accepted}
        _claim_again([pairs[key].pk for key in taken_keys if pairs[key].state == PairState.WITHDRAWN], at)
        _withdraw_unclaimed([pair.pk for key, pair in pairs.items() if key not in taken_keys], at)
        claims = _claim(locked, accepted, pairs, at, upload)
        taken = dict(zip((row.row.line for row in accepted), claims, strict=True))
        images = {row.image_pk for row in accepted if row.image_pk is not None and not row.later}
        if images:
            dispatch.after_commit(_score_or_ask, locked.challenge, images, at)
        dispatch.after_commit(dispatch.ring_board, locked.challenge_id, locked.challenge.queue)
    return [_answered(row, taken.get(row.row.line)) for row in checked]


def _resolve_and_hold(challenge: Challenge, rows: Sequence[ClaimRow]) -> list[CheckedRow]:
    """Each row with what it names; no picture among them is taken down until the transaction ends."""
    resolved = resolve_rows(challenge, rows)
    if hold_pictures({row.image_pk for row in resolved if row.image_pk is not None}):
        # One was taken down since it was looked at.
        return resolve_rows(challenge, rows)
    return resolved


def _score_or_ask(challenge: Challenge, images: Collection[int], at: datetime) -> None:
    """Score what was scored ahead of time at once, and ask the workers for the rest. A file is left to the workers."""
    if len(images) <= dispatch.FEW:
        apply_scores(image_ids=images, at=at)
        queued = Pair.objects.filter(challenge=challenge, image__in=images, state=PairState.QUEUED)
        images = set(queued.values_list("image_id", flat=True))
    if images:
        dispatch.request_scores(challenge, images)


def _answered(row: CheckedRow, submission: Submission | None) -> CheckedRow:
    if row.problem is None and submission is None:
        # What was in its way at the first look was gone at the second: the row is asked to come again.
        return replace(row, problem=Problem.OVER_QUOTA)
    return row if submission is None else replace(row, submission=submission)


def _ensure_pairs(challenge: Challenge, checked: Sequence[CheckedRow], at: datetime) -> None:
    """Create the pairs that don't exist, in one order for everybody so that two uploads can't wait for each other."""
    wanted = sorted((row for row in checked if not row.later), key=lambda row: row.pair_key)
    seed, heldout = challenge.split_seed, challenge.rules.heldout_percent
    new = Pair(challenge=challenge, state_changed_at=at, created_at=at, score_requested_at=at, score_requests=1)
    columns: dict[str, Sequence[Any]] = {
        "image": [row.image_pk for row in wanted],
        "label": [row.pair_key[1] for row in wanted],
        "split": [
            split_of(seed=seed, image_id=row.row.image_id, label_id=row.label.key, heldout_percent=heldout).value
            for row in wanted
            if row.label is not None
        ],
    }
    insert_rows(new, columns, skip_existing=True)


class _LockedPair(NamedTuple):
    pk: int
    state: str


def _lock_pairs(challenge: Challenge, accepted: Sequence[CheckedRow]) -> dict[tuple[int, int], _LockedPair]:
    keys = {row.pair_key for row in accepted}
    pairs = (
        Pair.objects.select_for_update(no_key=True)
        .filter(challenge=challenge, image__in={image for image, _ in keys}, label__in={label for _, label in keys})
        .order_by("pk")
        .values_list("image_id", "label_id", "pk", "state")
    )
    return {(image, label): _LockedPair(pk, state) for image, label, pk, state in pairs if (image, label) in keys}


def _claim_again(withdrawn: Sequence[int], at: datetime) -> None:
    pairs = list(Pair.objects.filter(pk__in=withdrawn)) if withdrawn else []
    for pair in pairs:
        pair.score_requested_at = at
        pair.score_requests = 1
    move_pairs(pairs, PairState.QUEUED, at=at, fields=["score_requested_at", "score_requests"])


def _withdraw_unclaimed(refused: Sequence[int], at: datetime) -> None:
    """Withdraw what was made for a row that the second look refused (a mate was quicker between the two looks)."""
    if refused:
        queued = Pair.objects.filter(pk__in=refused, state=PairState.QUEUED)
        claimed = Exists(Submission.objects.filter(valid_claims(), pair=OuterRef("pk")))
        move_pairs(list(queued.exclude(claimed)), PairState.WITHDRAWN, at=at)


def _claim(
    participation: Participation,
    accepted: Sequence[CheckedRow],
    pairs: Mapping[tuple[int, int], _LockedPair],
    at: datetime,
    upload: Upload | None,
) -> list[Submission]:
    """The claims of these rows, written in their order."""
    like = Submission(participation=participation, team_id=participation.team_id, upload=upload, created_at=at)
    chosen = [pairs[row.pair_key] for row in accepted]
    columns: dict[str, Sequence[Any]] = {
        "pair": [pair.pk for pair in chosen],
        "rationale": [row.row.rationale for row in accepted],
        "charged": [not row.later for row in accepted],
        "after_settlement": [pair.state == PairState.SETTLED for pair in chosen],
    }
    written = dict(insert_rows(like, columns, returning=["pair", "id"]))
    return [
        Submission(
            id=written[pair],
            pair_id=pair,
            participation_id=participation.pk,
            team_id=participation.team_id,
            upload_id=like.upload_id,
            rationale=rationale,
            charged=charged,
            after_settlement=after_settlement,
            created_at=at,
        )
        for pair, rationale, charged, after_settlement in zip(*columns.values(), strict=True)
    ]


def retract_submission(*, participation: Participation, submission_id: int, at: datetime) -> Submission:
    """Take one's claim back and give its quota back, as long as the pair is not scored. Twice is once.

    A pair that nobody else claims is withdrawn; a near-copy that was settled after it meanwhile earns what it would
    have without it. Raises `ClaimRefused` once the pair was scored: from then on a claim could be dropped because of
    what the machines said. Raises `Submission.DoesNotExist` for somebody else's.
    """
    with transaction.atomic():
        submission = Submission.objects.select_related("participation__challenge").get(
            pk=submission_id, participation=participation
        )
        lock_with_near_copies(Pair.objects.filter(pk=submission.pair_id))
        pair = lock_pair(submission.pair_id)
        submission.refresh_from_db()
        if submission.retracted_at is not None:
            return submission
        if pair.withdrawn_reason:
            raise ClaimRefused(gettext("The organisers took this pair out. Your claim of it costs you nothing."))
        if pair.state not in NOT_SCORED:
            raise ClaimRefused(gettext("This pair has been scored. A claim can be retracted only before that."))
        # Two servers' clocks may differ: a claim is never taken back before it was made.
        submission.retracted_at = max(at, submission.created_at)
        submission.save(update_fields=["retracted_at"])
        if not Submission.objects.filter(valid_claims(), pair=pair).exists():
            move_pairs([pair], PairState.WITHDRAWN, at=at)
        free_near_copies(pairs=[pair], at=at)
        dispatch.after_commit(dispatch.ring_board, pair.challenge_id, pair.challenge.queue)
    return submission


def retract_upload(*, upload: Upload, at: datetime) -> int:
    """Take back every claim of a file whose pair has no score yet, as `retract_submission` does each.

    Claims of scored pairs stay as they are. Twice is once. Returns how many were taken back.
    """
    standing = Submission.objects.filter(upload=upload, retracted_at=None)
    with transaction.atomic():
        open_pairs = standing.filter(pair__state__in=NOT_SCORED).values("pair")
        # Under the locks each is looked at again: a score may have come meanwhile, or the claim be taken back.
        locked = [
            pair for pair in lock_with_near_copies(Pair.objects.filter(pk__in=open_pairs)) if pair.state in NOT_SCORED
        ]
        taken = dict(standing.filter(pair__in=[pair.pk for pair in locked]).values_list("pair_id", "pk"))
        pairs = [pair for pair in locked if pair.pk in taken]
        # Two servers' clocks may differ: a claim is never taken back before it was made.
        Submission.objects.filter(pk__in=taken.values()).update(retracted_at=Greatest(Value(at), F("created_at")))
        claimed = set(Submission.objects.filter(valid_claims(), pair__in=pairs).values_list("pair_id", flat=True))
        move_pairs([pair for pair in pairs if pair.pk not in claimed], PairState.WITHDRAWN, at=at)
        free_near_copies(pairs=pairs, at=at)
        challenge = upload.participation.challenge
        dispatch.after_commit(dispatch.ring_board, challenge.pk, challenge.queue)
    return len(pairs)


def keep_upload(*, participation: Participation, filename: str, rows: Sequence[ClaimRow], at: datetime) -> Upload:
    """Check a file of claims and keep it with what was found, so that its good rows can be submitted next.

    Nothing is charged. Raises `ClaimRefused` where this person may claim nothing now.
    """
    check_may_claim(participation, at)
    checked = check_rows(participation, rows)
    with transaction.atomic():
        upload = Upload.objects.create(participation=participation, filename=storable(filename)[:200], created_at=at)
        insert_rows(
            UploadRow(upload=upload),
            {
                "line": [row.row.line for row in checked],
                "image_id": [storable(row.row.image_id) for row in checked],
                "label_id": [storable(row.row.label_id) for row in checked],
                "rationale": [storable(row.row.rationale) for row in checked],
                "problem": [row.problem.value if row.problem else "" for row in checked],
                "detail": [row.detail for row in checked],
                "later": [row.later for row in checked],
                "near_copy": [row.near_copy for row in checked],
            },
        )
    return upload


def submit_upload(*, upload: Upload, at: datetime) -> Upload:
    """Claim the good rows of a checked upload. A second call finds it submitted and changes nothing.

    Rows that meanwhile got a problem (somebody in the team was quicker, the quota is used) are marked with it.
    """
    with transaction.atomic():
        locked = Upload.objects.select_for_update(of=("self",)).select_related("participation").get(pk=upload.pk)
        if locked.state == UploadState.SUBMITTED:
            return locked
        good = locked.rows.filter(problem="").order_by("line")
        kept = good.values_list("line", "image_id", "label_id", "rationale", "later", "near_copy")
        found = {line: (later, near_copy) for line, *_, later, near_copy in kept}
        rows = [ClaimRow(line, image, label, why) for line, image, label, why, *_ in kept]
        answers = submit_pairs(participation=locked.participation, rows=rows, at=at, upload=locked)
        changed = {
            one.row.line: one
            for one in answers
            if one.problem is not None or (one.later, one.near_copy) != found[one.row.line]
        }
        _mark_rows(good.filter(line__in=changed), changed)
        locked.state = UploadState.SUBMITTED
        locked.submitted_at = at
        locked.save(update_fields=["state", "submitted_at"])
    return locked


def _mark_rows(rows: QuerySet[UploadRow], answers: Mapping[int, CheckedRow]) -> None:
    """Note what became of these rows, by line, since they were checked."""
    marked = list(rows)
    for row in marked:
        answer = answers[row.line]
        row.problem = answer.problem.value if answer.problem else ""
        row.later, row.near_copy, row.detail = answer.later, answer.near_copy, answer.detail
    UploadRow.objects.bulk_update(marked, ["problem", "later", "near_copy", "detail"], batch_size=1000)
