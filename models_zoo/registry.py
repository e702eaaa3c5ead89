"""Our own networks, by the name that a card calls them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

Builder = Callable[[int], nn.Module]
"""Takes the number of outputs; gives a fresh network that maps [N, C, H, W] float32 to [N, outputs] logits."""

_builders: dict[str, Builder] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """A decorator that makes a builder known by `name`. Raises `ValueError` if the name is taken."""

    def keep(builder: Builder) -> Builder:
        if name in _builders:
            raise ValueError(f"two networks are registered as {name!r}")
        _builders[name] = builder
        return builder

    return keep


def build(name: str, outputs: int) -> nn.Module:
    """A fresh network. Raises `KeyError` with the known names if there is none of that name."""
    if name not in _builders:
        raise KeyError(f"no network is registered as {name!r}; known are: {', '.join(registered())}")
    return _builders[name](outputs)


def registered() -> list[str]:
    return sorted(_builders)
