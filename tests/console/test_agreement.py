"""The figures about agreement, counted by hand on small editions."""

from __future__ import annotations

import math

import pytest

from cats4ml.challenges.actions import decide_policy
from cats4ml.console.agreement import FEW_PAIRS, agreement_of, is_unanimous, stops_early
from cats4ml.console.agreement_counts import Counts, OfBatch, OfLabel, count_groups, most_divided
from cats4ml.console.agreement_raters import Confusion, confusions, named, speeds
from cats4ml.review.models import ControlQuestion, ControlUse, Device, Lease, LeaseEnd, Rating, RatingState
from cats4ml.rules.agreement import krippendorff_alpha
from cats4ml.rules.answers import Tally
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.models import Pair
from tests.console.disagreeing import answered
from tests.factories import START, World, make_world

QUORUM = Policy(quorum=3)
LEAD = Policy(verdict_rule="lead", lead=2, max_ratings=5)


@pytest.fixture
def divided(db: None) -> World:
    """Three raters a pair: cats are clear, dogs are not."""
    world = make_world(policy=QUORUM)
    answers = {(0, "cat"): "yyy", (1, "cat"): "nnn", (0, "dog"): "yny", (1, "dog"): "ynd", (2, "dog"): "nnd"}
    answered(world, answers, raters=world.raters(3))
    return world


def of_labels(world: World) -> dict[str, tuple[int, int, int, int]]:
    labels = agreement_of(world.challenge).labels
    return {one.name: (one.pairs, one.unanimous, one.divided, one.unsure) for one in labels}


def test_alpha_of_an_edition_is_that_of_its_tallies(divided) -> None:
    tallies = [Tally(yes=3), Tally(no=3), Tally(2, 1), Tally(1, 1, 1), Tally(0, 2, 1)]
    found = agreement_of(divided.challenge)
    assert (found.early, found.pairs, found.answers, found.all_answers, found.all_known) == (False, 5, 15, None, None)
    assert found.alpha is not None
    assert found.known is not None
    assert (found.alpha.value, found.alpha.interval) == (krippendorff_alpha(tallies), None)
    assert found.known.value == krippendorff_alpha(tallies, dont_know=False)
    assert (found.alpha.pairs, found.known.pairs) == (5, 5)
    # 1 − (15−1)·D/(15²−6²−7²−2²), with D = 0+0+(9−5)/2+(9−3)/2+(9−5)/2.
    assert math.isclose(found.alpha.value, 1 - 14 * 7 / 136)


def test_labels_are_counted_and_those_with_least_agreement_come_first(divided) -> None:
    labels = agreement_of(divided.challenge).labels
    assert [one.name for one in labels] == ["Dog", "Cat"]
    assert [one.alpha and one.alpha.value for one in labels][1] == 1.0
    assert of_labels(divided) == {"Dog": (3, 0, 2, 1), "Cat": (2, 2, 0, 0)}
    assert [one.few for one in labels] == [True, True]


def test_that_nobody_knows_is_no_agreement_on_what_is_seen() -> None:
    assert [is_unanimous(one) for one in (Tally(3), Tally(0, 2), Tally(0, 0, 3), Tally(1, 0, 1), Tally(1, 1))] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_a_label_with_one_answer_only_has_no_alpha_and_comes_last(db) -> None:
    world = make_world(policy=QUORUM)
    answered(world, {(0, "cat"): "yyy", (1, "cat"): "yyy", (0, "dog"): "yny"}, raters=world.raters(3))
    labels = agreement_of(world.challenge).labels
    assert [(one.name, one.alpha is None) for one in labels] == [("Dog", False), ("Cat", True)]


def test_under_a_rule_that_stops_early_only_the_first_two_answers_count(db) -> None:
    world = make_world(policy=LEAD)
    answers = {(0, "cat"): "yy", (1, "cat"): "nn", (2, "cat"): "nyyy", (3, "cat"): "ynyy", (4, "cat"): "yy"}
    answered(world, answers, raters=world.raters(5))
    first = [Tally(yes=2), Tally(no=2), Tally(1, 1), Tally(1, 1), Tally(yes=2)]
    everything = [Tally(yes=2), Tally(no=2), Tally(3, 1), Tally(3, 1), Tally(yes=2)]
    found = agreement_of(world.challenge)
    assert (found.early, found.answers) == (True, 10)
    assert found.known is not None
    assert found.alpha is not None
    assert found.all_answers is not None
    assert (found.alpha.value, found.all_answers.value) == (
        krippendorff_alpha(first),
        krippendorff_alpha(everything),
    )
    assert found.alpha.value < found.all_answers.value
    # Another rule in force since doesn't undo which pairs got more answers.
    decide_policy(challenge=world.challenge, policy=QUORUM)
    assert (agreement_of(world.challenge).early, agreement_of(world.challenge).answers) == (True, 10)


