"""Deleting one's account, over all apps. What others' work rests on stays, under a pseudonym; all else goes."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cats4ml.accounts.erasing import forget_person
from cats4ml.accounts.models import User
from cats4ml.catalog.complaints import forget_contacts_of
from cats4ml.challenges.consents import leave_challenge
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation, Role
from cats4ml.challenges.organisers import leave_organisers, organised_alone
from cats4ml.challenges.teams import end_memberships
from cats4ml.leaderboard.actions import rename_lines
from cats4ml.pages.own_data_files import forget
from cats4ml.review.crowd_ids import forget_ids_of
from cats4ml.submissions.actions.basket import clear_basket
from cats4ml.submissions.actions.uploads import forget_uploads
from cats4ml.submissions.dispatch import after_commit, ring_board


class ErasingRefused(Exception):
    """Why an account can't be deleted yet, in a sentence that says how to mend it."""


def erase_account(*, user: User, at: datetime) -> User:
    """Delete a person's account. It can't be undone; twice is once.

    Their user name becomes a pseudonym, under which claims, credits, answers and what they wrote with these stay: the
    board and its replay are as before, and no released file changes. Addresses, names, password, second factors,
    sessions, tokens, notices, memberships and baskets go. Raises `ErasingRefused` for the last organiser of an edition
    that is not final, and for the last one who organises the whole site.
    """
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if locked.erased_at is not None:
            return locked
        _check(locked)
        end_memberships(user=locked, at=at)
        leave_organisers(user=locked, at=at)
        parts = list(Participation.objects.filter(user=locked).exclude(role=Role.ORGANISER).select_related("challenge"))
        for part in parts:
            leave_challenge(participation=part, at=at)
            clear_basket(participation=part)
            forget_uploads(participation=part)
            forget_ids_of(rater=part)
        forget_contacts_of(locked)
        forget(user=locked)
        forget_person(user=locked, at=at)
        rename_lines(user=locked)
        for part in parts:
            after_commit(ring_board, part.challenge_id, part.challenge.queue)
    return locked


def _check(user: User) -> None:
    if user.is_guest:
        raise ErasingRefused(_("You are here by the link of a study, without an account of your own."))
    alone = organised_alone(user).exclude(status=ChallengeStatus.FINAL)
    if alone:
        raise ErasingRefused(
            _("You are the last organiser of %(editions)s. Make somebody else an organiser there first.")
            % {"editions": _titles(list(alone))}
        )
    if user.is_superuser and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists():
        raise ErasingRefused(_("You are the last one who organises the whole site. Make somebody else one first."))


def _titles(editions: list[Challenge]) -> str:
    return ", ".join(f"“{one.title}”" for one in editions)
