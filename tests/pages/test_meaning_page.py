"""The page that searches by meaning says what it is waiting for, and never waits without end."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from cats4ml.catalog.actions import add_joint_classifier
from cats4ml.catalog.models import Embedding
from cats4ml.challenges.editions import set_joint_classifier
from cats4ml.submissions.meaning import PATIENCE_SECONDS, mark_of, record_text_vectors
from scoring.contract import TextResult, pack_half
from tests.factories import World, make_world
from tests.web import HTMX, queries_of


@pytest.fixture
def joint(db: None) -> World:
    world = make_world(pictures=3)
    card = {"digest": world.challenge.slug, "name": "joint", "family": "joint", "dimensions": 2, "text": {}}
    set_joint_classifier(challenge=world.challenge, classifier=add_joint_classifier(card=card))
    for image, vector in zip(world.images, ([1.0, 0.0], [0.0, 1.0], [0.6, 0.8]), strict=True):
        Embedding.objects.create(image=image, classifier=world.challenge.joint_classifier, vector=vector)
    return world


def address(world: World, query: str = "") -> str:
    return f"/challenges/{world.challenge.slug}/explore/meaning/{query}"


def know(world: World, text: str, vector: list[float], *, cut: bool = False) -> None:
    record_text_vectors(result=TextResult(world.challenge.slug, (text,), (pack_half(vector),), (cut,)))


def test_the_nearest_pictures_come_first_and_a_cut_is_said(joint) -> None:
    know(joint, "a long owl", [0.0, 1.0], cut=True)
    reply = Client().get(address(joint, "?q=+a+long%00owl+"))
    assert [one.image for one in reply.context["rows"]] == [joint.images[place] for place in (1, 2, 0)]
    assert "the end was left out" in reply.content.decode()
    fragment = Client().get(address(joint, "?q=a+long+owl"), headers=HTMX).content.decode()
    assert (fragment.count("data-picture>"), "<html" in fragment) == (3, False)


def test_while_a_worker_works_there_is_a_link_and_later_a_sentence(joint) -> None:
    client, wanted = Client(), address(joint, "?q=owl")
    html = client.get(wanted).content.decode()
    assert ('href="?q=owl" id="look-again"' in html, 'hx-trigger="every 1s, click"' in html) == (True, True)
    assert client.get(wanted, headers=HTMX).status_code == 204
    mark = mark_of(joint.challenge.joint_classifier.digest, "owl")
    cache.set(mark, cache.get(mark) - PATIENCE_SECONDS)
    late = client.get(wanted, headers=HTMX).content.decode()
    assert ("No scoring worker has answered for 20 seconds" in late, "hx-trigger" in late) == (True, False)


def test_pages_without_words_pictures_or_card_say_so(joint) -> None:
    client = Client()
    assert client.get(address(joint)).status_code == 200
    know(joint, "owl", [0.0, 1.0])
    Embedding.objects.all().delete()
    assert "aren’t ready for this search yet" in client.get(address(joint, "?q=owl")).content.decode()
    know(joint, "nothing", [0.0, 0.0])
    assert "can’t be compared with pictures now" in client.get(address(joint, "?q=nothing")).content.decode()
    odd = ["?q=%00", "?q=%ff", "?q=owl&page=x", "?q=owl&page=-1", f"?q=owl&page={10**30}", "?q=" + "owl" * 3000]
    assert {client.get(address(joint, query)).status_code for query in odd} == {200}
    set_joint_classifier(challenge=joint.challenge, classifier=None)
    assert client.get(address(joint, "?q=owl")).status_code == 404


def test_more_pictures_cost_no_more_queries(joint) -> None:
    know(joint, "owl", [0.0, 1.0])
    three = queries_of(Client(), address(joint, "?q=owl"))
    Embedding.objects.exclude(image=joint.images[0]).delete()
    assert queries_of(Client(), address(joint, "?q=owl")) == three
