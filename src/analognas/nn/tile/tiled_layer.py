"""One layer on tiles: its configuration, its matrix-vector product and its tile grid."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..config import AnalogConfig
from .products import Product
from .tiling import TileGrid

# torch.compile treats numbers that differ between two layers as variables. It treats an entry of a dictionary
# as a constant, and the entry of another key as another constant. An entry lives as long as a layer uses it.
_CONFIGS: dict[str, AnalogConfig] = {}
_N_LAYERS: Counter[str] = Counter()


@dataclass(frozen=True)
class TiledLayer:
    """Configuration, product and tiles of one layer: ``TiledLayer(config, product, grid)``.

    Inputs are in steps of the DAC and outputs in steps of the ADC. The full scale of a converter without
    rounding is one step.

    Attributes:
        product: The layer's matrix-vector product.
        grid: The layer's tiles.
    """

    _config: AnalogConfig
    product: Product
    grid: TileGrid
    _key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        key = repr(self._config)
        object.__setattr__(self, "_key", key)
        _CONFIGS.setdefault(key, self._config)
        _N_LAYERS[key] += 1
        weakref.finalize(self, _forget, key)

    def __reduce__(self) -> tuple[Any, ...]:
        return TiledLayer, (self._config, self.product, self.grid)

    @property
    def config(self) -> AnalogConfig:
        """The configuration."""
        return _CONFIGS[self._key] if torch.compiler.is_compiling() else self._config

    @property
    def input_steps(self) -> float:
        """Full scale of the inputs, in steps of the DAC."""
        return float(self.config.dac.steps or 1)

    @property
    def output_step(self) -> float:
        """One step of the ADC, in units of the largest weight times the largest input."""
        adc = self.config.adc
        return adc.bound / adc.steps if adc.bound and adc.steps else 1.0

    @property
    def output_limit(self) -> float | None:
        """Largest output, in steps of the ADC; None without clipping."""
        bound = self.config.adc.bound
        return None if bound is None else bound / self.output_step

    @property
    def weight_factor(self) -> float:
        """Factor on normalised weights, such that steps of inputs give steps of outputs."""
        return 1.0 / (self.output_step * self.input_steps)

    def row_scales(self, scale: Tensor) -> Tensor | float:
        """Return the divisor of weights ``(out, in)``: their scales, or one number for a single scale."""
        if self.config.scaling.per not in ("layer", "fan_in"):
            return self.spread_rows(scale)
        first = scale[0, 0]
        cheap = first.device.type == "cpu" and not torch.compiler.is_compiling()
        return float(first) if cheap else first

    def tile_matrix(self, matrix: Tensor, i: int) -> Tensor:
        """Return the weights of row tile ``i``, ``(*, out, channels * kernel)``.

        If the tile holds a part of a channel, the rest of that channel is zero.
        """
        grid = self.grid
        rows, channels = grid.row_slices[i], grid.channel_slices[i]
        wide = slice(channels.start * grid.kernel, channels.stop * grid.kernel)
        if grid.n_row_tiles == 1 or wide == rows:
            return matrix[..., rows]
        part = torch.zeros_like(matrix[..., wide])
        start = rows.start - wide.start
        part[..., start : start + rows.stop - rows.start] = matrix[..., rows]
        return part

    def tile_inputs(self, x: Tensor, i: int) -> Tensor:
        """Return the inputs that row tile ``i`` needs."""
        return (
            x
            if self.grid.n_row_tiles == 1
            else self.product.channels(x, self.grid.channel_slices[i])
        )

    def spread_rows(self, per_tile: Tensor) -> Tensor:
        """Expand values of row tiles, ``(*, row tiles, out)``, to all rows: ``(*, out, in)``."""
        values = per_tile.transpose(-1, -2)
        if self.grid.n_row_tiles == 1:
            return values.expand(*values.shape[:-1], self.grid.row_edges[-1])
        counts = torch.diff(torch.tensor(self.grid.row_edges, device=values.device))
        return values.repeat_interleave(counts, dim=-1, output_size=self.grid.row_edges[-1])

    def add_to_channels(self, total: Tensor, part: Tensor, i: int) -> None:
        """Add the gradient of the inputs of row tile ``i`` to the gradient of all inputs, in place."""
        self.product.channels(total, self.grid.channel_slices[i]).add_(part)

    def add_to_rows(self, total: Tensor, part: Tensor, i: int) -> None:
        """Add the gradient of the weights of row tile ``i`` to the gradient of all weights, in place."""
        grid = self.grid
        rows, channels = grid.row_slices[i], grid.channel_slices[i]
        start = rows.start - channels.start * grid.kernel
        total[..., rows].add_(part[..., start : start + rows.stop - rows.start])


def _forget(key: str) -> None:
    """Drop a configuration that no layer uses any more."""
    _N_LAYERS[key] -= 1
    if not _N_LAYERS[key]:
        del _N_LAYERS[key], _CONFIGS[key]
