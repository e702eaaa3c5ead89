"""Who may rate which pair, and how many people hold it at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cats4ml.challenges.models import Challenge, ChallengeStatus
from cats4ml.review.actions.answering import cast_rating
from cats4ml.review.actions.leasing import close_leases, hold_leases
from cats4ml.review.actions.reports import report_picture
from cats4ml.review.actions.rights import RatingRefused
from cats4ml.review.models import Lease, PictureReport, Rating, ReportKind
from cats4ml.review.queries import open_to, waiting_for
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import retract_submission
from cats4ml.submissions.models import Pair
from tests.factories import World, make_team, make_user, make_world

YES, NO = Answer.YES, Answer.NO


def in_review(world: World, *places: int, finder=None) -> list[Pair]:
    world.claim(finder or world.finder(), *[(place, "cat") for place in places])
    for place in places:
        world.score(place, {"cat": 0.1})
    return [world.pair(place, "cat") for place in places]


def held(rater, at, count: int = 2) -> list[Pair]:
    return [lease.pair for lease in hold_leases(rater=rater, at=at, count=count)]


@pytest.fixture
def both(db) -> World:
    """A world in which one person may find and rate."""
    return make_world(policy=Policy(roles_exclusive=False))


def test_nobody_rates_a_pair_of_their_own_nor_of_a_team_mate(both) -> None:
    me, mate = make_user(), make_user()
    make_team(me, mate)
    in_review(both, 0, finder=both.finder(me))
    in_review(both, 1, finder=both.finder(mate))
    [other] = in_review(both, 2)
    rater = both.rater(me)
    assert (list(open_to(rater)), held(rater, both.clock)) == ([other], [other])


def test_a_later_or_retracted_claim_keeps_one_from_rating_too(both) -> None:
    later, gone = make_user(), make_user()
    first, second = both.finder(later), both.finder(gone)
    both.claim(both.finder(), (0, "cat"))
    both.claim(first, (0, "cat"))
    [claim] = both.claim(second, (0, "cat"))
    retract_submission(participation=second, submission_id=claim.submission.pk, at=both.pass_time(1))
    both.score(0, {"cat": 0.1})
    assert [list(open_to(both.rater(user))) for user in (later, gone)] == [[], []]


def test_a_claim_made_while_one_holds_the_pair_refuses_the_answer(both) -> None:
    user = make_user()
    in_review(both, 0)
    rater = both.rater(user)
    [lease] = hold_leases(rater=rater, at=both.pass_time(1), count=1)
    both.claim(both.finder(user), (0, "cat"))
    with pytest.raises(RatingRefused, match="yours, your team’s"):
        cast_rating(rater=rater, token=lease.token, answer=YES, at=both.pass_time(1))
    assert Rating.objects.count() == 0


def test_nobody_is_asked_twice_about_a_pair(world) -> None:
    [pair] = in_review(world, 0)
    rater = world.rater()
    world.rate(pair, NO, raters=[rater])
    assert (list(open_to(rater)), held(rater, world.clock)) == ([], [])


def test_a_reported_picture_is_handed_back_and_not_asked_about_again(world) -> None:
    [pair] = in_review(world, 0)
    rater, other = world.raters(2)
    [lease] = hold_leases(rater=rater, at=world.pass_time(1))
    arguments = {"rater": rater, "token": lease.token, "kind": ReportKind.BROKEN}
    first = report_picture(**arguments, note="grey", at=world.pass_time(1))
    again = report_picture(**arguments, note="black", at=world.pass_time(1))
    assert (first.pk, again.note, PictureReport.objects.count()) == (again.pk, "grey", 1)
    assert (held(rater, world.clock), held(other, world.clock)) == ([], [pair])
    with pytest.raises(RatingRefused, match="isn’t yours"):
        report_picture(rater=other, token=lease.token, kind=ReportKind.OTHER, note="", at=world.clock)


def test_only_pairs_in_review_of_this_edition_wait(world) -> None:
    elsewhere = make_world()
    in_review(elsewhere, 0)
    world.claim(world.finder(), (0, "cat"))
    [settled] = in_review(world, 1)
    world.rate(settled, *[YES] * 5)
    assert list(waiting_for(world.rater())) == []


def test_a_pair_is_never_with_more_people_than_its_quorum_needs(world) -> None:
    [pair] = in_review(world, 0)
    raters = world.raters(7)
    world.rate(pair, YES, YES, raters=raters[:2])
    at = world.pass_time(1)
    assert [held(rater, at) for rater in raters[2:]] == [[pair], [pair], [pair], [], []]


def test_a_provisional_answer_keeps_its_place(world) -> None:
    in_review(world, 0)
    raters = world.raters(6)
    at = world.pass_time(1)
    for rater in raters[:5]:
        [lease] = hold_leases(rater=rater, at=at)
        cast_rating(rater=rater, token=lease.token, answer=YES, at=at)
    assert (held(raters[5], at), world.pair(0, "cat").state) == ([], "in_review")


def test_the_place_of_a_lease_that_ran_out_is_given_to_somebody_else(world) -> None:
    [pair] = in_review(world, 0)
    raters = world.raters(6)
    at = world.pass_time(1)
    for rater in raters[:5]:
        hold_leases(rater=rater, at=at)
    assert held(raters[5], at + timedelta(seconds=119)) == []
    assert held(raters[5], at + timedelta(seconds=120)) == [pair]
    # Four were closed on the way.
    assert close_leases(at=at + timedelta(seconds=120)) == 1
    assert close_leases(at=at + timedelta(seconds=120)) == 0
    assert list(Lease.objects.filter(closed_at=None).values_list("rater", flat=True)) == [raters[5].pk]


def test_two_windows_of_one_rater_hold_the_same_pairs(world) -> None:
    in_review(world, 0, 1, 2, 3)
    rater = world.rater()
    first = hold_leases(rater=rater, at=world.pass_time(1))
    second = hold_leases(rater=rater, at=world.pass_time(1))
    assert [lease.token for lease in first] == [lease.token for lease in second]
    assert Lease.objects.count() == 2


def test_the_time_of_a_pair_begins_when_its_picture_is_shown(world) -> None:
    in_review(world, 0, 1)
    rater = world.rater()
    first, second = hold_leases(rater=rater, at=world.pass_time(1))
    assert (first.shown_at, second.shown_at) == (world.clock, None)
    cast_rating(rater=rater, token=first.token, answer=YES, at=world.pass_time(100))
    [now] = hold_leases(rater=rater, at=world.clock)
    assert (now.token, now.shown_at, now.expires_at) == (
        second.token,
        world.clock,
        world.clock + timedelta(seconds=120),
    )


def test_a_clock_that_is_set_back_shows_no_pair_before_it_was_handed_out(world) -> None:
    in_review(world, 0, 1)
    rater = world.rater()
    first, second = hold_leases(rater=rater, at=world.pass_time(1))
    cast_rating(rater=rater, token=first.token, answer=YES, at=world.clock)
    [now] = hold_leases(rater=rater, at=world.clock - timedelta(minutes=10))
    assert (now.token, now.shown_at, now.expires_at) == (
        second.token,
        world.clock,
        world.clock + timedelta(seconds=120),
    )


@pytest.mark.parametrize("status", [ChallengeStatus.PAUSED, ChallengeStatus.FINAL])
def test_nobody_rates_while_the_edition_takes_no_ratings(world, status) -> None:
    in_review(world, 0)
    rater = world.rater()
    Challenge.objects.update(status=status)
    rater.refresh_from_db()
    with pytest.raises(RatingRefused, match="takes no ratings now"):
        hold_leases(rater=rater, at=world.clock)


def test_rating_goes_on_after_claims_closed_until_its_own_end(world) -> None:
    [pair] = in_review(world, 0)
    rater = world.rater()
    ends = world.clock + timedelta(hours=1)
    Challenge.objects.update(status=ChallengeStatus.CLOSED, ratings_close_at=ends)
    rater.refresh_from_db()
    assert held(rater, ends - timedelta(seconds=1)) == [pair]
    with pytest.raises(RatingRefused, match="takes no ratings now"):
        hold_leases(rater=rater, at=ends)


def test_a_disqualified_rater_is_given_nothing(world) -> None:
    rater = world.rater()
    rater.disqualified_at, rater.disqualified_reason = world.clock, "clicks blindly"
    rater.save()
    with pytest.raises(RatingRefused, match="has ended"):
        hold_leases(rater=rater, at=world.clock)
