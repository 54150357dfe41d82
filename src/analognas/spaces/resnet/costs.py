"""Layers of the networks of the AnalogNAS space, for whole populations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layers import Layers, NamedLayers, halve
from .design import BASIC, BOTTLENECK, STEM_KERNEL, Layout, inner_width, widen

__all__ = ["count_layers", "name_layers"]


def count_layers(
    values: Mapping[str, NDArray[Any]],
    layout: Layout,
    input_shape: tuple[int, int, int],
    n_classes: int,
) -> Iterator[Layers]:
    """Yield the matrix layers of every configuration's network; see :meth:`.LayerCounts.layers`.

    Args:
        values: Values of the hyperparameters by name, shape ``(n,)`` each, up to the last main block of the
            deepest network; those of absent main blocks are ignored.
        layout: Positions at which the feature map is halved.
        input_shape: Channels, height and width.
        n_classes: Number of classes.
    """
    in_channels, height, width = input_shape
    n_blocks = values["M"].astype(np.int64)
    sides = np.full((2, len(n_blocks)), [[height], [width]], dtype=np.int64)
    channels = values["out_channel0"].astype(np.int64)
    sides = halve(sides) if layout.stem_stride == 2 else sides
    yield Layers(in_channels, channels, STEM_KERNEL**2, sides[0] * sides[1])
    sides = halve(sides) if layout.stem_pool else sides
    for block in range(1, int(n_blocks.max(initial=1)) + 1):
        present = n_blocks >= block
        before = sides[0] * sides[1]
        strided = layout.halves(block, n_blocks)
        sides = np.where(strided, halve(sides), sides)
        factor = np.where(present, values[f"widenfact{block}"], 1.0)
        wider = widen(channels, factor)
        yield from _main_block(
            channels,
            wider,
            before=before,
            after=sides[0] * sides[1],
            repeats=np.where(present, values[f"R{block}"], 0).astype(np.int64),
            kind=values[f"convblock{block}"],
            branches=values[f"B{block}"].astype(np.int64),
            kernel=values[f"kernel{block}"].astype(np.int64) ** 2,
            skip=present & (strided | (wider != channels)),
        )
        channels = wider
    yield Layers(channels, n_classes, 1, 1, norm=False, bias=True)


def _main_block(
    channels: NDArray[np.int64],
    wider: NDArray[np.int64],
    *,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    repeats: NDArray[np.int64],
    kind: NDArray[Any],
    branches: NDArray[np.int64],
    kernel: NDArray[np.int64],
    skip: NDArray[np.bool_],
) -> Iterator[Layers]:
    """Yield the layers of one main block: skip connection, and both kinds of branches."""
    projection = skip.astype(np.int64)
    half = wider // 2
    for outputs in (half, wider - half):
        yield Layers(channels, outputs, 1, after, repeats=projection, on_path=False)
    n = np.where(kind == BASIC, repeats, 0)
    first = np.minimum(n, 1)
    yield Layers(channels, wider, kernel, after, repeats=first, branches=branches)
    yield Layers(wider, wider, kernel, after, repeats=2 * n - first, branches=branches)
    n = np.where(kind == BOTTLENECK, repeats, 0)
    first = np.minimum(n, 1)
    inner = inner_width(wider)
    yield Layers(channels, inner, 1, before, repeats=first, branches=branches)
    yield Layers(wider, inner, 1, after, repeats=n - first, branches=branches)
    yield Layers(inner, inner, kernel, after, repeats=n, branches=branches)
    yield Layers(inner, wider, 1, after, repeats=n, branches=branches)


def name_layers(
    config: Mapping[str, Any],
    layout: Layout,
    input_shape: tuple[int, int, int],
    n_classes: int,
) -> Iterator[NamedLayers]:
    """Yield the matrices of one network in order of execution; see :meth:`.Space.named_layers`.

    Args:
        config: Values of the hyperparameters by name; those of absent main blocks are ignored.
        layout: Positions at which the feature map is halved.
        input_shape: Channels, height and width.
        n_classes: Number of classes.
    """
    in_channels, height, width = input_shape
    channels, n_blocks = int(config["out_channel0"]), int(config["M"])
    if layout.stem_stride == 2:
        height, width = halve(height), halve(width)
    yield NamedLayers.conv("stem.0", Layers(in_channels, channels, STEM_KERNEL**2, height * width))
    if layout.stem_pool:
        height, width = halve(height), halve(width)
    for block in range(1, n_blocks + 1):
        before, strided = height * width, bool(layout.halves(block, n_blocks))
        if strided:
            height, width = halve(height), halve(width)
        after, wider = height * width, int(widen(channels, config[f"widenfact{block}"]))
        for repeat in range(int(config[f"R{block}"])):
            name = f"body.{block - 1}.{repeat}"
            if repeat == 0 and (strided or wider != channels):
                half = wider // 2
                yield NamedLayers.conv(f"{name}.skip.plain", Layers(channels, half, 1, after))
                yield NamedLayers.conv(
                    f"{name}.skip.moved", Layers(channels, wider - half, 1, after)
                )
            units = _units(
                int(config[f"convblock{block}"]),
                channels,
                wider,
                kernel=int(config[f"kernel{block}"]) ** 2,
                before=after if repeat else before,
                after=after,
            )
            for branch in range(int(config[f"B{block}"])):
                for number, layer in enumerate(units):
                    yield NamedLayers.conv(f"{name}.branches.{branch}.{number}.1", layer)
            channels = wider
    yield NamedLayers.linear("classifier", Layers(channels, n_classes, 1, 1))


def _units(
    kind: int, channels: int, wider: int, *, kernel: int, before: int, after: int
) -> list[Layers]:
    """Return the layers of one branch."""
    if kind == BASIC:
        return [Layers(channels, wider, kernel, after), Layers(wider, wider, kernel, after)]
    inner = int(inner_width(wider))
    return [
        Layers(channels, inner, 1, before),
        Layers(inner, inner, kernel, after),
        Layers(inner, wider, 1, after),
    ]
