from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from models_zoo.preprocess import kept_box, normalise, pixels
from models_zoo.spec import InputSpec


def spec(resize: int | tuple[int, int], size: tuple[int, int], colour: str = "rgb") -> InputSpec:
    channels = 3 if colour == "rgb" else 1
    return InputSpec(resize, size, "bilinear", colour, (0.5,) * channels, (0.25,) * channels)


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_a_picture_of_the_right_size_is_left_as_it_is() -> None:
    picture = noise(227, 227)
    assert (pixels(picture, spec(227, (227, 227))) == np.asarray(picture)).all()


def test_without_a_resize_the_middle_is_cut_out_unchanged() -> None:
    picture = noise(227, 227)
    assert (pixels(picture, spec(227, (224, 224))) == np.asarray(picture)[1:225, 1:225]).all()


def test_a_square_resize_is_pillows_own() -> None:
    picture = noise(227, 227)
    expected = np.asarray(picture.resize((192, 192), Image.Resampling.BILINEAR))
    assert (pixels(picture, spec(192, (192, 192))) == expected).all()


def test_to_resize_only_what_is_kept_gives_the_same_middle() -> None:
    picture = noise(400, 300)
    whole = np.asarray(picture.resize((341, 256), Image.Resampling.BILINEAR))[16:240, 58:282]
    difference = np.abs(pixels(picture, spec(256, (224, 224))).astype(int) - whole)
    assert difference[2:-2, 2:-2].max() <= 1  # at the rim, pixels outside the cut have no part


def test_a_very_long_picture_does_not_unfold() -> None:
    assert pixels(noise(5000, 1), spec(256, (224, 224))).shape == (224, 224, 3)
    assert pixels(noise(1, 5000), spec(256, (224, 224))).shape == (224, 224, 3)


def test_both_sides_may_be_given() -> None:
    assert kept_box((100, 50), spec((20, 20), (10, 20))) == (25.0, 0.0, 75.0, 50.0)


def test_values_are_scaled_to_one_and_then_by_mean_and_deviation() -> None:
    grey = pixels(Image.new("RGB", (4, 4), (255, 255, 255)), spec(4, (4, 4), "grey"))
    batch = normalise(torch.from_numpy(np.stack([grey])), spec(4, (4, 4), "grey"), torch.contiguous_format)
    assert batch.shape == (1, 1, 4, 4)
    assert (batch == 2.0).all()
