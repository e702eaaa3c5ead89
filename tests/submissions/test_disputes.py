"""A finder disputes how a pair of theirs ended; an organiser decides, once for everybody who did."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, ChallengeStatus, Participation
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate, take_back_adjudication
from cats4ml.submissions.actions.disputes import (
    REOPENED_BECAUSE,
    AlreadyDisputed,
    Decision,
    DisputeRefused,
    decide_dispute,
    dispute_outcome,
)
from cats4ml.submissions.actions.settlement import disqualify_participant, reopen_pair
from cats4ml.submissions.disputing import waiting_disputes
from cats4ml.submissions.models import Adjudication, Dispute, Pair, Submission
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import submissions_of
from tests.concurrency import at_once
from tests.factories import World, make_user, make_world
from tests.submissions.disputed import NO, WORDS, YES, ledger, organiser, settled


def dispute(world: World, claim: Submission, reason: str = WORDS) -> Dispute:
    return dispute_outcome(
        participation=claim.participation, submission_id=claim.pk, reason=reason, at=world.pass_time(1)
    )


def decide(world: World, made: Dispute, decision: Decision, answer: str = "I looked at it at full size.", *, by):
    return decide_dispute(dispute=made, decision=decision, answer=answer, by=by, at=world.pass_time(1))


def states(world: World) -> list[tuple[str, str]]:
    return list(Dispute.objects.order_by("pk").values_list("state", "answer"))


def words(world: World, claim: Submission) -> tuple[str, str, bool]:
    # As a page does, which reads with whom it has to do.
    finder = Participation.objects.select_related("challenge__policy").get(pk=claim.participation_id)
    claims = with_details(submissions_of(finder))
    [view] = claim_views(claims, {}, at=world.clock)
    return view.dispute_words, view.pair.outcome, view.may_dispute


def test_a_finder_disputes_a_claim_once(world) -> None:
    claim = settled(world, world.finder())
    assert words(world, claim) == ("", "ambiguous", True)
    made = dispute(world, claim, f"  {WORDS}\n")
    assert dispute(world, claim) == made
    assert (made.reason, made.outcome, made.state, Dispute.objects.count()) == (WORDS, "ambiguous", "open", 1)
    with pytest.raises(AlreadyDisputed, match="once"):
        dispute(world, claim, "Other words about it.")
    assert words(world, claim) == (
        "You disputed how this ended. An organiser will look at it.",
        "ambiguous",
        False,
    )


def refusal(world: World, claim: Submission, reason: str = WORDS) -> str:
    with pytest.raises(DisputeRefused) as refused:
        dispute(world, claim, reason)
    assert not Dispute.objects.exists()
    assert words(world, claim)[2] == (len(reason) in (9, 1001))
    return str(refused.value)


def test_a_dispute_says_why_in_ten_to_a_thousand_characters(world) -> None:
    claim = settled(world, world.finder())
    sentence = "Say what the raters may have missed, in 10 to 1,000 characters; these are "
    assert refusal(world, claim, "a" * 9) == f"{sentence}9."
    assert refusal(world, claim, "a" * 1001) == f"{sentence}1,001."
    assert dispute(world, claim, "a" * 1000).reason == "a" * 1000


def test_only_who_is_told_the_outcome_can_dispute_it(world) -> None:
    settled(world, world.finder())
    [late] = world.claim(world.finder(), (0, "cat"))
    assert refusal(world, late.submission).startswith("It was settled before you claimed it")
    [waiting] = world.claim(world.finder(), (1, "cat"))
    assert refusal(world, waiting.submission) == "It is not settled yet."
    with pytest.raises(Submission.DoesNotExist):
        dispute_outcome(
            participation=world.finder(), submission_id=late.submission.pk, reason=WORDS, at=world.pass_time(1)
        )


def test_what_has_earned_is_not_disputed_but_a_later_claimant_may(world) -> None:
    ada, bob = world.finder(), world.finder()
    [first] = world.claim(ada, (0, "cat"))
    later = settled(world, bob, said=(YES,) * 5)
    assert refusal(world, first.submission) == "It has earned you its points as it ended."
    assert dispute(world, later).outcome == "false_negative"


def test_disputes_end_with_the_ratings_and_only_where_the_policy_takes_them(world) -> None:
    claim = settled(world, world.finder())
    Challenge.objects.update(status=ChallengeStatus.CLOSED)
    assert words(world, claim)[2] is True
    Challenge.objects.update(ratings_close_at=world.clock)
    assert refusal(world, claim) == "Ratings have closed, so that outcomes can no longer be disputed."
    Challenge.objects.update(ratings_close_at=world.clock + timedelta(days=1))
    decide_policy(challenge=world.challenge, policy=Policy(takes_disputes=False))
    assert refusal(world, claim) == "By this challenge’s rules outcomes aren’t disputed."


def test_declined_the_outcome_stands_and_the_finder_reads_why(world) -> None:
    claim = settled(world, world.finder())
    made, by = dispute(world, claim), organiser(world)
    for _ in range(2):
        decided = decide(world, made, Decision.DECLINE, by=by)
    assert (decided.decided_by, states(world)) == (by, [("declined", "I looked at it at full size.")])
    assert words(world, claim) == (
        "You disputed how this ended. An organiser looked at it: it stands.",
        "ambiguous",
        False,
    )
    with pytest.raises(DisputeRefused, match="has decided this dispute meanwhile: the outcome stands"):
        decide(world, made, Decision.YES, by=organiser(world))
    assert Adjudication.objects.count() == 0


def test_reopened_raters_are_asked_without_a_word_of_why(world) -> None:
    claim = settled(world, world.finder(make_user("ada")))
    made, by = dispute(world, claim), organiser(world)
    for _ in range(2):
        decide(world, made, Decision.REOPEN, "More eyes.", by=by)
    pair = world.pair(0, "cat")
    assert (pair.state, pair.least_ratings, pair.reopened_reason) == ("in_review", 7, REOPENED_BECAUSE)
    assert words(world, claim) == ("You disputed how this ended. More raters look at it now.", "", False)
    world.rate(pair, YES, YES)
    assert words(world, claim) == (
        "You disputed how this ended before. More raters were asked, and it was settled again.",
        "false_negative",
        False,
    )
    assert ledger(world) == [("given", 1, "ada")]


def test_one_decision_answers_everybody_who_disputed_the_pair(world) -> None:
    ada, bob = world.finder(make_user("ada")), world.finder(make_user("bob"))
    [first] = world.claim(ada, (0, "cat"))
    second = settled(world, bob)
    made = [dispute(world, first.submission), dispute(world, second)]
    decide(world, made[1], Decision.YES, "The ears.", by=organiser(world))
    assert states(world) == [("adjudicated", "The ears.")] * 2
    assert ledger(world) == [("given", 1, "ada")]
    assert words(world, second) == ("You disputed how this ended. An expert decided.", "false_negative", False)


def test_an_adjudication_answers_the_dispute_and_taken_back_the_finder_is_told(world) -> None:
    claim = settled(world, world.finder(), said=(NO,) * 5)
    dispute(world, claim)
    pair, by = world.pair(0, "cat"), organiser(world)
    adjudicate(pair_id=pair.pk, verdict=Verdict.YES, reason="The ears.", by=by, at=world.pass_time(1))
    assert states(world) == [("adjudicated", "The ears.")]
    take_back_adjudication(pair_id=pair.pk, reason="The wrong one.", by=by, at=world.pass_time(1))
    assert words(world, claim) == (
        "You disputed how this ended. An expert’s decision was taken back: the raters’ verdict counts again.",
        "agreement",
        False,
    )


def test_an_expert_who_agrees_with_the_raters_moves_no_credit(db) -> None:
    for earns in (True, False):
        world = make_world(policy=Policy(adjudicated_earns=earns))
        [first] = world.claim(world.finder(make_user()), (0, "cat"))
        later = settled(world, world.finder(), said=(YES,) * 5)
        made, before = dispute(world, later), ledger(world)
        if earns:
            decide(world, made, Decision.YES, by=organiser(world))
        else:
            with pytest.raises(DisputeRefused, match="Decline the dispute"):
                decide(world, made, Decision.YES, by=organiser(world))
        assert (world.pair(0, "cat").outcome, ledger(world)) == ("false_negative", before)
        assert len(before) == 1
        assert first.submission.pk < later.pk


def test_nobody_decides_about_their_own_claim(world) -> None:
    own, stranger = organiser(world), make_user()
    made = dispute(world, settled(world, world.finder(own)))
    for by, why in ((own, "You or a team-mate claimed this pair"), (stranger, "Only an organiser")):
        for decision in Decision:
            with pytest.raises(DisputeRefused, match=why):
                decide(world, made, decision, by=by)
    with pytest.raises(DisputeRefused, match="Say why"):
        decide(world, made, Decision.DECLINE, " ", by=organiser(world))
    assert states(world) == [("open", "")]


def test_nothing_is_decided_in_a_final_edition(world) -> None:
    made = dispute(world, settled(world, world.finder()))
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    by = organiser(world)
    for decision in Decision:
        with pytest.raises(DisputeRefused, match="final"):
            decide(world, made, decision, by=by)
    assert (states(world), world.pair(0, "cat").outcome) == ([("open", "")], "ambiguous")


def test_a_pair_that_somebody_reopened_meanwhile_is_reopened_once(world) -> None:
    made, by = dispute(world, settled(world, world.finder())), organiser(world)
    reopen_pair(pair_id=world.pair(0, "cat").pk, reason="A look again.", by=by, at=world.pass_time(1), more_ratings=3)
    for decision in (Decision.DECLINE, Decision.NO):
        with pytest.raises(DisputeRefused, match="Raters look at this pair again already"):
            decide(world, made, decision, by=by)
    decide(world, made, Decision.REOPEN, "More raters look.", by=by)
    pair = world.pair(0, "cat")
    assert (pair.least_ratings, pair.reopened_reason, states(world)) == (
        8,
        "A look again.",
        [("reopened", "More raters look.")],
    )


def test_who_is_disqualified_disputes_nothing_and_waits_for_nothing(world) -> None:
    claim = settled(world, world.finder())
    made = dispute(world, claim)
    assert list(waiting_disputes(world.challenge)) == [made]
    disqualify_participant(participation=claim.participation, reason="bot", by=make_user(), at=world.pass_time(1))
    assert list(waiting_disputes(world.challenge)) == []
    other = settled(world, world.finder(), 1)
    disqualify_participant(participation=other.participation, reason="bot", by=make_user(), at=world.pass_time(1))
    other.participation.refresh_from_db()
    with pytest.raises(DisputeRefused, match="Your part in this challenge has ended"):
        dispute(world, other)


@pytest.mark.django_db(transaction=True)
def test_a_dispute_and_a_reopening_at_once_leave_one_of_two_whole_states() -> None:
    world = make_world(pictures=4)
    by = organiser(world)
    claims = [settled(world, world.finder(), place) for place in range(4)]
    at = world.pass_time(1)
    calls = []
    for claim in claims:
        calls.append(
            partial(dispute_outcome, participation=claim.participation, submission_id=claim.pk, reason=WORDS, at=at)
        )
        calls.append(partial(reopen_pair, pair_id=claim.pair_id, reason="Look again.", by=by, at=at))
    done = at_once(calls)
    assert {type(one) for one in done[1::2]} == {Pair}
    for one, claim in zip(done[::2], claims, strict=True):
        refused = isinstance(one, DisputeRefused)
        assert refused or isinstance(one, Dispute)
        assert Dispute.objects.filter(submission=claim).exists() is not refused
    assert set(Pair.objects.values_list("state", flat=True)) == {"in_review"}


@pytest.mark.django_db(transaction=True)
def test_two_organisers_deciding_a_dispute_at_once_leave_one_decision() -> None:
    world = make_world()
    made = dispute(world, settled(world, world.finder(make_user("ada"))))
    at = world.pass_time(1)
    calls = [
        partial(decide_dispute, dispute=made, decision=decision, answer=f"{decision}!", by=organiser(world), at=at)
        for decision in Decision
    ]
    done = at_once(calls)
    won = [one for one in done if isinstance(one, Dispute)]
    assert (len(won), sum(isinstance(one, DisputeRefused) for one in done)) == (1, 4)
    pair, made = world.pair(0, "cat"), Dispute.objects.get()
    ends = {
        "decline!": ("declined", "settled", "ambiguous", ""),
        "reopen!": ("reopened", "in_review", "", ""),
        "yes!": ("adjudicated", "settled", "false_negative", "yes!"),
        "no!": ("adjudicated", "settled", "agreement", "no!"),
        "undecided!": ("adjudicated", "settled", "ambiguous", "undecided!"),
    }
    assert (made.state, pair.state, pair.outcome, pair.adjudicated_reason) == ends[made.answer]
