"""Classifiers run by ONNX Runtime: up to four times as fast as torch on a processor.

The graph is exported once out of the loaded torch network, kept in a folder, and at every load compared with
torch, which stays the reference: a graph that gives other numbers isn't used.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from models_zoo import calibration
from models_zoo.batch import Batch
from models_zoo.classifier import Classifier, Outputs, Pending
from models_zoo.preprocess import geometry, normalise
from models_zoo.samples import sample_inputs
from models_zoo.spec import ClassifierSpec

logger = logging.getLogger(__name__)

TOLERANCE = 1e-4  # of a probability, and of features of length 1; what is seen is about 1e-6
_TALKERS = ("onnx_ir", "onnxscript", "torch.onnx")  # they log each step of an export
_FORMAT = 1  # raise it when the graph that is exported here changes
_BATCHES = (1, 3)  # sizes that are compared, beside all samples at once


class OnnxUnfitError(RuntimeError):
    """A classifier can't be run by ONNX Runtime, or gives other numbers there; the text says why."""


class _FromPixels(nn.Module):
    """uint8 [N, height, width, channels] to what `net` gives; resized pictures go in, a quarter of the bytes."""

    def __init__(self, net: nn.Module, spec: ClassifierSpec) -> None:
        super().__init__()
        self.net = net
        self._input = spec.input

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        found: Tensor | tuple[Tensor, Tensor] = self.net(normalise(pixels, self._input, torch.contiguous_format))
        return found


class OnnxClassifier:
    """A classifier in an ONNX Runtime session on the processor."""

    def __init__(self, spec: ClassifierSpec, path: Path, *, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Each session has threads of its own; those that wait by turning round take the cores from the next classifier.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self.spec = spec
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def start(self, batch: Batch) -> Pending:
        """Runs the forward pass at once."""
        found = self._session.run(self._outputs, {"pixels": batch.array(self.spec.input)})
        active = calibration.probabilities_numpy(found[0], self.spec)
        done = Outputs(active, found[1] if len(found) > 1 else None)
        return lambda: done


def onnx_classifier(reference: Classifier, cache_dir: Path, *, threads: int) -> OnnxClassifier:
    """`reference` (on the processor, float32) by ONNX Runtime, its graph out of `cache_dir` or written there.

    Raises `OnnxUnfitError` where it can't be exported, or `difference` is more than `TOLERANCE`.
    """
    spec = reference.spec
    path = graph_path(spec, cache_dir)
    try:
        if not path.exists():
            _export(reference, path)
        classifier = OnnxClassifier(spec, path, threads=threads)
        apart = difference(reference, classifier)
    except Exception as error:  # an exporter and a runtime that raise anything; torch can run it all the same
        raise OnnxUnfitError(f"{type(error).__name__}: {error}") from error
    if not apart <= TOLERANCE:
        raise OnnxUnfitError(f"its numbers are up to {apart:.2g} from torch's; at most {TOLERANCE} is taken")
    return classifier


def graph_path(spec: ClassifierSpec, cache_dir: Path) -> Path:
    """Where the graph of `spec` is kept: named by all that could change it."""
    versions = f"torch{torch.__version__}-onnxruntime{onnxruntime.__version__}-{_FORMAT}"
    return cache_dir / f"{spec.digest[:40]}-{versions}.onnx"


def difference(reference: Classifier, other: OnnxClassifier) -> float:
    """The largest difference between two probabilities over the sample inputs, in batches of several sizes; or between
    two features, as a share of their length.

    NaN where one of them gives no finite number.
    """
    spec = reference.spec
    samples = sample_inputs(spec.input)
    apart = 0.0
    for size in (*_BATCHES, len(samples)):
        batch = Batch({geometry(spec.input): samples[:size]})
        ours, theirs = reference.start(batch)(), other.start(batch)()
        step = np.abs(ours.probabilities - theirs.probabilities).max(initial=0)  # a joint card has none
        apart = float(np.maximum(np.maximum(apart, step), _features_apart(ours, theirs)))
    return apart


def _features_apart(ours: Outputs, theirs: Outputs) -> float:
    if ours.features is None or theirs.features is None:
        return 0.0 if ours.features is theirs.features else float("nan")
    lengths = np.linalg.norm(ours.features, axis=1)
    scale = np.maximum(lengths, max(1e-3 * lengths.max(), 1e-12))  # a picture may have next to no features
    return float((np.linalg.norm(ours.features - theirs.features, axis=1) / scale).max())


def _export(reference: Classifier, path: Path) -> None:
    """Writes the graph of `reference` to `path`, whole or not at all."""
    started = time.monotonic()
    spec = reference.spec
    for name in _TALKERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    width, height = spec.input.size
    sample = torch.zeros((2, height, width, len(spec.input.mean)), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own: of deprecations inside torch
        program = torch.onnx.export(
            _FromPixels(reference.net, spec),
            (sample,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            input_names=["pixels"],
            output_names=["logits", "features"] if reference.has_features else ["logits"],
            verbose=False,
        )
    if program is None:
        raise OnnxUnfitError("the exporter gave no program")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        # Of a network beyond two gigabytes the weights would lie in a second file; there torch goes on.
        draft = Path(folder) / "graph.onnx"
        program.save(str(draft), external_data=False)
        draft.replace(path)
    logger.info("exported classifier %s for ONNX Runtime in %.1f s", spec.name, time.monotonic() - started)
