"""The organisers' export and the public queue."""

from __future__ import annotations

import csv
import io
import json

import pytest
from rest_framework.test import APIClient

from cats4ml.catalog.models import Label
from cats4ml.challenges.actions import decide_policy
from cats4ml.challenges.models import ChallengeStatus
from cats4ml.rules.answers import Answer, Tally
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions.imports import SettledElsewhere, import_settled_pairs
from cats4ml.submissions.actions.settlement import disqualify_participant
from cats4ml.submissions.models import Pair
from tests.api.clients import address, body, only, organiser_of, program
from tests.factories import make_team, make_user

YES, NO = Answer.YES, Answer.NO
HEADER = "image_id,label_id,label_name,hum_yes_rating,hum_no_rating,hum_dont_know_rating,machine_score\n"


@pytest.fixture
def organiser(world) -> APIClient:
    return organiser_of(world)


@pytest.fixture
def settled(world):
    """Pairs claimed against the order of their ids: owl (a false positive), then dog, then cat; and one in review."""
    world.claim(world.finder(make_user("ada")), (2, "owl"), (1, "dog"), (0, "cat"), (3, "cat"))
    for place, label, mean, answers in (
        (0, "cat", 0.125, [YES] * 5),
        (1, "dog", 0.875, [YES, YES, YES, NO, Answer.DONT_KNOW]),
        (2, "owl", 0.75, [NO] * 5),
    ):
        world.score(place, {label: mean})
        world.rate(world.pair(place, label), *answers)
    world.score(3, {"cat": 0.5})
    return world


def test_csv_has_the_released_columns_byte_for_byte(settled, organiser) -> None:
    answer = organiser.get(address(settled, "pairs/"), {"format": "csv"})
    image = [one.image_id for one in settled.images]
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.streaming
    assert body(answer).decode() == (
        f"{HEADER}{image[2]},owl,Owl,0,5,0,1\n{image[1]},dog,Dog,3,1,1,1\n{image[0]},cat,Cat,5,0,0,0\n"
    )


def test_csv_is_also_had_by_the_accept_header(settled, organiser) -> None:
    by_header = organiser.get(address(settled, "pairs/"), HTTP_ACCEPT="text/csv")
    assert body(by_header) == body(organiser.get(address(settled, "pairs/"), {"format": "csv"}))


def test_rows_keep_their_order_when_the_first_claimant_is_disqualified(settled, organiser) -> None:
    before = body(organiser.get(address(settled, "pairs/"), {"format": "csv"}))
    first = Pair.objects.get(label__key="owl").submissions.get().participation
    disqualify_participant(participation=first, reason="bot", by=make_user(), at=settled.pass_time(1))
    assert body(organiser.get(address(settled, "pairs/"), {"format": "csv"})) == before


def test_imported_pairs_come_in_the_order_of_the_file(world, organiser) -> None:
    labels = {label.key: label for label in Label.objects.filter(vocabulary=world.challenge.vocabulary)}
    rows = [(3, "dog", Tally(no=5), True), (0, "cat", Tally(yes=4, dont_know=1), False), (1, "owl", Tally(yes=2), True)]
    import_settled_pairs(
        challenge=world.challenge,
        pairs=[SettledElsewhere(world.images[at], labels[key], tally, yes) for at, key, tally, yes in rows],
        at=world.clock,
    )
    lines = body(organiser.get(address(world, "pairs/"), {"format": "csv"})).decode().splitlines()[1:]
    assert [line.split(",", 1)[1] for line in lines] == ["dog,Dog,0,5,0,1", "cat,Cat,4,0,1,0", "owl,Owl,2,0,0,1"]
    [pair] = organiser.get(address(world, "pairs/"), {"label_id": "cat"}).json()["results"]
    assert only([pair], "tally_source", "machine_mean", "first_submitter", "roster_version", "policy_version") == [
        ("imported", None, None, None, 1)
    ]


