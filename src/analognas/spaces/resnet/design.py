"""Sizes of the networks of the AnalogNAS space, for building and counting.

Described by Benmeziane et al., "AnalogNAS: A Neural Network Design Framework for Accurate Inference with
Analog In-Memory Computing", IEEE EDGE 2023 (arXiv:2305.10459), and by the authors' published builder;
``docs/resnet_space.md`` lists the differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = [
    "BASIC",
    "BOTTLENECK",
    "LAYOUTS",
    "MAX_BLOCKS",
    "MAX_BRANCHES",
    "MAX_RESIDUAL_BLOCKS",
    "OUT_CHANNELS",
    "STEM_KERNEL",
    "TARGETS",
    "WIDENING",
    "Layout",
    "default_layout",
    "inner_width",
    "widen",
]

OUT_CHANNELS = (8, 12, 16, 32, 48, 64)
"""Output channels of the first convolution."""

MAX_BLOCKS = 5
MAX_RESIDUAL_BLOCKS = 16
MAX_BRANCHES = 4
WIDENING = (0.5, 0.8)
BASIC, BOTTLENECK = 1, 2
STEM_KERNEL = 7

TARGETS: dict[str, tuple[tuple[int, int, int], int]] = {
    "CIFAR-10": ((3, 32, 32), 10),
    "VWW": ((3, 96, 96), 2),
    "KWS": ((1, 98, 10), 12),
}
"""Input shape and number of classes of the tasks of the paper.

VWW (Visual Wake Words) has the size, KWS (keyword spotting) the classes and 10 coefficients of MLPerf Tiny:
Banbury et al., "MLPerf Tiny Benchmark", NeurIPS 2021. It has 49 frames; ours are the 98 of this package's
features of a second, 25 ms every 10 ms: ``load_data("speech-commands", words="12", features="mfcc")``.
"""


@dataclass(frozen=True)
class Layout:
    """Positions at which the feature map is halved; never in the first main block.

    Attributes:
        stem_stride: Stride of the first convolution.
        stem_pool: Whether it is followed by ReLU and 3 x 3 max pooling of stride 2.
        last: Last main block that may halve the map, counted from 1.
        from_end: Number of last main blocks of a network that may halve the map.
    """

    stem_stride: int
    stem_pool: bool
    last: int = MAX_BLOCKS
    from_end: int = MAX_BLOCKS

    def halves(self, block: int, n_blocks: Any) -> Any:
        """Return whether a main block (from 1) has stride 2 in networks of ``n_blocks`` (number or array)."""
        in_range = 2 <= block <= self.last
        return in_range & (block <= n_blocks) & (block > n_blocks - self.from_end)

    def halvings(self, n_blocks: Any) -> Any:
        """Return how often networks of ``n_blocks`` main blocks halve their feature map."""
        stem = int(self.stem_stride == 2) + int(self.stem_pool)
        return stem + sum(self.halves(block, n_blocks) * 1 for block in range(1, MAX_BLOCKS + 1))


LAYOUTS = {
    "cifar": Layout(stem_stride=1, stem_pool=False, from_end=2),
    "imagenet": Layout(stem_stride=2, stem_pool=True, last=4),
}
"""``cifar`` halves in the last two main blocks; ``imagenet`` in the stem, twice, and in main blocks 2 to 4."""


def default_layout(input_shape: tuple[int, int, int]) -> str:
    """Return the default layout for an input: ``imagenet`` for at least 128 x 128 pixels."""
    return "imagenet" if min(input_shape[1:]) >= 128 else "cifar"


def widen(width: Any, factor: Any) -> Any:
    """Return the width of a main block: that of the one before, divided by the factor and rounded down.

    The quotient is a binary fraction, so 8 channels and a factor of 0.8 give 9.

    Args:
        width: Number of channels (number or array).
        factor: Widening factor (number or array).

    Example:
        >>> int(widen(8, 0.5)), int(widen(8, 0.8)), int(widen(64, 0.6))
        (16, 9, 106)
    """
    return np.floor_divide(width, factor).astype(np.int64)


def inner_width(width: Any) -> Any:
    """Return the channels inside a bottleneck: a quarter of its outputs, at least 1 (He et al., CVPR 2016)."""
    return np.maximum(width // 4, 1)
