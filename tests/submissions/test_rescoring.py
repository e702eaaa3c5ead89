"""Another roster: what it would change is shown first, and applying it does exactly that."""

from __future__ import annotations

from functools import partial

import pytest

from cats4ml.catalog.actions import add_classifier
from cats4ml.challenges.actions import NewMember, decide_policy, propose_roster
from cats4ml.challenges.editions import set_queue, set_status
from cats4ml.challenges.models import Challenge, ChallengeStatus, RosterDecision, RosterVersion
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.lifecycle import PairState
from cats4ml.rules.policy import Policy
from cats4ml.rules.verdicts import Verdict
from cats4ml.submissions.actions.adjudication import adjudicate
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.actions.recording import record_scores
from cats4ml.submissions.actions.rescoring import RescoringRefused, apply_roster, ask_for_missing
from cats4ml.submissions.actions.scores import apply_scores
from cats4ml.submissions.models import Credit, Pair
from cats4ml.submissions.previews import FAILED, Fate, preview_roster
from scoring.contract import SCORE_IMAGES, ScoreResult, pack
from tests.concurrency import at_once
from tests.factories import World, make_user, make_world
from tests.messages import drain

YES, NO = Answer.YES, Answer.NO


def newcomer(world: World, *labels: str, name: str = "three"):
    slug = world.challenge.slug
    card = {"digest": f"{slug}-{name}", "name": name, "vocabulary": slug, "labels": list(labels or world.labels)}
    return add_classifier(card=card)


def say(world: World, classifier, place: int, **probabilities: float) -> None:
    values = pack([probabilities.get(key, 0.0) for key in classifier.outputs])
    record_scores(results=[ScoreResult(world.images[place].pk, {classifier.digest: values})], at=world.pass_time(1))


@pytest.fixture
def played(world):
    """Settled: cat of 0, a false negative of ada's at 0.25; dog of 1, an agreement of bob's at 0.75. In review: owl
    of 2. Queued: cat of 3."""
    world.claim(world.finder(make_user("ada")), (0, "cat"), (2, "owl"))
    world.claim(world.finder(make_user("bob")), (1, "dog"), (3, "cat"))
    for place, label, mean in ((0, "cat", 0.25), (1, "dog", 0.75), (2, "owl", 0.5)):
        world.score(place, {label: mean})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    world.rate(world.pair(1, "dog"), *[YES] * 5)
    return world


@pytest.fixture
def other(played) -> RosterVersion:
    """One new classifier that weighs as much as three: it sees the cat, misses the dog, and is sure of the owl."""
    three = newcomer(played)
    members = [played.classifiers[0], NewMember(three, 3.0)]
    roster = propose_roster(challenge=played.challenge, members=members)
    for place, label, value in ((0, "cat", 0.75), (1, "dog", 0.0), (2, "owl", 1.0)):
        say(played, three, place, **{label: value})
    return roster


def apply(world: World, roster: RosterVersion, reason: str = "A better ensemble."):
    return apply_roster(challenge=world.challenge, roster=roster, reason=reason, by=None, at=world.pass_time(1))


def ledger(world: World) -> list[tuple[str, int, str, str]]:
    rows = Credit.objects.filter(challenge=world.challenge).order_by("id").select_related("participation__user")
    return [(row.kind, row.points, row.participation.user.username, row.reason) for row in rows]


def endings(world: World) -> list[tuple[str, str, float | None, bool | None, str, str]]:
    rows = Pair.objects.filter(challenge=world.challenge).order_by("pk").select_related("label")
    return [(one.label.key, one.state, one.machine_mean, one.machine_yes, one.outcome, one.verdict) for one in rows]


def test_preview_names_every_change_and_who_gains_and_loses(played, other) -> None:
    before = endings(played)
    preview = preview_roster(challenge=played.challenge, roster=other)
    changes = [
        (one.pair.label.key, one.fate.value, one.old.mean, one.new.mean, one.old.outcome, one.new.outcome)
        for one in preview.changes
    ]
    assert sorted(changes) == [
        ("cat", "ends_otherwise", 0.25, 0.625, "false_negative", "agreement"),
        ("dog", "ends_otherwise", 0.75, 0.1875, "agreement", "false_negative"),
        ("owl", "score_changes", 0.5, 0.875, "", ""),
    ]
    assert [(one.participation.user.username, one.lost, one.gained) for one in preview.balances] == [
        ("ada", 1, 0),
        ("bob", 0, 1),
    ]
    assert (endings(played), RosterDecision.objects.filter(roster=other).count()) == (before, 0)


