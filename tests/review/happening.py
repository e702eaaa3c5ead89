"""A small edition in which people do whatever they can do, drawn by chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

from django.core.cache import cache
from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import NewMember, propose_roster
from cats4ml.challenges.models import PolicyDecision, PoolImage
from cats4ml.leaderboard.actions import count_lines
from cats4ml.review.actions.answering import cast_rating, finalise_due, rate_pair, undo_rating
from cats4ml.review.actions.discounts import DiscountRefused, discount_rater, lift_discount
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.queueing import sweep_queues
from cats4ml.review.actions.repolicing import PolicyRefused, apply_policy, undo_policy, why_not_undone
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.actions.taking_back import take_back_decision
from cats4ml.review.actions.withdrawing import restore_pair, withdraw_pair
from cats4ml.review.discount_previews import Preview, preview_discount, preview_lift
from cats4ml.review.policy_previews import preview_policy
from cats4ml.review.policy_readings import Fate as PolicyFate
from cats4ml.review.policy_undoing import preview_undo
from cats4ml.review.skills import rebuild_skills
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import AdjudicationRefused, adjudicate
from cats4ml.submissions.actions.claims import ClaimRefused, retract_submission
from cats4ml.submissions.actions.disputes import Decision, DisputeRefused, decide_dispute, dispute_outcome
from cats4ml.submissions.actions.rescoring import RescoringRefused, apply_roster
from cats4ml.submissions.actions.settlement import (
    SettlementRefused,
    disqualify_participant,
    reinstate_participant,
    reopen_pair,
)
from cats4ml.submissions.actions.withdrawing import WithdrawalRefused
from cats4ml.submissions.models import Dispute, Pair, Submission
from cats4ml.submissions.previews import preview_roster
from tests.factories import make_team, make_user, make_world
from tests.review.happening_checks import Checks, board, policies_of, stands
from tests.review.queue_truth import wrong_rows
from tests.review.rated import random_policy
from tests.submissions.disputed import organiser

REFUSALS = (
    RatingRefused,
    DiscountRefused,
    PolicyRefused,
    AdjudicationRefused,
    ClaimRefused,
    DisputeRefused,
    RescoringRefused,
    SettlementRefused,
    WithdrawalRefused,
)
PICTURES = 4
KEYS = [(place, label) for place in range(PICTURES) for label in ("cat", "dog")]


class Edition(Checks):
    """Eight pairs of four pictures, two of which are near-copies; a lone finder, a team of two, one more; five raters;
    an organiser; two rosters."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = make_world(pictures=PICTURES, policy=self._policy())
        copies = PoolImage.objects.filter(challenge=self.world.challenge, image__in=self.world.images[:2])
        copies.update(copy_group=1)
        bob, cyd = make_user(), make_user()
        team = make_team(bob, cyd)
        self.finders = [self.world.finder(), self.world.finder(bob, team), self.world.finder(cyd, team)]
        self.finders.append(self.world.finder())
        self.raters = self.world.raters(5)
        self.by: User = organiser(self.world)
        one, two = self.world.classifiers
        self.rosters = [
            self.world.challenge.roster,
            propose_roster(
                challenge=self.world.challenge, members=[NewMember(one, 1.0), NewMember(two, 9.0)], by=self.by
            ),
        ]
        for finder in self.finders[:3]:
            self.world.claim(finder, *self.dice.sample(KEYS, 4))
        for place in range(PICTURES - 1):
            self._score(place)
        self.entries: list[tuple[object, ...]] = []

    def _policy(self) -> Policy:
        return random_policy(
            self.dice,
            provisional_seconds=self.dice.choice([0, 30]),
            adjudicated_earns=self.dice.random() < 0.7,
            warm_up=0,
        )

    def _score(self, place: int) -> None:
        self.world.score(place, {label: self.dice.choice([0.05, 0.2, 0.45, 0.55, 0.9]) for label in ("cat", "dog")})

    def _pair(self, **of: object) -> Pair:
        return self.dice.choice(
            list(Pair.objects.filter(challenge=self.world.challenge, **of).order_by("pk")) or [None]
        )

    # What people do.

    def claim(self) -> None:
        self.world.claim(self.dice.choice(self.finders), self.dice.choice(KEYS))

    def score(self) -> None:
        self._score(self.dice.randrange(PICTURES))

    def answer(self) -> None:
        for _ in range(self.dice.randint(1, 5)):
            rater = self.dice.choice(self.raters)
            with suppress(RatingRefused):
                for lease in hold_leases(rater=rater, at=self.world.pass_time(1), count=1):
                    if lease.pair_id:
                        answer = self.dice.choice([*Answer, Answer.YES, Answer.NO])
                        cast_rating(rater=rater, token=lease.token, answer=answer, at=self.world.pass_time(1))

    def record(self) -> None:
        """One pair, answered by all in a row."""
        pair, usual = self._pair(state="in_review"), self.dice.choice(list(Answer))
        for rater in self.dice.sample(self.raters, 5):
            if pair is not None:
                answer = usual if self.dice.random() < 0.7 else self.dice.choice(list(Answer))
                with suppress(RatingRefused), transaction.atomic():
                    rate_pair(rater=rater, pair_id=pair.pk, answer=answer, at=self.world.pass_time(1))

    def undo(self) -> None:
        undo_rating(rater=self.dice.choice(self.raters), at=self.world.pass_time(1))

    def finalise(self) -> None:
        finalise_due(at=self.world.pass_time(31))

    def learn(self) -> None:
        rebuild_skills(challenge=self.world.challenge, at=self.world.pass_time(60))

    def discount(self) -> None:
        self._foreseen(preview_discount, discount_rater)

    def lift(self) -> None:
        self._foreseen(preview_lift, lift_discount)

    def _foreseen(self, preview: Callable[..., Preview], act: Callable[..., object]) -> None:
        rater, at = self.dice.choice(self.raters), self.world.pass_time(1)
        shown = preview(rater=rater, by=self.by, at=at)
        assert stands(self.world) == stands(self.world)
        act(rater=rater, reason="They did not look.", by=self.by, at=at)
        done = stands(self.world)
        for change in shown.changes:
            end = done[change.pair.pk]
            assert (change.new.verdict, change.new.outcome, change.new.points) == (end.verdict, end.outcome, end.points)
            assert change.new.tally.total == end.answers

    def policy(self) -> None:
        policy, settled, reopen = self._policy(), self.dice.random() < 0.7, self.dice.random() < 0.5
        before = stands(self.world)
        shown = preview_policy(challenge=self.world.challenge, policy=policy, reopen=reopen)
        foreseen = board(count_lines(self.world.challenge, shifts=shown.shifts))
        done = apply_policy(
            challenge=self.world.challenge,
            policy=policy,
            reason="Fewer answers.",
            by=self.by,
            at=self.world.pass_time(1),
            settled=settled,
            reopen=reopen,
        )
        self.world.challenge.refresh_from_db()
        if not settled:
            return
        assert done == shown
        expected = dict(before)
        for one in shown.others:
            if one.changes or (reopen and one.fate is PolicyFate.NEEDS_MORE):
                expected[one.pair] = one.new
        assert {pk: end[:4] for pk, end in stands(self.world).items()} == {pk: end[:4] for pk, end in expected.items()}
        assert board(count_lines(self.world.challenge)) == foreseen

    def roster(self) -> None:
        roster = self.dice.choice(self.rosters)
        shown = preview_roster(challenge=self.world.challenge, roster=roster)
        done = apply_roster(
            challenge=self.world.challenge, roster=roster, reason="Better.", by=self.by, at=self.world.pass_time(1)
        )
        self.world.challenge.refresh_from_db()
        assert [(one.pair.pk, one.fate) for one in done.changes] == [(one.pair.pk, one.fate) for one in shown.changes]

    def reopen(self) -> None:
        if pair := self._pair(state="settled"):
            more = self.dice.randint(1, 2)
            reopen_pair(pair_id=pair.pk, reason="Look.", by=self.by, at=self.world.pass_time(1), more_ratings=more)

    def adjudicate(self) -> None:
        if pair := self._pair(state="settled", outcome="ambiguous") or self._pair(state="settled"):
            verdict = self.dice.choice(list(Verdict))
            reason = self.dice.choice(["Seen.", "Seen again."])
            adjudicate(pair_id=pair.pk, verdict=verdict, reason=reason, by=self.by, at=self.world.pass_time(1))

    def take_back(self) -> None:
        decided = Pair.objects.filter(challenge=self.world.challenge).exclude(adjudicated_reason="")
        for pair in self.dice.sample(list(decided), min(1, len(decided))):
            take_back_decision(pair_id=pair.pk, reason="A slip.", by=self.by, at=self.world.pass_time(1))

    def dispute(self) -> None:
        settled = list(Submission.objects.filter(pair__state="settled", dispute=None).order_by("pk"))
        self.dice.shuffle(settled)
        for claim in settled[:3]:
            with suppress(DisputeRefused), transaction.atomic():
                dispute_outcome(
                    participation=claim.participation,
                    submission_id=claim.pk,
                    reason="It is there, on the left.",
                    at=self.world.pass_time(1),
                )

    def decide(self) -> None:
        for dispute in Dispute.objects.filter(state="open").order_by("?")[:1]:
            decision = self.dice.choice(list(Decision))
            decide_dispute(dispute=dispute, decision=decision, answer="So.", by=self.by, at=self.world.pass_time(1))

    def retract(self) -> None:
        claims = list(Submission.objects.filter(retracted_at=None).exclude(pair__state="settled").order_by("pk"))
        for claim in self.dice.sample(claims, min(1, len(claims))):
            retract_submission(participation=claim.participation, submission_id=claim.pk, at=self.world.pass_time(1))

    def disqualify(self) -> None:
        if self.dice.random() < 0.3:
            finder = self.dice.choice(self.finders)
            disqualify_participant(participation=finder, reason="Bought.", by=self.by, at=self.world.pass_time(1))

    def sweep(self) -> None:
        cache.delete(f"queue-compared-{self.world.challenge.pk}")
        sweep_queues(at=self.world.pass_time(1))
        assert wrong_rows(self.world.challenge) == {}

    def undo_policy(self) -> None:
        """Take the last decision about the policy back: what is shown is what is done."""
        if last := PolicyDecision.objects.filter(challenge=self.world.challenge).order_by("-pk").first():
            self._undo(last)

    def _undo(self, last: PolicyDecision) -> None:
        self.world.challenge.refresh_from_db()
        refused = why_not_undone(last, self.world.challenge)
        shown = None if refused else preview_undo(challenge=self.world.challenge, decision=last)
        foreseen = shown and board(count_lines(self.world.challenge, shifts=shown.shifts))
        done = undo_policy(decision=last, reason="Too few.", by=self.by, at=self.world.pass_time(1))
        self.world.challenge.refresh_from_db()
        assert done == shown
        assert board(count_lines(self.world.challenge)) == foreseen
        assert self.world.challenge.policy_id == last.former_id

    def policy_and_back(self) -> None:
        """A decision that is taken back at once leaves every settled pair as it was."""
        before, policies = stands(self.world), policies_of(self.world)
        number = PolicyDecision.objects.count()
        self.policy()
        if PolicyDecision.objects.count() > number:
            self._undo(PolicyDecision.objects.filter(challenge=self.world.challenge).order_by("-pk")[0])
            after = stands(self.world)
            assert {pk: after[pk] for pk in policies} == {pk: before[pk] for pk in policies}
            assert policies.items() <= policies_of(self.world).items()

    def withdraw(self) -> None:
        if pair := self._pair():
            withdraw_pair(pair_id=pair.pk, reason="A person.", by=self.by, at=self.world.pass_time(1))

    def restore(self) -> None:
        if pair := self._pair(state="withdrawn"):
            restore_pair(pair_id=pair.pk, reason="A doll.", by=self.by, at=self.world.pass_time(1))

    def reinstate(self) -> None:
        finder = self.dice.choice(self.finders)
        reinstate_participant(participation=finder, reason="Not bought.", by=self.by, at=self.world.pass_time(1))
