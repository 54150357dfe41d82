"""Layers and cost-table keys of FBNet architectures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import UnknownNameError
from ..layers import Layers, NamedLayers, halve
from .operations import OPERATIONS, STEM_CHANNELS, LayerSlot, Setting

__all__ = ["count_layers", "fixed_keys", "layer_keys", "name_layers", "sum_costs"]

_TOGETHER = 3
_BLOCKS = list(OPERATIONS.values())


def count_layers(
    population: NDArray[np.integer[Any]],
    setting: Setting,
    input_shape: tuple[int, int, int],
    n_classes: int,
) -> Iterator[Layers]:
    """Yield the matrix layers of every row's network; see :meth:`.LayerCounts.layers`.

    Args:
        population: Shape ``(n, 22)``.
        setting: Strides and header.
        input_shape: Channels, height and width.
        n_classes: Number of classes.
    """
    # A skip counts as an expansion of 0, in 0 layers.
    expansion, kernel, groups = np.array([block or (0, 1, 1) for block in _BLOCKS]).T
    sizes = _sizes(setting, input_shape)
    yield Layers(input_shape[0], STEM_CHANNELS, 9, sizes[0])
    slots = zip(population.T, setting.slots, pairwise(sizes), strict=True)
    for column, slot, (before, after) in slots:
        inner = expansion[column] * slot.in_channels
        split = groups[column]
        present = (inner > 0).astype(np.int64)
        yield Layers(
            slot.in_channels // split, inner // split, 1, before, groups=split, repeats=present
        )
        yield Layers(1, 1, kernel[column] ** 2, after, groups=inner, repeats=present)
        yield Layers(
            inner // split, slot.out_channels // split, 1, after, groups=split, repeats=present
        )
        if slot.changes_shape:
            yield Layers(slot.in_channels, slot.out_channels, 1, after, repeats=1 - present)
    yield Layers(setting.slots[-1].out_channels, setting.header, 1, sizes[-1])
    yield Layers(setting.header, n_classes, 1, 1, norm=False, bias=True)


def name_layers(
    numbers: Sequence[int],
    setting: Setting,
    input_shape: tuple[int, int, int],
    n_classes: int,
) -> Iterator[NamedLayers]:
    """Yield the matrices of one network in order of execution; see :meth:`.Space.named_layers`.

    Args:
        numbers: Operations of its 22 layers.
        setting: Strides and header.
        input_shape: Channels, height and width.
        n_classes: Number of classes.
    """
    sizes = _sizes(setting, input_shape)
    yield NamedLayers.conv("stem.0", Layers(input_shape[0], STEM_CHANNELS, 9, sizes[0]))
    for index, (number, slot) in enumerate(zip(numbers, setting.slots, strict=True)):
        before, after = sizes[index : index + 2]
        block, name = _BLOCKS[number], f"body.{index}"
        if block is None:
            if slot.changes_shape:
                skip = Layers(slot.in_channels, slot.out_channels, 1, after)
                yield NamedLayers.conv(f"{name}.0", skip)
            continue
        inner, split = block.expansion * slot.in_channels, block.groups
        units = (
            Layers(slot.in_channels // split, inner // split, 1, before, groups=split),
            Layers(1, 1, block.kernel**2, after, groups=inner),
            Layers(inner // split, slot.out_channels // split, 1, after, groups=split),
        )
        # Norm and ReLU follow each convolution, and a shuffle the first where it is grouped.
        for unit, at in zip(units, (0, 4, 7) if split > 1 else (0, 3, 6), strict=True):
            yield NamedLayers.conv(f"{name}.units.{at}", unit)
    last = Layers(setting.slots[-1].out_channels, setting.header, 1, sizes[-1])
    yield NamedLayers.conv("header.0", last)
    yield NamedLayers.linear("classifier", Layers(setting.header, n_classes, 1, 1))


def _sizes(setting: Setting, input_shape: tuple[int, int, int]) -> list[int]:
    """Return the size of the feature map after the stem and after each of the 22 slots."""
    _, height, width = input_shape
    sizes = []
    for stride in (setting.stem_stride, *(slot.stride for slot in setting.slots)):
        if stride == 2:
            height, width = halve(height), halve(width)
        sizes.append(height * width)
    return sizes


def layer_keys(setting: Setting) -> list[list[str]]:
    """Return the key of the cost table for each operation in each of the 22 slots."""
    size = setting.size // setting.stem_stride
    keys = []
    for slot in setting.slots:
        keys.append([_key(number, slot, size) for number in range(len(OPERATIONS))])
        size //= slot.stride
    return keys


def fixed_keys(setting: Setting) -> tuple[str, list[str]]:
    """Return the keys of layers that all networks have: the stem; header, pooling and classifier."""
    size, header = setting.size, setting.header
    end = size // 2**setting.halvings
    stem = f"H{size}_W{size}_Cin3_Cout{STEM_CHANNELS}_kernel3_stride{setting.stem_stride}_group1"
    last = setting.slots[-1].out_channels
    return f"ConvNorm_{stem}", [
        f"ConvNorm_H{end}_W{end}_Cin{last}_Cout{header}_kernel1_stride1_group1",
        f"AvgP_H{end}_W{end}_Cin{header}_Cout{header}_kernel{end}_stride1",
        f"FC_Cin{header}_Cout{setting.n_classes}",
    ]


def _key(number: int, slot: LayerSlot, size: int) -> str:
    block = _BLOCKS[number]
    shape = f"H{size}_W{size}_Cin{slot.in_channels}_Cout{slot.out_channels}"
    if block is None:
        return f"Skip_{shape}_stride{slot.stride}"
    sizes = f"exp{block.expansion}_kernel{block.kernel}_stride{slot.stride}_group{block.groups}"
    return f"ConvBlock_{shape}_{sizes}"


def sum_costs(
    population: NDArray[np.integer[Any]], setting: Setting, table: Mapping[str, float]
) -> NDArray[np.float64]:
    """Sum a cost over the layers of every row's network, shape ``(n,)``, in the unit of the table.

    Args:
        population: Shape ``(n, 22)``.
        setting: Setting of the sizes in the keys.
        table: Cost of each key.

    Raises:
        UnknownNameError: If the table lacks a key.
    """
    keys = layer_keys(setting)
    stem, end = fixed_keys(setting)
    needed = [stem, *(key for slot in keys for key in slot), *end]
    missing = [key for key in needed if key not in table]
    if missing:
        raise UnknownNameError(
            f"The cost table lacks {len(missing)} keys of this setting, the first of them {missing[0]!r}; "
            "give a table with every operation at every size."
        )
    costs = np.array([[table[key] for key in slot] for slot in keys])
    total = np.full(len(population), sum(table[key] for key in (stem, *end)), dtype=np.float64)
    # Precomputed sums over three slots reduce the number of look-ups to a third.
    for first in range(0, len(keys), _TOGETHER):
        group = costs[first : first + _TOGETHER]
        columns = population.T[first : first + _TOGETHER]
        sums, numbers = group[0], columns[0].astype(np.int64)
        for slot, column in zip(group[1:], columns[1:], strict=True):
            sums = (sums[:, None] + slot).ravel()
            numbers *= len(slot)
            numbers += column
        total += sums.take(numbers)
    return total
