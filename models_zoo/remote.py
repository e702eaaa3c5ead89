"""A classifier behind a server that speaks the Open Inference Protocol (KServe v2) over HTTP, such as Triton.

Pictures are prepared here, so that a remote classifier sees the same pixels as a local one. What can't be done for it
is to verify its weights: a server may change them under an unchanged name. Source of the protocol:
kserve/open-inference-protocol, inference_rest.md, and its binary tensor data extension.
"""

from __future__ import annotations

import json
import math
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from models_zoo.calibration import probabilities_numpy
from models_zoo.errors import ClassifierError
from models_zoo.remote_http import Answer, Connection, Patience
from models_zoo.spec import CHANNELS, NONE, ClassifierSpec

Floats = npt.NDArray[np.float32]

ENDPOINTS = "REMOTE_CLASSIFIERS"
TOKENS = "REMOTE_CLASSIFIER_TOKENS"

_HEADER_LENGTH = "Inference-Header-Content-Length"
_BINARY_EXTENSIONS = frozenset({"binary_tensor_data", "binary_data"})
_METADATA_LIMIT = 1 << 20
_JSON_NUMBER = 32  # bytes, at most, of a number in a JSON answer
_TOLERANCE = 1e-4  # a sum of rounded float32 may be that far outside [0, 1]
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class EndpointError(ValueError):
    """The environment doesn't say where remote classifiers are; the text names the variable and how to mend it."""


@dataclass(frozen=True)
class Endpoint:
    """Where an alias leads, and the bearer token to show there (empty for none)."""

    url: str
    token: str = field(default="", repr=False)


def remote_endpoints(environ: Mapping[str, str]) -> dict[str, Endpoint]:
    """By alias, out of `REMOTE_CLASSIFIERS` ("alias=http://host:8000,…") and `REMOTE_CLASSIFIER_TOKENS`
    ("alias=token,…"). Empty where the first isn't set. Raises `EndpointError`."""
    urls = _pairs(environ, ENDPOINTS)
    tokens = _pairs(environ, TOKENS)
    for alias, url in urls.items():
        _check_url(alias, url)
    for alias, token in tokens.items():
        if alias not in urls:
            raise EndpointError(f"{TOKENS} has a token for {alias!r}, which isn't in {ENDPOINTS}")
        if not _PRINTABLE.fullmatch(token):
            raise EndpointError(f"{TOKENS}: the token of {alias!r} should be of printable ASCII without spaces")
    return {alias: Endpoint(url.rstrip("/"), tokens.get(alias, "")) for alias, url in urls.items()}


