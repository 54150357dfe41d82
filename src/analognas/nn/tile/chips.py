"""The programmed chips of one layer: drawn once, moved through time, run in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor

from ...physics import Chip, split_generator
from ..hwa.backward_passes import number
from ..hwa.noise import ExactNoise
from ..kernels.buffers import scratch_like
from .compensation import factor, reading
from .digitize_outputs import settle
from .forward import largest_inputs, quantize_inputs, tile_outputs
from .tiled_layer import Plan


class LayerChips:
    """One layer on one chip, or on several.

    Args:
        plan: The layer.
        matrix: Clean weights, shape ``(out, in)``.
        scale: Weight scales, shape ``(row tiles, out)``.
        input_range: No dimensions; ignored with abs-max inputs.
        n_chips: Number of chips; None for one without a leading dimension.
        generator: Source of all draws: programming, readings, noise of each forward.
    """

    def __init__(
        self,
        plan: Plan,
        matrix: Tensor,
        scale: Tensor,
        input_range: Tensor,
        *,
        n_chips: int | None,
        generator: torch.Generator,
    ) -> None:
        config = plan.config
        self.plan, self.scale, self.input_range = plan, scale.clone(), input_range.clone()
        self.n_chips = n_chips
        self.generators = split_generator(generator, n_chips or 1)
        self.noise = ExactNoise(self.generators)
        target = (matrix / plan.spread_rows(scale)).clamp_(-1.0, 1.0)
        g_target = config.pair.to_conductances(target, config.device)
        sources = self.generators[0] if n_chips is None else self.generators
        self.chip = Chip.program(config.device, g_target, n_chips=n_chips, generator=sources)
        self.alpha: Tensor | None = None
        self._driven = self._read(max(0.0, config.device.t_range[0]))
        if config.compensation.kind == "exact":
            self.reference: Tensor | None = reading(
                target * plan.weight_factor, plan, self.noise, perfect=True
            )
            self.alpha = factor(self.reference, reading(self._driven, plan, self.noise))
        elif config.compensation.kind != "none":
            self.reference = reading(self._driven, plan, self.noise)
        else:
            self.reference = None
        self._set_factors()

    def at_time(self, t: float) -> None:
        """Move to ``t`` seconds after programming: read the devices, measure the compensation."""
        self._driven = self._read(t)
        if self.reference is not None:
            self.alpha = factor(self.reference, reading(self._driven, self.plan, self.noise))
        self._set_factors()

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return outputs without learned factors: ``(*chips, n, ...)`` from the same."""
        plan = self.plan
        if plan.config.input_range.kind == "absmax":
            r: Tensor | float = largest_inputs(x, plan)
        else:
            r = number(self.input_range)
        if bias is not None:
            bias = plan.product.per_output(bias.to(x.dtype))
        if not plan.config.adc.bound_management:
            return self._forward(x, r, bias)[0]
        y = self._managed(x, r)
        return y if bias is None else y.add_(bias)

    def _managed(self, x: Tensor, r: Tensor | float) -> Tensor:
        """Halve the inputs of saturated vectors until none is saturated."""
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
        """Return outputs, and which vectors saturated an output (only with bound management)."""
        plan = self.plan
        steps, _ = quantize_inputs(x, r, plan, self.noise, scratch_like(x, "steps"))
        total: Tensor | None = None
        saturated = torch.zeros((), dtype=torch.bool, device=x.device)
        for i in range(plan.grid.n_row_tiles):
            y = tile_outputs(
                plan.tile_inputs(steps, i), plan.tile_matrix(self._driven, i), plan, i, self.noise
            )
            if plan.config.adc.bound_management:
                saturated = saturated | plan.product.any_output(
                    y.abs() >= (plan.output_limit or 0.0)
                )
            last = i == plan.grid.n_row_tiles - 1
            total, _ = settle(
                y,
                plan,
                self.noise,
                factor=self._factors[i] * r,
                bias=bias if last else None,
                total=total,
            )
        assert total is not None
        return total, saturated

    def _read(self, t: float) -> Tensor:
        """Return weights from steps of inputs to steps of outputs, as read at ``t``."""
        device = self.plan.config.device
        sources = self.generators[0] if self.n_chips is None else self.generators
        g = self.chip.read(t, generator=sources)
        return self.plan.config.pair.to_weights(g, device).mul_(self.plan.weight_factor)

    def _set_factors(self) -> None:
        """Put output step, weight scale and compensation together."""
        values = self.scale * self.plan.output_step
        values = values if self.alpha is None else values * self.alpha
        self._factors: list[Tensor | float] = [
            factor_of(values[..., i, :], self.plan) for i in range(values.shape[-2])
        ]


def factor_of(values: Tensor, plan: Plan) -> Tensor | float:
    """Return factors of outputs, ``(*chips, out)``, as one number if they are all the same."""
    first = values.reshape(-1)[0]
    if values.device.type == "cpu" and bool((values == first).all()):
        return float(first)
    return plan.product.per_output(values)
