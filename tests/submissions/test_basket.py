"""The basket: what is put aside, what becomes of it, and that nothing is claimed or charged twice."""

from __future__ import annotations

from functools import partial

import pytest

from cats4ml.challenges.models import ChallengeStatus, PoolImage
from cats4ml.rules.policy import Policy
from cats4ml.submissions.actions import basket
from cats4ml.submissions.actions.basket import (
    BasketRefused,
    Change,
    change_items,
    clear_basket,
    put_in_basket,
    remove_item,
    submit_basket,
)
from cats4ml.submissions.actions.claims import ClaimRefused
from cats4ml.submissions.basket_queries import checked_basket
from cats4ml.submissions.models import BasketItem, Submission
from cats4ml.submissions.problems import Problem
from cats4ml.submissions.queries import quota_for
from tests.concurrency import at_once
from tests.factories import START, World, make_world


def put(world: World, finder, place: int, label: str = "cat") -> BasketItem:
    return put_in_basket(participation=finder, image=world.images[place], label=label, at=START)


def inside(world: World, finder) -> list[tuple[int, str, str]]:
    """What lies in a basket: place of the picture, label, rationale."""
    order = {image.pk: place for place, image in enumerate(world.images)}
    items = BasketItem.objects.filter(participation=finder).select_related("label").order_by("image", "label__key")
    return [(order[item.image_id], item.label.key if item.label else "", item.rationale) for item in items]


def problems(finder) -> list[Problem | None]:
    return [line.checked.problem for line in checked_basket(finder).lines]


def test_what_is_put_aside_lies_there_once_for_each_label(world) -> None:
    finder = world.finder()
    for label in ("cat", "cat", "Cat", "dog"):
        put(world, finder, 0, label)
    put(world, finder, 1, "")
    assert inside(world, finder) == [(0, "cat", ""), (0, "dog", ""), (1, "", "")]
    assert inside(world, world.finder()) == []
    assert (Submission.objects.count(), quota_for(finder).used) == (0, 0)


def test_a_picture_put_aside_without_a_label_gets_the_next_one(world) -> None:
    finder = world.finder()
    for label in ("", "owl", "", "dog"):
        put(world, finder, 0, label)
    assert inside(world, finder) == [(0, "dog", ""), (0, "owl", "")]


def test_what_cannot_be_claimed_cannot_be_put_aside(world, monkeypatch) -> None:
    finder = world.finder()
    with pytest.raises(BasketRefused, match="not a target label"):
        put(world, finder, 0, "zebra")
    with pytest.raises(BasketRefused, match="not in the pool"):
        put_in_basket(participation=finder, image=make_world().images[0], label="cat", at=START)
    monkeypatch.setattr(basket, "MOST_ITEMS", 2)
    for place in (0, 1):
        put(world, finder, place)
    with pytest.raises(BasketRefused, match="it holds 2 pictures"):
        put(world, finder, 2)
    put(world, finder, 1)
    assert inside(world, finder) == [(0, "cat", ""), (1, "cat", "")]


def test_labels_and_rationales_change_all_together_or_not_at_all(world) -> None:
    finder, other = world.finder(), world.finder()
    first, second, theirs = put(world, finder, 0, "cat"), put(world, finder, 0, "dog"), put(world, other, 0, "cat")
    change = partial(change_items, participation=finder)
    change(
        changes={first.pk: Change("dog", " Long tail "), second.pk: Change("cat", ""), theirs.pk: Change("owl", "x")}
    )
    assert inside(world, finder) == [(0, "cat", ""), (0, "dog", "Long tail")]
    assert inside(world, other) == [(0, "cat", "")]
    for wrong in (Change("cat", ""), Change("zebra", ""), Change("owl", "x" * 1001)):
        with pytest.raises(BasketRefused):
            change(changes={second.pk: Change("cat", "kept?"), first.pk: wrong})
    assert inside(world, finder) == [(0, "cat", ""), (0, "dog", "Long tail")]
    change(changes={first.pk: Change("", "\x00")})
    assert inside(world, finder) == [(0, "cat", ""), (0, "", "�")]


def test_taking_out_and_emptying_touch_ones_own_basket_alone(world) -> None:
    finder, other = world.finder(), world.finder()
    items = [put(world, finder, place) for place in range(3)]
    theirs = put(world, other, 0)
    for item in (items[0], items[0], theirs):
        remove_item(participation=finder, item_id=item.pk)
    assert (inside(world, finder), inside(world, other)) == ([(1, "cat", ""), (2, "cat", "")], [(0, "cat", "")])
    clear_basket(participation=finder)
    assert (inside(world, finder), inside(world, other)) == ([], [(0, "cat", "")])