def _pairs(environ: Mapping[str, str], variable: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for number, entry in enumerate(filter(None, (part.strip() for part in environ.get(variable, "").split(","))), 1):
        alias, equals, value = (part.strip() for part in entry.partition("="))
        if not (alias and equals and value):  # the entry isn't shown, for it may be a token
            raise EndpointError(f"{variable}: entry {number} should be alias=value, entries parted by commas")
        if alias in pairs:
            raise EndpointError(f"{variable}: {alias!r} stands there twice; each must be there once")
        pairs[alias] = value
    return pairs


def _check_url(alias: str, url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and _PRINTABLE.fullmatch(url)
    except ValueError:
        usable = None
    if not usable or parts.query or parts.fragment:
        raise EndpointError(f"{ENDPOINTS}: {url!r} of {alias!r} should be an address such as http://host:8000")
    if "@" in parts.netloc:
        raise EndpointError(f"{ENDPOINTS}: the address of {alias!r} has a password in it; use {TOKENS}")


class RemoteClassifier:
    """A remote classifier that was asked what it is, and is what its card says. For one thread."""

    def __init__(
        self, spec: ClassifierSpec, endpoint_url: str, token: str = "", *, patience: Patience | None = None
    ) -> None:
        """Asks the server whether the model is ready, and for its inputs and outputs.

        Raises `ClassifierError` where it can't be reached, isn't ready, or differs from the card.
        """
        if spec.remote is None:
            raise ClassifierError(f"classifier {spec.name!r} is of family {spec.family!r}, not remote")
        self.spec = spec
        self._remote = spec.remote
        self._who = f"classifier {spec.name!r}: the server of endpoint {spec.remote.endpoint!r}"
        patience = patience or Patience()
        self._connection = Connection(endpoint_url, token, who=self._who, patience=patience)
        model, version = (urllib.parse.quote(part, safe="") for part in (spec.remote.model, spec.remote.version))
        self._path = f"/v2/models/{model}" + (f"/versions/{version}" if version else "")
        self._binary = self._has_binary()
        self._check_ready()
        self._check_metadata()

    def probabilities(self, batch: Floats) -> Floats:
        """float32 [N, outputs] for normalised pictures [N, C, H, W], calibrated as the card says.

        In requests of at most `max_batch` pictures. NaN is passed on as it is. Raises `ClassifierError` where the
        server doesn't answer, or answers something else.
        """
        step = self._remote.max_batch
        parts = [self._infer(batch[start : start + step]) for start in range(0, len(batch), step)]
        outputs = np.concatenate(parts) if parts else np.zeros((0, self.spec.outputs), dtype=np.float32)
        values = probabilities_numpy(outputs, self.spec)
        if self.spec.activation != NONE:
            return values
        if ((values < -_TOLERANCE) | (values > 1 + _TOLERANCE)).any():
            raise self._error(
                "gives numbers outside of 0 to 1, and its card says activation 'none'; if they are logits, the card"
                " should say 'softmax' or 'sigmoid'"
            )
        return values.clip(0, 1)

    def _error(self, text: str) -> ClassifierError:
        return ClassifierError(f"{self._who} {text}")

    def _json(self, answer: Answer, what: str) -> dict[str, Any]:
        try:
            value = json.loads(answer.body)
        except ValueError as error:
            raise self._error(f"gave {what} that isn't JSON: {answer.words}") from error
        if not isinstance(value, dict):
            raise self._error(f"gave {what} that isn't an object: {answer.words}")
        return value

    def _has_binary(self) -> bool:
        answer = self._connection.ask("/v2", limit=_METADATA_LIMIT)
        if answer.status != 200:
            raise self._error(f"doesn't speak the protocol (GET /v2: {answer.words}); see REMOTE_CLASSIFIERS")
        extensions = self._json(answer, "a description of itself").get("extensions") or ()
        return bool(_BINARY_EXTENSIONS.intersection(extensions))

    def _check_ready(self) -> None:
        answer = self._connection.ask(f"{self._path}/ready", limit=_METADATA_LIMIT)
        if answer.status != 200:
            version = f" in version {self._remote.version!r}" if self._remote.version else ""
            raise self._error(
                f"has no model {self._remote.model!r}{version} that is ready ({answer.words}); see the card's model and"
                " version, and the server's log"
            )

    def _check_metadata(self) -> None:
        """Names, shapes and datatypes, as the server says, against the card."""
        answer = self._connection.ask(self._path, limit=_METADATA_LIMIT)
        if answer.status != 200:
            raise self._error(f"doesn't describe the model: {answer.words}")
        metadata = self._json(answer, "a description of the model")
        width, height = self.spec.input.size
        picture = (CHANNELS[self.spec.input.colour], height, width)
        self._check_tensor(metadata, "input", self._remote.input_name, picture)
        self._check_tensor(metadata, "output", self._remote.output_name, (self.spec.outputs,))
        others = [one.get("name") for one in metadata["inputs"] if one.get("name") != self._remote.input_name]
        if others:
            raise self._error(f"has a model that needs more inputs than pictures: {others}")

    def _check_tensor(self, metadata: dict[str, Any], kind: str, name: str, inner: tuple[int, ...]) -> None:
        tensors = metadata.get(f"{kind}s")
        if not isinstance(tensors, list) or not all(isinstance(tensor, dict) for tensor in tensors):
            raise self._error(f"describes no {kind}s of the model")
        found = next((tensor for tensor in tensors if tensor.get("name") == name), None)
        if found is None:
            raise self._error(
                f"has a model without the {kind} {name!r}; it has: {[tensor.get('name') for tensor in tensors]}; see"
                f" the card's {kind}_name"
            )
        if found.get("datatype") != "FP32":
            raise self._error(f"has the {kind} {name!r} as {found.get('datatype')}; only FP32 can be used")
        shape = found.get("shape")
        first = (-1, 1) if self._remote.max_batch == 1 else (-1,)
        if (
            not isinstance(shape, list)
            or len(shape) != len(inner) + 1
            or shape[0] not in first
            or any(has not in (-1, wants) for has, wants in zip(shape[1:], inner, strict=True))
        ):
            raise self._error(
                f"has the {kind} {name!r} in the shape {shape}; the card needs {[-1, *inner]} (-1: any number)"
            )

    def _infer(self, batch: Floats) -> Floats:
        body, headers = self._request(batch)
        numbers = len(batch) * self.spec.outputs
        limit = _METADATA_LIMIT + numbers * _JSON_NUMBER
        answer = self._connection.ask(f"{self._path}/infer", body=body, headers=headers, limit=limit)
        if answer.status != 200:
            raise self._error(f"refused a batch of {len(batch)} pictures: {answer.words}")
        return self._outputs(answer, len(batch))

    def _request(self, batch: Floats) -> tuple[bytes, dict[str, str]]:
        values = np.ascontiguousarray(batch, dtype="<f4")
        tensor: dict[str, Any] = {
            "name": self._remote.input_name,
            "shape": list(values.shape),
            "datatype": "FP32",
        }
        output: dict[str, Any] = {"name": self._remote.output_name}
        if not self._binary:
            tensor["data"] = values.ravel().tolist()
            text = json.dumps({"inputs": [tensor], "outputs": [output]}).encode("ascii")
            return text, {"Content-Type": "application/json"}
        tensor["parameters"] = {"binary_data_size": values.nbytes}
        output["parameters"] = {"binary_data": True}
        text = json.dumps({"inputs": [tensor], "outputs": [output]}).encode("ascii")
        headers = {"Content-Type": "application/octet-stream", _HEADER_LENGTH: str(len(text))}
        return text + values.tobytes(), headers

    def _outputs(self, answer: Answer, count: int) -> Floats:
        """The output [count, outputs] of an answer, in JSON or binary, whichever the server chose."""
        length = answer.headers.get(_HEADER_LENGTH.lower(), "")
        cut = int(length) if length.isdecimal() else len(answer.body)
        document = self._json(Answer(answer.status, answer.headers, answer.body[:cut]), "an answer")
        tensors = document.get("outputs")
        place = cut
        for tensor in tensors if isinstance(tensors, list) else ():
            if not isinstance(tensor, dict):
                continue
            parameters = tensor.get("parameters")
            size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
            raw = answer.body[place : place + size] if isinstance(size, int) and size >= 0 else None
            place += len(raw or b"")
            if tensor.get("name") == self._remote.output_name:
                return self._array(tensor, raw, (count, self.spec.outputs))
        raise self._error(f"gave an answer without the output {self._remote.output_name!r}")

    def _array(self, tensor: dict[str, Any], raw: bytes | None, shape: tuple[int, int]) -> Floats:
        if tensor.get("datatype") != "FP32" or tensor.get("shape") != list(shape):
            raise self._error(
                f"gave an output of {tensor.get('datatype')} in the shape {tensor.get('shape')}; FP32 in the shape"
                f" {list(shape)} was asked for"
            )
        try:
            values = np.frombuffer(raw, "<f4") if raw is not None else np.asarray(tensor.get("data"), np.float32)
        except (TypeError, ValueError) as error:
            raise self._error("gave an output that isn't numbers") from error
        if values.size != math.prod(shape):
            raise self._error(f"gave {values.size} numbers for the shape {list(shape)}")
        return values.reshape(shape).astype(np.float32)
