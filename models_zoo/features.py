"""Networks that give their features beside their logits: plain modules and no hook, so that they can be traced."""

from __future__ import annotations

import copy

from torch import Tensor, nn


class WithFeatures(nn.Module):
    """Maps [N, C, H, W] to (logits [N, outputs], features [N, `width`]) in one forward."""

    width: int


class TwoOutputs(WithFeatures):
    """A network that ends with a linear layer: `trunk` is all that comes before `last`."""

    def __init__(self, trunk: nn.Module, last: nn.Linear) -> None:
        super().__init__()
        self.trunk = trunk
        self.last = last
        self.width = last.in_features

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features: Tensor = self.trunk(pictures)
        return self.last(features), features


class TwoOutputsOfMap(WithFeatures):
    """SqueezeNet, whose classifier is a convolution: the features are the pooled map before it."""

    def __init__(self, features: nn.Module, classifier: nn.Module, width: int) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier
        self.width = width

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        maps: Tensor = self.features(pictures)
        return self.classifier(maps).flatten(1), maps.mean(dim=(2, 3))


class HeadNet(nn.Module):
    """A linear head on a frozen backbone's pooled features: [N, C, H, W] to logits."""

    def __init__(self, backbone: WithFeatures, head: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(pictures)[1])
        return logits


class HeadWithFeatures(WithFeatures):
    """`HeadNet` that gives the backbone's features too."""

    def __init__(self, backbone: WithFeatures, head: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.width = backbone.width

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features: Tensor = self.backbone(pictures)[1]
        return self.head(features), features


def of_linear(net: nn.Module) -> WithFeatures | None:
    """`net`, which ends with its last linear layer, with the input of that layer; it shares all weights."""
    layers = [(path, layer) for path, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    if not layers:
        return None
    path, last = layers[-1]
    return TwoOutputs(_without(net, path), last).eval()


def of_squeezenet(net: nn.Module) -> WithFeatures:
    """torchvision's SqueezeNet with its pooled map; it shares all weights."""
    classifier = net.get_submodule("classifier")
    width = next(layer.in_channels for layer in classifier.modules() if isinstance(layer, nn.Conv2d))
    return TwoOutputsOfMap(net.get_submodule("features"), classifier, width).eval()


def _without(net: nn.Module, path: str) -> nn.Module:
    """`net` with nothing in place of the layer at `path`: the modules along the path are copies, all weights shared."""
    name, _, rest = path.partition(".")
    shell = copy.copy(net)
    shell._modules = dict(net._modules)  # noqa: SLF001  (a copied module shares its table of children)
    shell._modules[name] = _without(net.get_submodule(name), rest) if rest else nn.Identity()  # noqa: SLF001
    return shell
