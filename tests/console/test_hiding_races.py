"""A picture is taken down while somebody claims it: real connections, both orders."""

from __future__ import annotations

from functools import partial

import pytest

from cats4ml.catalog.models import ComplaintKind
from cats4ml.console.takedowns import take_down
from cats4ml.submissions.actions.basket import Change, put_in_basket, submit_basket
from cats4ml.submissions.actions.claims import keep_upload, submit_pairs, submit_upload
from cats4ml.submissions.models import BasketItem, Pair, UploadRow
from cats4ml.submissions.queries import ClaimRow
from tests.concurrency import while_waiting
from tests.factories import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def ways_to_claim(world: World) -> list[partial]:
    """The first picture claimed by hand, the second from a basket, the third from a file."""
    by_hand, with_basket, with_file = world.finder(), world.finder(), world.finder()
    first, second, third = world.images[:3]
    item = put_in_basket(participation=with_basket, image=second, label="", at=world.clock)
    rows = [ClaimRow(1, third.image_id, "owl", "")]
    upload = keep_upload(participation=with_file, filename="a.csv", rows=rows, at=world.clock)
    one = [ClaimRow(1, first.image_id, "cat", "")]
    return [
        partial(submit_pairs, participation=by_hand, rows=one, at=world.clock),
        partial(submit_basket, participation=with_basket, changes={item.pk: Change("dog", "")}, at=world.clock),
        partial(submit_upload, upload=upload, at=world.clock),
    ]


def down(world: World, place: int) -> partial:
    image = world.images[place]
    return partial(take_down, image=image, kind=ComplaintKind.OTHER, reason="Asked.", by=None, at=world.clock)


def test_a_claim_that_was_first_is_waited_for_and_its_pair_is_taken_out() -> None:
    world = make_world()
    for place, claim in enumerate(ways_to_claim(world)):
        while_waiting(down(world, place), claim)
    pairs = Pair.objects.order_by("label__key").values_list("label__key", "state", "withdrawn_reason")
    taken_out = ("withdrawn", "Its picture was taken down.")
    assert list(pairs) == [("cat", *taken_out), ("dog", *taken_out), ("owl", *taken_out)]
    assert BasketItem.objects.count() == 0


def test_a_claim_that_comes_while_a_picture_is_taken_down_waits_and_is_refused() -> None:
    world = make_world()
    answers = [while_waiting(claim, down(world, place)) for place, claim in enumerate(ways_to_claim(world))]
    # The second was out of the basket by the time it was submitted.
    assert [[row.problem for row in rows] for rows in answers[:2]] == [["taken_down"], []]
    assert list(UploadRow.objects.values_list("problem", flat=True)) == ["taken_down"]
    assert (Pair.objects.count(), BasketItem.objects.count()) == (0, 0)