def test_what_is_applied_is_what_was_previewed(played, other) -> None:
    preview = preview_roster(challenge=played.challenge, roster=other)
    done = apply(played, other)
    assert (done.changes, done.balances) == (preview.changes, preview.balances)
    pairs = {one.pk: one for one in Pair.objects.filter(challenge=played.challenge)}
    for change in preview.changes:
        pair = pairs[change.pair.pk]
        points = sum(Credit.objects.filter(pair=pair).values_list("points", flat=True))
        found = (pair.machine_mean, pair.machine_yes, pair.outcome, pair.uncredited, points, pair.roster)
        new = change.new
        assert found == (new.mean, new.yes, new.outcome, new.uncredited, new.points, other)
    assert ledger(played) == [
        ("given", 1, "ada", ""),
        ("reversed", -1, "ada", "A better ensemble."),
        ("given", 1, "bob", "A better ensemble."),
    ]


def test_a_roster_is_applied_once_and_taken_back_by_the_former_one(played, other) -> None:
    before, former = endings(played), played.challenge.roster
    apply(played, other)
    after = endings(played)
    assert not preview_roster(challenge=played.challenge, roster=other).of(Fate.ENDS_OTHERWISE)
    apply(played, other)
    assert (endings(played), len(ledger(played))) == (after, 3)
    apply(played, former, reason="It was worse.")
    assert endings(played) == before
    assert [(kind, points, name) for kind, points, name, _ in ledger(played)[3:]] == [
        ("given", 1, "ada"),
        ("reversed", -1, "bob"),
    ]
    decided = RosterDecision.objects.filter(challenge=played.challenge).order_by("pk")
    assert [(one.roster.version, one.reason) for one in decided] == [
        (1, ""),
        (2, "A better ensemble."),
        (1, "It was worse."),
    ]


def test_a_settled_pair_keeps_its_verdict_and_the_policy_that_settled_it(played, other) -> None:
    first = played.challenge.policy
    decide_policy(challenge=played.challenge, policy=Policy(threshold=0.9, quorum=7))
    apply(played, other)
    pair = played.pair(0, "cat")
    assert (pair.verdict, pair.tally, pair.policy, pair.machine_yes) == ("yes", Tally(yes=5), first, True)
    assert played.pair(2, "owl").machine_yes is False  # in review the policy in force counts: 0.875 < 0.9


def test_a_credit_that_stays_the_same_is_not_touched(played) -> None:
    three = newcomer(played)
    say(played, three, 0, cat=0.0)
    say(played, three, 1, dog=1.0)
    say(played, three, 2, owl=0.5)
    roster = propose_roster(challenge=played.challenge, members=[*played.classifiers, three])
    apply(played, roster)
    assert ledger(played) == [("given", 1, "ada", "")]
    pair = played.pair(0, "cat")
    assert (pair.machine_mean, pair.machine_voices, pair.roster) == (0.5 / 3, 3, roster)


def test_points_follow_the_size_of_the_error_under_the_new_roster(db) -> None:
    world = make_world(policy=Policy(credit_rule="proportional", points_per_adverse=8))
    world.claim(world.finder(make_user("ada")), (0, "cat"))
    world.score(0, {"cat": 0.25})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    three = newcomer(world)
    say(world, three, 0, cat=0.125)
    apply(world, propose_roster(challenge=world.challenge, members=[three]))
    assert [(kind, points) for kind, points, *_ in ledger(world)] == [("given", 6), ("reversed", -6), ("given", 7)]


def test_queued_pairs_are_asked_about_and_score_under_the_new_roster(
    played, other, django_capture_on_commit_callbacks
) -> None:
    set_queue(challenge=played.challenge, queue=played.challenge.slug)
    with django_capture_on_commit_callbacks(execute=True):
        apply(played, other)
    requests = [kwargs["request"] for task, kwargs in drain(f"scoring.{played.challenge.slug}") if task == SCORE_IMAGES]
    assert [[one["image"] for one in request["images"]] for request in requests] == [[played.images[3].pk]]
    for classifier in (played.classifiers[0], newcomer(played)):
        say(played, classifier, 3, cat=0.25)
    assert (played.pair(3, "cat").state, played.pair(3, "cat").roster) == (PairState.IN_REVIEW, other)


