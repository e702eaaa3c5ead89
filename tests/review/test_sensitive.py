"""Nobody is given a picture of a kind that they haven't chosen to see."""

from __future__ import annotations

from urllib.parse import quote

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from cats4ml.catalog.models import Image
from cats4ml.challenges.models import Role
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.actions.sensitive import choose_kinds, mark_sensitive
from cats4ml.review.models import Lease
from cats4ml.review.queries import waiting_for
from cats4ml.review.sensitive import kind_lines, seen_by_nobody
from tests.api.clients import program
from tests.factories import make_user
from tests.web import signed_in


def held(world, rater) -> list[int]:
    rater.refresh_from_db()
    leases = hold_leases(rater=rater, at=world.pass_time(1), count=3)
    promised = {one.pk for one in waiting_for(rater)}
    assert promised == set(), "all that is open to this person is in their hands"
    return [world.images.index(one.pair.image) for one in leases]


def test_a_rater_is_asked_about_the_kinds_that_they_chose_and_no_other(world) -> None:
    world.claim(world.finder(), (0, "cat"), (1, "cat"), (2, "cat"))
    kinds = {world.images[0].pk: ["violence"], world.images[1].pk: ["medical", "violence", "nonsense"]}
    assert mark_sensitive(challenge=world.challenge, kinds=kinds, by=None, at=world.clock) == 2
    assert mark_sensitive(challenge=world.challenge, kinds=kinds, by=None, at=world.clock) == 0
    for place in range(3):
        world.score(place, {"cat": 0.9})
    rater = world.rater()
    assert held(world, rater) == [2]
    assert seen_by_nobody(world.challenge).count() == 2
    choose_kinds(part=rater, kinds=["violence"], at=world.clock)
    assert (sorted(held(world, rater)), seen_by_nobody(world.challenge).count()) == ([0, 2], 1)
    lines = {one.kind.value: (one.pictures, one.waiting, one.raters) for one in kind_lines(world.challenge)}
    assert (lines["violence"], lines["medical"], lines["hate"]) == ((2, 2, 1), (1, 1, 0), (0, 0, 0))
    # What they hold is taken back when they choose otherwise, and when more is said of a picture.
    mark_sensitive(challenge=world.challenge, kinds={world.images[2].pk: ["hate"]}, by=None, at=world.clock)
    assert held(world, rater) == [0]
    choose_kinds(part=rater, kinds=[], at=world.clock)
    assert held(world, rater) == []
    assert list(Lease.objects.filter(rater=rater).order_by("pk").values_list("ended", flat=True)) == ["withdrawn"] * 2


def test_raters_choose_before_their_first_question_and_organisers_mark_many_pictures_at_once(world) -> None:
    organiser, rater, slug = make_user(), world.rater(), world.challenge.slug
    world.challenge.participations.create(user=organiser, role=Role.ORGANISER)
    ids = [image.image_id for image in world.images[:2]]
    console, page = signed_in(organiser), reverse("console:sensitive", args=[slug])

    def send(text: str) -> int:
        return console.post(page, {"file": SimpleUploadedFile("kinds.csv", text.encode())}).status_code

    bad = ["image_id\nx", f"image_id,kinds\n{ids[0]},gore", "image_id,kinds\nnobody,hate"]
    assert [send(text) for text in bad] == [422] * 3
    assert send(f"image_id,kinds\n{ids[0]},hate death\n{ids[1]},\n") == 302
    assert Image.objects.get(pk=world.images[0].pk).sensitive == ["death", "hate"]
    client, review = signed_in(rater.user), reverse("review:review", args=[slug])
    assert 'name="kind" value="hate"' in client.get(review).text
    client.post(reverse("review:kinds", args=[slug]), {"kind": ["hate", "x"]})
    rater.refresh_from_db()
    assert (rater.sensitive_kinds, 'name="kind"' in client.get(review).text) == (["hate"], False)
    assert 'value="hate" checked' in client.get(f"{review}?kinds=1").text
    explored = client.get(reverse("pages:explore", args=[slug])).text
    assert explored.count('<details class="covered">') == 1


def test_finders_choose_too_and_programs_read_and_set_the_choice(world) -> None:
    mark_sensitive(challenge=world.challenge, kinds={world.images[0].pk: ["hate"]}, by=None, at=world.clock)
    finder, rater, slug = world.finder(), world.rater(), world.challenge.slug
    client, explore = signed_in(finder.user), reverse("pages:explore", args=[slug])
    page, covered = reverse("pages:kinds", args=[slug]), '<details class="covered">'
    seen = client.get(explore).text
    assert (covered in seen, f"{page}?next={quote(explore, safe='')}" in seen) == (True, True)
    assert client.post(page, {"kind": ["hate"], "next": explore}).url == explore
    others = (signed_in(rater.user), Client())
    assert [covered in one.get(explore).text for one in (client, *others)] == [False, True, True]
    assert 'value="hate" checked' in client.get(page).text
    assert client.post(page, {"next": "//elsewhere.example"}).url == explore
    assert signed_in(make_user()).get(page).url == reverse("pages:join", args=[slug])
    api = reverse("api:sensitive", args=[slug])
    for part, scope in ((finder, "submit"), (rater, "rate")):
        other, own = (program(part.user, one, name=one) for one in ("organise", scope))
        assert [other.get(api).status_code, other.post(api, {"kinds": []}, format="json").status_code] == [403] * 2
        assert own.post(api, {"kinds": ["gore"]}, format="json").status_code == 400
        chosen = own.post(api, {"kinds": ["hate", "death"]}, format="json").json()
        assert (chosen, own.get(api).json()) == ({"kinds": ["death", "hate"]},) * 2
        assert own.post(api, {"kinds": []}, format="json").json() == {"kinds": []}
    finder.refresh_from_db()
    assert finder.sensitive_kinds == []
