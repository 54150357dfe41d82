"""The programmed chips of one layer: programmed once, then read and evaluated at any time."""

from __future__ import annotations

import torch
from torch import Tensor

from ...physics import ProgrammedDevices, split_generator
from ..hwa.noise import ExactNoise
from ..kernels.buffers import as_float, scratch_like
from .adc import digitize_outputs
from .compensation import drift_compensation, reading
from .dac import largest_inputs, quantize_inputs
from .forward import tile_outputs
from .tiled_layer import TiledLayer


class LayerChips:
    """One layer on one chip, or on several.

    Args:
        tiled: The layer's configuration, product and tiles.
        matrix: Clean weights, shape ``(out, in)``.
        scale: Weight scales, shape ``(row tiles, out)``.
        input_range: A tensor without dimensions; unused if the range is the largest absolute input.
        n_chips: Number of chips; None for one chip without a leading dimension.
        generator: Generator of all random draws: programming, readings, and noise of each forward.
    """

    def __init__(
        self,
        tiled: TiledLayer,
        matrix: Tensor,
        scale: Tensor,
        input_range: Tensor,
        *,
        n_chips: int | None,
        generator: torch.Generator,
    ) -> None:
        config = tiled.config
        self.tiled, self.scale, self.input_range = tiled, scale.clone(), input_range.clone()
        self.n_chips = n_chips
        self.generators = split_generator(generator, n_chips or 1)
        self.noise = ExactNoise(self.generators)
        target = (matrix / tiled.spread_rows(scale)).clamp_(-1.0, 1.0)
        g_target = config.weight_mapping.to_conductances(target, config.device)
        sources = self.generators[0] if n_chips is None else self.generators
        self.devices = ProgrammedDevices.program(
            config.device, g_target, n_chips=n_chips, generator=sources
        )
        if config.stuck_devices > 0.0:
            self.devices = self.devices.with_stuck(config.stuck_devices, generator=sources)
        self.alpha: Tensor | None = None
        self._driven = self._read(max(0.0, config.device.t_range[0]))
        if config.compensation.kind == "exact":
            self.reference: Tensor | None = reading(
                target * tiled.weight_factor, tiled, self.noise, perfect=True
            )
            self.alpha = drift_compensation(
                self.reference, reading(self._driven, tiled, self.noise)
            )
        elif config.compensation.kind != "none":
            self.reference = reading(self._driven, tiled, self.noise)
        else:
            self.reference = None
        self._set_factors()

    def at_time(self, t: float, *, compensate: bool = True) -> None:
        """Move to ``t`` seconds after programming: read the devices and measure the drift compensation.

        Args:
            t: The time, s.
            compensate: Measure the compensation; otherwise the last one stays.
        """
        self._driven = self._read(t)
        if self.reference is not None and compensate:
            self.alpha = drift_compensation(
                self.reference, reading(self._driven, self.tiled, self.noise)
            )
        self._set_factors()

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return outputs before the learned output scales. Inputs and outputs are ``(*chips, n, ...)``."""
        tiled = self.tiled
        if tiled.config.input_range.kind == "absmax":
            r: Tensor | float = largest_inputs(x, tiled)
        else:
            r = as_float(self.input_range)
        if bias is not None:
            bias = tiled.product.per_output(bias.to(x.dtype))
        if not tiled.config.adc.bound_management:
            return self._forward(x, r, bias)[0]
        y = self._with_bound_management(x, r)
        return y if bias is None else y.add_(bias)

    def _with_bound_management(self, x: Tensor, r: Tensor | float) -> Tensor:
        """Halve the inputs of a vector until none of its outputs saturates, at most ten times."""
        total, saturated = self._forward(x, r)
        for _ in range(10):
            if not bool(saturated.any()):
                break
            r = r * 2.0
            again, still = self._forward(x, r)
            total = torch.where(saturated, again, total)
            saturated = saturated & still
        return total

    def _forward(
        self, x: Tensor, r: Tensor | float, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return outputs, and with bound management which vectors have a saturated output."""
        tiled = self.tiled
        steps, _ = quantize_inputs(x, r, tiled, self.noise, scratch_like(x, "steps"))
        total: Tensor | None = None
        saturated = torch.zeros((), dtype=torch.bool, device=x.device)
        for i in range(tiled.grid.n_row_tiles):
            y = tile_outputs(
                tiled.tile_inputs(steps, i),
                tiled.tile_matrix(self._driven, i),
                tiled,
                i,
                self.noise,
            )
            if tiled.config.adc.bound_management:
                saturated = saturated | tiled.product.any_output(
                    y.abs() >= (tiled.output_limit or 0.0)
                )
            last = i == tiled.grid.n_row_tiles - 1
            total, _ = digitize_outputs(
                y,
                tiled,
                self.noise,
                factor=self._factors[i] * r,
                bias=bias if last else None,
                total=total,
            )
        assert total is not None
        return total, saturated

    def _read(self, t: float) -> Tensor:
        """Read the weights at ``t``, scaled from steps of inputs to steps of outputs."""
        device = self.tiled.config.device
        sources = self.generators[0] if self.n_chips is None else self.generators
        g = self.devices.read(t, generator=sources)
        return self.tiled.config.weight_mapping.to_weights(g, device).mul_(self.tiled.weight_factor)

    def _set_factors(self) -> None:
        """Compute the factors on the outputs: output step times weight scale times drift compensation."""
        values = self.scale * self.tiled.output_step
        values = values if self.alpha is None else values * self.alpha
        self._factors: list[Tensor | float] = [
            output_factor(values[..., i, :], self.tiled) for i in range(values.shape[-2])
        ]


def output_factor(values: Tensor, tiled: TiledLayer) -> Tensor | float:
    """Return factors ``(*chips, out)`` in a shape that multiplies outputs; one number if all are equal."""
    first = values.reshape(-1)[0]
    if values.device.type == "cpu" and bool((values == first).all()):
        return float(first)
    return tiled.product.per_output(values)