def test_each_item_is_checked_as_a_row_of_a_file_is_and_the_cost_is_known_before(world) -> None:
    finder, other = world.finder(), world.finder()
    world.claim(finder, (0, "cat"))
    world.claim(other, (1, "cat"))
    PoolImage.objects.filter(image__in=world.images[3:5]).update(copy_group=1)
    world.claim(other, (3, "owl"))
    for place, label in ((0, "cat"), (1, "cat"), (2, ""), (4, "owl"), (5, "dog")):
        put(world, finder, place, label)
    PoolImage.objects.filter(image=world.images[5]).delete()
    found = checked_basket(finder)
    assert problems(finder) == [Problem.OWN_CLAIM, None, Problem.MISSING_LABEL, None, Problem.UNKNOWN_IMAGE]
    assert (found.good, found.later, found.near_copies, found.charged) == (2, 1, 1, 1)
    assert sorted(found.problems) == [
        (Problem.MISSING_LABEL, 1), (Problem.OWN_CLAIM, 1), (Problem.UNKNOWN_IMAGE, 1),
    ]  # fmt: skip


def test_what_is_accepted_leaves_the_basket_and_the_rest_stays_with_its_reason(db) -> None:
    world = make_world(policy=Policy(base_quota=3))
    finder = world.finder()
    world.claim(finder, (0, "cat"))
    items = [
        put(world, finder, place, label) for place, label in ((0, "cat"), (1, "dog"), (2, ""), (3, "cat"), (4, "owl"))
    ]
    changes = {items[1].pk: Change("owl", "Looks like a cat.")}
    checked = submit_basket(participation=finder, changes=changes, at=START)
    assert [row.problem for row in checked] == [
        Problem.OWN_CLAIM, None, Problem.MISSING_LABEL, None, Problem.OVER_QUOTA,
    ]  # fmt: skip
    assert inside(world, finder) == [(0, "cat", ""), (2, "", ""), (4, "owl", "")]
    assert problems(finder) == [Problem.OWN_CLAIM, Problem.MISSING_LABEL, Problem.OVER_QUOTA]
    claims = Submission.objects.order_by("pk").values_list("pair__image", "pair__label__key", "rationale")
    assert list(claims)[1:] == [
        (world.images[1].pk, "owl", "Looks like a cat."), (world.images[3].pk, "cat", ""),
    ]  # fmt: skip
    assert [row.problem for row in submit_basket(participation=finder, at=START)] == problems(finder)
    assert (Submission.objects.count(), quota_for(finder).used) == (3, 3)


def test_a_refusal_of_the_whole_leaves_the_basket_as_it_was(world) -> None:
    finder = world.finder()
    item = put(world, finder, 0)
    with pytest.raises(BasketRefused):
        submit_basket(participation=finder, changes={item.pk: Change("zebra", "")}, at=START)
    world.challenge.status = ChallengeStatus.PAUSED
    world.challenge.save()
    with pytest.raises(ClaimRefused):
        submit_basket(participation=finder, changes={item.pk: Change("owl", "")}, at=START)
    assert (inside(world, finder), Submission.objects.count()) == ([(0, "cat", "")], 0)
    clear_basket(participation=finder)
    assert submit_basket(participation=finder, at=START) == []


@pytest.mark.django_db(transaction=True)
def test_a_basket_submitted_several_times_at_once_is_claimed_once() -> None:
    world = make_world()
    finder = world.finder()
    for place in range(4):
        put(world, finder, place)
    answers = at_once([partial(submit_basket, participation=finder, at=world.clock)] * 4)
    assert sorted(len(rows) for rows in answers) == [0, 0, 0, 4]
    assert (Submission.objects.count(), quota_for(finder).used, inside(world, finder)) == (4, 4, [])


@pytest.mark.django_db(transaction=True)
def test_pictures_put_aside_at_once_lie_there_once_and_never_beyond_the_most(monkeypatch) -> None:
    monkeypatch.setattr(basket, "MOST_ITEMS", 3)
    world = make_world()
    finder = world.finder()
    same = at_once([partial(put, world, finder, 0)] * 4)
    assert len({item.pk for item in same}) == 1
    answers = at_once([partial(put, world, finder, place) for place in (1, 2, 3, 4)])
    assert sorted(type(answer).__name__ for answer in answers) == ["BasketItem"] * 2 + ["BasketRefused"] * 2
    assert BasketItem.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_what_is_put_aside_while_the_basket_is_submitted_is_claimed_or_stays() -> None:
    world = make_world(pictures=30)
    finder = world.finder()
    for place in range(10):
        put(world, finder, place)
    calls = [partial(put, world, finder, place) for place in range(10, 14)]
    at_once([*calls, partial(submit_basket, participation=finder, at=world.clock)])
    claimed = set(Submission.objects.values_list("pair__image", flat=True))
    left = set(BasketItem.objects.values_list("image", flat=True))
    assert (claimed | left, claimed & left) == ({image.pk for image in world.images[:14]}, set())
