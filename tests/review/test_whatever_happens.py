"""Whatever people do to a small edition, in whatever order: verdicts, ledger, board and queue belong together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.core.cache import cache
from django.db import transaction

from cats4ml.accounts.models import User
from cats4ml.challenges.actions import NewMember, propose_roster
from cats4ml.challenges.models import Participation, PoolImage
from cats4ml.leaderboard.actions import count_lines, recount_board
from cats4ml.leaderboard.models import Standing
from cats4ml.review.actions.answering import cast_rating, finalise_due, rate_pair, undo_rating
from cats4ml.review.actions.discounts import DiscountRefused, discount_rater, lift_discount
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.queueing import sweep_queues
from cats4ml.review.actions.repolicing import PolicyRefused, apply_policy
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.actions.taking_back import take_back_decision
from cats4ml.review.discount_previews import Preview, preview_discount, preview_lift
from cats4ml.review.models import Rating, RatingState, VerdictBasis
from cats4ml.review.policy_previews import preview_policy
from cats4ml.review.policy_readings import Ended
from cats4ml.review.policy_readings import Fate as PolicyFate
from cats4ml.review.skills import rebuild_skills
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.credit import points_for
from cats4ml.rules.policy import Policy
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import Verdict, Vote, is_adverse
from cats4ml.submissions.actions.adjudication import AdjudicationRefused, adjudicate
from cats4ml.submissions.actions.claims import ClaimRefused, retract_submission
from cats4ml.submissions.actions.disputes import Decision, DisputeRefused, decide_dispute, dispute_outcome
from cats4ml.submissions.actions.rescoring import RescoringRefused, apply_roster
from cats4ml.submissions.actions.settlement import SettlementRefused, disqualify_participant, reopen_pair
from cats4ml.submissions.endings import ending_of, machines_say_yes
from cats4ml.submissions.models import Credit, CreditKind, Dispute, Pair, Submission
from cats4ml.submissions.near_copies import earlier_near_copy
from cats4ml.submissions.previews import preview_roster
from tests.factories import World, make_team, make_user, make_world
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
)
PICTURES = 4
KEYS = [(place, label) for place in range(PICTURES) for label in ("cat", "dog")]


class Edition:
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

    # What must hold.

    def check(self) -> None:
        pairs = list(Pair.objects.filter(challenge=self.world.challenge).select_related("policy").order_by("pk"))
        live = self._ledger()
        for pair in pairs:
            self._check_tally(pair)
            if pair.state == "settled":
                self._check_verdict(pair)
                self._check_ending(pair)
            else:
                assert (pair.verdict, pair.outcome, pair.uncredited, pair.policy) == ("", "", "", None)
            assert live.get(pair.pk, []) == self._earned(pair), f"pair {pair.pk} {pair.state} {pair.outcome}"
        self._check_board(pairs)

    def _ledger(self) -> dict[int, list[tuple[int, int, str]]]:
        entries = list(Credit.objects.filter(challenge=self.world.challenge).order_by("pk"))
        rows = [tuple(getattr(one, field.attname) for field in Credit._meta.concrete_fields) for one in entries]
        assert rows[: len(self.entries)] == self.entries, "entries of the ledger stay as they are"
        self.entries = rows
        undone = Counter(one.reverses_id for one in entries if one.kind == CreditKind.REVERSED)
        assert all(number == 1 for number in undone.values())
        live: dict[int, list[tuple[int, int, str]]] = {}
        for one in entries:
            if one.kind != CreditKind.REVERSED and one.pk not in undone:
                live.setdefault(one.pair_id, []).append((one.submission_id, one.points, one.outcome))
        return live

    def _earned(self, pair: Pair) -> list[tuple[int, int, str]]:
        if pair.state != "settled" or not is_adverse(pair.outcome) or pair.uncredited:
            return []
        first = self._first_claim(pair)
        if first is None:
            return []
        return [(first.pk, points_for(pair.outcome, policy=pair.policy.value, mean=pair.machine_mean), pair.outcome)]

    @staticmethod
    def _first_claim(pair: Pair) -> Submission | None:
        claims = Submission.objects.filter(pair=pair, retracted_at=None, participation__disqualified_at=None)
        return claims.order_by("pk").first()

    def _check_tally(self, pair: Pair) -> None:
        final = list(Rating.objects.filter(pair=pair, state=RatingState.FINAL).order_by("final_at", "pk"))
        assert len({one.rater_id for one in final}) == len(final)
        if pair.state != "settled":
            assert pair.tally == Tally.of(one.answer for one in final), f"pair {pair.pk} {pair.state}"
            return
        basis = self._basis(pair)
        counted = [vote["rating"] for vote in basis.votes]
        assert len(set(counted)) == len(counted)
        standing = {one.pk: one for one in final}
        if not pair.adjudicated_reason:
            assert counted == [one.pk for one in final][: len(counted)], "a verdict rests on answers that count"
            assert all(standing[vote["rating"]].answer == vote["answer"] for vote in basis.votes)
        assert pair.tally == Tally.of(standing[one].answer for one in counted if one in standing), f"pair {pair.pk}"

    @staticmethod
    def _basis(pair: Pair) -> VerdictBasis:
        return VerdictBasis.objects.filter(pair=pair).select_related("policy").order_by("-pk")[0]

    def _check_verdict(self, pair: Pair) -> None:
        if pair.adjudicated_reason:
            last = pair.adjudications.order_by("-pk")[0]
            assert (last.kind, last.verdict, last.reason) == ("decided", pair.verdict, pair.adjudicated_reason)
            return
        basis = self._basis(pair)
        assert basis.policy.value.rule == pair.policy.value.rule
        votes = [Vote(Answer(one["answer"]), Skill(Odds(*one["if_yes"]), Odds(*one["if_no"]))) for one in basis.votes]
        # The machines' word asks for more answers and never says what they say; another roster may have changed it.
        reading = read_in_order(votes, rule=basis.policy.value.rule, prior_yes=basis.prior_yes, least=len(votes))
        assert (reading.verdict, reading.ratings) == (pair.verdict, len(votes)), f"pair {pair.pk}"
        assert reading.posterior == pytest.approx(basis.posterior)

    def _check_ending(self, pair: Pair) -> None:
        policy = pair.policy.value
        yes = machines_say_yes(mean=pair.machine_mean, machine_yes=pair.machine_yes, policy=policy)
        assert pair.machine_yes == yes

        def ending(*, near_copy: bool):
            return ending_of(
                verdict=Verdict(pair.verdict),
                mean=pair.machine_mean,
                machine_yes=yes,
                near_copy=near_copy,
                policy=policy,
                tally=pair.tally,
                adjudicated=bool(pair.adjudicated_reason),
            )

        found = ending(near_copy=False)
        if self._first_claim(pair) is None:  # nobody could earn: whether a near-copy came first is nobody’s question
            assert found.outcome == pair.outcome
            return
        if found.points and earlier_near_copy(pair) is not None:
            found = ending(near_copy=True)
        assert (found.outcome, found.uncredited or "") == (pair.outcome, pair.uncredited), f"pair {pair.pk}"

    def _check_board(self, pairs: list[Pair]) -> None:
        recount_board(challenge=self.world.challenge, at=self.world.clock)
        totals: dict[tuple[int | None, int | None], Counter[str]] = {}
        for one in Participation.objects.filter(challenge=self.world.challenge, role="finder", disqualified_at=None):
            line = totals.setdefault((None, one.team_id) if one.team_id else (one.pk, None), Counter())
            for points, adverse, outcome in Credit.objects.filter(participation=one).values_list(
                "points", "adverse", "outcome"
            ):
                line.update({"points": points, outcome: adverse})
        valid = Submission.objects.filter(retracted_at=None, participation__disqualified_at=None)
        for pair in pairs:
            first = valid.filter(pair=pair).order_by("pk").select_related("participation").first()
            if first is not None and pair.state not in ("withdrawn", "unscorable"):
                of = first.participation
                key = (None, of.team_id) if of.team_id else (of.pk, None)
                totals[key]["settled" if pair.state == "settled" else "pending"] += 1
        found = {
            (one.participation_id, one.team_id): Counter(
                {
                    "points": one.points,
                    "false_negative": one.false_negatives,
                    "false_positive": one.false_positives,
                    "settled": one.settled,
                    "pending": one.pending,
                }
            )
            for one in Standing.objects.filter(challenge=self.world.challenge)
        }
        assert found == totals


def stands(world: World) -> dict[int, Ended]:
    """How every pair ends, as the database has it."""
    points: Counter[int] = Counter()
    for pair, more in Credit.objects.filter(challenge=world.challenge).values_list("pair_id", "points"):
        points[pair] += more
    return {
        pair.pk: Ended(pair.verdict, pair.outcome, pair.uncredited, points[pair.pk], pair.tally.total)
        for pair in Pair.objects.filter(challenge=world.challenge)
    }


def board(lines) -> list[tuple]:
    return sorted(
        (one.name, one.rank, one.shared, one.points, one.false_negatives, one.false_positives, one.settled, one.pending)
        for one in lines
    )


MOVES = {
    "answer": 6,
    "record": 10,
    "finalise": 4,
    "undo": 1,
    "claim": 2,
    "score": 2,
    "learn": 1,
    "discount": 2,
    "lift": 2,
    "policy": 3,
    "roster": 2,
    "reopen": 2,
    "adjudicate": 3,
    "take_back": 3,
    "dispute": 2,
    "decide": 3,
    "retract": 1,
    "disqualify": 1,
    "sweep": 1,
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_verdicts_tallies_ledger_board_and_queue_belong_together(db, seed) -> None:
    edition = Edition(seed)
    done: list[str] = []
    for name in edition.dice.choices(list(MOVES), list(MOVES.values()), k=40):
        done.append(name)
        with suppress(*REFUSALS), transaction.atomic():
            getattr(edition, name)()
        edition.check()
    edition.sweep()