def test_which_rules_stop_early() -> None:
    rules = [
        Policy(),
        Policy(verdict_rule="majority_of_known"),
        Policy(verdict_rule="majority_of_known", dont_know="replaced"),
        LEAD,
        Policy(verdict_rule="weighted"),
    ]
    assert [stops_early(rule) for rule in rules] == [False, False, True, True, True]


def test_pairs_with_the_same_answers_are_one_group(db) -> None:
    world = make_world(policy=QUORUM)
    answered(world, {(0, "dog"): "yny", (1, "dog"): "yny", (2, "dog"): "y"}, raters=world.raters(3))
    found = count_groups(world.challenge, first=True)
    last = world.pair(1, "dog")
    assert last.settled_at is not None
    assert found == Counts(
        labels=(OfLabel(Tally(2, 1), Tally(1, 1), 2, last.label_id, "false_negative"),),
        batches=(OfBatch(Tally(2, 1), Tally(1, 1), 2, 0, last.settled_at),),
    )


def test_answers_that_do_not_count_are_in_no_figure(divided) -> None:
    before = count_groups(divided.challenge, first=True)
    Rating.objects.filter(pair=divided.pair(0, "dog"), answer="no").update(state=RatingState.DISCOUNTED)
    assert agreement_of(divided.challenge).answers == 14
    assert count_groups(divided.challenge, first=True) != before


def test_imported_pairs_count_by_their_tallies_but_have_no_first_answers(db) -> None:
    world = make_world()
    labels = {target.label.key: target.label for target in world.challenge.target_labels.select_related("label")}
    tallies = [(0, "cat", Tally(yes=5)), (1, "cat", Tally(3, 2)), (2, "cat", Tally(0, 4, 1))]
    import_settled_pairs(
        challenge=world.challenge,
        pairs=[SettledElsewhere(world.images[at], labels[key], tally, False) for at, key, tally in tallies],
        at=world.clock,
    )
    found = agreement_of(world.challenge)
    assert found.alpha is not None
    assert found.alpha.value == krippendorff_alpha([tally for _, _, tally in tallies])
    assert {group.first for group in count_groups(world.challenge, first=True).labels} == {Tally()}


def test_the_most_divided_pairs_come_first(divided) -> None:
    order = [divided.pair(place, label).pk for place, label in ((1, "dog"), (0, "dog"), (2, "dog"))]
    assert most_divided(divided.challenge) == order


def test_entropy_is_counted_by_outcome(divided) -> None:
    bins = agreement_of(divided.challenge).entropies
    found = {(round(one.low, 1), round(one.high, 1)): one.outcomes for one in bins if one.pairs}
    assert found == {
        (0.0, 0.0): {"false_negative": 1, "agreement": 1},
        (0.8, 1.0): {"false_negative": 1, "agreement": 1},
        (1.4, 1.6): {"ambiguous": 1},
    }
    assert len(bins) == 9


def test_settled_pairs_are_batched_in_the_order_in_which_they_were_settled(db) -> None:
    world = make_world(pictures=20, policy=Policy(quorum=2))
    clear = {(place, label): "yy" if place % 2 else "nn" for place in range(20) for label in ("cat",)}
    unclear = {(place, "dog"): "yn" for place in range(20)}
    answered(world, {**clear, **unclear}, raters=world.raters(2))
    found = agreement_of(world.challenge).batches
    assert [(one.pairs, one.so_far) for one in found] == [(20, 20), (20, 40)]
    assert [one.at for one in found] == [world.pair(19, label).settled_at for label in ("cat", "dog")]
    values = [one.alpha.value for one in found if one.alpha]
    assert values == [1.0, krippendorff_alpha([Tally(1, 1)] * 20)]
    assert FEW_PAIRS == 20


def test_a_label_that_divides_raters_is_told_from_the_others_and_small_differences_are_not(db) -> None:
    world = make_world(pictures=24, policy=Policy(quorum=2))
    answers = {(place, label): "yy" if place % 2 else "nn" for place in range(24) for label in ("cat", "owl")}
    answers |= {(place, "dog"): "yn" if place < 9 else "yy" for place in range(24)}
    answers[0, "cat"] = "yn"
    answered(world, answers, raters=world.raters(2))
    found = {one.name: (one.reads_apart, one.often_unsure) for one in agreement_of(world.challenge).labels}
    assert found == {"Dog": (True, False), "Cat": (False, False), "Owl": (False, False)}
    dog = agreement_of(world.challenge).labels[0]
    assert dog.alpha is not None
    assert dog.alpha.interval is not None
    assert dog.alpha.interval.low < dog.alpha.value < dog.alpha.interval.high


def test_figures_are_kept_until_something_changes(divided, django_assert_num_queries) -> None:
    before = agreement_of(divided.challenge)
    with django_assert_num_queries(3):
        assert agreement_of(divided.challenge) == before
    answered(divided, {(3, "owl"): "yyn"}, raters=divided.raters(3))
    assert agreement_of(divided.challenge).pairs == before.pairs + 1


