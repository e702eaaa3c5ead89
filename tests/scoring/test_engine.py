from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import imagehash
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from models_zoo import registry
from models_zoo.batch import Batch
from models_zoo.classifier import ClassifierError, Pending, load_classifier
from models_zoo.loading import Compute
from models_zoo.preprocess import geometry, normalise, pixels
from models_zoo.spec import ClassifierSpec
from scoring.classifiers import ClassifierCache
from scoring.contract import (
    AHEAD,
    BULK,
    INTERACTIVE,
    MISSING_IMAGE,
    UNREADABLE_IMAGE,
    ImageRef,
    ScoreRequest,
    ScoreResult,
    unpack,
    unpack_half,
)
from scoring.engine import Engine, EngineClosedError
from scoring.forward import Forward, Row
from scoring.images import PictureStore
from scoring.lanes import Item, Lanes
from tests.models_zoo.cards import DIGITS, write_net, write_perceptron


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eleven pictures of noise, and classifiers beside them."""
    draw = np.random.default_rng(0)
    for number in range(11):
        Image.fromarray(draw.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    return tmp_path


CPU = Compute(torch.device("cpu"))


def score(root: Path, *requests: ScoreRequest, batch: int = 4, compute: Compute = CPU) -> list[ScoreResult]:
    """The results of requests that are asked at once, each by a thread of its own; in their order."""
    store = PictureStore(str(root), pauses=(0.01,))
    with (
        Engine(store, ClassifierCache(root, compute), threads=2, batch=batch) as engine,
        ThreadPoolExecutor(len(requests)) as askers,
    ):
        return [result for results in askers.map(engine.score, requests) for result in results]


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
    results = score(root, request(keys, *specs))
    assert [result.image for result in results] == list(range(100, 111))
    for key, result in zip(keys, results, strict=True):
        assert list(result.probabilities) == [spec.digest for spec in specs]
        for seed, spec in zip((1, 2), specs, strict=True):
            found = unpack(result.probabilities[spec.digest])
            assert found == pytest.approx(expected(root, key, spec, perceptron(seed)), abs=1e-6)


def test_a_bad_picture_takes_nothing_from_its_neighbours(root: Path) -> None:
    (root / "broken.png").write_bytes((root / "0.png").read_bytes()[:200])
    spec = write_perceptron(root)
    results = score(root, request(["0.png", "none.png", "broken.png", "../x.png", "1.png"], spec))
    assert [result.error for result in results] == ["", MISSING_IMAGE, UNREADABLE_IMAGE, MISSING_IMAGE, ""]
    assert [bool(result.probabilities) for result in results] == [True, False, False, False, True]
    assert [bool(result.detail) for result in results] == [False, True, True, True, False]


def test_a_chunk_of_bad_pictures_only_is_answered_too(root: Path) -> None:
    [result] = score(root, request(["none.png"], write_perceptron(root)))
    assert result == ScoreResult(100, {}, MISSING_IMAGE, "there is no file 'none.png' in the picture storage")


def test_a_classifier_without_a_finite_number_is_named(root: Path) -> None:
    broken = perceptron(0)
    with torch.no_grad():
        next(iter(broken.parameters())).fill_(float("nan"))
    specs = [write_perceptron(root), write_net(root, broken, name="broken", weights="b.pt")]
    [result] = score(root, request(["0.png"], *specs))
    assert list(result.probabilities) == [specs[0].digest]
    assert (result.error, result.failed) == ("", {specs[1].digest: "No finite number from broken."})


def test_a_classifier_that_cannot_be_run_is_a_surprise(root: Path) -> None:
    spec = write_perceptron(root)
    (root / spec.weights).unlink()
    with pytest.raises(ClassifierError, match="can't be read"):
        score(root, request(["0.png"], spec))


def test_classifiers_stay_loaded_up_to_a_bound(root: Path) -> None:
    first, second = (write_net(root, perceptron(seed), name=f"n{seed}", weights=f"{seed}.pt") for seed in (1, 2))
    cache = ClassifierCache(root, CPU, capacity=1)
    kept = cache.get(first)
    assert cache.get(first) is kept
    cache.get(second)
    assert cache.get(first) is not kept


def test_a_roster_larger_than_the_bound_is_loaded_once(root: Path) -> None:
    specs = [write_net(root, perceptron(seed), name=f"n{seed}", weights=f"{seed}.pt") for seed in (1, 2, 3)]
    cache = ClassifierCache(root, CPU, capacity=2)
    kept = cache.ensemble(specs)
    assert all(again is one for again, one in zip(cache.ensemble(specs), kept, strict=True))


def test_the_same_weights_under_another_name_are_loaded_once(root: Path) -> None:
    spec = write_perceptron(root)
    cache = ClassifierCache(root, CPU)
    other = ClassifierSpec.from_dict(spec.to_dict() | {"name": "other"})
    assert cache.get(spec) is cache.get(other)


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_a_picture_scores_the_same_in_whatever_batch(root: Path, batch: int) -> None:
    spec = write_perceptron(root)
    keys = [f"{number}.png" for number in range(11)]
    whole = score(root, request(keys, spec), batch=11)
    for one, other in zip(whole, score(root, request(keys, spec), batch=batch), strict=True):
        assert unpack(one.probabilities[spec.digest]) == pytest.approx(
            unpack(other.probabilities[spec.digest]), abs=1e-6
        )


def png(root: Path, name: str) -> ImageRef:
    """A reference with its checksum, as the web side sends it."""
    return ImageRef(1, name, hashlib.sha256((root / name).read_bytes()).hexdigest())


def test_a_message_that_comes_twice_is_computed_once(root: Path) -> None:
    spec = write_perceptron(root)
    asked = replace(request([], spec), images=(png(root, "0.png"), png(root, "1.png")))
    with Engine(PictureStore(str(root)), ClassifierCache(root, CPU), threads=2, batch=4) as engine:
        first = engine.score(asked)
        for path in root.glob("*.png"):
            path.unlink()
        assert engine.score(asked) == first
        assert engine.score(request(["0.png"], spec))[0].error == MISSING_IMAGE  # without a checksum it is read again


def test_the_same_pictures_asked_for_at_once_get_the_same_numbers(root: Path) -> None:
    specs = [write_net(root, perceptron(seed), name=f"n{seed}", weights=f"{seed}.pt") for seed in (1, 2)]
    keys = [f"{number}.png" for number in range(11)]
    alone = [result.probabilities for result in score(root, request(keys, *specs))]
    asked = [request(keys, *specs), request(keys, specs[1]), request(list(reversed(keys)), specs[0])]
    both, second, first = np.array_split(np.array(score(root, *asked, batch=3), dtype=object), 3)
    assert [result.probabilities.keys() for result in both] == [one.keys() for one in alone]
    for one, other, wanted in zip(second, reversed(first), both, strict=True):
        for found in (one, other):
            for digest, packed in found.probabilities.items():
                assert unpack(packed) == pytest.approx(unpack(wanted.probabilities[digest]), abs=1e-6)


def test_pictures_that_the_storage_does_not_give_are_left_out_of_the_answer(root: Path) -> None:
    (root / "loop.png").symlink_to(root / "loop.png")
    spec = write_perceptron(root)
    assert [one.image for one in score(root, request(["0.png", "loop.png", "1.png"], spec))] == [100, 102]


def test_a_picture_has_a_perceptual_hash_and_the_embeddings_that_are_asked_for(root: Path) -> None:
    specs = [write_net(root, perceptron(seed), name=f"n{seed}", weights=f"{seed}.pt") for seed in (1, 2)]
    Image.open(root / "0.png").resize((600, 450), Image.Resampling.BICUBIC).save(root / "larger.png")
    asked = replace(request(["0.png", "larger.png", "1.png"], *specs), embed=(specs[1].digest,))
    one, larger, other = score(root, asked)
    assert one.perceptual_hash == str(imagehash.phash(Image.open(root / "0.png")))
    hashes = [imagehash.hex_to_hash(result.perceptual_hash) for result in (one, larger, other)]
    assert hashes[0] - hashes[1] < 8 < hashes[0] - hashes[2]
    assert list(one.embeddings) == [specs[1].digest]
    vector = np.array(unpack_half(one.embeddings[specs[1].digest]))
    assert vector.shape == (32,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


class Picky(nn.Module):
    """Raises over a batch with a white picture in it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> Tensor:
        if (pictures.flatten(1) > 0.99).all(dim=1).any():
            raise ValueError("a white picture")
        found: Tensor = self.net(pictures)
        return found


