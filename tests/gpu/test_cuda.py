"""What only CUDA does; skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models_zoo import torchvision_nets
from models_zoo.batch import Batch
from models_zoo.classifier import load_classifier
from models_zoo.halving import Halving
from models_zoo.loading import AUTO, Compute, load
from models_zoo.precision import LIMIT
from models_zoo.preprocess import geometry
from models_zoo.samples import sample_inputs
from models_zoo.spec import ClassifierSpec
from scoring.classifiers import ClassifierCache
from scoring.contract import ImageRef, ScoreRequest, unpack
from scoring.engine import Engine
from scoring.images import PictureStore
from tests.models_zoo.cards import write_net

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")]

RGB = {"resize": 64, "size": [64, 64], "mean": [0.5] * 3, "std": [0.25] * 3}


@pytest.fixture
def spec(tmp_path: Path) -> ClassifierSpec:
    torch.manual_seed(0)
    net = torchvision_nets.build("resnet18", 10)
    return write_net(tmp_path, net, family="torchvision", architecture="resnet18", input=RGB)


def samples(spec: ClassifierSpec) -> Batch:
    return Batch({geometry(spec.input): sample_inputs(spec.input)})


def test_cuda_gives_the_processors_probabilities(tmp_path: Path, spec: ClassifierSpec) -> None:
    ours = load_classifier(spec, tmp_path, torch.device("cpu")).start(samples(spec))()
    cuda = load(spec, tmp_path, Compute(torch.device("cuda"))).start(samples(spec))()
    np.testing.assert_allclose(cuda.probabilities, ours.probabilities, atol=1e-4)
    assert cuda.features is not None
    assert cuda.features.shape == (len(samples(spec)), 512)


def test_less_precision_stays_within_its_limit(tmp_path: Path, spec: ClassifierSpec) -> None:
    full = load(spec, tmp_path, Compute(torch.device("cuda"))).start(samples(spec))()
    less = load(spec, tmp_path, Compute(torch.device("cuda"), precision=AUTO)).start(samples(spec))()
    assert np.abs(full.probabilities - less.probabilities).max() <= LIMIT


def test_batches_that_overlap_get_their_own_numbers(tmp_path: Path, spec: ClassifierSpec) -> None:
    draw = np.random.default_rng(0)
    for number in range(50):
        Image.fromarray(draw.integers(0, 256, (80, 90, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    refs = tuple(ImageRef(number, f"{number}.png") for number in range(50))
    request = ScoreRequest(refs, (spec.to_dict(with_labels=False),), "web")
    found = []
    for device in ("cpu", "cuda"):
        cache = ClassifierCache(tmp_path, Compute(torch.device(device)))
        with Engine(PictureStore(str(tmp_path)), cache, threads=4, batch=4) as engine:
            found.append([unpack(result.probabilities[spec.digest]) for result in engine.score(request)])
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)


def test_memory_that_runs_out_for_real_halves_the_batch() -> None:
    free, _total = torch.cuda.mem_get_info()
    picture = free // 8

    def work(start: int, stop: int) -> int:
        torch.empty((stop - start) * picture, dtype=torch.uint8, device="cuda")
        return stop - start

    halving = Halving()
    parts = halving.run(work, 16)
    assert sum(parts) == 16
    assert halving.most is not None
