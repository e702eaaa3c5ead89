"""A rater whose answers don't count: what changes is shown first, then done by entries, and can be taken back."""

from __future__ import annotations

import pytest

from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.queries import standings
from cats4ml.review.actions.answering import cast_rating, finalise_due
from cats4ml.review.actions.discounts import DiscountRefused, discount_rater, lift_discount
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.discount_previews import Fate, preview_discount, preview_lift
from cats4ml.review.models import Lease, LeaseEnd, PauseCause, RaterDiscount, RaterPause, Rating
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Credit, Pair
from tests.factories import World, make_user, make_world

YES, NO, DONT_KNOW = Answer.YES, Answer.NO, Answer.DONT_KNOW
SURE_NO = {"cat": 0.1, "dog": 0.1, "owl": 0.1}


@pytest.fixture
def lead(db) -> World:
    """An edition in which two answers ahead settle a pair, five at most."""
    return make_world(policy=Policy(verdict_rule="lead", lead=2, max_ratings=5))


def claimed(world: World, *pairs: tuple[int, str]):
    finder = world.finder()
    world.claim(finder, *pairs)
    for place in sorted({place for place, _ in pairs}):
        world.score(place, SURE_NO)
    return finder


def board(world: World) -> list[tuple[str, int, int]]:
    recount_board(challenge=world.challenge, at=world.clock)
    return [(line.name, line.points, line.rank) for line in standings(world.challenge)]


def states(*pairs: Pair) -> list[tuple[str, str, str, tuple[int, int, int]]]:
    for pair in pairs:
        pair.refresh_from_db()
    return [
        (p.state, p.verdict, p.outcome, (p.yes_ratings, p.no_ratings, p.dont_know_ratings)) for p in pairs
    ]  # fmt: skip


def rate(world: World, pair: Pair, *answers: Answer, raters: list) -> None:
    """Each answer final before the next rater is asked: no more are asked than are needed."""
    for rater, answer in zip(raters, answers, strict=True):
        world.rate(pair, answer, raters=[rater])


def scene(world: World):
    """Four pairs that one rater answered: one settled by their answer, one that needs it not, one in review, and one
    that an expert decided."""
    finder = claimed(world, (0, "cat"), (1, "cat"), (2, "cat"), (3, "cat"))
    bad, *good = world.raters(4)
    pairs = [world.pair(place, "cat") for place in range(4)]
    rate(world, pairs[0], YES, YES, raters=[bad, good[0]])
    rate(world, pairs[1], NO, YES, YES, YES, raters=[bad, *good])
    rate(world, pairs[2], YES, raters=[bad])
    rate(world, pairs[3], YES, YES, raters=[bad, good[0]])
    Pair.objects.filter(pk=pairs[3].pk).update(adjudicated_reason="A cat, says the vet.")
    return finder, bad, good, pairs


def test_a_preview_says_what_discounting_does_and_writes_nothing(lead) -> None:
    finder, bad, _, pairs = scene(lead)
    before = (states(*pairs), Credit.objects.count(), Rating.objects.filter(state="final").count())
    preview = preview_discount(rater=bad, by=make_user(), at=lead.pass_time(1))
    assert [(change.pair, change.fate) for change in preview.changes] == [
        (pairs[0], Fate.REOPENS),
        (pairs[1], Fate.KEEPS),
        (pairs[2], Fate.IN_REVIEW),
        (pairs[3], Fate.EXPERT),
    ]
    assert [(one.participation, one.lost, one.gained) for one in preview.balances] == [(finder, 1, 0)]
    assert (states(*pairs), Credit.objects.count(), Rating.objects.filter(state="final").count()) == before
    assert (RaterDiscount.objects.count(), RaterPause.objects.count()) == (0, 0)


