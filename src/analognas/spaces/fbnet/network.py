"""The network of an FBNet architecture as a torch module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..conv_blocks import conv_norm
from ..published_weights import fbnet_names, rename
from .operations import OPERATIONS, STEM_CHANNELS, BottleneckSizes, LayerSlot, Setting

__all__ = ["FBNetNetwork", "InvertedBottleneck", "operation"]


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution and projection, with a skip connection if shapes agree.

    Channels are shuffled after a grouped expansion, so that each group of the projection receives channels of
    all groups. There is no ReLU after the sum.

    Args:
        block: Its sizes.
        slot: Its position.
    """

    def __init__(self, block: BottleneckSizes, slot: LayerSlot) -> None:
        super().__init__()
        inner = block.expansion * slot.in_channels
        shuffle = [nn.ChannelShuffle(block.groups)] if block.groups > 1 else []
        self.units = nn.Sequential(
            *conv_norm(slot.in_channels, inner, 1, groups=block.groups),
            nn.ReLU(),
            *shuffle,
            *conv_norm(inner, inner, block.kernel, slot.stride, groups=inner),
            nn.ReLU(),
            *conv_norm(inner, slot.out_channels, 1, groups=block.groups),
        )
        self.residual = not slot.changes_shape

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, in, h, w)`` to ``(batch, out, ceil(h / stride), ceil(w / stride))``."""
        y: Tensor = self.units(x)
        return x + y if self.residual else y


def operation(number: int, slot: LayerSlot) -> nn.Module:
    """Return the module of an operation; numbers as in :data:`~.operations.OPERATIONS`.

    A skip is the identity if shapes agree, otherwise a 1 x 1 convolution with batch norm and ReLU.
    """
    block = list(OPERATIONS.values())[number]
    if block is not None:
        return InvertedBottleneck(block, slot)
    if not slot.changes_shape:
        return nn.Identity()
    return nn.Sequential(*conv_norm(slot.in_channels, slot.out_channels, 1, slot.stride), nn.ReLU())


class FBNetNetwork(nn.Module):
    """The whole network; it also loads state dicts of HW-NAS-Bench's ``FBNet_Infer``.

    Args:
        arch: Operations of its 22 layers.
        setting: Strides and header.
        in_channels: Channels of the input.
        n_classes: Number of classes.
    """

    def __init__(
        self, arch: Sequence[int], setting: Setting, *, in_channels: int, n_classes: int
    ) -> None:
        super().__init__()
        self.arch = tuple(arch)
        self.stem = nn.Sequential(
            *conv_norm(in_channels, STEM_CHANNELS, 3, setting.stem_stride), nn.ReLU()
        )
        self.body = nn.Sequential(*map(operation, self.arch, setting.slots))
        self.header = nn.Sequential(
            *conv_norm(setting.slots[-1].out_channels, setting.header, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(setting.header, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.header(self.body(self.stem(x))))
        return logits

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        """Load a state dict, in which the weights may have the names of the published network."""
        rename(state_dict, prefix, fbnet_names(self.arch))
        super()._load_from_state_dict(state_dict, prefix, *arguments)
