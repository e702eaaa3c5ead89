"""Another verdict rule: what it would change is shown first, and putting it in force does exactly that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, PolicyDecision
from cats4ml.leaderboard.actions import count_lines, recount_board
from cats4ml.leaderboard.models import Standing
from cats4ml.review.actions.discounts import discount_rater, lift_discount
from cats4ml.review.actions.repolicing import PolicyRefused, apply_policy
from cats4ml.review.models import Rating, VerdictBasis
from cats4ml.review.policy_previews import (
    Balance,
    Preview,
    compare_policies,
    default_policies,
    kept_preview,
    preview_policy,
)
from cats4ml.review.policy_readings import Ended, Fate
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World
from tests.review.rated import edition_skill, in_review, random_edition, random_policy, say
from tests.submissions.disputed import organiser

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
MAJORITY = Policy(provisional_seconds=0)
LEAD = replace(MAJORITY, verdict_rule="lead")


def put(world: World, policy: Policy, *, settled: bool = True, reopen: bool = False, reason: str = "Fewer answers."):
    return apply_policy(
        challenge=world.challenge,
        policy=policy,
        reason=reason,
        by=None,
        at=world.pass_time(1),
        settled=settled,
        reopen=reopen,
    )


def board(lines) -> list[tuple]:
    return sorted(
        (one.name, one.rank, one.shared, one.points, one.false_negatives, one.false_positives, one.settled, one.pending)
        for one in lines
    )


def stands(world: World) -> dict[int, Ended]:
    """How every pair ends, as the database has it."""
    points: dict[int, int] = {}
    for pair, more in Credit.objects.filter(challenge=world.challenge).values_list("pair_id", "points"):
        points[pair] = points.get(pair, 0) + more
    return {
        pair.pk: Ended(pair.verdict, pair.outcome, pair.uncredited, points.get(pair.pk, 0), pair.tally.total)
        for pair in Pair.objects.filter(challenge=world.challenge)
    }


def ledger(world: World) -> list[tuple]:
    return list(Credit.objects.filter(challenge=world.challenge).order_by("pk").values_list())


def test_the_editions_drawn_by_chance_have_pairs_of_every_fate(db) -> None:
    met = set()
    for seed in range(3):
        world, dice = random_edition(seed)
        for _ in range(8):
            preview = preview_policy(challenge=world.challenge, policy=random_policy(dice))
            met |= {fate for fate, number in preview.summary.fates.items() if number}
    assert met == {fate.value for fate in Fate} - {Fate.KEPT.value}


@pytest.mark.parametrize("seed", range(6))
def test_putting_a_policy_in_force_does_what_its_preview_shows(db, seed) -> None:
    world, dice = random_edition(seed)
    for _ in range(8):
        policy, reopen = random_policy(dice, provisional_seconds=0), dice.random() < 0.5
        preview = preview_policy(challenge=world.challenge, policy=policy, reopen=reopen)
        foreseen = board(count_lines(world.challenge, shifts=preview.shifts))
        before, entries, answers = stands(world), ledger(world), list(Rating.objects.order_by("pk").values_list())
        with transaction.atomic():
            assert put(world, policy, reopen=reopen) == preview
            expected = dict(before)
            for one in preview.others:
                if one.changes or (reopen and one.fate is Fate.NEEDS_MORE):
                    expected[one.pair] = one.new
            after = stands(world)
            assert {pk: end[:4] for pk, end in after.items()} == {pk: end[:4] for pk, end in expected.items()}
            assert all(after[one.pair] == one.new for one in preview.of(Fate.ENDS_OTHERWISE, Fate.SETTLES))
            recount_board(challenge=world.challenge, at=world.clock)
            assert board(Standing.objects.filter(challenge=world.challenge)) == foreseen
            assert ledger(world)[: len(entries)] == entries
            assert list(Rating.objects.order_by("pk").values_list()) == answers
            done = (stands(world), ledger(world), VerdictBasis.objects.count(), PolicyDecision.objects.count())
            again = put(world, policy, reopen=reopen)
            assert again.of(Fate.ENDS_OTHERWISE, Fate.SETTLES) == []
            assert done == (stands(world), ledger(world), VerdictBasis.objects.count(), PolicyDecision.objects.count())
            transaction.set_rollback(True)
        world.challenge.refresh_from_db()
        assert (stands(world), ledger(world)) == (before, entries)


def played() -> tuple[World, list[Pair]]:
    """Majority of five. Settled: two yes, then three no, at 0.1, an agreement; five yes at 0.1, a false negative; even
    at 0.9, ambiguous. In review: two yes at 0.1; one yes at 0.1."""
    world, pairs = in_review(MAJORITY, 0.1, 0.1, 0.9, 0.1, 0.1)
    raters = world.raters(5)
    for pair, answers in zip(
        pairs,
        ([YES, YES, NO, NO, NO], [YES] * 5, [YES, NO, YES, NO, DONT_KNOW], [YES, YES], [YES]),
        strict=True,
    ):
        assert say(world, pair, answers, raters) == len(answers)
    return world, pairs


def test_a_pair_that_ends_as_it_did_says_what_the_machines_say_at_the_new_threshold(db) -> None:
    world, [pair] = in_review(MAJORITY, 0.45)
    say(world, pair, [YES, NO, YES, NO, DONT_KNOW], world.raters(5))
    for threshold, yes in ((0.4, True), (0.5, False)):
        assert put(world, replace(MAJORITY, threshold=threshold)).of(Fate.ENDS_OTHERWISE) == []
        pair.refresh_from_db()
        assert (pair.outcome, pair.machine_yes) == ("ambiguous", yes)


def test_a_kept_preview_is_counted_anew_once_an_expert_agreed_or_other_answers_are_discounted(db) -> None:
    world, [split, begun] = in_review(MAJORITY, 0.1, 0.1)
    by, raters = organiser(world), world.raters(5)
    say(world, split, [YES, NO, YES, NO, DONT_KNOW], raters)
    say(world, begun, [YES, YES, NO], raters)

    def counted_anew() -> bool:
        return kept_preview(world.challenge, LEAD, reopen=False) == preview_policy(
            challenge=world.challenge, policy=LEAD
        )

    assert counted_anew()
    adjudicate(pair_id=split.pk, verdict=Verdict.UNDECIDED, reason="Dark.", by=by, at=world.pass_time(1))
    assert counted_anew()
    for rater in (raters[0], raters[2]):  # each answered two pairs
        discount_rater(rater=rater, reason="Asleep.", by=by, at=world.pass_time(1))
        assert counted_anew()
        lift_discount(rater=rater, reason="Awake.", by=by, at=world.pass_time(1))


def test_a_rule_that_stops_early_reads_only_the_answers_it_would_have_asked_for(db) -> None:
    world, pairs = played()
    preview = preview_policy(challenge=world.challenge, policy=LEAD)
    finder = world.challenge.participations.get(role="finder").pk
    assert {one.pair: (one.fate, one.new, one.missing) for one in preview.others} == {
        pairs[0].pk: (Fate.ENDS_OTHERWISE, Ended("yes", "false_negative", "", 1, 2), 0),
        pairs[2].pk: (Fate.NEEDS_MORE, Ended("", "", "", 0, 5), 2),
        pairs[3].pk: (Fate.SETTLES, Ended("yes", "false_negative", "", 1, 2), 0),
    }
    assert preview.balances == [Balance(finder, 0, 2)]
    assert preview.summary.fates == {
        "same": 1, "ends_otherwise": 1, "needs_more": 1, "settles": 1, "waits": 1, "kept": 0
    }  # fmt: skip
    found = preview.summary
    assert (found.verdicts, found.spent, found.per_verdict, found.more, found.ambiguous_share) == (3, 6, 2.0, 2, 0.0)


def test_rules_are_compared_side_by_side(db) -> None:
    world, _ = played()
    policies = [world.challenge.rules, *default_policies(world.challenge.rules).values()]
    in_force, majority, of_known, lead, _ = compare_policies(challenge=world.challenge, policies=policies)
    assert in_force == majority
    assert (in_force.outcomes, in_force.per_verdict) == (
        {"false_negative": 1, "false_positive": 0, "agreement": 1, "ambiguous": 1}, 5.0
    )  # fmt: skip
    assert (of_known.ambiguous, lead.adverse, lead.per_verdict) == (1, 3, 2.0)


def test_from_now_on_leaves_settled_pairs_as_they_are(db) -> None:
    world, pairs = played()
    done = put(world, LEAD, settled=False)
    assert [(one.pair, one.fate) for one in done.others] == [(pairs[3].pk, Fate.SETTLES)]
    assert [pair.policy.value.verdict_rule if pair.policy else "" for pair in map(fresh, pairs)] == [
        "majority", "majority", "majority", "lead", ""
    ]  # fmt: skip
    [decision] = PolicyDecision.objects.all()
    assert (decision.settled_too, decision.changed, decision.reopened, decision.reason) == (
        False, 0, 0, "Fewer answers."
    )  # fmt: skip


def fresh(pair: Pair) -> Pair:
    return Pair.objects.select_related("policy").get(pk=pair.pk)


def test_settled_pairs_get_the_policy_and_their_credit_by_entries(db) -> None:
    world, pairs = played()
    put(world, LEAD)
    assert [pair.tally for pair in map(fresh, pairs)] == [
        Tally(2, 0, 0), Tally(2, 0, 0), Tally(2, 2, 1), Tally(2, 0, 0), Tally(1, 0, 0)
    ]  # fmt: skip
    rules = [pair.policy.value.verdict_rule for pair in map(fresh, pairs[:4])]
    assert rules == ["lead", "lead", "majority", "lead"]
    entries = Credit.objects.order_by("pk").values_list("pair_id", "kind", "points", "reason")
    assert list(entries) == [
        (pairs[1].pk, "given", 1, ""),
        (pairs[0].pk, "given", 1, "Fewer answers."),
        (pairs[3].pk, "given", 1, ""),
    ]
    put(world, replace(MAJORITY, points_per_adverse=2), reason="As it was.")
    assert fresh(pairs[0]).tally == Tally(2, 3, 0)
    assert list(entries.all())[3:] == [
        (pairs[0].pk, "reversed", -1, "As it was."),
        (pairs[1].pk, "reversed", -1, "As it was."),
        (pairs[1].pk, "given", 2, "As it was."),
    ]
    assert fresh(pairs[3]).policy.value.verdict_rule == "lead"


def test_pairs_that_need_more_answers_go_back_to_review_only_if_asked(db) -> None:
    world, pairs = played()
    put(world, LEAD)
    assert fresh(pairs[2]).state == "settled"
    assert len(put(world, LEAD, reopen=True).of(Fate.NEEDS_MORE)) == 1
    pair = fresh(pairs[2])
    assert (pair.state, pair.outcome, pair.policy, pair.reopened_reason) == ("in_review", "", None, "Fewer answers.")
    assert pair.tally == Tally(2, 2, 1)
    assert [one.reopened for one in PolicyDecision.objects.order_by("pk")] == [0, 1]


def test_an_experts_word_and_an_imported_tally_keep_their_verdict(db) -> None:
    world, pairs = played()
    Pair.objects.filter(pk=pairs[0].pk).update(adjudicated_reason="A drawing counts.")
    label = pairs[0].label
    import_settled_pairs(
        challenge=world.challenge,
        pairs=[SettledElsewhere(world.images[1], label.__class__.objects.get(vocabulary=label.vocabulary, key="owl"),
                                Tally(3, 2, 0), machine_yes=False)],
        at=world.clock,
    )  # fmt: skip
    preview = put(world, replace(LEAD, min_lead=2))
    assert preview.of(Fate.ENDS_OTHERWISE) == []
    assert preview.summary.fates["kept"] == 1
    assert fresh(pairs[0]).outcome == "agreement"


def test_a_policy_needs_a_reason_and_an_edition_that_is_not_final(db) -> None:
    world, _ = played()
    with pytest.raises(PolicyRefused, match="Say why"):
        put(world, LEAD, reason=" ")
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    before = stands(world)
    with pytest.raises(PolicyRefused, match="final"):
        put(world, LEAD)
    assert (stands(world), Challenge.objects.get(pk=world.challenge.pk).rules) == (before, MAJORITY)


def test_decisions_never_change(db) -> None:
    world, _ = played()
    put(world, LEAD)
    for change in (PolicyDecision.objects.update, VerdictBasis.objects.update):
        with pytest.raises(DatabaseError, match="rows never change"), transaction.atomic():
            change(created_at=world.clock)
    with pytest.raises(DatabaseError, match="rows never change"), transaction.atomic():
        VerdictBasis.objects.all().delete()


def test_a_preview_asks_as_much_of_few_pairs_as_of_many(db) -> None:
    counts = []
    for number in (3, 12):
        world, pairs = in_review(MAJORITY, *[0.1] * number)
        raters = world.raters(5)
        for pair in pairs:
            say(world, pair, [YES, YES, NO, NO, NO], raters)
        with CaptureQueriesContext(connection) as queries:
            preview_policy(challenge=world.challenge, policy=LEAD)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


def test_a_preview_is_counted_once_until_something_changes(db) -> None:
    world, pairs = played()
    first = kept_preview(world.challenge, LEAD, reopen=False)
    with CaptureQueriesContext(connection) as queries:
        assert kept_preview(world.challenge, LEAD, reopen=False) == first
    assert not [query for query in queries.captured_queries if "array_agg" in query["sql"].lower()]
    say(world, pairs[4], [YES], world.raters(1))
    assert kept_preview(world.challenge, LEAD, reopen=False) != first
    edition_skill(world)
    assert isinstance(kept_preview(world.challenge, replace(MAJORITY, verdict_rule="weighted"), reopen=True), Preview)