def test_a_discounted_raters_answers_count_for_no_verdict(lead) -> None:
    _, bad, good, pairs = scene(lead)
    organiser = make_user()
    assert board(lead)[0][1] == 3
    discount = discount_rater(rater=bad, reason="Presses yes", by=organiser, at=lead.pass_time(1))
    assert states(*pairs) == [
        ("in_review", "", "", (1, 0, 0)),
        ("settled", "yes", "false_negative", (2, 0, 0)),
        ("in_review", "", "", (0, 0, 0)),
        ("settled", "yes", "false_negative", (1, 0, 0)),
    ]
    assert board(lead)[0][1] == 2
    assert set(Rating.objects.filter(rater=bad).values_list("state", flat=True)) == {"discounted"}
    assert set(Rating.objects.filter(rater__in=good).values_list("state", flat=True)) == {"final"}
    entries = Credit.objects.filter(reason="Presses yes").order_by("pk")
    assert [(entry.pair, entry.kind, entry.by) for entry in entries] == [
        (pairs[0], "reversed", organiser),
        (pairs[1], "reversed", organiser),
        (pairs[1], "given", organiser),
    ]
    assert (discount.reason, discount.by, discount.lifted_at) == ("Presses yes", organiser, None)


def test_discounting_twice_is_once(lead) -> None:
    _, bad, _, pairs = scene(lead)
    first = discount_rater(rater=bad, reason="Presses yes", by=make_user(), at=lead.pass_time(1))
    after = (states(*pairs), Credit.objects.count(), RaterPause.objects.count())
    assert discount_rater(rater=bad, reason="Once more", by=make_user(), at=lead.pass_time(1)) == first
    assert (states(*pairs), Credit.objects.count(), RaterPause.objects.count()) == after


def test_discounted_and_lifted_again_everything_stands_as_before(lead) -> None:
    _, bad, _, pairs = scene(lead)
    before = (states(*pairs), board(lead))
    discount_rater(rater=bad, reason="Presses yes", by=make_user(), at=lead.pass_time(1))
    assert (states(*pairs), board(lead)) != before
    preview = preview_lift(rater=bad, by=make_user(), at=lead.pass_time(1))
    assert [change.fate for change in preview.changes] == [Fate.SETTLES, Fate.KEEPS, Fate.IN_REVIEW, Fate.EXPERT]
    organiser = make_user()
    lifted = lift_discount(rater=bad, reason="It was somebody else", by=organiser, at=lead.pass_time(1))
    assert (states(*pairs)[0], states(*pairs)[2:], board(lead)) == (before[0][0], before[0][2:], before[1])
    assert states(*pairs) == before[0]
    assert (lifted.lifted_by, lifted.lifted_reason) == (organiser, "It was somebody else")
    assert set(Rating.objects.filter(rater=bad).values_list("state", flat=True)) == {"final"}
    assert lift_discount(rater=bad, reason="Again", by=organiser, at=lead.pass_time(1)) is None
    again = discount_rater(rater=bad, reason="It was them", by=organiser, at=lead.pass_time(1))
    assert (again.pk != lifted.pk, board(lead)[0][1]) == (True, 2)


def test_a_fixed_quorum_reopens_asks_one_more_and_turns_where_that_says_otherwise(world) -> None:
    finder = claimed(world, (0, "cat"))
    pair = world.pair(0, "cat")
    first, second, *others = world.raters(5)
    world.rate(pair, YES, YES, YES, NO, NO, raters=[first, second, *others])
    found = [("settled", "yes", "false_negative", (3, 2, 0))]
    assert (states(pair), board(world)) == (found, [(finder.public_name, 1, 1)])
    discount_rater(rater=first, reason="Presses yes", by=make_user(), at=world.pass_time(1))
    assert (states(pair), board(world)[0][1]) == ([("in_review", "", "", (2, 2, 0))], 0)
    world.rate(pair, NO)
    assert states(pair) == [("settled", "no", "agreement", (2, 3, 0))]
    # With the first five answers nobody else would have been asked: the sixth counts for nothing.
    lift_discount(rater=first, reason="Wrong person", by=make_user(), at=world.pass_time(1))
    assert (states(pair), board(world)[0][1]) == (found, 1)
    # Without another of them it is there, and the pair turns at once.
    [change] = preview_discount(rater=second, by=make_user(), at=world.pass_time(1)).changes
    old, new = change.old, change.new
    assert (change.fate, old.outcome, old.earned, new.outcome, new.earned) == (
        Fate.ENDS_OTHERWISE,
        "false_negative",
        "1 point.",
        "agreement",
        "No point.",
    )
    discount_rater(rater=second, reason="It was this one", by=make_user(), at=world.pass_time(1))
    assert (states(pair), board(world)[0][1]) == ([("settled", "no", "agreement", (2, 3, 0))], 0)