def test_a_picture_over_which_a_classifier_raises_takes_nothing_from_its_neighbours(root: Path) -> None:
    Image.new("RGB", (20, 20), "white").save(root / "white.png")
    spec = write_perceptron(root)
    picky = load_classifier(spec, root, CPU.device)
    picky.net, picky.has_features = Picky(perceptron(0)), False
    shown = [Image.open(root / key).convert("RGB") for key in ("0.png", "white.png", "1.png")]
    batch = Batch.of([{geometry(spec.input): pixels(picture, spec.input)} for picture in shown])
    forward = Forward()
    rows = forward.finish(forward.begin(batch, {spec.digest: picky}))
    assert [list(row.numbers) for row in rows] == [[spec.digest], [], [spec.digest]]
    assert [row.failed for row in rows] == [{}, {spec.digest: "a: ValueError: a white picture"}, {}]


class Flaky:
    """A server that fails over a batch, and then doesn't answer any more."""

    def __init__(self, spec: ClassifierSpec) -> None:
        self.spec = spec

    def start(self, batch: Batch) -> Pending:
        raise OSError("broken") if len(batch) > 1 else ClassifierError("no answer")


def test_a_server_that_goes_away_between_two_tries_is_no_fault_of_the_pictures(root: Path) -> None:
    spec = write_perceptron(root)
    batch = Batch({geometry(spec.input): np.zeros((2, 10, 10, 1), dtype=np.uint8)})
    forward = Forward()
    rows = forward.finish(forward.begin(batch, {spec.digest: Flaky(spec)}))
    assert rows == [Row(trouble="a: ClassifierError: no answer")] * 2


