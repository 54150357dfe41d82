"""What the forward of one layer needs to know beside its tensors, worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..config import AnalogConfig
from .products import Product
from .tiling import TileGrid

_CONFIGS: dict[str, AnalogConfig] = {}


@dataclass(frozen=True)
class Plan:
    """Configuration, geometry and tiles of one layer: ``Plan(config, product, grid)``.

    Inputs are counted in steps of the DAC, outputs in steps of the ADC; a converter without rounding has
    one step to full scale.

    Attributes:
        product: The layer's matrix-vector product.
        grid: Its tiles.
    """

    _config: AnalogConfig
    product: Product
    grid: TileGrid
    _key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", repr(self._config))
        _CONFIGS[self._key] = self._config

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (self._config, self.product, self.grid)

    @property
    def config(self) -> AnalogConfig:
        """The configuration."""
        # A compiler takes numbers that differ between two layers for variables; those of another entry are
        # another constant to it.
        return _CONFIGS[self._key] if torch.compiler.is_compiling() else self._config

    @property
    def input_steps(self) -> float:
        """Steps of the inputs at full scale."""
        return float(self.config.dac.steps or 1)

    @property
    def output_step(self) -> float:
        """One step of the outputs, in units of the largest weight times the largest input."""
        adc = self.config.adc
        return adc.bound / adc.steps if adc.bound and adc.steps else 1.0

    @property
    def output_limit(self) -> float | None:
        """Largest output, in its steps."""
        bound = self.config.adc.bound
        return None if bound is None else bound / self.output_step

    @property
    def weight_factor(self) -> float:
        """From normalised weights to those which turn steps of inputs into steps of outputs."""
        return 1.0 / (self.output_step * self.input_steps)

    def row_scales(self, scale: Tensor) -> Tensor | float:
        """Return the scales that weights ``(out, in)`` are divided by; a number where there is only one."""
        if self.config.scaling.per != "layer":
            return self.spread_rows(scale)
        first = scale[0, 0]
        cheap = first.device.type == "cpu" and not torch.compiler.is_compiling()
        return float(first) if cheap else first

    def tile_matrix(self, matrix: Tensor, i: int) -> Tensor:
        """Return the weights of row tile ``i``, ``(*, out, channels * kernel)``.

        A channel that is cut in two has zeros where the other tile holds its weights.
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
        """Spread values ``(*, row tiles, out)`` over the rows: ``(*, out, in)``."""
        values = per_tile.transpose(-1, -2)
        if self.grid.n_row_tiles == 1:
            return values.expand(*values.shape[:-1], self.grid.row_edges[-1])
        counts = torch.diff(torch.tensor(self.grid.row_edges, device=values.device))
        return values.repeat_interleave(counts, dim=-1, output_size=self.grid.row_edges[-1])

    def add_to_channels(self, total: Tensor, part: Tensor, i: int) -> None:
        """Add a gradient of the inputs of row tile ``i`` to that of all inputs, in place."""
        self.product.channels(total, self.grid.channel_slices[i]).add_(part)

    def add_to_rows(self, total: Tensor, part: Tensor, i: int) -> None:
        """Add a gradient of the matrix of row tile ``i`` to that of the whole matrix, in place."""
        grid = self.grid
        rows, channels = grid.row_slices[i], grid.channel_slices[i]
        start = rows.start - channels.start * grid.kernel
        total[..., rows].add_(part[..., start : start + rows.stop - rows.start])
