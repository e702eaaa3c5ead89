"""Putting a policy in force as work for a worker, and taking a decision about the policy back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, PolicyDecision
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.replaying import replay_credits
from cats4ml.review.actions import policy_work
from cats4ml.review.actions.policy_work import (
    newest_work,
    progress_of,
    request_policy,
    request_undo,
    sweep_policy_work,
    work_off,
)
from cats4ml.review.actions.repolicing import PolicyRefused, apply_policy, undo_policy
from cats4ml.review.models import PolicyWork, RepolicedPair
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.settlement import reopen_pair
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World, make_user
from tests.messages import drain
from tests.review.happening_checks import policies_of, stands
from tests.review.rated import edition_skill, in_review, say, skill

YES, NO = Answer.YES, Answer.NO
MAJORITY = Policy(provisional_seconds=0)
LEAD = replace(MAJORITY, verdict_rule="lead")


def played(policy: Policy = MAJORITY) -> tuple[World, list[Pair]]:
    """By majority of five. Settled: two yes then three no, an agreement; five yes, a false negative. In review: two
    yes."""
    world, pairs = in_review(policy, 0.1, 0.1, 0.1)
    raters = world.raters(5)
    for pair, answers in zip(pairs, ([YES, YES, NO, NO, NO], [YES] * 5, [YES, YES]), strict=True):
        say(world, pair, answers, raters)
    recount_board(challenge=world.challenge, at=world.pass_time(1))
    return world, pairs


def ask(world: World, policy: Policy = LEAD, *, reason: str = "Fewer answers.", **more: bool) -> PolicyWork:
    wanted = {"settled": True, **more}
    return request_policy(
        challenge=world.challenge, policy=policy, reason=reason, by=None, at=world.pass_time(1), **wanted
    )


def undo(world: World, *, reason: str = "Too few.") -> PolicyWork:
    last = PolicyDecision.objects.filter(challenge=world.challenge).latest("pk")
    return request_undo(decision=last, reason=reason, by=None, at=world.pass_time(1))


def replays(world: World) -> object:
    recount_board(challenge=world.challenge, at=world.pass_time(1))
    return replay_credits(world.challenge).first_difference


def test_a_decision_that_is_taken_back_leaves_the_board_as_it_was(db) -> None:
    world, _ = played()
    before, policies, former = stands(world), policies_of(world), world.challenge.policy
    done = ask(world)
    assert (done.state, done.ended_otherwise, done.settles, done.sent_back) == ("done", 1, 1, 0)
    assert (stands(world) != before, replays(world)) == (True, None)
    back = undo(world)
    assert (back.state, back.ended_otherwise, back.sent_back) == ("done", 1, 1)
    assert (stands(world), policies_of(world)) == (before, policies)
    assert (Challenge.objects.get(pk=world.challenge.pk).policy, replays(world)) == (former, None)
    # Taking back is a decision too, and can be taken back in turn.
    undo(world, reason="Yes, fewer.")
    assert {end.outcome for end in stands(world).values()} == {"false_negative"}
    assert replays(world) is None
    kept = world.acts().values_list("summary", "reason")
    assert list(kept) == [
        ("Put policy 2 in force", "Fewer answers."),
        ("Went back to policy 1", "Too few."),
        ("Went back to policy 2", "Yes, fewer."),
    ]
    rules = [act.details["verdict_rule"] for act in world.acts()]
    there, back_again = ({"before": one, "after": other} for one, other in (("majority", "lead"), ("lead", "majority")))
    assert rules == [there, back_again, there]


def test_a_verdict_goes_back_to_what_it_was_read_from_though_raters_are_known_better_since(db) -> None:
    weighted = Policy(provisional_seconds=0, verdict_rule="weighted", bound=0.9, max_ratings=2)
    world, [pair] = in_review(weighted, 0.1)
    edition_skill(world)
    raters = world.raters(2)
    skill(raters[0], world, right=30, wrong=0)
    say(world, pair, [YES, NO], raters)
    before = stands(world)
    ask(world, MAJORITY, reopen=True)
    assert Pair.objects.get().state == "in_review"
    skill(raters[0], world, right=0, wrong=30)
    world.pass_time(60)
    undo(world)
    assert (stands(world), Pair.objects.get().verdict) == (before, "yes")


def test_pairs_that_raters_settled_since_keep_the_policy_that_settled_them(db) -> None:
    world, pairs = in_review(MAJORITY, 0.1, 0.1)
    raters = world.raters(2)
    say(world, pairs[0], [YES], raters)
    say(world, pairs[1], [YES, YES], raters)
    ask(world)
    say(world, pairs[0], [YES], world.raters(1))
    undo(world)
    ended = [Pair.objects.get(pk=pair.pk) for pair in pairs]
    assert [(one.state, one.policy and one.policy.version) for one in ended] == [("settled", 2), ("in_review", None)]
    assert replays(world) is None


def test_a_pair_that_was_reopened_since_is_not_settled_again_by_what_it_rested_on_before(db) -> None:
    world, pairs = played()
    ask(world)
    at = world.pass_time(1)
    reopen_pair(pair_id=pairs[0].pk, reason="Look again.", by=make_user(), at=at, more_ratings=3)
    say(world, pairs[0], [YES, YES, YES], world.raters(3))
    assert Pair.objects.get(pk=pairs[0].pk).verdict == "yes"  # of eight answers five are yes
    undo(world)
    pair = Pair.objects.get(pk=pairs[0].pk)
    assert (pair.state, pair.verdict, pair.tally.total, replays(world)) == ("settled", "yes", 8, None)


def test_only_the_last_decision_is_taken_back_and_only_with_a_reason(db) -> None:
    world, _ = played()
    ask(world)
    first = PolicyDecision.objects.get()
    ask(world, replace(LEAD, lead=3))
    for decision, reason, words in (
        (first, "No.", "Another policy came in force since"),
        (PolicyDecision.objects.latest("pk"), " ", "only with a reason"),
    ):
        with pytest.raises(PolicyRefused, match=words):
            undo_policy(decision=decision, reason=reason, by=None, at=world.pass_time(1))
    undone = PolicyDecision.objects.latest("pk")
    undo(world)
    with pytest.raises(PolicyRefused, match="undone already"):
        request_undo(decision=undone, reason="Twice.", by=None, at=world.pass_time(1))
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    with pytest.raises(PolicyRefused, match="final"):
        undo(world)
    with pytest.raises(DatabaseError, match="rows never change"), transaction.atomic():
        RepolicedPair.objects.update(former_basis=None)


def test_of_many_pairs_a_worker_puts_it_in_force_once_and_says_how_far_it_is(db, monkeypatch) -> None:
    monkeypatch.setattr(policy_work, "AT_ONCE", 2)
    monkeypatch.setattr("cats4ml.review.actions.repolicing.PROGRESS_EVERY", 2)
    world, pairs = played()
    world.challenge.queue = f"policy-{world.challenge.pk}"
    world.challenge.save()
    work = ask(world)
    assert (work.state, work.total, Pair.objects.get(pk=pairs[0].pk).outcome) == ("waiting", 3, "agreement")
    with pytest.raises(PolicyRefused, match="at this moment"):
        ask(world, replace(LEAD, lead=3))
    for _ in range(2):
        work_off(work=work.pk, at=world.pass_time(1))
    work = newest_work(world.challenge)
    assert (work.state, work.starts, work.ended_otherwise, progress_of(work)) == ("done", 1, 1, 2)
    assert (Pair.objects.get(pk=pairs[0].pk).outcome, PolicyDecision.objects.count()) == ("false_negative", 1)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_leaves_nothing_behind_and_the_sweep_rings_for_another(monkeypatch) -> None:
    monkeypatch.setattr(policy_work, "AT_ONCE", 2)
    world, pairs = played()
    world.challenge.queue = f"policy-{world.challenge.pk}"
    world.challenge.save()
    queue = f"web.{world.challenge.queue}"
    work = ask(world)
    assert drain(queue) == [(policy_work.WORK_OFF, {"work": work.pk})]

    def die(*args: object, **kwargs: object) -> None:
        apply_policy(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(policy_work, "apply_policy", die)
        with pytest.raises(KeyboardInterrupt):
            work_off(work=work.pk, at=world.pass_time(1))
    work.refresh_from_db()
    assert (work.state, Credit.objects.count(), Pair.objects.get(pk=pairs[0].pk).outcome) == ("working", 1, "agreement")
    assert sweep_policy_work(at=work.requested_at + timedelta(seconds=10)) == 0
    assert sweep_policy_work(at=work.requested_at + timedelta(seconds=30)) == 1
    assert drain(queue) == [(policy_work.WORK_OFF, {"work": work.pk})]
    work_off(work=work.pk, at=world.pass_time(1))
    work.refresh_from_db()
    assert (work.state, work.starts, Pair.objects.get(pk=pairs[0].pk).outcome) == ("done", 2, "false_negative")


def test_what_goes_wrong_is_said_and_a_worker_that_always_dies_is_not_tried_for_ever(db, monkeypatch) -> None:
    monkeypatch.setattr(policy_work, "AT_ONCE", 0)
    world, _ = played()
    work = ask(world)
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    work_off(work=work.pk, at=world.pass_time(1))
    assert newest_work(world.challenge).error == "This challenge is final: its board stands."
    PolicyWork.objects.update(state="working", starts=3, finished_at=None)
    work_off(work=work.pk, at=world.pass_time(1))
    assert (
        newest_work(world.challenge).error == "A worker began it three times and died each time. Nothing has changed."
    )
