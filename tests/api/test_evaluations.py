"""Testing classifiers through the API."""

from __future__ import annotations

import gzip

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cats4ml.challenges.actions import join_challenge
from cats4ml.challenges.models import Role
from cats4ml.releases.evaluation_runs import advance
from cats4ml.releases.models import Evaluation, ReleaseState
from tests.api.clients import body, only, organiser_of, program
from tests.factories import make_user
from tests.releases.tested import counted, ensemble, pairs_of, predictions, released, truth


@pytest.fixture
def site(db):
    return released()


def here(release, path: str = "evaluations/") -> str:
    return f"/api/v1/releases/{release.pk}/{path}"


def send(client: APIClient, release, data: bytes, kind: str = "text/csv", name: str = "net", **more):
    query = "&".join(f"{key}={value}" for key, value in {"name": name, **more}.items())
    return client.generic("POST", f"{here(release)}?{query}", data, content_type=kind)


def test_questions_are_every_pair_and_no_answer(site) -> None:
    _, release = site
    wanted = [
        (one.pair.image.image_id, one.pair.label.key, one.pair.label.name, one.split) for one in pairs_of(release)
    ]
    text = body(APIClient().get(here(release, "questions/"), {"format": "csv"})).decode()
    assert text.splitlines() == ["image_id,label_id,label_name,split", *(",".join(row) for row in wanted)]
    rows, url = [], f"{here(release, 'questions/')}?page_size=100"
    while url:
        page = APIClient().get(url).json()
        rows += page["results"]
        url = page["next"]
    assert [tuple(row.values()) for row in rows] == wanted


def test_predictions_are_handed_in_once_counted_and_shown(site) -> None:
    _, release = site
    ada = make_user("ada")
    data = predictions(release, truth).replace(b"score\n", b"score,note\n").replace(b".0\n", b".0,x\n")
    made = send(program(ada, "submit"), release, data, threshold=0.4)
    assert (made.status_code, made.json()["state"], made.json()["ignored"]) == (201, "waiting", ["note"])
    again = send(program(ada, "submit", name="b"), release, gzip.compress(data), "application/gzip", threshold=0.4)
    assert (again.status_code, again.json()["uuid"]) == (200, made.json()["uuid"])
    assert (made["Location"], made.json()["results"]) == (f"{here(release)}{made.json()['uuid']}/", None)
    advance(evaluation_id=Evaluation.objects.get().pk, at=timezone.now())
    found = APIClient().get(made["Location"]).json()
    assert (found["state"], found["by"], found["threshold"], found["in_roster"]) == ("done", "ada", 0.4, False)
    assert found["results"]["figures"]["public"]["adverse"]["accuracy"] == [1.0, 0.912473, 1.0]
    assert list(found["results"]["heldout"]["adverse"]) == ["pairs", "step", "value", "interval", "below", "why"]
    assert {row["part"] for row in found["compared"]} == {"public"}
    assert list(found["by_label"]) == ["public"]


def test_a_program_without_the_scope_of_organisers_sees_no_release_before_it_is_published(db) -> None:
    world, release = released(state=ReleaseState.READY)
    olga = make_user()
    join_challenge(challenge=world.challenge, user=olga, role=Role.ORGANISER, consent_version=None, at=world.clock)
    whole, partly, stranger = program(olga, name="whole"), program(olga, "submit", name="partly"), APIClient()
    wanted = {whole: 200, partly: 403, stranger: 404}
    for path in ("questions/", "evaluations/"):
        assert {client: client.get(here(release, path)).status_code for client in wanted} == wanted
    assert send(partly, release, predictions(release, truth)).status_code == 403
    assert send(whole, release, predictions(release, truth)).status_code == 201


def test_what_is_wrong_with_a_file_is_said_row_by_row(site) -> None:
    _, release = site
    answer = send(program(make_user(), "submit"), release, b"image_id,label_id,score\nz,cat,0.5\n")
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "detail": "1 row can’t be taken, 1 of pairs that are not in this release. Nothing was counted."
            " The first: line 2: The pair z, cat is not in this release.",
            "total": 1,
            "problems": [{"line": 2, "message": "The pair z, cat is not in this release."}],
        },
    )
    client = program(make_user(), "submit")
    assert send(client, release, b"x", threshold="x").json().keys() == {"threshold"}
    assert send(client, release, b"").json()["detail"].startswith("The file is empty.")


def test_the_day_ends_with_when_the_next_is_free(site) -> None:
    _, release = site
    client = program(make_user(), "submit")
    codes = [send(client, release, predictions(release, truth), name=f"net {n}").status_code for n in range(4)]
    last = send(client, release, predictions(release, truth), name="net 4")
    assert (codes, last.status_code) == ([201, 201, 201, 429], 429)
    assert 86_000 < int(last["Retry-After"]) <= 86_400


def test_who_may_do_what(db) -> None:
    world, release = released(state=ReleaseState.READY)
    organiser, ada = organiser_of(world), program(make_user(), "submit")
    data = predictions(release, truth)
    assert [client.get(here(release)).status_code for client in (APIClient(), ada, organiser)] == [404, 404, 200]
    assert send(ada, release, data).status_code == 404
    assert send(organiser, release, data).status_code == 201
    assert APIClient().get(f"/api/v1/releases/{'9' * 30}/evaluations/").status_code == 404
    release.state, release.published_at = ReleaseState.PUBLISHED, timezone.now()
    release.save()
    assert [send(client, release, data).status_code for client in (APIClient(), program(make_user(), "rate"))] == [
        401,
        403,
    ]
    assert send(program(make_user(), "submit"), release, data).status_code == 201
    run = {"classifier": "one"}
    assert [client.post(here(release), run, format="json").status_code for client in (ada, organiser)] == [403, 201]
    assert organiser.post(here(release), {"classifier": "three"}, format="json").status_code == 404
    listed = APIClient().get(here(release)).json()["results"]
    assert only(listed, "name", "source", "in_roster") == [
        ("one", "classifier", True),
        ("net", "predictions", False),
        ("net", "predictions", False),
    ]


def test_an_unlisted_evaluation_is_its_makers_and_the_organisers(site) -> None:
    world, release = site
    ada = make_user()
    one = counted(release, predictions(release, truth), by=ada, name="secret")
    Evaluation.objects.update(is_listed=False)
    other = counted(release, predictions(release, ensemble), by=make_user())
    seen = {
        who: (len(client.get(here(release)).json()["results"]), client.get(f"{here(release)}{one.uuid}/").status_code)
        for who, client in (("nobody", APIClient()), ("ada", program(ada)), ("olga", organiser_of(world)))
    }
    assert seen == {"nobody": (1, 404), "ada": (2, 200), "olga": (2, 200)}
    names = [row["name"] for row in APIClient().get(f"{here(release)}{other.uuid}/").json()["compared"]]
    assert set(names) == {"The ensemble"}


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_cost_the_same_however_long(site, django_assert_num_queries, rows) -> None:
    _, release = site
    for number in range(rows):
        counted(release, predictions(release, truth), by=make_user(), name=f"net {number}")
    with django_assert_num_queries(3):
        assert len(APIClient().get(here(release)).json()["results"]) == rows
    with django_assert_num_queries(3):
        assert len(APIClient().get(here(release, "questions/"), {"page_size": rows}).json()["results"]) == rows
