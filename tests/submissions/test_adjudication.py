"""An expert decides what raters left ambiguous: who may, what it earns, and what undoes it."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import DatabaseError, transaction

from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import Challenge, ChallengeStatus, PoolImage, Role
from cats4ml.leaderboard.actions import recount_board
from cats4ml.leaderboard.models import Standing
from cats4ml.releases.rows import released_rows, settled_pairs
from cats4ml.rules.answers import Tally
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import AdjudicationRefused, adjudicate, take_back_adjudication
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.actions.settlement import disqualify_participant, reopen_pair
from cats4ml.submissions.models import Adjudication, Credit, Pair
from cats4ml.submissions.presentation import claim_views, with_details
from cats4ml.submissions.queries import submissions_of
from tests.concurrency import at_once
from tests.factories import World, make_team, make_user, make_world
from tests.submissions.disputed import DONT_KNOW, NO, YES, ledger, organiser, settled


def decide(world: World, verdict: str, reason: str = "The tail is in view.", *, by, place: int = 0) -> Pair:
    pair = world.pair(place, "cat")
    return adjudicate(pair_id=pair.pk, verdict=Verdict(verdict), reason=reason, by=by, at=world.pass_time(1))


def ending(world: World, place: int = 0) -> tuple[str, str, str, str]:
    pair = world.pair(place, "cat")
    return pair.verdict, pair.outcome, pair.uncredited, pair.adjudicated_reason


@pytest.mark.parametrize(
    ("mean", "verdict", "outcome", "points"),
    [
        (0.1, "yes", "false_negative", 1),
        (0.1, "no", "agreement", 0),
        (0.9, "no", "false_positive", 1),
        (0.9, "yes", "agreement", 0),
        (0.1, "undecided", "ambiguous", 0),
    ],
)
def test_an_experts_verdict_beside_the_machines_gives_the_outcome_and_the_credit(
    world, mean, verdict, outcome, points
) -> None:
    settled(world, world.finder(make_user("ada")), mean=mean)
    decide(world, verdict, by=organiser(world))
    assert ending(world) == (verdict, outcome, "", "The tail is in view.")
    assert ledger(world) == [("given", 1, "ada")] * points
    assert world.pair(0, "cat").tally == Tally(yes=2, no=2, dont_know=1)


def test_by_the_policy_an_experts_verdict_earns_nothing(db) -> None:
    world = make_world(policy=Policy(adjudicated_earns=False))
    finder = world.finder()
    settled(world, finder)
    decide(world, "yes", by=organiser(world))
    assert (ending(world)[1:3], ledger(world)) == (("false_negative", "adjudicated"), [])
    [view] = claim_views(with_details(submissions_of(finder)), {})
    assert view.reason == (
        "An expert decided: yes. “The tail is in view.” The machines’ mean was 0.10: a false negative, but an expert "
        "decided it: by this challenge’s rules that earns nothing."
    )


def test_the_policy_that_settled_the_pair_says_what_an_expert_earns(world) -> None:
    settled(world, world.finder(make_user("ada")))
    before = world.pair(0, "cat").policy
    decide_policy(challenge=world.challenge, policy=Policy(adjudicated_earns=False, points_per_adverse=7))
    decide(world, "yes", by=organiser(world))
    assert (ledger(world), world.pair(0, "cat").policy) == ([("given", 1, "ada")], before)


def test_claimants_read_the_experts_reason(world) -> None:
    finder = world.finder()
    settled(world, finder)
    decide(world, "yes", by=organiser(world))
    [view] = claim_views(with_details(submissions_of(finder)), {})
    assert view.reason == (
        "An expert decided: yes. “The tail is in view.” The machines’ mean was 0.10: a false negative. 1 point."
    )


def test_the_same_decision_again_changes_nothing_and_another_replaces_it(world) -> None:
    settled(world, world.finder(make_user("ada")))
    expert, other = organiser(world), organiser(world)
    for _ in range(2):
        decide(world, "yes", by=expert)
    assert (ledger(world), Adjudication.objects.count()) == ([("given", 1, "ada")], 1)
    decide(world, "yes", "On a second look: the ears.", by=other)
    assert (ledger(world), ending(world)[3]) == ([("given", 1, "ada")], "On a second look: the ears.")
    decide(world, "no", "It is a toy.", by=other)
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada")]
    assert ending(world) == ("no", "agreement", "", "It is a toy.")
    log = Adjudication.objects.order_by("pk").values_list(
        "verdict_before", "outcome_before", "verdict", "outcome", "raters_verdict", "by"
    )
    assert list(log) == [
        ("undecided", "ambiguous", "yes", "false_negative", "undecided", expert.pk),
        ("yes", "false_negative", "yes", "false_negative", "undecided", other.pk),
        ("yes", "false_negative", "no", "agreement", "undecided", other.pk),
    ]


def test_a_decision_that_is_taken_back_leaves_the_raters_verdict(world) -> None:
    settled(world, world.finder(make_user("ada")))
    expert = organiser(world)
    decide(world, "yes", by=expert)
    decide(world, "yes", "The ears, too.", by=expert)
    pair = world.pair(0, "cat")
    for _ in range(2):
        take_back_adjudication(pair_id=pair.pk, reason="The wrong picture.", by=expert, at=world.pass_time(1))
    assert ending(world) == ("undecided", "ambiguous", "", "")
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada")]
    assert list(Adjudication.objects.order_by("pk").values_list("kind", "verdict")) == [
        ("decided", "yes"),
        ("decided", "yes"),
        ("taken_back", "undecided"),
    ]
    decide(world, "no", by=expert)
    assert ending(world)[:2] == ("no", "agreement")


def test_the_database_refuses_to_change_the_log(world) -> None:
    settled(world, world.finder())
    decide(world, "yes", by=organiser(world))
    for change in (lambda: Adjudication.objects.update(reason="x"), lambda: Adjudication.objects.all().delete()):
        with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
            change()
    assert list(Adjudication.objects.values_list("reason", flat=True)) == ["The tail is in view."]


def refusal(world: World, verdict: str = "yes", reason: str = "Clear to me.", *, by) -> str:
    before = ending(world), ledger(world)
    with pytest.raises(AdjudicationRefused) as refused:
        decide(world, verdict, reason, by=by)
    assert (ending(world), ledger(world), Adjudication.objects.count()) == (*before, 0)
    return str(refused.value)


def test_nobody_decides_what_they_or_a_team_mate_claimed_or_what_they_rated(world) -> None:
    claimant, mate, member = (organiser(world) for _ in range(3))
    make_team(claimant, mate)
    world.claim(world.finder(claimant), (0, "cat"))
    # Somebody claimed for the team and has left it since.
    [late] = world.claim(world.finder(), (0, "cat"))
    late.submission.team = make_team(member)
    late.submission.save()
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES, YES, NO, NO, DONT_KNOW, raters=[*world.raters(4), past := world.rater()])
    rater = past.user
    world.challenge.participations.create(user=rater, role=Role.ORGANISER)
    own = "You or a team-mate claimed this pair. Leave it to another organiser."
    assert [refusal(world, by=user) for user in (claimant, mate, member)] == [own] * 3
    assert refusal(world, by=rater) == "You rated this pair. Leave it to another organiser."
    assert refusal(world, by=make_user()) == "Only an organiser of this challenge decides about its pairs."


def test_a_decision_needs_a_reason_and_a_pair_that_is_settled_and_needs_one(world) -> None:
    expert = organiser(world)
    world.claim(world.finder(), (0, "cat"))
    world.score(0, {"cat": 0.1})
    assert refusal(world, by=expert) == "This pair is not settled. Decide about it once the raters are through."
    assert refusal(world, reason=" \n", by=expert) == "Say why: whoever claimed the pair reads it."
    assert refusal(world, reason="a" * 1001, by=expert) == "The reason has 1,001 characters; 1,000 are the most."
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    assert refusal(world, "no", by=expert) == (
        "An expert decides only what is ambiguous or disputed. Raters have settled this pair."
    )
    with pytest.raises(AdjudicationRefused, match="nothing to take back"):
        take_back_adjudication(pair_id=world.pair(0, "cat").pk, reason="Why not.", by=expert, at=world.clock)


def test_nothing_is_decided_in_a_final_edition(world) -> None:
    settled(world, world.finder())
    Challenge.objects.update(status=ChallengeStatus.FINAL)
    assert refusal(world, by=organiser(world)) == "This challenge is final: its board stands."


def test_what_was_imported_stands_as_it_was_published(world) -> None:
    label = world.challenge.target_labels.get(label__key="cat").label
    released = SettledElsewhere(world.images[0], label, Tally(yes=2, no=2, dont_know=1), machine_yes=False)
    import_settled_pairs(challenge=world.challenge, pairs=[released], at=world.clock)
    assert "imported from a release" in refusal(world, by=organiser(world))


def test_reopening_clears_the_decision_and_raters_settle_anew(world) -> None:
    settled(world, world.finder(make_user("ada")))
    expert = organiser(world)
    decide(world, "yes", by=expert)
    reopen_pair(pair_id=world.pair(0, "cat").pk, reason="Look again.", by=expert, at=world.pass_time(1))
    assert ending(world) == ("", "", "", "")
    world.rate(world.pair(0, "cat"), NO, NO)
    assert ending(world) == ("no", "agreement", "", "")
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada")]


def test_who_inherits_a_pair_inherits_what_the_expert_decided(world) -> None:
    ada, bob, expert = world.finder(make_user("ada")), world.finder(make_user("bob")), organiser(world)
    world.claim(ada, (0, "cat"))
    settled(world, bob)
    decide(world, "yes", by=expert)
    disqualify_participant(participation=ada, reason="two accounts", by=expert, at=world.pass_time(1))
    assert ending(world) == ("yes", "false_negative", "", "The tail is in view.")
    assert ledger(world) == [("given", 1, "ada"), ("reversed", -1, "ada"), ("inherited", 1, "bob")]


def test_of_near_copies_that_an_expert_decides_the_first_earns(world) -> None:
    PoolImage.objects.filter(image__in=world.images[:2]).update(copy_group=1)
    ada, bob, expert = world.finder(make_user("ada")), world.finder(make_user("bob")), organiser(world)
    world.claim(ada, (0, "cat"))
    settled(world, bob, 1)
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES, YES, NO, NO, YES)
    decide(world, "yes", by=expert, place=1)
    assert (ending(world, 1)[2], ledger(world)) == ("near_copy", [("given", 1, "ada")])
    disqualify_participant(participation=ada, reason="two accounts", by=expert, at=world.pass_time(1))
    assert (ending(world, 1)[2], ledger(world)[1:]) == ("", [("reversed", -1, "ada"), ("inherited", 1, "bob")])


def test_board_and_release_show_the_experts_outcome(world) -> None:
    settled(world, world.finder(make_user("ada")))
    settled(world, world.finder(make_user("bob")), 1)
    expert = organiser(world)
    decide(world, "yes", by=expert)
    decide(world, "yes", by=expert, place=1)
    decide(world, "no", "It is a dog.", by=expert, place=1)
    recount_board(challenge=world.challenge, at=world.clock)
    assert list(Standing.objects.order_by("name").values_list("name", "points", "false_negatives")) == [
        ("ada", 1, 1),
        ("bob", 0, 0),
    ]
    adverse = settled_pairs(world.challenge).filter(outcome="false_negative")
    rows = [(image, *tally) for image, _, _, *tally in released_rows(adverse)]
    assert rows == [(world.images[0].image_id, 2, 2, 1, 0)]


@pytest.mark.django_db(transaction=True)
def test_two_organisers_deciding_at_once_leave_one_verdict_and_its_credit() -> None:
    world = make_world()
    settled(world, world.finder(make_user("ada")))
    pair, at = world.pair(0, "cat"), world.pass_time(1)
    calls = [
        partial(adjudicate, pair_id=pair.pk, verdict=verdict, reason=f"I say {verdict}.", by=organiser(world), at=at)
        for verdict in (Verdict.YES, Verdict.NO)
        for _ in range(3)
    ]
    assert {type(done) for done in at_once(calls)} == {Pair}
    verdict, outcome, _, reason = ending(world)
    assert reason == f"I say {verdict}."
    assert outcome == {"yes": "false_negative", "no": "agreement"}[verdict]
    points = sum(Credit.objects.values_list("points", flat=True))
    assert points == (1 if verdict == "yes" else 0)
    last = Adjudication.objects.order_by("-pk").first()
    assert (last.verdict, last.raters_verdict) == (verdict, "undecided")


def test_an_expert_is_not_bound_by_what_is_asked_of_raters(db) -> None:
    """These three raters are too few for an adverse pair, an expert is enough; taken back, they are too few again."""
    world = make_world(policy=Policy(quorum=3, min_lead=3))
    settled(world, world.finder(make_user("ada")), said=(YES, YES, NO))
    assert (ending(world)[:2], ledger(world)) == (("yes", "ambiguous"), [])
    expert = organiser(world)
    decide(world, "yes", by=expert)
    assert (ending(world)[:2], ledger(world)) == (("yes", "false_negative"), [("given", 1, "ada")])
    pair = world.pair(0, "cat")
    take_back_adjudication(pair_id=pair.pk, reason="The wrong picture.", by=expert, at=world.pass_time(1))
    assert (ending(world)[:2], ledger(world)[1:]) == (("yes", "ambiguous"), [("reversed", -1, "ada")])
