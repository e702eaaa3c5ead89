"""The rater's page in the browser: everything that is needed to answer, and nothing else."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cats4ml.review.actions.answering import finalise_due
from cats4ml.review.models import Lease, PictureReport, Rating
from cats4ml.rules.answers import Answer
from tests.factories import World, make_user, make_world, png
from tests.web import HTMX, attributes, queries_of, signed_in

YES, NO = Answer.YES, Answer.NO
FAR = 987_650_000


@pytest.fixture
def world(db) -> World:
    """Ids of pictures, pairs, claims and answers that can't be mistaken for anything else in a page."""
    with connection.cursor() as cursor:
        for table in ("catalog_image", "submissions_pair", "submissions_submission", "review_rating"):
            cursor.execute(f"ALTER SEQUENCE {table}_id_seq RESTART WITH {FAR}")
    return make_world()


def wait_for_raters(world: World, places: int) -> None:
    world.claim(world.finder(make_user("finderella")), *[(place, "owl") for place in range(places)])
    for place in range(places):
        world.score(place, {"owl": 0.8127})


def urls(world: World) -> dict[str, str]:
    names = ("review", "answer", "undo", "skip", "report")
    return {name: reverse(f"review:{name}", args=[world.challenge.slug]) for name in names}


def leases_of(rater) -> list[Lease]:
    return list(Lease.objects.filter(rater=rater, closed_at=None).order_by("pk"))


def picture_of(world: World, lease: Lease) -> str:
    return reverse("review:picture", args=[world.challenge.slug, lease.token])


def test_the_page_tells_nothing_but_the_question(world) -> None:
    wait_for_raters(world, 2)
    world.rate(world.pair(0, "owl"), NO, YES, NO, raters=[world.rater(make_user(f"other-judge-{n}")) for n in range(3)])
    rater = world.rater()
    html = signed_in(rater.user).get(urls(world)["review"]).content.decode()
    secrets = ["finderella", "other-judge", "0.81", "0,81", "81%", "owl-", str(FAR)[:5]]
    for image in world.images:
        secrets += [image.image_id, str(image.uuid), image.uuid.hex, image.sha256, str(image.file), image.sha256[:8]]
    assert [secret for secret in secrets if secret in html] == []
    assert "Is there a Owl in this picture?" in html


def test_the_card_holds_its_forms_and_addresses_and_no_others(world) -> None:
    wait_for_raters(world, 2)
    rater = world.rater()
    html = signed_in(rater.user).get(urls(world)["review"], headers=HTMX).content.decode()
    now, following = leases_of(rater)
    assert attributes(html, "href", "src", "action") == {
        f"/challenges/{world.challenge.slug}/",
        picture_of(world, now),
        picture_of(world, following),
        f"{urls(world)['review']}?kinds=1",
        *urls(world).values(),
    }
    # Values of forms, without their CSRF tokens of 64 characters.
    values = {value for value in attributes(html, "value") if not value.startswith("/") and len(value) != 64}
    kinds = {"broken", "offensive", "person", "other"}
    assert values == {"", "0", str(now.token), "yes", "no", "dont_know", *kinds}
    answers = html[html.index("review-answers") : html.index("review-foot")]
    assert [answers.count(f'aria-hidden="true">{key}<') for key in ("1", "2", "3")] == [1, 1, 1]


def test_the_picture_is_shown_to_the_rater_who_holds_it_and_to_nobody_else(world) -> None:
    wait_for_raters(world, 1)
    rater, other = world.raters(2)
    signed_in(rater.user).get(urls(world)["review"])
    [lease] = leases_of(rater)
    address = picture_of(world, lease)
    mine = signed_in(rater.user).get(address)
    assert (mine.status_code, mine.headers["Content-Type"]) == (200, "image/png")
    assert b"".join(mine.streaming_content) == png(colour=lease_colour(world, lease))
    assert (mine.headers["Content-Disposition"], mine.headers["Cache-Control"].startswith("private")) == (
        "inline",
        True,
    )
    told = " ".join(f"{name}: {value}" for name, value in mine.headers.items())
    assert [secret for secret in (lease.pair.image.sha256[:8], lease.pair.image.image_id) if secret in told] == []
    assert signed_in(other.user).get(address).status_code == 404
    assert Client().get(address).status_code == 302
    elsewhere = address.replace(world.challenge.slug, make_world().challenge.slug)
    assert signed_in(rater.user).get(elsewhere).status_code == 404


