"""Joint text-image cards: what they say, what is refused, and that words find the pictures they mean."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models_zoo.batch import Batch
from models_zoo.classifier import ClassifierError, load_classifier
from models_zoo.digits_data import load_scans, render, split_in_halves
from models_zoo.joint import load_texts
from models_zoo.loading import ONNXRUNTIME, Compute, load
from models_zoo.preprocess import geometry, pixels
from models_zoo.roster import RosterError, read_entries, read_joint
from models_zoo.spec import ClassifierSpec
from tests.models_zoo.joint_model import CONTEXT, DIMENSIONS, INPUT, NAMES, SEED, program, write_joint

CPU = torch.device("cpu")


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_words_find_the_digits_they_name_among_pictures_that_were_never_seen(tmp_path: Path) -> None:
    spec = read_joint(write_joint(tmp_path), tmp_path)
    scans, digits = load_scans()
    _, target = split_in_halves(digits, seed=SEED)
    batch = Batch({geometry(INPUT): np.stack([pixels(render(scans[index]), INPUT) for index in target])})
    pictures = load(spec, tmp_path, Compute(CPU)).start(batch)()
    texts = load_texts(spec, tmp_path).embed(NAMES)
    assert (pictures.probabilities.shape, texts.vectors.shape) == ((len(target), 0), (10, DIMENSIONS))
    assert pictures.features is not None
    cosines = unit(texts.vectors) @ unit(pictures.features).T
    truth = np.array([digits[index] for index in target])
    precision_at_10 = np.mean([truth[np.argsort(-row)[:10]] == digit for digit, row in enumerate(cosines)])
    assert precision_at_10 >= 0.9  # chance is 0.1


def test_onnx_runtime_gives_the_same_vectors_of_pictures(tmp_path: Path) -> None:
    spec = read_joint(write_joint(tmp_path), tmp_path)
    batch = Batch({geometry(INPUT): np.random.default_rng(0).integers(0, 256, (5, 20, 20, 1), dtype=np.uint8)})
    by_torch = load_classifier(spec, tmp_path, CPU).start(batch)()
    by_onnx = load(spec, tmp_path, Compute(CPU, backend=ONNXRUNTIME, cache_dir=tmp_path / "graphs")).start(batch)()
    assert list((tmp_path / "graphs").glob("*.onnx"))
    np.testing.assert_allclose(by_onnx.features, by_torch.features, atol=1e-4)


def test_a_text_beyond_the_context_is_cut_and_said_to_be(tmp_path: Path) -> None:
    texts = load_texts(read_joint(write_joint(tmp_path), tmp_path), tmp_path)
    whole = "a picture of the number one"
    found = texts.embed([whole, f"{whole} and nine", "", whole])
    assert found.cut == [False, True, False, False]
    np.testing.assert_array_equal(found.vectors[1], found.vectors[0])
    assert texts.embed([]).vectors.shape == (0, DIMENSIONS)
    np.testing.assert_allclose(texts.embed([whole] * 40).vectors, np.tile(found.vectors[:1], (40, 1)), atol=1e-5)


def test_a_card_comes_back_out_of_a_message_and_its_digest_is_of_what_changes_its_numbers(tmp_path: Path) -> None:
    spec = read_joint(write_joint(tmp_path), tmp_path)
    assert ClassifierSpec.from_dict(json.loads(json.dumps(spec.to_dict(with_labels=False)))) == spec
    others = [
        read_joint(write_joint(tmp_path, change), tmp_path)
        for change in (
            ('"digits and', '"scans and'),
            ("context = 6", "context = 5"),
            ("context = 6", "context = 6\npad = 1"),
        )
    ]
    assert [other.digest == spec.digest for other in others] == [True, False, False]


REFUSED = {
    "a missing file": (("text.pt2", "none.pt2"), "text.weights: 'none.pt2' can't be read from the folder"),
    "a missing tokenizer": (("tokenizer.json", "none.json"), "text.tokenizer: 'none.json' can't be read"),
    "another checksum": (
        ("context", 'tokenizer_sha256 = "' + "0" * 64 + '"\ncontext'),
        "text.tokenizer_sha256: the file",
    ),
    "a path out of the folder": (("text.pt2", "../text.pt2"), "text.weights: '../text.pt2' should be a plain path"),
    "too many dimensions": (("= 16", "= 4001"), "dimensions: should be at most 4000, is 4001"),
    "no context": (("context = 6", ""), "text.context: is missing"),
    "an activation": (("dimensions", 'activation = "softmax"\ndimensions'), "activation: a joint card has none"),
    "an unknown key": (("context = 6", "context = 6\ncontxt = 7"), "text.contxt: is an unknown key"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_card_that_cannot_be_right_is_refused(tmp_path: Path, why: str) -> None:
    change, message = REFUSED[why]
    with pytest.raises(RosterError, match=r"joint\.toml") as refusal:
        read_joint(write_joint(tmp_path, change), tmp_path)
    assert message in str(refusal.value)


def test_a_joint_card_is_no_member_of_a_roster_and_a_classifier_no_joint_card(tmp_path: Path) -> None:
    path = write_joint(tmp_path)
    with pytest.raises(RosterError, match=r"can't be in a roster; put it on an edition with manage\.py joint_card"):
        read_entries(path, tmp_path)
    path.write_text(path.read_text() * 2, encoding="utf-8")
    with pytest.raises(RosterError, match=r"should have one \[\[classifier\]\] table, of family 'joint'"):
        read_joint(path, tmp_path)


class Wide(nn.Module):
    def forward(self, ids: Tensor) -> Tensor:
        return torch.ones(ids.shape[0], DIMENSIONS + 1) * ids.shape[1]


class Two(nn.Module):
    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        return ids.float(), ids.float()


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(3, DIMENSIONS)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids).sum(1)


UNFIT = {
    "another shape": (
        Wide(),
        r"\(text.pt2\): gives an output of shape \(2, 17\) for two texts; its card says \(2, 16\)",
    ),
    "two results": (Two(), "should take one tensor and give one"),
    "fewer tokens": (Small(), "the tokenizer has a token that the text encoder doesn't know"),
}


@pytest.mark.parametrize("why", UNFIT)
def test_a_text_encoder_that_does_not_fit_is_refused(tmp_path: Path, why: str) -> None:
    net, message = UNFIT[why]
    path = write_joint(tmp_path)
    (tmp_path / "text.pt2").write_bytes(program(net, torch.zeros(2, CONTEXT, dtype=torch.int64)))
    with pytest.raises(ClassifierError, match=message):
        load_texts(read_joint(path, tmp_path), tmp_path)


def test_an_image_encoder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = write_joint(tmp_path, ("dimensions = 16", "dimensions = 15"))
    with pytest.raises(ClassifierError, match=r"\(image.pt2\): gives an output of shape \(2, 16\) for two pictures"):
        load_classifier(read_joint(path, tmp_path), tmp_path, CPU)


def test_files_that_are_something_else_or_were_changed_are_refused(tmp_path: Path) -> None:
    path = write_joint(tmp_path)
    spec = read_joint(path, tmp_path)
    (tmp_path / "text.pt2").write_bytes(b"another")
    with pytest.raises(ClassifierError, match=r"the file 'text\.pt2' has the checksum"):
        load_texts(spec, tmp_path)
    buffer = io.BytesIO()
    torch.save({"a": 1}, buffer)
    (tmp_path / "text.pt2").write_bytes(buffer.getvalue())
    with pytest.raises(ClassifierError, match=r"\(text.pt2\): the archive has a member that isn't loaded here"):
        load_texts(read_joint(path, tmp_path), tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ClassifierError, match=r"\(tokenizer.json\): no tokenizer.json of the tokenizers library"):
        load_texts(read_joint(path, tmp_path), tmp_path)


def test_a_caller_that_cannot_import_it_gets_the_card_or_what_is_wrong(tmp_path: Path) -> None:
    path = write_joint(tmp_path)
    command = [sys.executable, "-m", "models_zoo.joint", str(path), "--classifiers-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"card": read_joint(path, tmp_path).to_dict()}
    (tmp_path / "image.pt2").write_bytes(b"another")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "(image.pt2): the file is no .pt2 archive" in done.stderr