def test_names_with_quotes_commas_and_accents_come_back_as_they_were(settled, organiser) -> None:
    name = '=Owl, "tawny"\nŒufs'
    Label.objects.filter(key="owl").update(name=name)
    text = body(organiser.get(address(settled, "pairs/"), {"format": "csv"})).decode()
    assert [row["label_name"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [name, "Dog", "Cat"]


def test_json_tells_everything_of_a_pair(settled, organiser) -> None:
    pair = settled.pair(1, "dog")
    shown = organiser.get(address(settled, f"pairs/{pair.pk}/")).json()
    times = [shown.pop(name) for name in ("created_at", "scored_at", "settled_at")]
    assert all(time.endswith("Z") for time in times)
    assert shown.pop("split") in ("public", "heldout")
    assert shown == {
        "id": pair.pk,
        "image_id": settled.images[1].image_id,
        "label_id": "dog",
        "label_name": "Dog",
        "hum_yes_rating": 3,
        "hum_no_rating": 1,
        "hum_dont_know_rating": 1,
        "machine_score": 1,
        "machine_mean": 0.875,
        "machine_spread": 0.0,
        "machine_voices": 2,
        "sureness": 0.75,
        "kind": "candidate_unknown_unknown",
        "state": "settled",
        "verdict": "yes",
        "outcome": "agreement",
        "uncredited": None,
        "tally_source": "ratings",
        "policy_version": 1,
        "roster_version": 1,
        "first_submitter": "ada",
        "unscorable_reason": "",
        "reopened_reason": "",
        "adjudicated_reason": "",
        "withdrawn_reason": "",
        "classifiers": [
            {"name": one.name, "digest": one.digest, "weight": 1.0, "probability": 0.875} for one in settled.classifiers
        ],
    }
    assert shown["id"] in [row["id"] for row in organiser.get(address(settled, "pairs/")).json()["results"]]


def test_json_lines_hold_what_the_pages_hold(settled, organiser) -> None:
    answer = organiser.get(address(settled, "pairs/"), {"format": "jsonl"})
    assert answer["Content-Type"] == "application/jsonl"
    assert [json.loads(line) for line in body(answer).splitlines()] == (
        organiser.get(address(settled, "pairs/")).json()["results"]
    )


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ({"outcome": "adverse"}, ["cat", "owl"]),
        ({"outcome": ["agreement", "false_positive"]}, ["dog", "owl"]),
        ({"label_id": "cat"}, ["cat", "cat"]),
        ({"label_id": "cat", "state": "settled"}, ["cat"]),
        ({"state": "in_review"}, ["cat"]),
        ({"label_id": "none"}, []),
    ],
)
def test_pairs_can_be_filtered(settled, organiser, query, labels) -> None:
    found = organiser.get(address(settled, "pairs/"), query).json()["results"]
    assert sorted(row["label_id"] for row in found) == labels


def test_filters_hold_for_the_csv_too(settled, organiser) -> None:
    text = body(organiser.get(address(settled, "pairs/"), {"format": "csv", "outcome": "adverse"})).decode()
    assert [row["label_id"] for row in csv.DictReader(io.StringIO(text))] == ["owl", "cat"]


def test_split_parts_the_pairs(settled, organiser) -> None:
    parts = [
        {row["id"] for row in organiser.get(address(settled, "pairs/"), {"split": part}).json()["results"]}
        for part in ("public", "heldout")
    ]
    assert (len(parts[0] | parts[1]), parts[0] & parts[1]) == (4, set())


@pytest.mark.parametrize("query", [{"outcome": "good"}, {"state": "done"}, {"split": "x"}, {"label_id": "a\x00"}])
@pytest.mark.parametrize("wanted", ["json", "csv", "jsonl"])
def test_filter_that_can_not_be_is_an_error_in_json(settled, organiser, query, wanted) -> None:
    answer = organiser.get(address(settled, "pairs/"), {**query, "format": wanted})
    assert (answer.status_code, answer["Content-Type"], list(answer.json())) == (400, "application/json", list(query))


