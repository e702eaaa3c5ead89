"""The moves that an organiser makes with an edition, what each of them means, and what is asked before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cats4ml.accounts.models import User
from cats4ml.challenges.acts import difference, record_act
from cats4ml.challenges.editions import EditionRefused, set_status
from cats4ml.challenges.models import ActKind, Challenge, ChallengeStatus
from cats4ml.challenges.rosters import coverage
from cats4ml.ui.words import inside, quoted

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

DRAFT, OPEN, PAUSED = ChallengeStatus.DRAFT, ChallengeStatus.OPEN, ChallengeStatus.PAUSED
CLOSED, FINAL = ChallengeStatus.CLOSED, ChallengeStatus.FINAL


@dataclass(frozen=True)
class Move:
    """`means` says what follows, one sentence each. `reasoned`: it is made only with a reason."""

    name: str
    label: str | StrPromise
    sources: tuple[ChallengeStatus, ...]
    target: ChallengeStatus
    means: tuple[str | StrPromise, ...]
    reasoned: bool = True


MOVES = {
    move.name: move
    for move in (
        Move(
            "open",
            gettext_lazy("Open the challenge"),
            (DRAFT,),
            OPEN,
            (
                gettext_lazy("Everybody sees the challenge, and can join it."),
                gettext_lazy("Claims are taken from the opening date on; without one, at once."),
                gettext_lazy(
                    "Labels, pool and near-copies stay as they are from then on. There is no way back to the draft."
                ),
            ),
            reasoned=False,
        ),
        Move(
            "pause",
            gettext_lazy("Pause"),
            (OPEN,),
            PAUSED,
            (
                gettext_lazy("Nobody can claim or rate until you resume it. Pages, board and data stay visible."),
                gettext_lazy(
                    "What was claimed and answered is kept; classifiers go on scoring what waits for a score."
                ),
                gettext_lazy("Dates stay as they are: a closing date passes while it is paused."),
            ),
        ),
        Move(
            "resume",
            gettext_lazy("Resume"),
            (PAUSED,),
            OPEN,
            (gettext_lazy("Claims and ratings are taken again, as the dates say."),),
        ),
        Move(
            "close",
            gettext_lazy("Close to claims"),
            (OPEN, PAUSED),
            CLOSED,
            (
                gettext_lazy("No more claims are taken. The closing date becomes this moment, where it was later."),
                gettext_lazy(
                    "Raters go on until the date of the last answers; pairs still settle, and the board still moves."
                ),
                gettext_lazy("Work that was submitted counts, even if it is scored or settled later."),
            ),
        ),
        Move(
            "reopen",
            gettext_lazy("Take claims again"),
            (CLOSED,),
            OPEN,
            (
                gettext_lazy("Claims are taken again until the closing date."),
                gettext_lazy("Everybody who takes part can go on claiming."),
            ),
        ),
        Move(
            "finish",
            gettext_lazy("Make it final"),
            (CLOSED,),
            FINAL,
            (
                gettext_lazy(
                    "The board is final: no pair settles, reopens or is disputed any more, and no credit moves."
                ),
                gettext_lazy("Pairs that are not settled stay so, earn nothing and are in no release."),
                gettext_lazy("There is no way back."),
            ),
        ),
    )
}


@dataclass(frozen=True)
class Missing:
    """What is missing before an edition can open: the step that it belongs to, and a sentence."""

    step: str
    words: str


def missing_to_open(challenge: Challenge, at: datetime) -> list[Missing]:
    """What keeps an edition from opening, but for labels that too few classifiers know, which may be meant."""
    found = []
    if challenge.policy_id is None:
        found.append(Missing("policy", _("Put a policy in force.")))
    if not challenge.target_labels.exists():
        found.append(Missing("labels", _("Choose at least one target label.")))
    if not challenge.pool.exists():
        found.append(Missing("pool", _("Put pictures into the pool.")))
    if challenge.roster_id is None:
        found.append(Missing("classifiers", _("Choose the classifiers that score the pairs.")))
    if not challenge.consent_text.strip():
        found.append(Missing("consent", _("Write the text that people agree to when they join.")))
    for name, words in (
        ("closes_at", _("The closing date has passed. Move it later.")),
        ("ratings_close_at", _("The date of the last answers has passed. Move it later.")),
    ):
        moment = getattr(challenge, name)
        if moment is not None and moment <= at:
            found.append(Missing("dates", words))
    return found


def unknown_labels(challenge: Challenge) -> list[str]:
    """Names of the target labels that too few classifiers of the roster know; none without a roster."""
    if challenge.roster_id is None:
        return []
    return [one.label.name for one in coverage(challenge, challenge.roster) if not one.enough]


def moves_from(status: str) -> list[Move]:
    return [move for move in MOVES.values() if status in move.sources]


def move_edition(
    *,
    challenge: Challenge,
    move: Move,
    reason: str,
    by: User | None,
    at: datetime,
    despite_unknown_labels: bool = False,
    typed_slug: str = "",
) -> bool:
    """Make a move, once: whether the edition was not there yet. `typed_slug` confirms that it is to be final.

    Raises `EditionRefused` with what to do first.
    """
    if move.target == FINAL:
        # Looked at before the lock too, which a policy that is being put in force holds for as long as that takes.
        _refuse_amid_policy_work(challenge)
    with transaction.atomic():
        locked = Challenge.objects.select_for_update(of=("self",), no_key=True).select_related("policy", "roster")
        current = locked.get(pk=challenge.pk)
        if current.status == move.target:
            challenge.status = current.status
            return False
        _check(current, move, reason, at, typed_slug)
        if move.name == "close":
            _end_claims(current, by, at)
        set_status(
            challenge=current,
            status=move.target,
            despite_unknown_labels=despite_unknown_labels,
            reason=reason.strip(),
            by=by,
            at=at,
        )
    challenge.status, challenge.closes_at = current.status, current.closes_at
    return True


def _check(current: Challenge, move: Move, reason: str, at: datetime, typed_slug: str) -> None:
    if current.status not in move.sources:
        either = " " + _("or") + " "
        could = either.join(quoted(inside(one.label)) for one in moves_from(current.status)) or _("nothing")
        raise EditionRefused(
            _("the challenge is “%(status)s” now, where “%(label)s” makes no sense: what can be done is %(could)s")
            % {"status": inside(current.get_status_display()), "label": inside(move.label), "could": could}
        )
    if move.reasoned and not reason.strip():
        raise EditionRefused(_("say why: the reason is kept in the log of what was done"))
    if move.name == "open":
        missing = missing_to_open(current, at)
        if missing:
            raise EditionRefused((_("it can’t open yet.") + " ") + " ".join(one.words for one in missing))
    if move.target == OPEN and move.name != "open" and current.closes_at is not None and current.closes_at <= at:
        raise EditionRefused(_("the closing date has passed, so that no claim would be taken: move it later first"))
    if move.target == FINAL:
        _refuse_amid_policy_work(current)
    if move.name == "finish" and typed_slug.strip() != current.slug:
        raise EditionRefused(_("type %(slug)s to confirm that the challenge is to be final") % {"slug": current.slug})


def _refuse_amid_policy_work(challenge: Challenge) -> None:
    """An order not carried out yet would fail once the edition is final, though an organiser was promised it."""
    if challenge.policy_works.filter(finished_at=None).exists():
        raise EditionRefused(
            _("a policy is being put in force here. Wait until that is done, and then make the challenge final")
        )


def _end_claims(current: Challenge, by: User | None, at: datetime) -> None:
    """The closing date becomes now where it was later, so that no page goes on promising it."""
    ends_later = current.closes_at is None or current.closes_at > at
    if not ends_later or (current.opens_at is not None and current.opens_at >= at):
        return
    before = current.closes_at
    current.closes_at = at
    current.save(update_fields=["closes_at"])
    details = difference({"closes_at": before}, {"closes_at": at})
    said = "Set the closing date to the moment of closing"
    record_act(challenge=current, kind=ActKind.DATES, summary=said, by=by, at=at, details=details)
