"""torchvision's classification networks, and the state dicts that were made for them."""

from __future__ import annotations

import re
from collections import OrderedDict

from torch import Tensor, nn

from models_zoo.vision import torchvision

# Training helpers that say nothing in evaluation mode. Files have them or not; networks are built without.
_AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}

# torchvision's own DenseNet files are older than its code: a layer's parts were called norm.1, conv.2 there.
_OLD_DENSE = re.compile(
    r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var|num_batches_tracked))"
)


def build(architecture: str, outputs: int) -> nn.Module:
    """A fresh network of torchvision's builder `architecture`, with `outputs` logits and no auxiliary heads.

    googlenet and inception_v3 take their input as it comes (torchvision's `transform_input` is off): a card of
    torchvision's own weights for them has mean and std 0.5, which is the same.

    Raises `ValueError` for a name that torchvision doesn't have.
    """
    options = {"aux_logits": False, "init_weights": False} if architecture in _AUXILIARY else {}
    net = torchvision.models.get_model(architecture, weights=None, num_classes=outputs, **options)
    if not isinstance(net, nn.Module):
        raise TypeError(f"torchvision's builder {architecture!r} gave {type(net).__name__}, not a network")
    return net


def fitted(architecture: str, state: OrderedDict[str, Tensor]) -> OrderedDict[str, Tensor]:
    """A state dict as today's network of `build` takes it: no auxiliary heads, today's names.

    Versions of parts that the file carries (`_metadata`) are kept, for MNASNet reads them.
    """
    unwanted = _AUXILIARY.get(architecture, ())
    renamed = architecture.startswith("densenet")
    if not unwanted and not renamed:
        return state
    result = OrderedDict(
        (_OLD_DENSE.sub(r"\1\2", key) if renamed else key, value)
        for key, value in state.items()
        if not key.startswith(unwanted or ("\0",))
    )
    if hasattr(state, "_metadata"):
        result._metadata = state._metadata  # type: ignore[attr-defined]  # noqa: SLF001  (as load_state_dict does)
    return result


def architectures() -> list[str]:
    """The names of all of torchvision's classification networks (not detection, segmentation, video)."""
    return sorted(torchvision.models.list_models(module=torchvision.models))