def test_pairs_are_for_organisers_with_the_scope(settled) -> None:
    finder, boss = make_user(), make_user(is_superuser=True)
    settled.finder(finder)
    paths = [address(settled, path) for path in ("pairs/", "pairs/?format=csv", f"pairs/{settled.pair(0, 'cat').pk}/")]
    for path in paths:
        assert APIClient().get(path).status_code == 401
        assert program(finder, name=path[-80:]).get(path).status_code == 403
        assert program(boss, "submit", "rate", name=f"a{path}"[-80:]).get(path).status_code == 403
        answer = program(boss, "organise", name=f"b{path}"[-80:]).get(path)
        assert answer.status_code == 200
        body(answer)


def test_pair_of_another_challenge_is_not_found(settled, organiser) -> None:
    assert organiser.get(address(settled, f"pairs/{10**18}/")).status_code == 404
    assert organiser.get(address(settled, f"pairs/{10**40}/")).status_code == 404


def test_queue_shows_pairs_but_no_outcome_and_submitters_only_once_settled(settled) -> None:
    rows = APIClient().get(address(settled, "queue/")).json()["results"]
    assert {tuple(row) for row in rows} == {
        ("image_id", "label_id", "label_name", "state", "created_at", "submitter", "released_outcome")
    }
    assert sorted(only(rows, "state", "label_id", "submitter"), key=str) == [
        ("in_review", "cat", None),
        ("settled", "cat", "ada"),
        ("settled", "dog", "ada"),
        ("settled", "owl", "ada"),
    ]
    waiting = APIClient().get(address(settled, "queue/"), {"state": "in_review"}).json()["results"]
    assert only(waiting, "image_id") == [(settled.images[3].image_id,)]
    assert APIClient().get(address(settled, "queue/"), {"outcome": "adverse"}).json()["results"] == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_pairs_and_queue_cost_the_same_however_long(settled, organiser, django_assert_num_queries, rows) -> None:
    with django_assert_num_queries(6):  # the token and its last use, the edition, the viewer's parts, pairs, claims
        assert len(organiser.get(address(settled, "pairs/"), {"page_size": rows}).json()["results"]) == rows
    asked = {"page_size": rows, "state": "settled"}
    with django_assert_num_queries(3):
        assert len(APIClient().get(address(settled, "queue/"), asked).json()["results"]) == rows


def test_first_submitter_of_a_team_is_the_team(world, organiser) -> None:
    ada = make_user()
    world.claim(world.finder(ada, make_team(ada, name="Owls")), (0, "cat"))
    assert only(organiser.get(address(world, "pairs/")).json()["results"], "first_submitter", "machine_score") == [
        ("Owls", None)
    ]


def test_export_of_a_closed_challenge_is_there(settled, organiser) -> None:
    settled.challenge.status = ChallengeStatus.FINAL
    settled.challenge.save(update_fields=["status"])
    assert body(organiser.get(address(settled, "pairs/"), {"format": "csv"})).count(b"\n") == 4


def test_a_pair_near_the_threshold_is_a_known_unknown(world, organiser) -> None:
    decide_policy(challenge=world.challenge, policy=Policy(near_margin=0.25, near_threshold_scores=False))
    world.claim(world.finder(make_user("ada")), (0, "cat"), (1, "cat"), (2, "cat"))
    for place, mean in ((0, 0.375), (1, 0.25)):
        world.score(place, {"cat": mean})
        world.rate(world.pair(place, "cat"), *[YES] * 5)
    rows = organiser.get(address(world, "pairs/")).json()["results"]
    assert only(rows, "outcome", "sureness", "kind", "uncredited") == [
        ("false_negative", 0.25, "known_unknown", "known_unknown"),
        ("false_negative", 0.5, "candidate_unknown_unknown", None),
        (None, None, None, None),
    ]


def test_claimants_read_each_classifiers_probability_once_their_pair_is_settled(world) -> None:
    ada = make_user("ada")
    [first, second] = world.claim(world.finder(ada), (0, "cat"), (1, "cat"))
    for place in (0, 1):
        world.score(place, {"cat": 0.25})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    client = program(ada)
    paths = [address(world, f"submissions/{one.submission.pk}/") for one in (first, second)]
    told = [
        [(voice["name"], voice["probability"]) for voice in client.get(path).json()["classifiers"]] for path in paths
    ]
    assert told == [[("one", 0.25), ("two", 0.25)], []]
