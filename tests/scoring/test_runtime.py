from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models_zoo import registry
from models_zoo.classifier import ClassifierError
from models_zoo.preprocess import normalise, pixels
from models_zoo.spec import ClassifierSpec
from scoring.contract import MISSING_IMAGE, UNREADABLE_IMAGE, ImageRef, ScoreRequest, ScoreResult, unpack
from scoring.images import PictureStore
from scoring.runtime import ClassifierCache, Runtime
from tests.models_zoo.cards import DIGITS, write_net, write_perceptron


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eleven pictures of noise, and classifiers beside them."""
    draw = np.random.default_rng(0)
    for number in range(11):
        Image.fromarray(draw.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    return tmp_path


def runtime(root: Path, *, batch: int = 4, capacity: int = 8) -> Runtime:
    cache = ClassifierCache(root, torch.device("cpu"), capacity=capacity)
    return Runtime(PictureStore(str(root)), cache, threads=2, batch=batch)


def request(keys: list[str], *specs: ClassifierSpec) -> ScoreRequest:
    images = tuple(ImageRef(100 + number, key) for number, key in enumerate(keys))
    return ScoreRequest(images, tuple(spec.to_dict(with_labels=False) for spec in specs), "web")


def expected(root: Path, key: str, spec: ClassifierSpec, net: nn.Module) -> list[float]:
    """The probabilities of one picture by plain torch."""
    picture = pixels(Image.open(root / key).convert("RGB"), spec.input)
    with torch.no_grad():
        values = net(normalise(torch.from_numpy(picture[np.newaxis].copy()), spec.input, torch.contiguous_format))
    found: list[float] = values.softmax(dim=1)[0].tolist()
    return found


def perceptron(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return registry.build("digits_perceptron", len(DIGITS))


def test_every_picture_gets_the_probabilities_of_plain_torch_from_every_classifier(root: Path) -> None:
    specs = [write_net(root, perceptron(seed), name=f"n{seed}", weights=f"{seed}.pt") for seed in (1, 2)]
    keys = [f"{number}.png" for number in range(11)]
    results = runtime(root).score(request(keys, *specs))
    assert [result.image for result in results] == list(range(100, 111))
    for key, result in zip(keys, results, strict=True):
        assert list(result.probabilities) == [spec.digest for spec in specs]
        for seed, spec in zip((1, 2), specs, strict=True):
            found = unpack(result.probabilities[spec.digest])
            assert found == pytest.approx(expected(root, key, spec, perceptron(seed)), abs=1e-6)


def test_a_bad_picture_takes_nothing_from_its_neighbours(root: Path) -> None:
    (root / "broken.png").write_bytes((root / "0.png").read_bytes()[:200])
    spec = write_perceptron(root)
    results = runtime(root).score(request(["0.png", "none.png", "broken.png", "../x.png", "1.png"], spec))
    assert [result.error for result in results] == ["", MISSING_IMAGE, UNREADABLE_IMAGE, MISSING_IMAGE, ""]
    assert [bool(result.probabilities) for result in results] == [True, False, False, False, True]
    assert [bool(result.detail) for result in results] == [False, True, True, True, False]


def test_a_chunk_of_bad_pictures_only_is_answered_too(root: Path) -> None:
    [result] = runtime(root).score(request(["none.png"], write_perceptron(root)))
    assert result == ScoreResult(100, {}, MISSING_IMAGE, "there is no file 'none.png' in the picture storage")


def test_a_classifier_without_a_finite_number_is_named(root: Path) -> None:
    broken = perceptron(0)
    with torch.no_grad():
        next(iter(broken.parameters())).fill_(float("nan"))
    specs = [write_perceptron(root), write_net(root, broken, name="broken", weights="b.pt")]
    [result] = runtime(root).score(request(["0.png"], *specs))
    assert list(result.probabilities) == [specs[0].digest]
    assert (result.error, result.failed) == ("", {specs[1].digest: "No finite number from broken."})


def test_a_classifier_that_cannot_be_run_is_a_surprise(root: Path) -> None:
    spec = write_perceptron(root)
    (root / spec.weights).unlink()
    with pytest.raises(ClassifierError, match="can't be read"):
        runtime(root).score(request(["0.png"], spec))


def test_classifiers_stay_loaded_up_to_a_bound(root: Path) -> None:
    first, second = (write_net(root, perceptron(seed), name=f"n{seed}", weights=f"{seed}.pt") for seed in (1, 2))
    cache = ClassifierCache(root, torch.device("cpu"), capacity=1)
    kept = cache.get(first)
    assert cache.get(first) is kept
    cache.get(second)
    assert cache.get(first) is not kept


def test_the_same_weights_under_another_name_are_loaded_once(root: Path) -> None:
    spec = write_perceptron(root)
    cache = ClassifierCache(root, torch.device("cpu"))
    other = ClassifierSpec.from_dict(spec.to_dict() | {"name": "other"})
    assert cache.get(spec) is cache.get(other)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_a_picture_scores_the_same_in_whatever_batch(root: Path, batch: int) -> None:
    spec = write_perceptron(root)
    keys = [f"{number}.png" for number in range(11)]
    whole = runtime(root, batch=11).score(request(keys, spec))
    for one, other in zip(whole, runtime(root, batch=batch).score(request(keys, spec)), strict=True):
        assert unpack(one.probabilities[spec.digest]) == pytest.approx(
            unpack(other.probabilities[spec.digest]), abs=1e-6
        )