def test_an_edition_without_answers_has_nothing_to_say(world) -> None:
    found = agreement_of(world.challenge)
    assert (found.alpha, found.pairs, found.labels, found.batches, found.divided) == (None, 0, (), (), ())
    assert (confusions(world.challenge), speeds(world.challenge)) == ((), ())


def test_each_rater_is_compared_with_the_majority_of_the_others(db) -> None:
    world = make_world(policy=Policy(quorum=4))
    raters = world.raters(4)
    # The fourth always differs; on the third pair the others are even, or one ahead.
    answered(world, {(0, "cat"): "yyyn", (1, "cat"): "nndy", (2, "cat"): "ynyn"}, raters=raters)
    found = {one.rater: one.others for one in confusions(world.challenge)}
    first, second, third, fourth = (found[rater.pk] for rater in raters)
    assert first == Confusion(if_yes=Tally(yes=1), if_no=Tally(yes=1))
    assert second == Confusion(if_yes=Tally(yes=1, no=1), if_no=Tally())
    assert third == Confusion(if_yes=Tally(yes=1), if_no=Tally(yes=1, dont_know=1))
    assert fourth == Confusion(if_yes=Tally(no=2), if_no=Tally(yes=1))


def test_a_rater_is_compared_with_experts_where_a_question_is_a_control(divided) -> None:
    rater = divided.challenge.participations.get(pk=Rating.objects.earliest("pk").rater_id)
    label = divided.pair(0, "cat").label
    for place, truth, answer in ((3, "yes", "yes"), (4, "yes", "dont_know"), (5, "no", "yes")):
        control = ControlQuestion.objects.create(
            challenge=divided.challenge,
            image=divided.images[place],
            label=label,
            truth=truth,
            use=ControlUse.MIXED,
        )
        lease = Lease.objects.create(
            control=control,
            rater=rater,
            created_at=START,
            expires_at=divided.clock,
            closed_at=START,
            ended=LeaseEnd.ANSWERED,
        )
        Rating.objects.create(
            control=control,
            rater=rater,
            lease=lease,
            answer=answer,
            state=RatingState.FINAL,
            created_at=START,
            final_at=START,
            seconds=2.0,
        )
    found = {one.rater: one.controls for one in confusions(divided.challenge)}
    assert found.pop(rater.pk) == Confusion(if_yes=Tally(yes=1, dont_know=1), if_no=Tally(yes=1))
    assert set(found.values()) == {Confusion(Tally(), Tally())}
    [shown] = [one for one in named(confusions(divided.challenge)) if one.rater == rater.pk]
    assert (shown.name, shown.controls.total, shown.controls.same) == (rater.public_name, 3, 1)
    assert agreement_of(divided.challenge).answers == 15


def test_answers_are_binned_by_seconds_and_device_beside_the_verdict(db) -> None:
    world = make_world(policy=QUORUM)
    answered(world, {(0, "cat"): "yyn", (1, "cat"): "nnd"}, raters=world.raters(3))
    timed = zip(Rating.objects.order_by("pk"), (0.5, 0.7, 0.7, 12.0, 30.0, 0.6), strict=True)
    for rating, seconds in timed:
        device = Device.PHONE if seconds > 10 else Device.DESKTOP
        Rating.objects.filter(pk=rating.pk).update(seconds=seconds, device=device)
    found = {
        speed.name: {one.name: (one.agree, one.known, one.unknown) for one in speed.bins if one.known + one.unknown}
        for speed in speeds(world.challenge)
    }
    fast = {"0 to 0.6": (1, 1, 0), "0.6 to 1": (1, 2, 1)}
    slow = {"10 to 20": (1, 1, 0), "20 and more": (1, 1, 0)}
    assert found == {"All devices": {**fast, **slow}, "Desktop": fast, "Phone": slow}
    assert [speed.name for speed in speeds(world.challenge)] == ["All devices", "Desktop", "Phone"]


def test_undecided_pairs_have_no_verdict_to_agree_with(db) -> None:
    world = make_world(policy=QUORUM)
    answered(world, {(0, "cat"): "ynd"}, raters=world.raters(3))
    assert Pair.objects.get().outcome == "ambiguous"
    assert speeds(world.challenge) == ()


def test_another_edition_is_in_no_figure(divided) -> None:
    other = make_world(policy=QUORUM)
    assert agreement_of(other.challenge).pairs == 0
    assert (confusions(other.challenge), most_divided(other.challenge)) == ((), [])


def test_pairs_on_which_but_one_rater_knew_say_nothing_of_yes_and_no(db) -> None:
    world = make_world(policy=QUORUM)
    answered(world, {(0, "cat"): "yyn", (1, "cat"): "ydd", (2, "cat"): "nnn"}, raters=world.raters(3))
    found = agreement_of(world.challenge)
    assert [one and one.pairs for one in (found.alpha, found.known)] == [3, 2]
