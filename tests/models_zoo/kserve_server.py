"""A small server of the Open Inference Protocol (KServe v2) over HTTP: one network, JSON and binary tensors.

`python -m tests.models_zoo.kserve_server --port 8000` serves a digits network drawn by a seed, for trying things out.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from models_zoo import digits_nets, registry  # noqa: F401  (registers its networks)

Floats = npt.NDArray[np.float32]
LENGTH = "Inference-Header-Content-Length"


@dataclass
class Model:
    """What is served, and how the server misbehaves meanwhile."""

    net: nn.Module
    shape: tuple[int, ...]
    outputs: int
    name: str = "digits"
    version: str = "1"
    input_name: str = "pictures"
    output_name: str = "logits"
    datatype: str = "FP32"
    binary: bool = True
    token: str = ""
    ready: bool = True
    delay: float = 0.0  # seconds before an inference
    busy: int = 0  # how many of the next inferences are answered with `busy_status`
    busy_status: int = 503
    redirect: str = ""
    change: Callable[[Floats], Floats] = field(default=lambda outputs: outputs)  # of what the network gave
    padding: int = 0  # bytes of nonsense in an answer
    requests: list[tuple[str, int]] = field(default_factory=list)  # (`json` or `binary`, pictures) of each inference

    def infer(self, values: Floats) -> Floats:
        with torch.inference_mode():
            outputs: Floats = self.net(torch.from_numpy(values.copy())).numpy()
        return self.change(outputs)


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Model

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class calls it so)
        return

    def do_GET(self) -> None:
        self._answer(self._describe)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(lambda: self._infer(body))

    def _answer(self, work: Callable[[], tuple[bytes, dict[str, str]]]) -> None:
        try:
            self._check_token()
            status, (body, headers) = 200, work()
        except Refused as refusal:
            status, body, headers = refusal.status, json.dumps({"error": str(refusal)}).encode(), {}
        if status in (301, 307):
            headers["Location"] = self.model.redirect
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _check_token(self) -> None:
        if self.model.token and self.headers.get("Authorization") != f"Bearer {self.model.token}":
            raise Refused(401, "a token is needed")

    def _model_path(self) -> str:
        """What follows the model's own path; 404 for another model or version."""
        own = f"/v2/models/{self.model.name}"
        for prefix in (f"{own}/versions/{self.model.version}", own):
            rest = self.path.removeprefix(prefix)
            if rest != self.path and (rest == "" or rest.startswith("/")):
                return rest
        raise Refused(404, f"there is no model at {self.path}")

    def _describe(self) -> tuple[bytes, dict[str, str]]:
        model = self.model
        if model.redirect:
            raise Refused(307, "elsewhere")
        if self.path == "/v2":
            extensions = ["binary_tensor_data"] if model.binary else []
            return _json({"name": "test", "version": "1.0", "extensions": extensions})
        if self.path in ("/v2/health/live", "/v2/health/ready"):
            return b"", {}
        rest = self._model_path()
        if rest == "/ready":
            if not model.ready:
                raise Refused(400, "the model is loading")
            return b"", {}
        if rest:
            raise Refused(404, f"there is nothing at {self.path}")
        tensors = {
            "inputs": [{"name": model.input_name, "datatype": model.datatype, "shape": [-1, *model.shape]}],
            "outputs": [{"name": model.output_name, "datatype": "FP32", "shape": [-1, model.outputs]}],
        }
        return _json({"name": model.name, "versions": [model.version], "platform": "pytorch", **tensors})

    def _infer(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        if self._model_path() != "/infer":
            raise Refused(404, f"there is nothing at {self.path}")
        if self.model.busy:
            self.model.busy -= 1
            raise Refused(self.model.busy_status, "the queue is full")
        time.sleep(self.model.delay)
        length = int(self.headers.get(LENGTH, len(body)))
        request = json.loads(body[:length])
        [tensor] = request["inputs"]
        if tensor["name"] != self.model.input_name or tensor["datatype"] != "FP32":
            raise Refused(400, f"the input is {self.model.input_name}, in FP32")
        size = tensor.get("parameters", {}).get("binary_data_size")
        flat = np.asarray(tensor["data"], np.float32) if size is None else np.frombuffer(body[length:], "<f4")
        if tuple(tensor["shape"][1:]) != self.model.shape or flat.size != np.prod(tensor["shape"]):
            raise Refused(400, f"the input has the shape {self.model.shape}")
        self.model.requests.append(("json" if size is None else "binary", tensor["shape"][0]))
        outputs = self.model.infer(flat.reshape(tensor["shape"]).astype(np.float32))
        [wanted] = request["outputs"]
        return self._result(outputs, binary=bool(wanted.get("parameters", {}).get("binary_data")))

    def _result(self, outputs: Floats, *, binary: bool) -> tuple[bytes, dict[str, str]]:
        tensor: dict[str, Any] = {"name": self.model.output_name, "datatype": "FP32", "shape": list(outputs.shape)}
        document = {"model_name": self.model.name, "model_version": self.model.version, "outputs": [tensor]}
        if self.model.padding:
            document["id"] = "x" * self.model.padding
        if not binary:
            tensor["data"] = outputs.ravel().tolist()
            return _json(document)
        tensor["parameters"] = {"binary_data_size": outputs.nbytes}
        text, _ = _json(document)
        return text + outputs.astype("<f4").tobytes(), {
            "Content-Type": "application/octet-stream",
            LENGTH: str(len(text)),
        }


def _json(value: Any) -> tuple[bytes, dict[str, str]]:
    return json.dumps(value).encode(), {}


def digits_model(architecture: str = "digits_conv", *, seed: int = 0) -> Model:
    """A digits network drawn by `seed`: [N, 1, 20, 20] to ten logits."""
    torch.manual_seed(seed)
    return Model(net=registry.build(architecture, 10).eval(), shape=(1, 20, 20), outputs=10)


class _Server(ThreadingHTTPServer):
    """Closes its open connections with itself, and takes it calmly when a client hangs up."""

    def __init__(self, port: int, handler: type[_Handler]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self._open: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(model: Model, *, port: int = 0) -> Iterator[str]:
    """Serves `model` in a thread; gives the address."""
    handler = type("Handler", (_Handler,), {"model": model})
    with _Server(port, handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a digits network over the Open Inference Protocol.")
    parser.add_argument("--port", type=int, default=8000)
    with serving(digits_model(), port=parser.parse_args().port) as address:
        print(f"{address}: model digits, version 1; Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
