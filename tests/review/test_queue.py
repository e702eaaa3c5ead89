"""The order of the queue, and that it is true whatever happens elsewhere."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, Participation
from cats4ml.review.actions.answering import cast_rating, finalise_due
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.queueing import sweep_queue, sweep_queues
from cats4ml.review.actions.rights import RaterPaused
from cats4ml.review.ballots import known_skills
from cats4ml.review.giving import lock_next
from cats4ml.review.models import ControlQuestion, Lease, PauseCause, RaterPause, Rating, Waiting
from cats4ml.review.queries import waiting_for
from cats4ml.review.queue import PAIRS_A_TURN, enter, fill, refresh
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import VerdictRule
from cats4ml.submissions.actions.settlement import reopen_pair
from cats4ml.submissions.models import Pair
from tests.factories import World, make_team, make_user, make_world
from tests.review.queue_truth import truth, wrong_rows

YES, NO = Answer.YES, Answer.NO
LEAD = Policy(verdict_rule=VerdictRule.LEAD, lead=2, max_ratings=7)


def in_review(world: World, finder: Participation, *places: int, label: str = "cat") -> list[Pair]:
    world.claim(finder, *[(place, label) for place in places])
    for place in places:
        world.score(place, {label: 0.1})
    return [world.pair(place, label) for place in places]


def order(world: World, rater: Participation | None = None) -> list[Pair]:
    fill(world.challenge, at=world.clock)
    return list(waiting_for(rater or world.rater()))


def given(world: World, count: int = 1) -> list[Pair]:
    return [lease.pair for lease in hold_leases(rater=world.rater(), at=world.clock, count=count)]


def test_pairs_that_are_begun_come_first_and_of_these_the_one_that_misses_least(world) -> None:
    pairs = in_review(world, world.finder(), 0, 1, 2, 3)
    world.rate(pairs[2], YES, NO)
    world.rate(pairs[3], YES)
    fresh = order(world)[2:]
    assert (order(world)[:2], set(fresh)) == ([pairs[2], pairs[3]], set(pairs[:2]))
    assert given(world, count=4) == [pairs[2], pairs[3], *fresh]


def test_a_begun_pair_comes_before_fresh_ones_that_miss_as_few(db) -> None:
    world = make_world(policy=LEAD)
    pairs = in_review(world, world.finder(), 0, 1, 2)
    begun = order(world)[2]
    world.rate(begun, YES, NO)
    assert (set(Waiting.objects.values_list("missing", flat=True)), given(world)) == ({2}, [begun])
    assert set(order(world)) == set(pairs)


def test_many_pairs_of_one_finder_do_not_block_the_few_of_another(db) -> None:
    world = make_world(pictures=60)
    many, few = world.finder(), world.finder()
    in_review(world, many, *range(50))
    fill(world.challenge, at=world.clock)
    in_review(world, few, *range(50, 55))
    before = Counter(Waiting.objects.values_list("finder", "turn"))
    assert before == {(many.pk, 0): 20, (many.pk, 1): 20, (many.pk, 2): 10}
    fill(world.challenge, at=world.clock)
    # Behind the turn that is being served, and before the rest of the many.
    assert set(Waiting.objects.filter(finder=few).values_list("turn", flat=True)) == {1}
    first = order(world)[: 2 * PAIRS_A_TURN + 5]
    assert {pair.pk for pair in first} >= set(Waiting.objects.filter(finder=few).values_list("pair", flat=True))


def test_who_comes_back_goes_on_in_the_turn_that_is_not_full(db) -> None:
    world = make_world(pictures=60)
    finder = world.finder()
    for places in (range(25), range(25, 45)):
        in_review(world, finder, *places)
        fill(world.challenge, at=world.clock)
    assert Counter(Waiting.objects.values_list("turn", flat=True)) == {0: 20, 1: 20, 2: 5}


def test_no_pair_joins_the_turn_that_is_served_so_that_the_oldest_is_never_overtaken_for_ever(db) -> None:
    world = make_world(pictures=12, policy=Policy(quorum=1, provisional_seconds=0))
    in_review(world, world.finder(), 0, 1, 2)
    old = set(order(world))
    rater = world.rater()
    for place in range(3, 6):  # others come without end, each with a finder of its own
        in_review(world, world.finder(), place)
        [lease] = hold_leases(rater=rater, at=world.clock, count=1)
        assert lease.pair in old
        cast_rating(rater=rater, token=lease.token, answer=YES, at=world.clock)


def test_the_order_within_a_turn_is_a_keyed_hash_of_the_pair(world) -> None:
    pairs = in_review(world, world.finder(), 0, 1, 2, 3, 4, 5)
    fill(world.challenge, at=world.clock)
    key = Challenge.objects.get(pk=world.challenge.pk).split_seed.encode()

    def shuffle(pair: Pair) -> int:
        digest = hmac.new(key, f"queue {pair.pk}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:4], "big", signed=True)

    assert dict(Waiting.objects.values_list("pair", "shuffle")) == {pair.pk: shuffle(pair) for pair in pairs}
    assert [pair.pk for pair in order(world)] == [pair.pk for pair in sorted(pairs, key=shuffle)]


def test_ten_thousand_pairs_enter_in_as_few_statements_as_ten(db) -> None:
    world = make_world(pictures=40)
    in_review(world, world.finder(), *range(3))
    known_skills(world.challenge, world.clock)  # else the first one reads them
    with CaptureQueriesContext(connection) as few:
        assert fill(world.challenge, at=world.clock) == 3
    in_review(world, world.finder(), *range(3, 40))
    known_skills(world.challenge, world.clock)
    with CaptureQueriesContext(connection) as many:
        assert fill(world.challenge, at=world.clock) == 37
    assert (len(few), len(many)) == (len(many), len(few))
    assert fill(world.challenge, at=world.clock) == 0


def test_what_was_scored_is_given_at_once_without_a_sweep(world) -> None:
    pairs = in_review(world, world.finder(), 0)
    assert (Waiting.objects.count(), given(world)) == (0, pairs)


def test_the_pair_that_is_given_is_the_first_of_those_that_are_open(db) -> None:
    world = make_world(pictures=12, policy=Policy(roles_exclusive=False, quorum=3))
    me, mate = make_user(), make_user()
    make_team(me, mate)
    rater = world.rater(me)
    in_review(world, world.finder(me), 0)
    in_review(world, world.finder(mate), 1)
    pairs = in_review(world, world.finder(), *range(2, 12))
    world.rate(pairs[0], YES, raters=[rater])
    world.rate(pairs[1], YES)
    world.rate(pairs[2], YES, NO)
    fill(world.challenge, at=world.clock)
    everything = list(Pair.objects.values_list("pk", flat=True))
    seen = []
    while promised := waiting_for(rater).first():
        assert (lock_next(rater), lock_next(rater, only=everything)) == (promised.pk, promised.pk)
        [lease] = hold_leases(rater=rater, at=world.pass_time(1), count=1)
        seen.append(lease.pair)
        cast_rating(rater=rater, token=lease.token, answer=YES, at=world.clock)
    assert (lock_next(rater), lock_next(rater, only=everything)) == (None, None)
    assert (set(seen), len(seen)) == (set(pairs[1:]), 9)


def test_a_rater_who_is_ahead_of_the_others_still_gets_what_lies_behind_their_own_answers(world) -> None:
    pairs = in_review(world, world.finder(), 0, 1, 2, 3)
    rater = world.rater()
    for pair in order(world)[:3]:
        world.rate(pair, YES, raters=[rater])
    last = next(iter(set(pairs) - set(order(world)[:3])))
    world.rate(last, YES)
    assert [lock_next(rater, look=look) for look in (1, 2, 24)] == [last.pk] * 3


def test_a_pair_with_the_picture_and_label_of_a_control_that_one_had_is_not_asked(world) -> None:
    [pair, other] = in_review(world, world.finder(), 0, 1)
    rater = world.rater()
    control = ControlQuestion.objects.create(
        challenge=world.challenge, image=pair.image, label=pair.label, truth="yes", use="mixed"
    )
    Lease.objects.create(
        control=control,
        rater=rater,
        created_at=world.clock,
        expires_at=world.clock + timedelta(seconds=1),
        closed_at=world.clock,
        ended="expired",
    )
    assert (order(world, rater), set(order(world))) == ([other], {pair, other})
    assert {lease.pair for lease in hold_leases(rater=rater, at=world.clock, count=3)} == {other}


def test_an_expired_question_comes_back_in_its_place(world) -> None:
    in_review(world, world.finder(), 0, 1, 2)
    rater = world.rater()
    first = hold_leases(rater=rater, at=world.clock, count=1)[0].pair
    again = hold_leases(rater=rater, at=world.pass_time(120), count=1)
    assert ([lease.pair for lease in again], Lease.objects.filter(ended="expired").count()) == ([first], 1)


def test_a_lowered_quorum_settles_the_pairs_that_have_enough_and_counts_the_others_anew(world) -> None:
    enough, begun, fresh = in_review(world, world.finder(), 0, 1, 2)
    world.rate(enough, YES, YES, YES)
    world.rate(begun, NO)
    order(world)
    decide_policy(challenge=world.challenge, policy=Policy(quorum=3))
    sweep_queues(at=world.clock)
    enough.refresh_from_db()
    assert (enough.state, enough.tally, Waiting.objects.filter(pair=enough).exists()) == (
        "settled",
        Tally(yes=3),
        False,
    )
    rows = Waiting.objects.order_by("pair")
    assert list(rows.values_list("pair", "missing", "places")) == [(begun.pk, 2, 2), (fresh.pk, 3, 3)]


@pytest.mark.parametrize(("quorum", "given"), [(3, 1), (2, 0), (9, 3)])
def test_by_another_policy_nobody_too_many_is_asked_before_the_sweep_comes(world, quorum, given) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), Answer.YES, Answer.YES)
    decide_policy(challenge=world.challenge, policy=Policy(quorum=quorum))
    raters = world.raters(3)
    for rater in raters:
        rater.challenge = Challenge.objects.select_related("policy").get(pk=world.challenge.pk)
    assert sum(len(hold_leases(rater=rater, at=world.pass_time(1))) for rater in raters) == given


def test_another_rule_counts_every_row_anew(world) -> None:
    begun, *_ = in_review(world, world.finder(), 0, 1, 2)
    world.rate(begun, YES)
    hold_leases(rater=world.rater(), at=world.clock, count=2)
    decide_policy(challenge=world.challenge, policy=LEAD)
    sweep_queues(at=world.clock)
    world.challenge.refresh_from_db()
    assert wrong_rows(world.challenge) == {}
    assert Counter(Waiting.objects.values_list("missing", "places")) == {(1, 0): 1, (2, 1): 1, (2, 2): 1}


def test_the_sweep_mends_whatever_is_wrong(world) -> None:
    pairs = in_review(world, world.finder(), 0, 1, 2, 3)
    world.rate(pairs[0], YES)
    hold_leases(rater=world.rater(), at=world.clock, count=2)
    order(world)
    truth_before = truth(world.challenge)
    Waiting.objects.filter(pair=pairs[0]).update(places=9, answers=3)
    Waiting.objects.filter(pair=pairs[1]).update(missing=1, answers=1)
    Waiting.objects.filter(pair=pairs[2]).delete()
    Waiting.objects.filter(pair=pairs[3]).update(places=0)
    cache.clear()
    assert sweep_queue(world.challenge, at=world.clock) >= 3
    assert (wrong_rows(world.challenge), truth(world.challenge)) == ({}, truth_before)
    Pair.objects.filter(pk=pairs[3].pk).update(state="queued")
    cache.clear()
    sweep_queue(world.challenge, at=world.clock)
    assert Waiting.objects.filter(pair=pairs[3]).exists() is False


def test_a_reopened_pair_waits_for_as_many_more_as_were_asked_for(world) -> None:
    [pair] = in_review(world, world.finder(), 0)
    world.rate(pair, *[YES] * 5)
    assert Waiting.objects.count() == 0
    reopen_pair(pair_id=pair.pk, reason="A doubt.", by=make_user(), at=world.clock, more_ratings=3)
    refresh(pair, at=world.clock)
    row = Waiting.objects.get()
    assert (row.answers, row.missing, row.places) == (5, 3, 3)


def test_a_row_is_made_once_and_only_for_a_pair_in_review(world) -> None:
    world.claim(world.finder(), (1, "cat"))
    [pair] = in_review(world, world.finder(), 0)
    for one in (pair, pair, world.pair(1, "cat")):
        enter(one, at=world.clock)
    assert list(Waiting.objects.values_list("pair", flat=True)) == [pair.pk]


def test_a_paused_rater_is_refused_and_their_questions_go_to_others(world) -> None:
    in_review(world, world.finder(), 0)
    rater = world.rater()
    [lease] = hold_leases(rater=rater, at=world.clock)
    pause = RaterPause.objects.create(rater=rater, cause=PauseCause.TOO_FAST, created_at=world.clock)
    for call in (
        lambda: hold_leases(rater=rater, at=world.clock),
        lambda: cast_rating(rater=rater, token=lease.token, answer=YES, at=world.clock),
    ):
        with pytest.raises(RaterPaused, match="paused until an organiser") as refused:
            call()
        assert refused.value.pause == pause
    sweep_queues(at=world.clock)
    assert list(Lease.objects.values_list("ended", flat=True)) == ["withdrawn"]
    assert (Waiting.objects.get().places, Rating.objects.count()) == (5, 0)
    pause.decision, pause.decided_at = "ended", world.clock
    pause.save()
    with pytest.raises(RaterPaused, match="have ended your rating"):
        hold_leases(rater=rater, at=world.clock)
    pause.decision = "resumed"
    pause.save()
    assert len(hold_leases(rater=rater, at=world.clock)) == 1


def test_the_statements_of_a_question_and_of_an_answer_do_not_grow(db) -> None:
    # No controls: whether one may be due is drawn, and then one statement more looks for it.
    world = make_world(policy=Policy(warm_up=0, control_percent=0, control_percent_least=0))
    in_review(world, world.finder(), *range(6))
    order(world)
    counts = []
    rater = world.rater()
    for _ in range(3):
        known_skills(world.challenge, world.pass_time(6))  # which are looked up every few seconds
        with CaptureQueriesContext(connection) as asked:
            lease = hold_leases(rater=rater, at=world.pass_time(1))[0]
        with CaptureQueriesContext(connection) as answered:
            cast_rating(rater=rater, token=lease.token, answer=YES, at=world.pass_time(1))
        counts.append((len(asked), len(answered)))
    assert counts[1] == counts[2]
    assert counts[2][0] <= 14
    assert counts[2][1] <= 25


def test_finalising_later_leaves_the_row_as_it_should_be(world) -> None:
    [pair] = in_review(world, world.finder(), 0)
    rater = world.rater()
    [lease] = hold_leases(rater=rater, at=world.clock)
    for _ in range(2):
        row = Waiting.objects.get()
        assert (row.answers, row.missing, row.places) == (Rating.objects.count(), 5, 4)
        cast_rating(rater=rater, token=lease.token, answer=NO, at=world.clock)
    finalise_due(at=world.pass_time(30))
    row = Waiting.objects.get(pair=pair)
    assert (row.answers, row.missing, row.places) == (1, 4, 4)
