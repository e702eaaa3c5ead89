"""What must hold of an edition whatever was done in it."""

from __future__ import annotations

from collections import Counter

import pytest

from cats4ml.challenges.models import Participation
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.models import Standing
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.review.models import Rating, RatingState, VerdictBasis
from cats4ml.review.policy_readings import Ended
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.credit import points_for
from cats4ml.rules.replays import read_in_order
from cats4ml.rules.skill import Odds, Skill
from cats4ml.rules.verdicts import Verdict, Vote, is_adverse
from cats4ml.submissions.endings import ending_of, machines_say_yes
from cats4ml.submissions.models import Credit, CreditKind, Pair, Submission
from cats4ml.submissions.near_copies import earlier_near_copy
from tests.factories import World


class Checks:
    """An edition that can be looked at. `entries`: the ledger as it was at the last look."""

    world: World
    entries: list[tuple[object, ...]]

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

    def check_replay(self) -> None:
        """The board counts anew from answers and scores alone, to the very lines that are kept."""
        assert replay_credits(self.world.challenge).first_difference is None


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


def policies_of(world: World) -> dict[int, int]:
    """By settled pair, the policy that settled it."""
    settled = Pair.objects.filter(challenge=world.challenge, state="settled")
    return dict(settled.values_list("pk", "policy_id"))
