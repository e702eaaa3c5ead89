"""Classifiers tested on a release: what is counted, what is told, how often, and what never leaves."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from django.utils import timezone

from cats4ml.catalog.actions import add_classifier
from cats4ml.catalog.models import Classifier
from cats4ml.challenges.actions import decide_policy
from cats4ml.releases import evaluation_runs
from cats4ml.releases.evaluation_dispatch import EVALUATE
from cats4ml.releases.evaluation_runs import advance, sweep
from cats4ml.releases.evaluation_shown import board, by_label_shown, compared_shown, ensemble_line, shown
from cats4ml.releases.evaluations import DailyLimit, EvaluationRefused, group_of, run_here, set_listed
from cats4ml.releases.models import Evaluation, EvaluationState, ReleaseState
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.recording import record_scores
from scoring.contract import SCORE_IMAGES, ScoreResult, pack
from tests.factories import make_team, make_user
from tests.messages import drain
from tests.releases.tested import counted, ensemble, handed_in, pairs_of, predictions, released, truth


@pytest.fixture
def site(db):
    return released()


def told(one: Evaluation) -> dict[str, tuple]:
    return {kind: (found["value"], found["why"]) for kind, found in shown(one, freed=False)["heldout"].items()}


def accuracies(one: Evaluation, part: str = "public", whose: str = "figures", *, freed: bool = False) -> dict:
    return {
        kind: (figures["pairs"], figures["accuracy"][0])
        for kind, figures in shown(one, freed=freed)[whose][part].items()
    }


def test_the_ensemble_has_nothing_adverse_right_and_all_that_is_agreed(site) -> None:
    _, release = site
    one = counted(release, predictions(release, truth), by=make_user())
    assert (one.state, one.done, one.total) == ("done", 180, 180)
    assert accuracies(one) == {
        "adverse": (58, 1.0),
        "false_negative": (32, 1.0),
        "false_positive": (26, 1.0),
        "agreement": (53, 1.0),
        "all": (111, 1.0),
    }
    assert accuracies(one, whose="ensemble") == {
        "adverse": (58, 0.0),
        "false_negative": (32, 0.0),
        "false_positive": (26, 0.0),
        "agreement": (53, 1.0),
        "all": (111, 0.477477),
    }
    found = shown(one, freed=False)
    assert (found["ambiguous"], found["unanswered"], list(found["figures"])) == (
        {"public": 2},
        {"public": 0},
        ["public"],
    )
    line = ensemble_line(release, ["public"])["public"]
    assert {kind: round(values[0], 6) for kind, values in line.items()} == {
        "adverse": 0,
        "agreement": 1,
        "all": 0.477477,
    }


def test_predictions_of_the_public_part_tell_nothing_of_the_other(site) -> None:
    _, release = site
    one = counted(release, predictions(release, only="public"), by=make_user())
    assert (list(one.results["parts"]), told(one)) == (["public"], {})
    assert accuracies(one)["all"] == (111, 1.0)


def test_nothing_that_is_shown_depends_on_held_out_answers_within_a_step(site) -> None:
    """Two sets of predictions that differ in one held-out answer alone: every byte that may be seen is the same."""
    _, release = site
    secret = next(one for one in pairs_of(release) if one.split == "heldout" and one.outcome == "false_negative")

    def without_the_secret(pair):
        return 0.0 if pair.pk == secret.pk else truth(pair)

    def seen(one: Evaluation) -> str:
        return json.dumps(
            [shown(one, freed=False), by_label_shown(one, freed=False), compared_shown(one, freed=False, names={})]
        )

    # With so few pairs a step is nearly a fifth, and all right or all but one right are the same level.
    first = counted(release, predictions(release, truth), by=make_user())
    second = counted(release, predictions(release, without_the_secret), by=make_user())
    assert seen(first) == seen(second)
    assert first.results["parts"]["heldout"] != second.results["parts"]["heldout"]
    assert told(first) == {"adverse": (0.9, ""), "agreement": (0.9, "")}


def test_a_person_and_their_team_climb_one_ladder_and_others_another(site) -> None:
    _, release = site
    ada, bob, cyd = make_user(), make_user(), make_user()
    make_team(ada, bob)
    assert group_of(ada) == group_of(bob) == {ada.pk, bob.pk}
    draw = random.Random(1)
    low = {one.pk: truth(one) if draw.random() < 0.5 else 1 - truth(one) for one in pairs_of(release)}
    first = counted(release, predictions(release, lambda one: low[one.pk]), by=ada)
    second = counted(release, predictions(release, truth), by=bob)
    third = counted(release, predictions(release, truth), by=cyd)
    assert [why for one in (first, second, third) for _, why in told(one).values()] == [
        "",
        "",
        "used_up",
        "used_up",
        "",
        "",
    ]
    assert [value for value, _ in told(second).values()] == [None, None]


def test_another_release_of_the_same_pairs_is_no_second_ladder(site) -> None:
    world, release = site
    ada = make_user()
    counted(release, predictions(release, truth), by=ada)
    later = world.release_rows(version="2")
    one = counted(later, predictions(later, truth), by=ada)
    assert told(one) == {"adverse": (None, "used_up"), "agreement": (None, "used_up")}


def test_the_same_predictions_are_the_same_evaluation_and_a_day_has_three(site) -> None:
    _, release = site
    ada, bob = make_user(), make_user()
    make_team(ada, bob)
    at = timezone.now()
    made = [handed_in(release, predictions(release, truth), by=ada, name=" my  net ", at=at) for _ in range(3)]
    assert {one.pk for one in made} == {made[0].pk}
    assert made[0].name == "my net"
    handed_in(release, predictions(release, truth), by=bob, name="another name", at=at + timedelta(hours=1))
    handed_in(release, predictions(release, truth), by=ada, threshold=0.4, at=at + timedelta(hours=2))
    with pytest.raises(DailyLimit) as caught:
        handed_in(release, predictions(release, ensemble), by=bob, at=at + timedelta(hours=3))
    assert caught.value.again == at + timedelta(hours=24)
    assert str(caught.value).startswith(
        "You and your team have used all of the day’s 3 evaluations. The next is free at "
    )
    assert handed_in(release, predictions(release, truth), by=ada, name="my net").pk == made[0].pk
    handed_in(release, predictions(release, ensemble), by=make_user(), at=at + timedelta(hours=3))
    handed_in(release, predictions(release, ensemble), by=bob, at=at + timedelta(hours=24, seconds=1))
    assert Evaluation.objects.count() == 5


def test_before_it_is_published_organisers_alone_hand_in_and_as_often_as_they_like(db) -> None:
    _, release = released(state=ReleaseState.READY)
    olga = make_user()
    for number in range(4):
        handed_in(release, predictions(release, truth), by=olga, is_organiser=True, name=f"net {number}")
    with pytest.raises(EvaluationRefused, match="once the release is published"):
        handed_in(release, predictions(release, truth), by=make_user())
    release.state, release.published_at = ReleaseState.PUBLISHED, timezone.now()
    release.save()
    with pytest.raises(DailyLimit):
        handed_in(release, predictions(release, truth), by=olga, is_organiser=True, name="net 5")


def test_what_cannot_be_is_refused_in_a_sentence(site) -> None:
    world, release = site
    data = predictions(release, truth)
    for more, words in (
        ({"name": " "}, "name of 1 to 120"),
        ({"name": "a\x00b"}, "name of 1 to 120"),
        ({"threshold": 1.0}, "between 0 and 1, not at 1"),
        ({"threshold": float("nan")}, "between 0 and 1"),
        ({"description": "x" * 2_001}, "2,000 letters"),
        ({"by": make_user(is_guest=True)}, "Guests of a study"),
    ):
        with pytest.raises(EvaluationRefused, match=words):
            handed_in(release, data, **{"by": make_user(), **more})
    decide_policy(challenge=world.challenge, policy=Policy(evaluations_per_day=0))
    release.refresh_from_db()
    with pytest.raises(EvaluationRefused, match="takes no predictions"):
        handed_in(release, data, by=make_user())
    assert Evaluation.objects.count() == 0


def test_once_the_rest_is_freed_every_figure_is_shown(site) -> None:
    _, release = site
    ada = make_user()
    first = counted(release, predictions(release, truth), by=ada)
    second = counted(release, predictions(release, ensemble), by=ada, name="as the ensemble")
    found = shown(second, freed=True)
    assert (list(found["figures"]), found["heldout"]) == (["public", "heldout", "both"], {})
    assert accuracies(second, "both", freed=True)["adverse"] == (90, 0.0)
    names = {str(first.uuid): first.name}
    rows = compared_shown(second, freed=True, names=names)
    assert len(rows) == 2 * 3 * 3
    [row] = [one for one in rows if (one["name"], one["part"], one["kind"]) == ("mine", "both", "adverse")]
    assert (row["pairs"], row["first"], row["second"], row["second_pictures"], row["p"] < 1e-15) == (
        90,
        0,
        90,
        60,
        True,
    )
    assert {one["part"] for one in compared_shown(second, freed=False, names=names)} == {"public"}


def test_the_board_has_held_out_figures_first_and_groups_that_can_be_told_apart(site) -> None:
    _, release = site
    draw = random.Random(3)
    noisy = {one.pk: truth(one) if draw.random() < 0.9 else 1 - truth(one) for one in pairs_of(release)}
    counted(release, predictions(release, ensemble), by=make_user(), name="as the ensemble")
    counted(release, predictions(release, lambda one: noisy[one.pk]), by=make_user(), name="noisy")
    counted(release, predictions(release, truth), by=make_user(), name="right")
    counted(release, predictions(release, truth, only="public"), by=make_user(), name="learned by heart")
    hidden = counted(release, predictions(release, truth), by=make_user(), name="hidden")
    set_listed(evaluation=hidden, is_listed=False)
    sections = board(release, Evaluation.objects.filter(release=release))
    assert [(one.stands_on, [(row.one.name, row.group) for row in one.rows]) for one in sections] == [
        ("heldout", [("right", 1), ("noisy", 1), ("as the ensemble", 2)]),
        ("public", [("learned by heart", 1)]),
    ]
    release.freed_at = release.published_at
    sections = board(release, Evaluation.objects.filter(release=release))
    assert [(one.stands_on, [row.one.name for row in one.rows]) for one in sections] == [
        ("both", ["right", "noisy", "as the ensemble"]),
        ("public", ["learned by heart"]),
    ]


def scored(world, classifier: Classifier, *, unreadable: int = 0) -> None:
    values = pack([0.9, 0.2, 0.7])
    results = [ScoreResult(image.pk, {classifier.digest: values}) for image in world.images[unreadable:]]
    results += [ScoreResult(image.pk, {}, "missing_image", "gone") for image in world.images[:unreadable]]
    record_scores(results=results, at=timezone.now())


def test_a_classifier_is_run_on_what_it_has_not_seen_and_then_counted(site) -> None:
    world, release = site
    member = world.classifiers[0]
    one = run_here(release=release, classifier=member, by=None, at=timezone.now())
    assert run_here(release=release, classifier=member, by=None, at=timezone.now()).pk == one.pk
    assert (one.name, one.in_roster, one.total) == ("one", True, 60)
    drain("scoring")
    advance(evaluation_id=one.pk, at=timezone.now())
    asked = [message["request"] for name, message in drain("scoring") if name == SCORE_IMAGES]
    assert sorted(ref["image"] for request in asked for ref in request["images"]) == [
        image.pk for image in world.images
    ]
    assert {card["digest"] for request in asked for card in request["classifiers"]} == {member.digest}
    advance(evaluation_id=one.pk, at=timezone.now())
    assert drain("scoring") == []  # it is on its way
    advance(evaluation_id=one.pk, at=timezone.now() + timedelta(minutes=4))
    assert len(drain("scoring")) == 2  # it was lost
    scored(world, member, unreadable=10)
    advance(evaluation_id=one.pk, at=timezone.now())
    one.refresh_from_db()
    assert (one.state, one.results["unanswered"]["both"], one.results["told"]) == ("done", 30, {})
    left = [case for case in pairs_of(release)[30:] if case.outcome != "ambiguous"]
    right = sum((case.pair.label.key != "dog") == (case.verdict == "yes") for case in left)
    everything = one.results["parts"]["both"]["all"]
    assert (everything["pairs"], everything["accuracy"][0]) == (len(left), round(right / len(left), 6))
    drain("web")


def test_a_classifier_of_another_vocabulary_is_refused_and_an_outsider_was_not_selected_against(site) -> None:
    world, release = site
    card = {"name": "x", "labels": ["cat", "owl"], "vocabulary": "elsewhere", "digest": "d1"}
    with pytest.raises(EvaluationRefused, match="knows none of the labels"):
        run_here(release=release, classifier=add_classifier(card=card), by=None, at=timezone.now())
    outsider = add_classifier(card={**card, "vocabulary": world.challenge.vocabulary, "digest": "d2"})
    one = run_here(release=release, classifier=outsider, by=None, at=timezone.now())
    results = [ScoreResult(image.pk, {"d2": pack([0.9, 0.2])}) for image in world.images]
    record_scores(results=results, at=timezone.now())
    advance(evaluation_id=one.pk, at=timezone.now())
    one.refresh_from_db()
    assert (one.state, one.in_roster, one.results["unanswered"]["both"]) == ("done", False, 60)
    assert list(by_label_shown(one, freed=False)["public"]) == ["cat", "owl"]
    drain("web")


def test_an_evaluation_whose_worker_died_is_rung_for_again_and_counted_once(site) -> None:
    _, release = site
    one = handed_in(release, predictions(release, truth), by=make_user())
    Evaluation.objects.update(state=EvaluationState.RUNNING)
    drain("web")
    assert (sweep(at=timezone.now()), sweep(at=timezone.now() + timedelta(seconds=21))) == (0, 1)
    assert drain("web") == [(EVALUATE, {"evaluation": one.pk})]
    for _ in range(2):
        advance(evaluation_id=one.pk, at=timezone.now())
    assert (Evaluation.objects.get().state, sweep(at=timezone.now() + timedelta(days=1))) == ("done", 0)


def test_what_cannot_be_counted_fails_with_a_word_uses_nothing_up_and_may_come_again(site, monkeypatch) -> None:
    _, release = site
    ada, data = make_user(), predictions(release, truth)
    one = handed_in(release, data, by=ada)
    Evaluation.objects.filter(pk=one.pk).update(scores=b"123")
    with pytest.raises(ValueError, match="bytes"):
        advance(evaluation_id=one.pk, at=timezone.now())
    one.refresh_from_db()
    assert (one.state, one.error) == ("failed", "It could not be counted; the worker’s log says why.")
    again = [counted(release, data, by=ada, name=name) for name in ("mine", "b", "c")]
    assert [other.state for other in again] == ["done"] * 3
    assert one.pk not in {other.pk for other in again}
    assert evaluation_runs.UNFINISHED == ("waiting", "running")