def test_answers_that_were_not_final_yet_count_as_they_would_have(lead) -> None:
    claimed(lead, (0, "cat"), (1, "cat"))
    bad = lead.rater()
    pairs = [lead.pair(place, "cat") for place in (0, 1)]
    for pair in pairs:
        at = lead.pass_time(1)
        [lease, *_] = hold_leases(rater=bad, at=at, count=1, only=Pair.objects.filter(pk=pair.pk))
        cast_rating(rater=bad, token=lease.token, answer=YES, at=at)
    assert list(Rating.objects.order_by("pk").values_list("state", flat=True)) == ["final", "provisional"]
    [held] = hold_leases(rater=lead.rater(), at=lead.clock, count=1)
    discount_rater(rater=bad, reason="Presses yes", by=make_user(), at=lead.pass_time(1))
    assert set(Rating.objects.values_list("state", flat=True)) == {"discounted"}
    finalise_due(at=lead.pass_time(40))
    assert states(*pairs) == [("in_review", "", "", (0, 0, 0))] * 2
    lead.rate(pairs[1], NO, NO)
    lift_discount(rater=bad, reason="Wrong person", by=make_user(), at=lead.pass_time(1))
    assert states(*pairs) == [("in_review", "", "", (1, 0, 0)), ("settled", "no", "agreement", (0, 2, 0))]
    mine = Rating.objects.filter(rater=bad).order_by("pk")
    assert list(mine.values_list("state", flat=True)) == ["final", "late"]
    assert held.closed_at is None


def test_a_discounted_rater_is_asked_nothing_more(lead) -> None:
    claimed(lead, (0, "cat"), (1, "cat"))
    rater = lead.rater()
    leases = hold_leases(rater=rater, at=lead.pass_time(1))
    discount_rater(rater=rater, reason="A script", by=make_user(), at=lead.pass_time(1))
    assert set(Lease.objects.filter(rater=rater).values_list("ended", flat=True)) == {LeaseEnd.WITHDRAWN}
    pause = RaterPause.objects.get(rater=rater)
    assert (pause.cause, pause.decision, pause.note) == (PauseCause.ORGANISER, "", "Discounted: A script")
    with pytest.raises(RatingRefused):
        hold_leases(rater=rater, at=lead.pass_time(1))
    with pytest.raises(RatingRefused):
        cast_rating(rater=rater, token=leases[0].token, answer=YES, at=lead.pass_time(1))


@pytest.mark.parametrize("act", [discount_rater, lift_discount, preview_discount])
def test_nobody_is_discounted_in_a_final_edition(lead, act) -> None:
    _, bad, _, pairs = scene(lead)
    before = states(*pairs)
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    bad.challenge.refresh_from_db()
    reason = {} if act is preview_discount else {"reason": "Presses yes"}
    with pytest.raises(DiscountRefused, match="final"):
        act(rater=bad, by=make_user(), at=lead.pass_time(1), **reason)
    assert states(*pairs) == before


@pytest.mark.parametrize("act", [discount_rater, lift_discount])
def test_nobody_is_discounted_without_a_reason(lead, act) -> None:
    rater = lead.rater()
    with pytest.raises(DiscountRefused, match="only with a reason"):
        act(rater=rater, reason="  ", by=make_user(), at=lead.pass_time(1))
    assert RaterDiscount.objects.count() == 0
