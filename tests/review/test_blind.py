"""No byte that a rater is sent depends on what must not sway them.

Two worlds are built that differ in one thing: the machines' score, the finder, the other raters' answers, or whether
the question is a pair or a control. What a rater is sent in both is the same, but for the tokens, which are random.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from itertools import count

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cats4ml.review.models import ControlUse, Lease, Rating
from cats4ml.rules.answers import Answer
from cats4ml.submissions.models import Pair
from tests import factories
from tests.factories import World, make_user
from tests.review.questions import add_control, make_edition
from tests.web import HTMX, signed_in

UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SECRET = re.compile(rb"[A-Za-z0-9]{64}")
CLOCKS_AND_NAMES = ("expires", "date", "x-request-id")
PICTURES = 3

Sent = list[tuple[str, int, list[tuple[str, str]], bytes]]


def mask(content: bytes) -> bytes:
    return SECRET.sub(b"CSRF", UUID.sub(b"TOKEN", content))


def told(name: str, reply) -> tuple[str, int, list[tuple[str, str]], bytes]:
    """All that goes over the wire, without what is random or a clock."""
    content = b"".join(reply.streaming_content) if reply.streaming else reply.content
    headers = [
        (one, mask(value.encode()).decode()) for one, value in reply.items() if one.lower() not in CLOCKS_AND_NAMES
    ]
    cookies = [(f"cookie {one}", "") for one in sorted(reply.cookies)]
    return name, reply.status_code, sorted(headers) + cookies, mask(content)


def everything_sent(world: World, client: Client) -> Sent:
    """A rater's way through the page and the API, with all that is answered to it."""
    slug, sent = world.challenge.slug, []

    def send(name: str, reply) -> None:
        sent.append(told(name, reply))

    def now() -> uuid.UUID:
        return Lease.objects.filter(rater__user=client.session["_auth_user_id"], closed_at=None).order_by("pk")[0].token

    def page(part: str, **fields: object) -> None:
        send(part, client.post(reverse(f"review:{part}", args=[slug]), fields, headers=HTMX))

    def api(part: str, *args: object) -> str:
        return reverse(f"api:{part}", args=[slug, *args])

    review = reverse("review:review", args=[slug])
    send("page", client.get(review))
    send("card", client.get(review, headers=HTMX))
    send("picture", client.get(reverse("review:picture", args=[slug, now()])))
    send("next", client.get(api("rating_next")))
    send("picture by the API", client.get(api("rating_picture", now())))
    send("guidance by the API", client.get(api("rating_guidance", now())))
    asked = now()
    page("answer", token=asked, answer="yes")
    page("answer", token=asked, answer="no")
    page("undo")
    page("answer", token=asked, answer="no")
    page("skip", token=now())
    page("report", token=now(), kind="offensive")
    send("no JavaScript", client.post(reverse("review:undo", args=[slug])))
    send("last by the API", client.delete(api("rating_last")))
    send("next", client.get(api("rating_next")))
    return sent


def world_of(monkeypatch, change: Callable[[World], None]) -> Sent:
    """What a rater is sent in a world that is made in the same way each time, but for `change`."""
    monkeypatch.setattr(factories, "_numbers", count(7000))
    with connection.cursor() as cursor:  # an example's number stands in its address, and tells of no question
        cursor.execute("SELECT setval('review_labelexample_id_seq', 7000)")
    with transaction.atomic():
        world = make_edition(waiting=0)
        rater = world.rater(make_user("the-rater"))
        change(world)
        sent = everything_sent(world, signed_in(rater.user))
        transaction.set_rollback(True)  # nothing of this world stays
    return sent


def pairs(world: World, *, finder: str = "ada", score: float = 0.8, votes: tuple[Answer, ...] = ()) -> None:
    """Two pairs of the same picture file and label follow each other whatever the queue's order: see `alike`."""
    alike(world)
    world.claim(world.finder(make_user(finder)), *[(place, "owl") for place in range(PICTURES)])
    for place in range(PICTURES):
        world.score(place, {"owl": score})
        if votes:
            world.rate(world.pair(place, "owl"), *votes)


def controls(world: World) -> None:
    """The same questions, as controls in the rater's hands."""
    alike(world)
    rater = world.challenge.participations.get(user__username="the-rater")
    hour = world.clock.replace(year=world.clock.year + 20)
    for place in range(PICTURES):
        control = add_control(world, place, "owl", use=ControlUse.MIXED)
        Lease.objects.create(control=control, rater=rater, created_at=timezone.now(), expires_at=hour)


def alike(world: World) -> None:
    """All pictures are of the same file, so that the bytes don't tell in which order they are asked about."""
    first = world.images[0]
    type(first).objects.update(file=first.file, width=first.width, height=first.height)


@pytest.mark.parametrize(
    "other",
    [
        {"score": 0.05},
        {"score": 0.55},
        {"finder": "grace-hopper"},
        {"votes": (Answer.YES, Answer.YES)},
        {"votes": (Answer.NO, Answer.DONT_KNOW, Answer.NO)},
    ],
    ids=str,
)
def test_what_a_rater_is_sent_is_the_same_whatever_the_pair_is_like(db, monkeypatch, other) -> None:
    plain = world_of(monkeypatch, pairs)
    changed = world_of(monkeypatch, lambda world: pairs(world, **other))
    assert changed == plain


def test_a_control_is_sent_as_a_pair_is(db, monkeypatch) -> None:
    assert world_of(monkeypatch, controls) == world_of(monkeypatch, pairs)


def test_the_comparison_sees_a_difference(db, monkeypatch) -> None:
    """Else it would prove nothing."""

    def other_guidance(world: World) -> None:
        pairs(world)
        world.challenge.target_labels.filter(label__key="owl").update(guidance="Owls.")

    assert world_of(monkeypatch, other_guidance) != world_of(monkeypatch, pairs)


def test_a_token_tells_nothing_of_order_or_time(db) -> None:
    world = make_edition(waiting=4)
    for rater in world.raters(2):
        signed_in(rater.user).get(reverse("review:review", args=[world.challenge.slug]))
    tokens = list(Lease.objects.values_list("token", flat=True))
    assert [token.version for token in tokens] == [4] * 4
    assert len(set(tokens)) == 4


def test_a_control_that_is_mixed_in_is_never_told(db) -> None:
    world = make_edition(waiting=0)
    rater = world.rater()
    control = add_control(world, 0, "owl", truth="no", use=ControlUse.MIXED)
    lease = Lease.objects.create(
        control=control, rater=rater, created_at=world.clock, expires_at=world.clock.replace(year=world.clock.year + 20)
    )
    client = signed_in(rater.user)
    review = reverse("review:review", args=[world.challenge.slug])
    sent = {"token": lease.token, "answer": "yes"}
    by_page = client.post(reverse("review:answer", args=[world.challenge.slug]), sent, headers=HTMX).content.decode()
    asked = client.get(f"{review}?told={lease.token}").content.decode()
    secrets = [control.explanation, "Experts", "xperts say"]
    assert [secret for secret in secrets if secret in by_page + asked] == []
    assert (Rating.objects.get().control, Pair.objects.exists()) == (control, False)
