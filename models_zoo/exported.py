"""torch.export programs (.pt2), loaded only if loading runs nothing of the file's own.

`torch.export.load` falls back to full unpickling in several places, evaluates size expressions as Python and
resolves operators by name. So the archive is read with the standard library first, and refused unless it has only
plain tensors, ATen operators and arithmetic on sizes. The checksum on the card stays the first guard: this is
the second, for a roster that was taken over from somebody else.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import torch
import torch.fx
from torch import Tensor, nn
from torch.export.passes import move_to_device_pass

from models_zoo.features import WithFeatures


class UnsafeProgramError(ValueError):
    """The archive is no exported program of plain tensors and ATen operators; the text says what stands out."""


# Inside the archive's one top folder.
_HARMLESS = re.compile(
    r"archive_(format|version)|byteorder|\.data/\w+|\.format_version|\.storage_alignment"
    r"|models/[\w.-]+\.json|data/sample_inputs/[\w.-]+\.pt|extra/.*"
    r"|data/weights/(weight_\d+|[\w.-]+_weights_config\.json)"
    r"|data/constants/(tensor_\d+|[\w.-]+_constants_config\.json)"
)
_OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?!from_file\b)\w+\.\w+|torch\.sym_\w+"
    r"|_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pow|eq|ne|lt|le|gt|ge|and_|or_)"
)
_SIZE_FUNCTIONS = frozenset(  # as sympy's srepr writes them
    {"Symbol", "Integer", "Rational", "Add", "Mul", "Pow", "Min", "Max", "Mod", "PythonMod", "FloorDiv", "CleanDiv"}
    | {"CeilDiv", "IntTrueDiv", "Equality", "Unequality", "LessThan", "GreaterThan", "StrictLessThan"}
    | {"StrictGreaterThan", "And", "Or", "Not"}
)
_SIZE_NODES = (
    ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare,
    ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict")


def load(data: bytes, device: torch.device) -> nn.Module:
    """The network of the .pt2 archive `data`, on `device`; maps [N, C, H, W] to [N, outputs] logits.

    Raises `UnsafeProgramError` for an archive from which loading could run code, and torch's own errors for a
    damaged one.
    """
    check(data)
    program = torch.export.load(io.BytesIO(data))
    if device.type != "cpu":
        program = move_to_device_pass(program, device)
    return program.module(check_guards=False)  # guards are Python text that would be executed


class _TwoOutputs(WithFeatures):
    """A program whose graph has two results."""

    def __init__(self, program: nn.Module, width: int) -> None:
        super().__init__()
        self.program = program
        self.width = width

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        logits, features = self.program(pictures)
        return logits, features


class _VectorsAlone(WithFeatures):
    """An encoder, which has no logits: its vectors are the features."""

    def __init__(self, program: nn.Module, width: int) -> None:
        super().__init__()
        self.program = program
        self.width = width

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        vectors: Tensor = self.program(pictures)
        return vectors.new_zeros((vectors.shape[0], 0)), vectors


def with_features(net: nn.Module) -> WithFeatures | None:
    """A program out of `load`, giving (what it gave, features [N, D]) in one forward; it shares the weights of `net`.

    The features are the input of the linear layer that makes the one output, perhaps through a softmax or a
    sigmoid. `None` where the program ends in another way, for then nothing says which numbers are features.
    """
    if not isinstance(net, torch.fx.GraphModule):
        return None
    result = _only_result(net)
    features = _before_last_layer(result)
    if result is None or features is None:
        return None
    return _TwoOutputs(_plain(net, (result, features)), int(features.meta["val"].shape[1])).eval()


def encoder(net: nn.Module) -> nn.Module:
    """An encoder out of `load`, as a plain module of one argument and one result; it shares the weights of `net`.

    Raises `ValueError` where the program takes or gives anything else.
    """
    result = _only_result(net) if isinstance(net, torch.fx.GraphModule) else None
    if not isinstance(net, torch.fx.GraphModule) or result is None:
        raise ValueError("the program should take one tensor and give one, its vectors; export it so")
    return _plain(net, result).eval()


def vectors_alone(net: nn.Module, width: int) -> WithFeatures:
    """`encoder`, giving (logits [N, 0], vectors [N, `width`]) as a network with features does. Raises `ValueError`."""
    return _VectorsAlone(encoder(net), width).eval()


def _only_result(net: torch.fx.GraphModule) -> Any:
    """What the one result of a program with one argument is made by; `None` where it has more of either."""
    end = next(node for node in net.graph.nodes if node.op == "output")
    inputs = [node for node in net.graph.nodes if node.op == "placeholder"]
    results = end.args[0] if isinstance(end.args[0], list | tuple) else [end.args[0]]
    return results[0] if len(results) == len(inputs) == 1 else None


def _plain(net: torch.fx.GraphModule, results: Any) -> nn.Module:
    """The graph of plain arguments and `results` (nodes of it), without the exported program's packing of them."""
    graph = torch.fx.Graph()
    copies: dict[torch.fx.Node, torch.fx.Node] = {}
    graph.graph_copy(net.graph, copies)
    graph.output(torch.fx.map_arg(results, copies.__getitem__))
    return torch.fx.GraphModule(net, graph)


