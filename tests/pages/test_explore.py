"""Explore: each filter finds what it says, pages hold every picture once, and nothing there leads the finder."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from cats4ml.catalog.actions import NewLabel, add_images, add_labels
from cats4ml.catalog.models import Annotation, Image
from cats4ml.challenges.actions import add_pool_images, add_target_labels
from cats4ml.challenges.models import PoolImage
from cats4ml.pages import explore_queries
from cats4ml.rules.answers import Answer
from cats4ml.submissions.actions.basket import put_in_basket
from tests.factories import START, World, make_world
from tests.pages.explored import annotate, embed_all, explore_url, picture_url, places, write_words
from tests.web import attributes, queries_of, signed_in

SAID = ["", "any", "yes", "no", "machine", "none"]
TEXTS = ["Cats on a mat", "A dog, running", "the cat and the dog", ""]


@pytest.fixture(params=[False, True], ids=["few", "many"])
def many(request, monkeypatch) -> bool:
    """Whether there are more pictures than are counted: pages are then found in another way."""
    if request.param:
        monkeypatch.setattr(explore_queries, "COUNTED", 2)
    return request.param


def described(world: World) -> dict[int, tuple[set[str], str]]:
    """Annotate pictures in every way and give them words; what each has, by its place."""
    known = {}
    kinds = [set(), {"yes"}, {"no"}, {"machine"}, {"yes", "crowd yes"}, {"no", "crowd yes"}, {"machine", "no"}]
    for place, (said, text) in enumerate(product(kinds, TEXTS)):
        for one in said:
            annotate(world, place, "cat", one)
        annotate(world, place, "dog", "yes")
        if text:
            write_words(world, place, text)
        known[place] = ({one.removeprefix("crowd ") for one in said}, text)
    return known


def fits(said: set[str], annotation: str) -> bool:
    return {"": True, "any": bool(said), "none": not said}.get(annotation, annotation in said)


def test_each_filter_and_each_two_of_them_find_exactly_what_fits(db, many) -> None:
    world = make_world(pictures=28)
    known = described(world)
    finder = world.finder()
    client = signed_in(finder.user)
    world.claim(finder, (3, "cat"), (8, "owl"))
    world.claim(world.finder(), (9, "cat"))
    for annotation, word, unclaimed, prefix in product([None, *SAID], ["", "cat", "dogs"], ["", "1"], ["", "0" * 15]):
        query = f"?words={word}&unclaimed={unclaimed}&id={prefix}"
        query += "" if annotation is None else f"&label=cat&annotation={annotation}"
        expected = [
            place
            for place, (said, text) in known.items()
            if (annotation is None or fits(said, annotation))
            and word.removesuffix("s") in text.lower()
            and not (unclaimed and place in (3, 8))
            and (not prefix or place < 16)
        ]
        assert (query, places(world, client, explore_url(world, query))) == (query, expected)


def test_a_label_without_an_annotation_is_unannotated_which_is_not_no(world) -> None:
    annotate(world, 0, "cat", "no")
    annotate(world, 1, "dog", "yes")
    client = Client()
    assert places(world, client, explore_url(world, "?label=cat&annotation=none")) == [1, 2, 3, 4, 5]
    assert places(world, client, explore_url(world, "?label=cat&annotation=no")) == [0]


def test_a_label_alone_hides_no_picture_and_is_the_one_to_claim_with(world) -> None:
    """Most collections have no annotations: filtering by them unasked would leave nothing."""
    client = signed_in(world.finder().user)
    assert places(world, client, explore_url(world, "?label=dog")) == [0, 1, 2, 3, 4, 5]
    html = client.get(explore_url(world, "?label=dog")).content.decode()
    assert html.count('<option value="dog" selected>') == 1 + len(world.images)
    assert client.get(explore_url(world, "?label=dog")).context["filters"].chips == [("Label: Dog", "?")]


def test_words_are_found_in_another_form_and_by_several_at_once(world) -> None:
    for place, text in enumerate(["A running dog", "Dogs that ran", "A dog asleep", "hot-dog stand"]):
        write_words(world, place, text)
    asked = {"dogs running": [0], '"dog asleep"': [2], "dog -asleep": [0, 1, 3], "stands or sleeps": [3], "zebra": []}
    client = Client()
    assert {words: places(world, client, explore_url(world, f"?words={words}")) for words in asked} == asked
    assert "aren’t searched for" in client.get(explore_url(world, "?words=the")).content.decode()


@pytest.mark.parametrize(
    "query",
    ["?label=zebra", "?annotation=yes", "?label=cat&annotation=perhaps", "?words=%00", "?id=%00", "?by=meaning",
     "?after=-1", "?after=x", f"?before={10**30}", "?unclaimed=2", "?words='%3B--\\", "?words=%22((%26|"],
)  # fmt: skip
def test_what_makes_no_sense_in_an_address_is_left_out(world, query) -> None:
    assert Client().get(explore_url(world, query)).status_code == 200
    assert Client().get(picture_url(world, 0, "explore_like") + query).status_code == 200


def test_each_active_filter_is_a_chip_that_takes_it_away_alone(world) -> None:
    annotate(world, 0, "cat", "yes")
    client = signed_in(world.finder().user)
    query = "?label=cat&annotation=yes&id=00&words=mat&unclaimed=1"
    chips = client.get(explore_url(world, query)).context["filters"].chips
    assert chips == [
        ("Cat: people said yes", "?id=00&words=mat&unclaimed=1"),
        ("ID begins with 00", "?label=cat&annotation=yes&words=mat&unclaimed=1"),
        ("Words: mat", "?label=cat&annotation=yes&id=00&unclaimed=1"),
        ("Not claimed by me", "?label=cat&annotation=yes&id=00&words=mat"),
    ]


def test_the_gallery_says_how_many_there_are_as_far_as_they_are_counted(world, monkeypatch) -> None:
    def said(query: str = "") -> str:
        return Client().get(explore_url(world, query)).context["page"].count_in_words

    assert (said(), said("?id=000000000000000" + "4"), said("?id=f")) == ("6 pictures", "1 picture", "0 pictures")
    monkeypatch.setattr(explore_queries, "COUNTED", 5)
    assert (said(), said("?id=000000000000000" + "4")) == ("more than 5 pictures", "1 picture")


def test_pages_show_every_picture_once_there_and_back_while_somebody_adds_to_the_pool(db, many) -> None:
    world = make_world(pictures=100)
    there, query = [], ""
    for number in range(9):
        reply = Client().get(explore_url(world, query))
        there.append([one.key for one in reply.context["rows"]])
        new = add_images(collection=world.challenge.slug, images=[Image(image_id=f"new-{number}")])
        add_pool_images(challenge=world.challenge, images=new)
        query = reply.context["next"]
        if not query:
            break
    assert [len(page) for page in there] == [48, 48, 6]
    assert [key for page in there for key in page] == [*(one.image_id for one in world.images), "new-0", "new-1"]
    back = [Client().get(explore_url(world, reply.context["previous"]))]
    back.append(Client().get(explore_url(world, back[0].context["previous"])))
    assert [[one.key for one in page.context["rows"]] for page in back] == [there[1], there[0]]
    assert (back[1].context["previous"], bool(back[1].context["next"])) == ("", True)


def test_pages_keep_the_filters(db, many) -> None:
    world = make_world(pictures=60)
    for place in range(60):
        annotate(world, place, "cat", "machine")
    reply = Client().get(explore_url(world, "?label=cat&annotation=machine"))
    assert reply.context["next"].startswith("?label=cat&annotation=machine&after=")
    assert places(world, Client(), explore_url(world, reply.context["next"])) == list(range(48, 60))


def test_a_finder_sees_own_claims_and_basket_and_nobody_elses(world) -> None:
    finder, other = world.finder(), world.finder()
    world.claim(finder, (0, "cat"), (0, "dog"))
    world.claim(other, (1, "cat"))
    put_in_basket(participation=finder, image=world.images[2], label="owl", at=START)
    put_in_basket(participation=other, image=world.images[3], label="owl", at=START)
    reply = signed_in(finder.user).get(explore_url(world))
    assert [(one.claimed, one.basket) for one in reply.context["rows"]] == [
        (["Cat", "Dog"], []), ([], []), ([], ["Owl"]), ([], []), ([], []), ([], []),
    ]  # fmt: skip
    assert [(one.claimed, one.basket) for one in Client().get(explore_url(world)).context["rows"]] == [([], [])] * 6


def without_token(html: str) -> str:
    """A page without what differs from one answer to the next in any case."""
    return "\n".join(line for line in html.splitlines() if "csrf" not in line.lower())


def test_no_byte_depends_on_a_score_a_pending_claim_or_an_outcome(world) -> None:
    embed_all(world, np.eye(6))
    client = signed_in(world.finder().user)
    addresses = [
        explore_url(world), explore_url(world, "?label=cat&annotation=none"),
        picture_url(world, 0), picture_url(world, 0, "explore_like"),
    ]  # fmt: skip

    def seen() -> list[str]:
        return [without_token(client.get(address).content.decode()) for address in addresses]

    before = seen()
    world.claim(world.finder(), (0, "cat"), (1, "dog"))
    world.score(0, {"cat": 0.0837})
    world.score(1, {"dog": 0.9163})
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5)
    assert seen() == before


def test_every_picture_stands_with_its_author_licence_and_source(world) -> None:
    licence = "https://creativecommons.org/licenses/by/2.0/"
    Image.objects.filter(pk=world.images[0].pk).update(
        author="Ada <b>", author_url="https://example.org/ada", license=licence, landing_url="https://example.org/1"
    )
    Image.objects.filter(pk=world.images[1].pk).update(author="Bo", landing_url="javascript:alert(1)")
    embed_all(world, np.eye(6))
    for address in (explore_url(world), picture_url(world, 0), picture_url(world, 0, "explore_like")):
        html = Client().get(address).content.decode()
        links = attributes(html, "href")
        assert {"https://example.org/ada", "https://example.org/1", licence} <= links
        assert [one for one in links if one.startswith("javascript")] == []
        assert ("Ada &lt;b&gt;" in html, "CC BY 2.0" in html) == (True, True)


def test_a_picture_that_was_not_fetched_is_said_to_be_so(world) -> None:
    Image.objects.filter(pk=world.images[0].pk).update(file="")
    for address in (explore_url(world), picture_url(world, 0)):
        html = Client().get(address).content.decode()
        assert ("not been fetched yet" in html, f"/pictures/{world.images[0].uuid}/" in html) == (True, False)


def test_the_page_of_a_picture_says_what_the_annotations_say_of_each_target_label(world) -> None:
    annotate(world, 0, "cat", "yes")
    annotate(world, 0, "cat", "machine")
    annotate(world, 0, "dog", "no")
    elsewhere = add_labels(vocabulary=world.challenge.vocabulary, labels=[NewLabel("emu", "Emu")])
    Annotation.objects.create(image=world.images[0], label=elsewhere[0], source=1, confidence=1)
    said = Client().get(picture_url(world, 0)).context["said"]
    assert said == [
        ("People said yes", ["Cat"]),
        ("People said no", ["Dog"]),
        ("A machine said so", ["Cat"]),
        ("Not annotated", ["Owl"]),
    ]


def near(world: World) -> list[int]:
    """Embed the pictures round a circle; their places by how near they are to the first."""
    angles = np.array([0.0, 1.0, 0.1, 2.0, 0.5, 3.0])[: len(world.images)]
    embed_all(world, np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return list(np.argsort(angles))


def test_more_like_this_shows_the_others_nearest_first_and_takes_the_filters(world) -> None:
    order = near(world)
    for place in (1, 2, 5):
        annotate(world, place, "cat", "yes")
    like = picture_url(world, 0, "explore_like")
    client = Client()
    assert order == [0, 2, 4, 1, 3, 5]
    assert places(world, client, like) == [2, 4, 1, 3, 5]
    assert places(world, client, f"{like}?label=cat&annotation=yes") == [2, 1, 5]
    assert places(world, client, f"{like}?label=cat&annotation=none") == [4, 3]
    assert places(world, client, picture_url(world, 0)) == [2, 4, 1, 3, 5]


def test_more_like_this_goes_on_for_some_pages_each_picture_once(db, monkeypatch) -> None:
    world = make_world(pictures=120)
    angles = np.linspace(0, 3, 120)
    embed_all(world, np.stack([np.cos(angles), np.sin(angles)], axis=1))
    client, like, query, seen = Client(), picture_url(world, 0, "explore_like"), "", []
    while True:
        reply = client.get(like + query)
        seen.append([one.key for one in reply.context["rows"]])
        query = reply.context["next"]
        if not query:
            break
    assert [len(page) for page in seen] == [48, 48, 23]
    assert {key for page in seen for key in page} == {image.image_id for image in world.images[1:]}
    assert client.get(like + reply.context["previous"]).context["previous"] == "?from=0"
    assert client.get(f"{like}?from={10**18}").status_code == 200


def test_near_copies_of_the_picture_are_marked_among_those_like_it(world) -> None:
    near(world)
    PoolImage.objects.filter(image__in=[world.images[0], world.images[4]]).update(copy_group=7)
    PoolImage.objects.filter(image=world.images[2]).update(copy_group=8)
    for address in (picture_url(world, 0, "explore_like"), picture_url(world, 0)):
        rows = Client().get(address).context["rows"]
        assert [one.near_copy for one in rows] == [False, True, False, False, False]


def test_a_picture_without_an_embedding_or_a_large_pool_without_an_index_says_who_mends_it(world, monkeypatch) -> None:
    for name in ("explore_like", "explore_picture"):
        reply = Client().get(picture_url(world, 0, name))
        assert (reply.status_code, "nothing that you can do" in reply.content.decode()) == (200, True)
    near(world)
    monkeypatch.setattr("cats4ml.challenges.neighbours.EXACT_UP_TO", 3)
    for name in ("explore_like", "explore_picture"):
        reply = Client().get(picture_url(world, 0, name))
        assert (reply.status_code, "still being prepared" in reply.content.decode()) == (200, True)


def test_pictures_of_another_pool_are_not_found(world) -> None:
    other = make_world()
    for name in ("explore_like", "explore_picture"):
        address = reverse(f"pages:{name}", args=[world.challenge.slug, other.images[0].uuid])
        assert Client().get(address).status_code == 404


@pytest.mark.parametrize("name", ["explore", "explore?", "explore_like", "explore_picture"])
def test_a_page_costs_as_many_queries_for_three_pictures_as_for_one(db, name) -> None:
    costs = []
    for number in (1, 3):
        world = make_world(pictures=number + 1)
        embed_all(world, np.eye(number + 1))
        finder = world.finder()
        for place in range(number + 1):
            annotate(world, place, "cat", "yes")
            write_words(world, place, "cat")
            world.claim(finder, (place, "cat"))
            put_in_basket(participation=finder, image=world.images[place], label="dog", at=START)
        query = "?label=cat&annotation=yes&words=cat&id=0" if name == "explore?" else ""
        address = explore_url(world, query) if name.startswith("explore?") or name == "explore" else ""
        costs.append(queries_of(signed_in(finder.user), address or picture_url(world, 0, name)))
    assert (costs[0] == costs[1], costs[0] <= 24) == (True, True)


def test_many_labels_are_chosen_by_typing(world) -> None:
    more = [NewLabel(f"label-{number}", f"Label {number}") for number in range(60)]
    add_target_labels(challenge=world.challenge, labels=add_labels(vocabulary=world.challenge.vocabulary, labels=more))
    html = signed_in(world.finder().user).get(explore_url(world)).content.decode()
    assert (html.count("<datalist"), html.count('list="target-labels"')) == (1, 6)