def test_nothing_is_applied_before_every_picture_was_seen(played) -> None:
    set_queue(challenge=played.challenge, queue=played.challenge.slug)
    three = newcomer(played)
    roster = propose_roster(challenge=played.challenge, members=[*played.classifiers, three])
    say(played, three, 0, cat=0.5)
    before = endings(played)
    preview = preview_roster(challenge=played.challenge, roster=roster)
    assert preview.counts == {
        "ends_otherwise": 0,
        "score_changes": 1,
        "same": 0,
        "unscorable": 0,
        "not_predicted": 2,
        "imported": 0,
    }
    with pytest.raises(RescoringRefused, match="2 pictures have not been seen"):
        apply(played, roster)
    assert (endings(played), Challenge.objects.get(pk=played.challenge.pk).roster) == (before, played.challenge.roster)
    assert ask_for_missing(challenge=played.challenge, roster=roster) == 3  # and the queued one
    requests = [kwargs["request"] for task, kwargs in drain(f"scoring.{played.challenge.slug}") if task == SCORE_IMAGES]
    asked = {
        one["image"]: [card["name"] for card in request["classifiers"]]
        for request in requests
        for one in request["images"]
    }
    names = [one.name for one in (*played.classifiers, three)]
    assert asked == {played.images[1].pk: ["three"], played.images[2].pk: ["three"], played.images[3].pk: names}


def test_a_pair_that_the_new_roster_can_not_score_keeps_what_it_has(played) -> None:
    decide_policy(challenge=played.challenge, policy=Policy(min_classifiers=2))
    three = newcomer(played, "dog", "owl")
    for place, label in ((1, "dog"), (2, "owl")):
        say(played, three, place, **{label: 1.0})
    roster = propose_roster(challenge=played.challenge, members=[played.classifiers[0], three])
    done = apply(played, roster)
    [kept] = done.of(Fate.UNSCORABLE)
    assert (kept.pair, kept.reason) == (
        played.pair(0, "cat"),
        "Only one classifier of the roster knows the label Cat; two are needed.",
    )
    pair = played.pair(0, "cat")
    assert (pair.outcome, pair.machine_mean, pair.roster.version) == ("false_negative", 0.25, 1)
    assert ledger(played) == [("given", 1, "ada", "")]


def test_imported_pairs_stay_as_they_are_unless_they_can_be_scored(world) -> None:
    labels = {one.label.key: one.label for one in world.challenge.target_labels.select_related("label")}
    rows = [SettledElsewhere(world.images[place], labels["cat"], Tally(yes=5), machine_yes=False) for place in (0, 1)]
    import_settled_pairs(challenge=world.challenge, pairs=rows, at=world.clock)
    three = newcomer(world)
    say(world, three, 1, cat=0.75)
    roster = propose_roster(challenge=world.challenge, members=[three])
    done = apply(world, roster)
    assert [one.fate.value for one in done.changes] == ["imported", "ends_otherwise"]
    assert [world.pair(place, "cat").outcome for place in (0, 1)] == ["false_negative", "agreement"]
    assert ledger(world) == []


def test_applying_needs_a_reason_and_an_edition_of_ones_own_that_is_not_final(played, other) -> None:
    stranger = make_world().challenge.roster
    for roster, reason, words in ((other, " ", "Say why"), (stranger, "better", "another challenge")):
        with pytest.raises(RescoringRefused, match=words):
            apply(played, roster, reason=reason)
    set_status(challenge=played.challenge, status=ChallengeStatus.FINAL)
    with pytest.raises(RescoringRefused, match="final"):
        apply(played, other)
    assert ledger(played) == [("given", 1, "ada", "")]


@pytest.mark.parametrize("pairs", [1, 3])
def test_a_preview_costs_the_same_for_any_number_of_pairs(world, django_assert_num_queries, pairs) -> None:
    finder = world.finder()
    three = newcomer(world)
    world.claim(finder, *[(place, "cat") for place in range(pairs)])
    for place in range(pairs):
        world.score(place, {"cat": 0.25})
        say(world, three, place, cat=1.0)
        world.rate(world.pair(place, "cat"), *[YES] * 5)
    roster = propose_roster(challenge=world.challenge, members=[three])
    with django_assert_num_queries(10):  # pairs, labels, policies, credits, claims, people, failures, copies, voices
        assert preview_roster(challenge=world.challenge, roster=roster).counts["ends_otherwise"] == pairs


