"""Operations, layers and settings of FBNet in HW-NAS-Bench.

Sources: Wu et al., "FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural Architecture
Search", CVPR 2019, tables 1 and 2; Li et al., "HW-NAS-Bench: Hardware-Aware Neural Architecture Search
Benchmark", ICLR 2021, whose costs are measured for these sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

__all__ = [
    "OPERATIONS",
    "SETTINGS",
    "SKIP",
    "STEM_CHANNELS",
    "BottleneckSizes",
    "LayerSlot",
    "Setting",
]


class BottleneckSizes(NamedTuple):
    """An inverted bottleneck: 1 x 1 expansion, depthwise convolution, 1 x 1 projection.

    Attributes:
        expansion: Ratio of inner channels to input channels.
        kernel: Side of the depthwise kernel.
        groups: Groups of both 1 x 1 convolutions.
    """

    expansion: int
    kernel: int
    groups: int


OPERATIONS: dict[str, BottleneckSizes | None] = {
    "k3_e1": BottleneckSizes(1, 3, 1),
    "k3_e1_g2": BottleneckSizes(1, 3, 2),
    "k3_e3": BottleneckSizes(3, 3, 1),
    "k3_e6": BottleneckSizes(6, 3, 1),
    "k5_e1": BottleneckSizes(1, 5, 1),
    "k5_e1_g2": BottleneckSizes(1, 5, 2),
    "k5_e3": BottleneckSizes(3, 5, 1),
    "k5_e6": BottleneckSizes(6, 5, 1),
    "skip": None,
}
"""Operations by name; the position is the number used in genotypes."""

SKIP = 8
STEM_CHANNELS = 16
_STAGE_LAYERS = (1, 4, 4, 4, 4, 4, 1)
_STAGE_CHANNELS = (16, 24, 32, 64, 112, 184, 352)


class LayerSlot(NamedTuple):
    """Position of a layer.

    Attributes:
        in_channels: Channels of its input.
        out_channels: Channels of its output.
        stride: 1 or 2.
    """

    in_channels: int
    out_channels: int
    stride: int

    @property
    def changes_shape(self) -> bool:
        """Whether input and output differ in shape."""
        return self.stride == 2 or self.in_channels != self.out_channels


@dataclass(frozen=True)
class Setting:
    """Version of the network for a data set.

    Attributes:
        size: Height and width of the input for which costs are measured.
        n_classes: Number of classes.
        stem_stride: Stride of the first convolution.
        strides: Stride of the first layer of each of the seven stages.
        header: Output channels of the last convolution.
    """

    size: int
    n_classes: int
    stem_stride: int
    strides: tuple[int, ...]
    header: int

    @cached_property
    def slots(self) -> tuple[LayerSlot, ...]:
        """The 22 layers that an architecture chooses operations for."""
        channels = [STEM_CHANNELS]
        strides = []
        for n_layers, width, stride in zip(
            _STAGE_LAYERS, _STAGE_CHANNELS, self.strides, strict=True
        ):
            channels += [width] * n_layers
            strides += [stride] + [1] * (n_layers - 1)
        return tuple(
            LayerSlot(before, after, stride)
            for (before, after), stride in zip(pairwise(channels), strides, strict=True)
        )

    @property
    def halvings(self) -> int:
        """Number of times that the feature map is halved."""
        return (self.stem_stride, *self.strides).count(2)


SETTINGS = {
    "cifar100": Setting(32, 100, 1, (1, 1, 2, 2, 1, 2, 1), 1504),
    "ImageNet": Setting(224, 1000, 2, (1, 2, 2, 2, 1, 2, 1), 1984),
}
"""The two settings of HW-NAS-Bench by data set."""
