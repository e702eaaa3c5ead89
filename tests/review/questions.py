"""An edition as a rater meets it: pictures of all shapes, guidance with examples, a warm-up, and pairs that wait."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from cats4ml.catalog.actions import store_picture
from cats4ml.catalog.models import Image, Label
from cats4ml.challenges.models import TargetLabel
from cats4ml.review.models import ControlQuestion, ControlUse, LabelExample
from cats4ml.rules.policy import Policy
from tests.factories import World, make_user, make_world

LONG = (
    "Any owl that is alive or was, whole or in part, by day or by night. A drawing, a toy or a statue of an owl does "
    "not count, and neither does a hawk, however much it looks like one. If you see only feathers, say “don’t know”."
)
SIZES = [(480, 360), (360, 480), (400, 400), (640, 200)]


def photo(place: int) -> tuple[bytes, int, int]:
    """A picture that nobody mistakes for another, as a JPEG, with its size."""
    width, height = SIZES[place % 4]
    rng = np.random.default_rng(place)
    picture = Pillow.new("RGB", (width, height), tuple(int(one) for one in rng.integers(30, 220, 3)))
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, size = rng.integers(0, width), rng.integers(0, height), rng.integers(20, 120)
        pen.ellipse([x, y, x + size, y + size], fill=tuple(int(one) for one in rng.integers(0, 255, 3)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue(), width, height


def with_photos(world: World) -> None:
    for place, image in enumerate(world.images):
        content, image.width, image.height = photo(place)
        image.file, image.sha256 = store_picture(content=content, suffix=".jpg")
    Image.objects.bulk_update(world.images, ["file", "sha256", "width", "height"])


def explain(world: World, label: str, guidance: str, *, fits: list[int], fits_not: list[int]) -> None:
    """Write a label's guidance and give it examples, by the places of their pictures."""
    target = TargetLabel.objects.get(challenge=world.challenge, label__key=label)
    target.guidance = guidance
    target.save(update_fields=["guidance"])
    for position, place in enumerate([*fits, *fits_not]):
        LabelExample.objects.create(
            target=target,
            image=world.images[place],
            fits=place in fits,
            caption="" if position % 2 else "A barn owl, seen from the side",
            position=position,
        )


def add_control(
    world: World, place: int, label: str, *, truth: str = "yes", use: ControlUse = ControlUse.WARM_UP
) -> ControlQuestion:
    return ControlQuestion.objects.create(
        challenge=world.challenge,
        image=world.images[place],
        label=Label.objects.get(vocabulary=world.challenge.vocabulary, key=label),
        truth=truth,
        use=use,
        explanation="The face in the middle is that of an owl, behind the leaves.",
        created_at=world.clock,
    )


# Nobody is paused: tests answer faster than people do.
NO_PAUSES = {"fast_seconds": 0, "same_answers": 0, "controls_right_percent": 0}


def make_edition(*, waiting: int, warm_up: int = 0) -> World:
    """So many pairs of all labels wait for raters; so many warm-up questions come before them."""
    policy = Policy(warm_up=warm_up, control_percent=0, control_percent_least=0, quorum=99, **NO_PAUSES)
    world = make_world(pictures=waiting + warm_up + 8, policy=policy)
    with_photos(world)
    free = waiting + warm_up
    explain(world, "owl", LONG, fits=[free, free + 1, free + 2], fits_not=[free + 3, free + 4])
    explain(world, "cat", "House cats alone, of any age.", fits=[free + 5], fits_not=[])
    for place in range(warm_up):
        add_control(world, waiting + place, ["owl", "cat"][place % 2], truth=["yes", "no"][place // 2 % 2])
    if waiting:
        finder = world.finder(make_user())
        world.claim(finder, *[(place, world.labels[place % 3]) for place in range(waiting)])
        for place in range(waiting):
            world.score(place, {world.labels[place % 3]: 0.8})
    return world
