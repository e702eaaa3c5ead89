"""An organiser takes a pair out and puts it back, and takes a disqualification back: ledger and board follow."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cats4ml.catalog.models import Label
from cats4ml.challenges.editions import set_status
from cats4ml.challenges.models import ActKind, ChallengeStatus, PoolImage
from cats4ml.review.actions.answering import cast_rating
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.withdrawing import restore_pair, withdraw_pair
from cats4ml.review.models import Lease, Waiting
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.claims import ClaimRefused, retract_submission
from cats4ml.submissions.actions.disputes import dispute_outcome
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.actions.settlement import SettlementRefused, disqualify_participant, reinstate_participant
from cats4ml.submissions.actions.withdrawing import WithdrawalRefused
from cats4ml.submissions.models import Dispute, Pair
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import quota_for, submissions_of
from tests.factories import World, make_user, make_world
from tests.submissions.disputed import WORDS, ledger, organiser, settled

YES, NO = Answer.YES, Answer.NO
FIVE = (YES,) * 5


def out(world: World, pair: Pair, reason: str = "A person is in it.") -> Pair:
    return withdraw_pair(pair_id=pair.pk, reason=reason, by=organiser(world), at=world.pass_time(1))


def back(world: World, pair: Pair, reason: str = "A slip.") -> Pair:
    return restore_pair(pair_id=pair.pk, reason=reason, by=organiser(world), at=world.pass_time(1))


def acts(world: World) -> list[tuple[str, str]]:
    return list(world.acts().exclude(kind=ActKind.STATUS).values_list("kind", "reason"))


def test_a_settled_pair_that_is_taken_out_loses_its_credit_and_comes_back_with_it(world) -> None:
    ada = world.finder(make_user("ada"))
    claim = settled(world, ada, said=FIVE)
    before = quota_for(ada)
    gone = out(world, claim.pair)
    assert (gone.state, gone.outcome, gone.verdict, gone.policy, gone.tally) == (
        "withdrawn", "", "", None, Tally(5, 0, 0)
    )  # fmt: skip
    assert quota_for(ada).used == before.used - 1
    out(world, claim.pair, "Twice is once.")
    there = back(world, claim.pair)
    assert (there.state, there.outcome, there.withdrawn_reason) == ("settled", "false_negative", "")
    assert quota_for(ada) == before
    back(world, claim.pair)
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada"), ("given", 1, "ada")]
    assert acts(world) == [("withdrawn", "A person is in it."), ("restored", "A slip.")]


def test_whoever_claimed_a_pair_reads_why_it_was_taken_out_and_nobody_claims_it(world) -> None:
    ada, bob = world.finder(make_user("ada")), world.finder()
    claim = settled(world, ada, said=(NO, NO, NO, YES, YES))
    dispute_outcome(participation=ada, submission_id=claim.pk, reason=WORDS, at=world.pass_time(1))
    out(world, claim.pair, "It shows a person.")
    [view] = claim_views(with_details(submissions_of(ada)), {})
    assert view.reason == "The organisers took this pair out: It shows a person. It costs you nothing."
    assert view.dispute_words == "You disputed how this ended. The organisers have taken the pair out."
    assert (Dispute.objects.get().answer, view.mean, view.settled) == ("It shows a person.", None, False)
    [row] = world.claim(bob, (0, "cat"))
    assert (row.problem, row.problem.label) == ("taken_out", "The organisers took this pair out")
    with pytest.raises(ClaimRefused, match="took this pair out"):
        retract_submission(participation=ada, submission_id=claim.pk, at=world.pass_time(1))


def test_raters_are_asked_about_something_else(world) -> None:
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    rater, pair = world.rater(), world.pair(0, "cat")
    [lease] = hold_leases(rater=rater, at=world.pass_time(1), count=1)
    out(world, pair)
    assert list(Lease.objects.values_list("ended", flat=True)) == ["withdrawn"]
    assert not Waiting.objects.filter(pair=pair).exists()
    assert cast_rating(rater=rater, token=lease.token, answer=YES, at=world.pass_time(1)).state == "late"
    assert back(world, pair).state == "in_review"
    assert Waiting.objects.get(pair=pair).places == 5


@pytest.mark.parametrize("state", ["queued", "unscorable", "withdrawn"])
def test_a_pair_of_any_state_is_taken_out(world, state) -> None:
    ada = world.finder()
    [row] = world.claim(ada, (0, "cat"))
    if state == "withdrawn":
        retract_submission(participation=ada, submission_id=row.submission.pk, at=world.pass_time(1))
    elif state == "unscorable":
        Pair.objects.update(state="unscorable", unscorable_reason="Black.")
    pair = world.pair(0, "cat")
    assert (pair.state, out(world, pair).state) == (state, "withdrawn")
    assert world.claim(world.finder(), (0, "cat"))[0].problem == "taken_out"
    assert back(world, pair).state == ("withdrawn" if state == "withdrawn" else "queued")
    assert [row.problem for row in world.claim(world.finder(), (0, "cat"))] == [None]


def test_a_near_copy_earns_as_long_as_the_pair_before_it_is_out(world) -> None:
    PoolImage.objects.filter(image__in=world.images[:2]).update(copy_group=1)
    ada, bob = world.finder(make_user("ada")), world.finder(make_user("bob"))
    first = settled(world, ada, 0, said=FIVE)
    settled(world, bob, 1, said=FIVE)
    assert world.pair(1, "cat").uncredited == "near_copy"
    out(world, first.pair)
    assert ledger(world)[2:] == [("inherited", 1, "bob")]
    back(world, first.pair)
    assert ledger(world)[3:] == [("reversed", -1, "bob"), ("given", 1, "ada")]
    assert world.pair(1, "cat").uncredited == "near_copy"


def test_in_a_final_edition_a_pair_becomes_ambiguous_and_the_board_stands(world) -> None:
    claim = settled(world, world.finder(make_user("ada")), said=FIVE)
    set_status(challenge=world.challenge, status=ChallengeStatus.FINAL)
    for _ in range(2):
        pair = out(world, claim.pair)
        assert (pair.state, pair.outcome, pair.reopened_reason) == ("settled", "ambiguous", "A person is in it.")
    assert (ledger(world), acts(world)) == ([("given", 1, "ada")], [("withdrawn", "A person is in it.")])
    with pytest.raises(WithdrawalRefused, match="final"):
        back(world, claim.pair)


def test_an_imported_pair_comes_back_as_it_was_published(world) -> None:
    one = SettledElsewhere(
        world.images[0], Label.objects.get(vocabulary=world.challenge.vocabulary, key="cat"), Tally(4, 1, 0), False
    )
    import_settled_pairs(challenge=world.challenge, pairs=[one], at=world.clock)
    pair = world.pair(0, "cat")
    assert out(world, pair).state == "withdrawn"
    there = back(world, pair)
    assert (there.state, there.outcome, there.tally, there.policy) == (
        "settled", "false_negative", Tally(4, 1, 0), pair.policy
    )  # fmt: skip


def test_a_pair_is_taken_out_and_put_back_only_with_a_reason_and_where_that_was_done(world) -> None:
    [row] = world.claim(world.finder(), (0, "cat"))
    pair = world.pair(0, "cat")
    for act, words in ((out, "taken out only with a reason"), (back, "put back only with a reason")):
        with pytest.raises(WithdrawalRefused, match=words):
            act(world, pair, " ")
    retract_submission(participation=row.submission.participation, submission_id=row.submission.pk, at=world.clock)
    with pytest.raises(WithdrawalRefused, match="its claimants did"):
        back(world, pair)


def test_who_is_reinstated_gets_their_credits_and_their_queued_pairs_back(db) -> None:
    world = make_world(policy=Policy(provisional_seconds=0))
    PoolImage.objects.filter(image__in=world.images[2:4]).update(copy_group=1)
    ada, bob = world.finder(make_user("ada")), world.finder(make_user("bob"))
    by = organiser(world)
    world.claim(ada, (0, "cat"), (1, "cat"), (2, "cat"), (4, "cat"))
    world.claim(bob, (0, "cat"), (3, "cat"))
    for place in range(4):
        world.score(place, {"cat": 0.1})
        world.rate(world.pair(place, "cat"), *FIVE)
    assert ledger(world) == [("given", 1, "ada")] * 3
    disqualify_participant(participation=ada, reason="Bought.", by=by, at=world.pass_time(1))
    assert sorted(ledger(world)[3:]) == [("inherited", 1, "bob")] * 2 + [("reversed", -1, "ada")] * 3
    assert [world.pair(place, "cat").state for place in (1, 4)] == ["settled", "withdrawn"]
    # What is left over is nobody's to pick up.
    assert [row.problem for row in world.claim(bob, (1, "cat"))] == ["left_over"]
    ada.refresh_from_db()
    for _ in range(2):
        assert reinstate_participant(participation=ada, reason="Not bought.", by=by, at=world.pass_time(1)) == 3
    assert sorted(ledger(world)[8:]) == [("given", 1, "ada")] * 3 + [("reversed", -1, "bob")] * 2
    assert [world.pair(3, "cat").uncredited, world.pair(4, "cat").state] == ["near_copy", "queued"]
    assert acts(world) == [("disqualified", "Bought."), ("reinstated", "Not bought.")]
    with pytest.raises(SettlementRefused, match="only with a reason"):
        reinstate_participant(participation=ada, reason="", by=by, at=world.clock)


def test_taking_a_disqualification_back_asks_as_much_of_many_pairs_that_earn_nothing_as_of_few(db) -> None:
    asked = []
    for number in (1, 5):
        world = make_world(policy=Policy(quorum=1, provisional_seconds=0))
        finder, by = world.finder(), make_user()
        world.claim(finder, *[(place, "cat") for place in range(number)])
        for place in range(number):
            world.score(place, {"cat": 0.9})
            world.rate(world.pair(place, "cat"), Answer.YES)
        disqualify_participant(participation=finder, reason="Bought.", by=by, at=world.pass_time(1))
        with CaptureQueriesContext(connection) as queries:
            reinstate_participant(participation=finder, reason="Not bought.", by=by, at=world.pass_time(1))
        asked.append(len(queries))
    assert asked[0] == asked[1]
