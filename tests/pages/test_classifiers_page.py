"""The board of classifiers, and one classifier's page."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cats4ml.challenges.models import Role
from cats4ml.releases.evaluation_runs import advance
from cats4ml.releases.evaluations import run_here
from cats4ml.releases.models import Evaluation, ReleaseState
from tests.factories import make_user
from tests.releases.tested import counted, ensemble, handed_in, predictions, released, truth
from tests.web import HTMX, queries_of, signed_in


@pytest.fixture
def site(db):
    return released()


def here(release, one: Evaluation | None = None, path: str = "") -> str:
    slug = release.challenge.slug
    return f"/challenges/{slug}/releases/{release.version}/classifiers/{f'{one.uuid}/' if one else ''}{path}"


def form(data: bytes, **more) -> dict:
    return {"name": "my net", "threshold": "0.5", "file": SimpleUploadedFile("p.csv", data), **more}


def words(answer) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def test_a_file_is_handed_in_checked_first_and_its_page_leads_to_figures(site) -> None:
    _, release = site
    ada = signed_in(make_user("ada"))
    assert "You and your team have 3 of 3 evaluations left today." in words(ada.get(here(release)))
    bad = ada.post(here(release), form(b"image_id,label_id,score\nz,cat,2\n"))
    assert (bad.status_code, "The pair z, cat is not in this release." in words(bad)) == (422, True)
    assert "3 of 3 evaluations left" in words(bad)
    assert ada.post(here(release), {"name": ""}).status_code == 422
    made = ada.post(here(release), form(predictions(release, truth), description="<b>bold</b>"))
    one = Evaluation.objects.get()
    assert (made.status_code, made["Location"]) == (302, here(release, one))
    assert "2 of 3 evaluations left" in words(ada.get(here(release)))
    waiting = ada.get(here(release, one), headers=HTMX)
    assert 'hx-trigger="every 3s, click"' in waiting.content.decode()
    advance(evaluation_id=one.pk, at=timezone.now())
    assert ada.get(here(release, one), headers=HTMX)["HX-Refresh"] == "true"
    page = words(ada.get(here(release, one)))
    wanted = ("90% rounded down to a step of 18%", "The ensemble’s", "&lt;b&gt;bold", "By label", "below 0.001 ahead")
    assert [said for said in wanted if said not in page] == []
    board = words(ada.get(here(release)))
    wanted = ("my net you ada", "nothing of what is adverse, by construction")
    assert [said for said in wanted if said not in board] == []


def test_members_of_the_roster_are_marked_everywhere(site) -> None:
    world, release = site
    for place in range(len(world.images)):
        world.score(place, {"cat": 0.9})
    one = run_here(release=release, classifier=world.classifiers[0], by=None, at=timezone.now())
    advance(evaluation_id=one.pk, at=timezone.now())
    assert "The set was selected against it" in words(Client().get(here(release)))
    assert "low by construction" in words(Client().get(here(release, one)))


def test_its_maker_takes_it_off_the_board_and_puts_it_back(site) -> None:
    _, release = site
    ada = make_user()
    one = counted(release, predictions(release, truth), by=ada, name="my net")
    client, stranger = signed_in(ada), signed_in(make_user())
    assert stranger.post(here(release, one, "listing/"), {"listed": "no"}).status_code == 404
    assert client.get(here(release, one, "listing/")).status_code == 405
    seen = []
    for listed in ("no", "yes"):
        client.post(here(release, one, "listing/"), {"listed": listed})
        seen.append(("my net" in words(Client().get(here(release))), stranger.get(here(release, one)).status_code))
    assert seen == [(False, 404), (True, 200)]


def test_a_release_that_is_not_published_is_its_organisers(db) -> None:
    world, release = released(state=ReleaseState.READY, pictures=4)
    olga = make_user()
    world.challenge.participations.create(user=olga, role=Role.ORGANISER)
    one = handed_in(release, predictions(release, truth), by=olga, is_organiser=True)
    urls = [here(release), here(release, None, "questions.csv"), here(release, one)]
    codes = {
        who: [client.get(url).status_code for url in urls]
        for who, client in (("nobody", Client()), ("ada", signed_in(make_user())), ("olga", signed_in(olga)))
    }
    assert codes == {"nobody": [404] * 3, "ada": [404] * 3, "olga": [200] * 3}
    assert "as many as they like" in words(signed_in(olga).get(here(release)))
    assert Client().post(here(release), {}).status_code == 404


def test_who_is_not_signed_in_is_sent_to_sign_in_and_guests_are_told_why(site) -> None:
    _, release = site
    assert Client().post(here(release), {})["Location"] == f"/accounts/login/?next={here(release)}"
    page = words(Client().get(here(release)))
    assert ("Sign in to hand predictions in" in page, "No classifier was tested" in page) == (True, True)
    assert "Guests of a study" in words(signed_in(make_user(is_guest=True)).get(here(release)))


def test_the_board_costs_the_same_however_long(site) -> None:
    _, release = site
    costs = []
    for number in range(3):
        counted(release, predictions(release, ensemble), by=make_user(), name=f"net {number}")
        costs.append(queries_of(Client(), here(release)))
    assert costs[0] == costs[2]
