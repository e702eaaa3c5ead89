"""`manage.py demo_raters`: the simulated raters answer visitors' pairs, at a person's pace."""

from __future__ import annotations

import itertools
import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, close_old_connections
from django.utils import timezone

from cats4ml.challenges.actions import JoinRefused, join_challenge
from cats4ml.challenges.consents import Confirmed, why_asked_anew
from cats4ml.challenges.models import Participation, Role
from cats4ml.console import demo
from cats4ml.console.demo_seeds import RATERS, answer_of, read_targets
from cats4ml.review.actions.answering import cast_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.submissions.models import Pair

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Lets the demo's simulated raters answer the pairs that visitors claimed, through the ordinary action."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pause", type=float, default=2.0, help="seconds between two answers (default 2)")

    def handle(self, **options: Any) -> None:
        try:
            digits = {target.image_id: target.digit for target in read_targets(demo.folder())}
        except FileNotFoundError:
            raise CommandError("The demo is not set up yet: run manage.py demo first.") from None
        for name in itertools.cycle(RATERS):
            try:
                _answer_one(name, digits)
            except OperationalError as error:
                logger.warning("no database: %s; trying again", error)
                close_old_connections()
            time.sleep(options["pause"])


def _answer_one(name: str, digits: dict[str, str]) -> None:
    """One simulated rater answers one question, if a visitor's pair waits for them: the pair, or a control before it.

    The pairs of the simulated finders are left alone: some wait one answer short of their verdict for the visitor.
    """
    rater = Participation.objects.select_related("challenge__policy").get(
        challenge__slug=demo.SLUG, user__username=name, role=Role.RATER
    )
    visitors = Pair.objects.filter(submissions__participation__user__is_simulated=False)
    try:
        if why_asked_anew(rater):  # a script agrees to whatever an organiser tries out
            rater = _agree_anew(rater)
        for lease in hold_leases(rater=rater, at=timezone.now() - demo.LOOK, count=1, only=visitors):
            answer = answer_of(digits[lease.subject.image.image_id], lease.subject.label.key)
            cast_rating(rater=rater, token=lease.token, answer=answer, at=timezone.now())
            logger.info("%s answered a question", name)
    except (JoinRefused, RatingRefused) as refusal:
        logger.info("%s: %s", name, refusal)


def _agree_anew(rater: Participation) -> Participation:
    return join_challenge(
        challenge=rater.challenge,
        user=rater.user,
        role=Role.RATER,
        consent_version=rater.challenge.consent_version,
        confirmed=Confirmed(old_enough=True, eligible=True),
        at=timezone.now(),
    )