@pytest.mark.django_db(transaction=True)
def test_a_pair_scored_while_another_roster_comes_in_force_is_scored_by_it() -> None:
    world = make_world()
    world.claim(world.finder(), *[(place, "cat") for place in range(6)])
    three = newcomer(world)
    for place in range(6):
        values = {one.digest: pack([0.25, 0.0, 0.0]) for one in world.classifiers}
        values[three.digest] = pack([0.75, 0.0, 0.0])
        result = ScoreResult(world.images[place].pk, values)
        Pair.objects.filter(image=world.images[place]).update(
            state=PairState.WITHDRAWN
        )  # recorded, and not applied yet
        record_scores(results=[result], at=world.pass_time(1))
        Pair.objects.filter(image=world.images[place]).update(state=PairState.QUEUED)
    roster = propose_roster(challenge=world.challenge, members=[three])
    at = world.pass_time(1)
    images = [image.pk for image in world.images]
    at_once(
        [
            *(partial(apply_scores, image_ids=images[start : start + 1], at=at) for start in range(6)),
            partial(apply_roster, challenge=world.challenge, roster=roster, reason="Better.", by=None, at=at),
        ]
    )
    scored = Pair.objects.filter(challenge=world.challenge).values_list("state", "machine_mean", "roster")
    assert set(scored) == {(PairState.IN_REVIEW.value, 0.75, roster.pk)}


def test_a_picture_that_a_new_classifier_fails_at_keeps_no_roster_from_being_applied(played) -> None:
    three = newcomer(played)
    roster = propose_roster(challenge=played.challenge, members=[three])
    for place, label in ((1, "dog"), (2, "owl")):
        say(played, three, place, **{label: 1.0})
    assert preview_roster(challenge=played.challenge, roster=roster).counts["not_predicted"] == 1
    failed = ScoreResult(played.images[0].pk, {}, failed={three.digest: "No finite number from three."})
    record_scores(results=[failed], at=played.pass_time(1))
    [kept] = apply(played, roster).of(Fate.UNSCORABLE)
    assert (kept.pair, kept.reason) == (played.pair(0, "cat"), FAILED)
    assert (played.pair(0, "cat").machine_mean, played.pair(1, "dog").roster) == (0.25, roster)
    say(played, three, 0, cat=0.75)
    assert [one.pair for one in apply(played, roster).of(Fate.ENDS_OTHERWISE)] == [played.pair(0, "cat")]


@pytest.mark.parametrize("earns", [True, False])
def test_an_experts_verdict_outlives_another_roster(played, other, earns) -> None:
    """Cat of 3 is ambiguous; an expert sees the cat, the first roster does not, the other does."""
    decide_policy(challenge=played.challenge, policy=Policy(adjudicated_earns=earns))
    played.score(3, {"cat": 0.25})
    say(played, other.members.get(classifier__name="three").classifier, 3, cat=1.0)
    played.rate(played.pair(3, "cat"), YES, YES, NO, NO, Answer.DONT_KNOW)
    expert = make_user("eve", is_superuser=True)
    pair = played.pair(3, "cat")
    adjudicate(pair_id=pair.pk, verdict=Verdict.YES, reason="The tail.", by=expert, at=played.pass_time(1))
    found = []
    for roster in (other, played.challenge.rosters.get(version=1)):
        before = preview_roster(challenge=played.challenge, roster=roster)
        apply(played, roster)
        pair = played.pair(3, "cat")
        [promised] = [one.new for one in before.changes if one.pair == pair]
        assert (promised.outcome, promised.uncredited) == (pair.outcome, pair.uncredited)
        found.append((pair.verdict, pair.outcome, pair.uncredited, pair.adjudicated_reason))
    assert found == [
        ("yes", "agreement", "", "The tail."),
        ("yes", "false_negative", "" if earns else "adjudicated", "The tail."),
    ]
    points = [points for _, points, name, _ in ledger(played) if name == "bob"]
    # Besides the cat, bob's dog earns under the other roster alone.
    assert sum(points) == (1 if earns else 0)
