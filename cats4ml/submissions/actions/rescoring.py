"""Putting another roster in force in an edition whose pairs are scored: all of them are scored anew, at once."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import put_in_force
from cats4ml.challenges.ending import keep_from_ending
from cats4ml.challenges.models import Challenge, RosterVersion
from cats4ml.challenges.rosters import lock_rosters
from cats4ml.rules.lifecycle import PairState
from cats4ml.submissions import dispatch
from cats4ml.submissions.actions.scores import SCORE_FIELDS, set_score
from cats4ml.submissions.actions.settlement import settle_again
from cats4ml.submissions.models import Pair
from cats4ml.submissions.previews import Change, Fate, Preview, missing_images, preview_roster, scored_pairs
from cats4ml.ui.words import figure
from scoring.contract import BULK

logger = logging.getLogger(__name__)


class RescoringRefused(Exception):
    """Why a roster can't be applied, in a sentence that says what to do. Nothing was written."""


def ask_for_missing(*, challenge: Challenge, roster: RosterVersion) -> int:
    """Ask the workers for what the classifiers of a roster have not said yet of the pictures of pairs.

    It may be asked again at any time. Returns how many pictures lack something.
    """
    images = missing_images(challenge, roster)
    if images:
        dispatch.request_scores(challenge, sorted(images), roster=roster, priority=BULK)
    return len(images)


def apply_roster(*, challenge: Challenge, roster: RosterVersion, reason: str, by: User | None, at: datetime) -> Preview:
    """Put a roster in force and score every pair of the edition by it, in one transaction. Twice is once.

    Pairs in review get the new score. Settled pairs keep their verdict and their policy; where the new score makes them
    end otherwise or earn otherwise they settle again, and the ledger gets entries with the reason. Pairs of which too
    few classifiers know the label, or whose picture one of them failed at, keep what they have; queued ones are scored
    by the new roster when their turn comes. Applying the former roster again takes everything back. Returns what was
    done.

    Raises `RescoringRefused` without a reason, for another edition's roster, in a final edition, or as long as a
    picture of a scored pair lacks a prediction.
    """
    if not reason.strip():
        raise RescoringRefused(_("Say why: another roster is applied only with a reason."))
    if roster.challenge_id != challenge.pk:
        raise RescoringRefused(_("This roster belongs to another challenge."))
    with transaction.atomic():
        lock_rosters([challenge.pk], shared=False)
        keep_from_ending([challenge.pk])
        edition = Challenge.objects.select_related("policy").get(pk=challenge.pk)
        if edition.is_final:
            raise RescoringRefused(_("This challenge is final: its board stands."))
        # First the locks, then the rows with what belongs to them: whoever held a lock may have changed all of it.
        locked = scored_pairs(edition).select_related(None).prefetch_related(None).select_for_update(no_key=True)
        list(locked.values_list("pk"))
        done = preview_roster(challenge=edition, roster=roster)
        _check_predicted(done)
        for change in done.changes:
            _apply(change, edition, roster, reason=reason, by=by, at=at)
        if edition.roster_id != roster.pk or done.of(Fate.ENDS_OTHERWISE) or done.of(Fate.SCORE_CHANGES):
            put_in_force(roster=roster, reason=reason.strip(), by=by, at=at)
            dispatch.after_commit(_after, edition, roster)
    challenge.roster = roster
    return done


def _check_predicted(preview: Preview) -> None:
    waiting = len({change.pair.image_id for change in preview.of(Fate.NOT_PREDICTED)})
    if waiting:
        raise RescoringRefused(
            ngettext(
                "%(n)s picture has not been seen by every classifier of this roster yet. Ask for the missing scores "
                "and wait until a scoring worker has answered.",
                "%(n)s pictures have not been seen by every classifier of this roster yet. Ask for the missing scores "
                "and wait until a scoring worker has answered.",
                waiting,
            )
            % {"n": figure(waiting)}
        )


def _apply(
    change: Change, edition: Challenge, roster: RosterVersion, *, reason: str, by: User | None, at: datetime
) -> None:
    pair = change.pair
    if change.score is None or (change.fate == Fate.SAME and pair.roster_id == roster.pk):
        return
    policy = pair.policy.value if pair.state == PairState.SETTLED and pair.policy else edition.rules
    pair.challenge = edition
    set_score(pair, change.score, roster_id=roster.pk, policy=policy, at=at)
    if change.fate == Fate.ENDS_OTHERWISE:
        settle_again(pair=pair, reason=reason.strip(), by=by, at=at, fields=SCORE_FIELDS)
    else:
        pair.save(update_fields=SCORE_FIELDS)


def _after(edition: Challenge, roster: RosterVersion) -> None:
    """Ring for the queued pairs, which wait for the new roster now, and for the board."""
    queued = Pair.objects.filter(challenge=edition, state=PairState.QUEUED).values_list("image_id", flat=True)
    images = sorted(set(queued))
    logger.info("%s: roster %d is in force; %d queued pictures", edition.slug, roster.version, len(images))
    if images:
        dispatch.request_scores(edition, images, roster=roster)
    dispatch.ring_board(edition.pk, edition.queue)