def _before_last_layer(result: Any) -> torch.fx.Node | None:
    """The input [N, D] of the linear layer that makes `result`, if it is made by one."""
    node = result
    aten = torch.ops.aten
    while isinstance(node, torch.fx.Node) and node.target in (aten.softmax.int, aten.sigmoid.default):
        node = node.args[0]
    if not isinstance(node, torch.fx.Node) or node.target != aten.linear.default:
        return None
    features = node.args[0]
    value = features.meta.get("val") if isinstance(features, torch.fx.Node) else None
    if not isinstance(features, torch.fx.Node) or not isinstance(value, Tensor) or value.ndim != 2:
        return None
    return features


def check(data: bytes) -> None:
    """Raises `UnsafeProgramError` unless loading `data` touches only plain tensors, sizes and ATen operators."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive)
            for inner, name in members.items():
                if inner.startswith("models/"):
                    _check_program(json.loads(archive.read(name)))
                elif inner.endswith("_config.json"):
                    _check_payloads(json.loads(archive.read(name)))
                elif inner.startswith("data/sample_inputs/"):
                    # torch.load unpickles this fully where the safe way fails, so it must not fail
                    torch.load(io.BytesIO(archive.read(name)), weights_only=True)
    except zipfile.BadZipFile as error:
        raise UnsafeProgramError(f"the file is no .pt2 archive: {error}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """The archive's members: name inside its one top folder, and full name."""
    members: dict[str, str] = {}
    for name in archive.namelist():
        inner = name.partition("/")[2]
        if inner in members or not _HARMLESS.fullmatch(inner):
            raise UnsafeProgramError(f"the archive has a member that isn't loaded here: {name!r}")
        members[inner] = name
    if not any(inner.startswith("models/") for inner in members):
        raise UnsafeProgramError("the archive has no exported program (models/….json)")
    return members


def _check_payloads(config: dict[str, Any]) -> None:
    for key, payload in config["config"].items():
        if payload.get("use_pickle") is not False:
            raise UnsafeProgramError(f"{key!r} is stored as a pickle")


def _check_program(program: Any) -> None:
    for key, value in _entries(program):
        if key in ("target", "as_operator") and isinstance(value, str) and not _OPERATOR.fullmatch(value):
            raise UnsafeProgramError(f"the operator {value!r} isn't one of ATen's")
        if key == "expr_str":
            _check_size(value)
        if key in ("in_spec", "out_spec") and value:
            _check_tree(value)


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of every object in a JSON value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item.items()
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_size(text: str) -> None:
    """A size is a formula of integers, symbols and a few functions: torch hands it to sympy, which evaluates it."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError) as error:
        raise UnsafeProgramError(f"{text!r} is no formula of sizes") from error
    for node in nodes:
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        word = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "s"
        if (
            not isinstance(node, _SIZE_NODES)
            or (isinstance(node, ast.Call) and called not in _SIZE_FUNCTIONS)
            or not re.fullmatch(r"[a-z]\w*", word)
        ):
            raise UnsafeProgramError(f"{text!r} is no formula of sizes")


def _check_tree(text: str) -> None:
    """The shape of arguments and results: only plain containers, for torch imports other classes by name."""
    for key, value in _entries(json.loads(text)):
        if (key == "type" and value not in _CONTAINERS) or (isinstance(value, str) and "__enum__" in value):
            raise UnsafeProgramError(f"the program's arguments have the container {value!r}")