def test_a_classifier_that_cannot_be_loaded_stops_no_other_message(root: Path) -> None:
    good, bad = write_perceptron(root), write_net(root, perceptron(1), name="bad", weights="bad.pt")
    (root / "bad.pt").unlink()
    keys = [f"{number}.png" for number in range(11)]
    with (
        Engine(PictureStore(str(root)), ClassifierCache(root, CPU), threads=1, batch=2) as engine,
        ThreadPoolExecutor(2) as askers,
    ):
        ours, other = (askers.submit(engine.score, request(keys, spec)) for spec in (good, bad))
        with pytest.raises(ClassifierError, match="can't be read"):
            other.result()
        assert all(result.probabilities for result in ours.result())


def test_urgent_pictures_go_first_and_one_chunk_is_finished_at_a_time() -> None:
    lanes = Lanes(batch=2, room=100, most_urgent=INTERACTIVE)
    for name in ("a1", "a2", "a3", "b1"):
        lanes.put(Item(BULK, group="x", subject=name))
    for name in ("now", "now, of another roster"):
        lanes.put(Item(INTERACTIVE, group=name, subject=name))
    for name in ("ahead",):
        lanes.put(Item(AHEAD, group="x", subject=name))
    decoded = []
    for _ in range(7):
        item = lanes.take_to_decode()
        assert item is not None
        decoded.append(item.subject)
        lanes.decoded(item)
    assert decoded == ["now", "now, of another roster", "a1", "a2", "a3", "b1", "ahead"]
    batches = []
    while batch := lanes.take_batch(wait=False):
        batches.append([item.subject for item in batch])
    assert batches == [["now"], ["now, of another roster"], ["a1", "a2"], ["a3", "b1"], ["ahead"]]


def test_a_picture_becomes_urgent_when_somebody_waits_for_it() -> None:
    lanes = Lanes(batch=2, room=100, most_urgent=INTERACTIVE)
    items = [Item(BULK, group="x", subject=number) for number in range(3)]
    for item in items:
        lanes.put(item)
    lanes.hurry(items[2], INTERACTIVE)
    taken = [lanes.take_to_decode() for _ in items]
    assert [item.subject for item in taken if item] == [2, 0, 1]


def test_a_hurried_picture_that_still_waits_at_the_end_is_given_back_once() -> None:
    lanes = Lanes(batch=2, room=100, most_urgent=INTERACTIVE)
    item = Item(BULK, group="x", subject="late")
    assert lanes.put(item)
    lanes.hurry(item, INTERACTIVE)
    assert lanes.close() == [item]
    assert not lanes.put(Item(BULK, group="x", subject="later"))


def test_a_closed_engine_says_so_instead_of_waiting(root: Path) -> None:
    engine = Engine(PictureStore(str(root)), ClassifierCache(root, CPU), threads=1)
    engine.close()
    with pytest.raises(EngineClosedError):
        engine.score(request(["0.png"], write_perceptron(root)))


def test_only_so_many_decoded_pictures_wait_but_an_urgent_one_is_not_held_up() -> None:
    lanes = Lanes(batch=1, room=1, most_urgent=INTERACTIVE)
    lanes.put(Item(BULK, group="x", subject="first"))
    lanes.put(Item(BULK, group="x", subject="second"))
    first = lanes.take_to_decode()
    assert first is not None
    lanes.decoded(first)
    lanes.put(Item(INTERACTIVE, group="x", subject="now"))
    urgent = lanes.take_to_decode()
    assert urgent is not None
    assert urgent.subject == "now"
    assert [item.subject for item in lanes.close()] == ["second", "first"]