def lease_colour(world: World, lease: Lease) -> int:
    place = world.images.index(lease.pair.image)
    return next(colour for colour in range(256) if colour // 7 >= place and same_file(colour, lease))


def same_file(colour: int, lease: Lease) -> bool:
    with lease.pair.image.file.open("rb") as file:
        return file.read() == png(colour=colour)


def test_an_answer_by_htmx_returns_the_next_card_alone(world) -> None:
    wait_for_raters(world, 2)
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(urls(world)["review"])
    first, second = leases_of(rater)
    reply = client.post(urls(world)["answer"], {"token": first.token, "answer": "yes"}, headers=HTMX)
    html = reply.content.decode()
    assert (reply.status_code, "<html" in html, 'id="card"' in html) == (200, False, True)
    assert (str(second.token) in html, str(first.token) in html, "<b>Yes</b>" in html) == (
        True,
        False,
        True,
    )
    assert list(Rating.objects.values_list("answer", "state")) == [("yes", "provisional")]


def test_an_answer_without_javascript_redirects(world) -> None:
    wait_for_raters(world, 1)
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(urls(world)["review"])
    [lease] = leases_of(rater)
    reply = client.post(urls(world)["answer"], {"token": lease.token, "answer": "dont_know"})
    assert (reply.status_code, reply.url) == (302, urls(world)["review"])
    undone = client.post(urls(world)["undo"])
    assert (undone.status_code, undone.url, Rating.objects.count()) == (302, urls(world)["review"], 0)
    assert str(lease.token) in client.get(urls(world)["review"]).content.decode()


def test_undo_after_the_next_answer_says_that_it_is_too_late(world) -> None:
    wait_for_raters(world, 2)
    rater = world.rater()
    client = signed_in(rater.user)
    for _ in range(2):
        client.get(urls(world)["review"])
        client.post(urls(world)["answer"], {"token": leases_of(rater)[0].token, "answer": "yes"})
    assert "final" not in client.post(urls(world)["undo"], headers=HTMX).content.decode()
    assert "Your last answer is final by now." in client.post(urls(world)["undo"], headers=HTMX).content.decode()
    assert list(Rating.objects.values_list("state", flat=True)) == ["final"]


@pytest.mark.parametrize(
    "sent", [{}, {"answer": "yes"}, {"token": "x", "answer": "yes"}, {"answer": "maybe"}, {"answer": "yes\x00"}]
)
def test_an_answer_that_is_not_whole_is_said_to_be_so_and_nothing_is_written(world, sent) -> None:
    wait_for_raters(world, 1)
    client = signed_in(world.rater().user)
    reply = client.post(urls(world)["answer"], sent, headers=HTMX)
    assert (reply.status_code, "did not arrive whole" in reply.content.decode()) == (200, True)
    assert Rating.objects.count() == 0


def test_a_report_hands_the_picture_back_and_goes_on(world) -> None:
    wait_for_raters(world, 2)
    rater = world.rater()
    client = signed_in(rater.user)
    client.get(urls(world)["review"])
    first, second = leases_of(rater)
    sent = {"token": first.token, "kind": "person", "note": "a child"}
    html = client.post(urls(world)["report"], sent, headers=HTMX).content.decode()
    assert ("Thank you." in html, str(second.token) in html) == (True, True)
    assert list(PictureReport.objects.values_list("pair", "kind", "note")) == [(first.pair_id, "person", "a child")]
    for wrong in ({}, {**sent, "kind": "dull"}, {**sent, "note": "x" * 501}, {**sent, "note": "\x00"}):
        client.post(urls(world)["report"], wrong, headers=HTMX)
    assert PictureReport.objects.count() == 1


def test_whoever_is_no_rater_is_sent_to_join_and_strangers_to_sign_in(world) -> None:
    join = reverse("pages:join", args=[world.challenge.slug])
    for user in (world.finder().user, make_user()):
        client = signed_in(user)
        assert {client.get(urls(world)["review"]).url} | {
            client.post(address).url for name, address in urls(world).items() if name != "review"
        } == {join}
    assert Client().get(urls(world)["review"]).url.startswith(reverse("account_login"))


def test_answers_undo_and_reports_are_posted(world) -> None:
    client = signed_in(world.rater().user)
    codes = {name: client.get(address).status_code for name, address in urls(world).items()}
    assert codes == {"review": 200, "answer": 405, "undo": 405, "skip": 405, "report": 405}
    assert client.post(urls(world)["review"]).status_code == 405


def test_an_empty_queue_says_what_comes_next(world) -> None:
    html = signed_in(world.rater().user).get(urls(world)["review"]).content.decode()
    assert ("Nothing waits for you right now" in html, "<fieldset" in html) == (True, False)


@pytest.mark.parametrize("htmx", [{}, HTMX])
def test_the_card_costs_as_many_queries_for_three_waiting_pairs_as_for_one(world, htmx) -> None:
    wait_for_raters(world, 1)
    one = queries_of(signed_in(world.rater().user), urls(world)["review"], **htmx)
    Lease.objects.all().update(closed_at=timezone.now(), ended="expired")
    wait_for_more = world.finder()
    world.claim(wait_for_more, *[(place, "cat") for place in range(1, 4)])
    for place in range(1, 4):
        world.score(place, {"cat": 0.3})
    finalise_due(at=timezone.now())
    three = queries_of(signed_in(world.rater().user), urls(world)["review"], **htmx)
    assert three <= one + 1 <= 26  # the one more looks whether a lease ran out
