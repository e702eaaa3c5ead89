"""torchvision, importable beside a CPU-only torch too.

PyPI's torchvision is built against CUDA. Beside a torch without it, its compiled operators don't load and
`import torchvision` raises "operator torchvision::nms does not exist" while it registers a stand-in for them.
Declaring the two operators that it asks for is enough for its networks and transforms. `torchvision.ops.nms` and
`torchvision.io.decode_*` stay unusable: pictures are decoded with Pillow.

Always `from models_zoo.vision import torchvision`.
"""

from __future__ import annotations

import sys

import torch

__all__ = ["torchvision"]

_MISSING_OPERATOR = "torchvision::nms does not exist"
_kept: list[torch.library.Library] = []  # a library that is collected takes its operators with it


def _declare_operators() -> None:
    """Declares what torchvision's import asks for, and forgets the half-imported package."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    _kept.append(library)


try:
    import torchvision
except RuntimeError as error:
    if _MISSING_OPERATOR not in str(error):
        raise
    _declare_operators()
    import torchvision
