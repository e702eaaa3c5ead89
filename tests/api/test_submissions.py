"""Claiming through the API, and what a claimant sees."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from cats4ml.challenges.actions import decide_policy
from cats4ml.rules.answers import Answer
from cats4ml.rules.policy import Policy
from cats4ml.submissions.models import Pair, Submission
from cats4ml.submissions.queries import quota_for
from tests.api.clients import address, only, program
from tests.factories import make_team, make_user, make_world

YES, NO = Answer.YES, Answer.NO


class Claimant:
    def __init__(self, world, user=None, team=None) -> None:
        self.world = world
        self.user = user or make_user()
        self.part = world.finder(self.user, team)
        self.client = program(self.user, "submit")
        self.where = address(world, "submissions/")

    def claim(self, place: int, label: str, **more):
        row = {"image_id": self.world.images[place].image_id, "label_id": label, **more}
        return self.client.post(self.where, row)

    def send(self, body, content_type="application/json", query=""):
        if content_type == "application/json":
            return self.client.post(self.where + query, body)
        return self.client.generic("POST", self.where + query, body, content_type=content_type)

    @property
    def used(self) -> int:
        return quota_for(self.part).used


@pytest.fixture
def ada(world) -> Claimant:
    return Claimant(world, make_user("ada"))


def test_one_claim_is_answered_with_the_submission(world, ada) -> None:
    answer = ada.claim(0, "cat", rationale="striped")
    shown = answer.json()
    claim = Submission.objects.get()
    assert answer.status_code == 201
    assert answer["Location"] == f"{ada.where}{claim.pk}/"
    created = shown.pop("created_at")
    assert created.endswith("Z")
    assert shown == {
        "id": claim.pk,
        "image_id": world.images[0].image_id,
        "label_id": "cat",
        "label_name": "Cat",
        "rationale": "striped",
        "retracted_at": None,
        "charged": True,
        "state": "queued",
        "position": 1,
        "wait_seconds": None,
        "people": None,
        "machine_mean": None,
        "verdict": None,
        "outcome": None,
        "tally": None,
        "points": 0,
        "reason": "",
        "first_claimant": None,
        "may_dispute": False,
        "dispute": None,
    }
    assert ada.client.get(answer["Location"]).json() == {**shown, "created_at": created, "classifiers": []}


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        ({"image_id": "nope", "label_id": "cat"}, "image_id", "Picture is not in the target pool. Check the ID"),
        ({"image_id": f"{0:016x}", "label_id": "yak"}, "label_id", "Label is not a target label. Use the ID"),
        ({"image_id": f"{0:016x}"}, "label_id", "This field is required."),
        ({"label_id": "cat"}, "image_id", "This field is required."),
        ({"image_id": "", "label_id": "cat"}, "image_id", "This field may not be blank."),
        ({"image_id": ["x"], "label_id": "cat"}, "image_id", "Not a valid string."),
        ({"image_id": "a\x00b", "label_id": "cat"}, "image_id", "Null characters are not allowed."),
        ({"image_id": f"{0:016x}", "label_id": "cat", "rationale": "x" * 1001}, "rationale", "Ensure this field"),
    ],
)
def test_what_is_wrong_is_told_by_field(ada, row, field, message) -> None:
    answer = ada.send(row)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert answer.json()[field][0].startswith(message)
    assert ada.used == 0


def test_repeated_claim_is_a_conflict_and_charges_nothing(ada) -> None:
    assert ada.claim(0, "cat").status_code == 201
    again = ada.claim(0, "cat")
    assert again.status_code == 409
    assert again.json()["detail"].startswith("You already claimed this pair.")
    assert ada.used == 1


def test_claim_of_a_team_mate_is_a_conflict(world) -> None:
    users = make_user(), make_user()
    team = make_team(*users)
    first, second = (Claimant(world, user, team) for user in users)
    assert first.claim(0, "cat").status_code == 201
    assert second.claim(0, "cat").status_code == 409


def test_over_quota_is_forbidden_with_the_reason(db) -> None:
    one = Claimant(make_world(policy=Policy(base_quota=1)))
    assert one.claim(0, "cat").status_code == 201
    answer = one.claim(1, "cat")
    assert (answer.status_code, answer.json()["detail"][:16]) == (403, "Over your quota.")


def test_later_claim_is_kept_and_costs_nothing(world, ada) -> None:
    bob = Claimant(world, make_user("bob"))
    ada.claim(0, "cat")
    late = bob.claim(0, "cat").json()
    assert (late["charged"], late["first_claimant"], bob.used) == (False, None, 0)


def test_list_claims_good_rows_and_answers_for_each_bad_one(world, ada) -> None:
    image = [one.image_id for one in world.images]
    answer = ada.send(
        [
            {"image_id": image[0], "label_id": "cat"},
            {"image_id": image[0], "label_id": "cat"},
            {"image_id": "nope", "label_id": "cat"},
            {"image_id": image[1], "label_id": "Owl"},
            {"image_id": image[1]},
        ]
    )
    report = answer.json()
    assert (answer.status_code, report["later"], report["checked_only"]) == (200, 0, False)
    assert only(report["accepted"], "line", "image_id", "label_id") == [(1, image[0], "cat"), (4, image[1], "owl")]
    assert only(report["refused"], "line", "image_id", "problem", "message") == [
        (2, image[0], "repeated", "Same pair earlier in this file. Line 1."),
        (3, "nope", "unknown_image", "Picture is not in the target pool."),
        (5, image[1], "missing_label", "Label is missing."),
    ]
    assert [row["id"] for row in report["accepted"]] == list(Submission.objects.values_list("pk", flat=True))


def test_csv_is_read_as_the_upload_in_the_browser_reads_it(world, ada) -> None:
    text = f"\ufeffImageID;LabelName\r\n{world.images[0].image_id};cat\r\nnope;dog\r\n"
    report = ada.send(text.encode(), "text/csv").json()
    assert only(report["accepted"], "line", "label_id", "later") == [(2, "cat", False)]
    assert only(report["refused"], "line", "problem") == [(3, "unknown_image")]


def test_repeated_file_claims_nothing_twice(world, ada) -> None:
    rows = "".join(f"{one.image_id},cat\n" for one in world.images)
    first = ada.send(f"image_id,label_id\n{rows}".encode(), "text/csv").json()
    again = ada.send(f"image_id,label_id\n{rows}".encode(), "text/csv").json()
    assert (len(first["accepted"]), len(again["accepted"])) == (6, 0)
    assert {row["problem"] for row in again["refused"]} == {"own_claim"}
    assert ada.used == 6


@pytest.mark.parametrize("kind", ["object", "list", "csv"])
def test_check_says_what_would_become_of_each_row_and_charges_nothing(world, ada, kind) -> None:
    image = world.images[0].image_id
    bodies = {
        "object": ({"image_id": image, "label_id": "cat"}, "application/json"),
        "list": ([{"image_id": image, "label_id": "cat"}], "application/json"),
        "csv": (f"image_id,label_id\n{image},cat\n".encode(), "text/csv"),
    }
    answer = ada.send(*bodies[kind], query="?check=true")
    assert answer.status_code == 200
    assert only([answer.json()], "checked_only", "later", "refused") == [(True, 0, [])]
    assert only(answer.json()["accepted"], "id", "label_id") == [(None, "cat")]
    assert (Submission.objects.count(), Pair.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "text/csv", 400),
        (b"\xff\xfe", "text/csv", 400),
        (b"a,b\n1,2\n", "text/csv", 400),
        (b"not json", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"3", "application/json", 400),
        (b"[3]", "application/json", 400),
        (b'[{"image_id": {}}]', "application/json", 400),
        (b'{"image_id": "\\ud800", "label_id": "cat"}', "application/json", 400),
        (b'[{"image_id": "\\u0000", "label_id": "cat"}]', "application/json", 400),
        (b'"\xff"', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "application/json", 400),
        (b"9" * 5000, "application/json", 400),
        (b"{}", "application/json; charset=hex", 400),
        (b"image_id=x", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "application/xml", 415),
    ],
)
def test_what_can_not_be_read_is_an_error_of_the_request(ada, body, content_type, status) -> None:
    answer = ada.client.generic("POST", ada.where, body, content_type=content_type)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert answer.json()
    assert ada.used == 0


def test_row_with_a_nul_in_its_text_is_a_bad_row(world, ada) -> None:
    image = world.images[0].image_id
    answer = ada.send(f"image_id,label_id,rationale\n{image},cat,a\x00b\n{image},dog,\n".encode(), "text/csv")
    assert answer.status_code == 200
    assert only(answer.json()["refused"], "line", "problem", "message") == [
        (2, "malformed", "The row has the wrong number of columns. It has a NUL character.")
    ]
    assert only(answer.json()["accepted"], "line", "label_id") == [(3, "dog")]


def test_body_beyond_the_limit_is_too_large(ada, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    for content_type in ("application/json", "text/csv"):
        assert ada.client.generic("POST", ada.where, b" " * 101, content_type=content_type).status_code == 413


def test_claimant_sees_how_many_raters_answered_and_never_which_way(world, ada) -> None:
    ada.claim(0, "cat")
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), YES, YES, NO)
    [shown] = ada.client.get(ada.where).json()["results"]
    hidden = {
        "machine_mean",
        "verdict",
        "outcome",
        "tally",
        "position",
        "wait_seconds",
        "first_claimant",
        "retracted_at",
        "dispute",
    }
    assert {name for name, value in shown.items() if value is None} == hidden | {"retracted_at"}
    assert only([shown], "state", "people", "points", "reason") == [("in_review", 3, 0, "")]


def test_machine_mean_is_shown_once_scored_where_the_policy_says_so(db) -> None:
    one = Claimant(make_world(policy=Policy(reveal_score="scored")))
    one.claim(0, "cat")
    one.world.score(0, {"cat": 0.25})
    [shown] = one.client.get(one.where).json()["results"]
    assert (shown["state"], shown["machine_mean"]) == ("in_review", 0.25)


def test_settled_claim_tells_verdict_outcome_tally_points_and_why(world, ada) -> None:
    bob = Claimant(world, make_user("bob"))
    ada.claim(0, "cat")
    bob.claim(0, "cat")
    world.score(0, {"cat": 0.25})
    world.rate(world.pair(0, "cat"), YES, YES, YES, YES, NO)
    columns = ("state", "machine_mean", "people", "verdict", "outcome", "tally", "points", "first_claimant")
    tally = {"yes": 4, "no": 1, "dont_know": 0}
    [first], [late] = (one.client.get(one.where).json()["results"] for one in (ada, bob))
    assert only([first, late], *columns) == [
        ("settled", 0.25, None, "yes", "false_negative", tally, 1, None),
        ("settled", 0.25, None, "yes", "false_negative", tally, 0, "ada"),
    ]
    assert first["reason"] == "Four of five raters said yes, the machines’ mean was 0.25: a false negative. 1 point."


def test_own_submissions_can_be_filtered(world, ada) -> None:
    for place, label in ((0, "cat"), (1, "cat"), (2, "dog")):
        ada.claim(place, label)
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    ada.client.delete(f"{ada.where}{Submission.objects.get(pair=world.pair(1, 'cat')).pk}/")

    def found(**query):
        return [(row["image_id"][-1], row["label_id"]) for row in ada.client.get(ada.where, query).json()["results"]]

    assert found() == [("2", "dog"), ("1", "cat"), ("0", "cat")]
    assert found(state="queued") == [("2", "dog")]
    assert found(state="withdrawn") == [("1", "cat")]
    assert found(label_id="cat") == [("1", "cat"), ("0", "cat")]
    assert found(image_id=world.images[2].image_id) == [("2", "dog")]
    assert found(outcome="adverse") == [("0", "cat")]
    assert found(outcome=["agreement", "false_negative"]) == [("0", "cat")]
    assert found(outcome="agreement") == []


def test_claim_is_taken_back_before_its_pair_is_scored(world, ada) -> None:
    where = ada.claim(0, "cat")["Location"]
    assert [ada.client.delete(where).status_code for _ in range(2)] == [204, 204]
    assert only([ada.client.get(where).json()], "state", "reason", "position") == [
        ("withdrawn", "You took this claim back.", None)
    ]
    assert ada.used == 0
    again = ada.claim(0, "cat")["Location"]
    world.score(0, {"cat": 0.1})
    refused = ada.client.delete(again)
    assert (refused.status_code, refused.json()["detail"][:26]) == (403, "This pair has been scored.")


def test_what_became_of_a_pair_is_not_shown_to_who_took_their_claim_back(world, ada) -> None:
    bob = Claimant(world)
    where = ada.claim(0, "cat")["Location"]
    bob.claim(0, "cat")
    ada.client.delete(where)
    world.score(0, {"cat": 0.1})
    world.rate(world.pair(0, "cat"), *[YES] * 5)
    assert only([ada.client.get(where).json()], "state", "machine_mean", "verdict", "outcome", "tally", "people") == [
        ("withdrawn", None, None, None, None, None)
    ]
    assert ada.client.get(ada.where, {"outcome": "adverse"}).json()["results"] == []


def test_somebody_elses_submission_is_not_found(world, ada) -> None:
    where = Claimant(world).claim(0, "cat")["Location"]
    for answer in (ada.client.get(where), ada.client.delete(where)):
        assert (answer.status_code, answer.json()) == (404, {"detail": "You have no such submission."})
    assert Submission.objects.filter(retracted_at=None).count() == 1
    assert ada.client.get(f"{ada.where}{10**30}/").status_code == 404


def test_raters_and_strangers_claim_nothing(world) -> None:
    row = {"image_id": world.images[0].image_id, "label_id": "cat"}
    rater = make_user()
    world.rater(rater)
    for user in (rater, make_user()):
        assert program(user, "submit").post(address(world, "submissions/"), row).status_code == 403
    assert APIClient().post(address(world, "submissions/"), row).status_code == 401
    assert not Pair.objects.exists()


def test_no_claims_outside_the_dates(world, ada) -> None:
    world.challenge.closes_at = world.clock
    world.challenge.save(update_fields=["closes_at"])
    for query in ("", "?check=true"):
        answer = ada.send({"image_id": world.images[0].image_id, "label_id": "cat"}, query=query)
        assert (answer.status_code, answer.json()["detail"][:37]) == (403, "This challenge takes no claims now. I"[:37])


@pytest.mark.parametrize("rows", [1, 3])
def test_own_submissions_cost_the_same_however_many(world, ada, django_assert_num_queries, rows) -> None:
    for place in range(rows):
        ada.claim(place, "cat")
    # The token and its last use, the edition, the viewer's part, the claims, their places in line and how fast it
    # moves and whether scoring workers are there; nothing for each of them.
    with django_assert_num_queries(8):
        assert len(ada.client.get(ada.where).json()["results"]) == rows


def test_changed_policy_is_the_one_that_counts(world, ada) -> None:
    decide_policy(challenge=world.challenge, policy=Policy(base_quota=0))
    assert ada.claim(0, "cat").status_code == 403
