"""Quantizers of weights and activations, and the choice of ranges from data."""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core import NotFiniteError
from ...core.settings import Settings
from ..layers.loading import with_one_dimension

_BINS = 2048
_MIN_RANGE = 1e-8


class Quantization(Settings):
    """Settings of the quantisation of a network.

    Attributes:
        weight_bits: Bits of the weights: symmetric, one scale for each output.
        activation_bits: Bits of the activations: affine, one scale and zero point for each tensor.
        calibration: Choice of the ranges from data. ``"minmax"``: the extremes. ``"percentile"``: values
            outside the percentiles are clipped. ``"mse"``: the range with the least mean squared error.
        percentile: Share of the values inside either end of the range, percent, for ``"percentile"``.
        batches: Number of batches of training inputs for the calibration.
        ranges: Ranges of activations in training: ``"fixed"`` as calibrated, ``"moving_average"`` of the
            extremes of each batch, or ``"learned"`` by gradients.
        momentum: Weight of a new batch, for ``"moving_average"``.
        digital: Layers that stay in floating point: names or patterns of names.

    Raises:
        InvalidArgumentError: If a value has the wrong type or is outside its range.
        UnknownNameError: If an entry or a choice is unknown.

    Source: Nagel et al., arXiv:2106.08295; learned ranges: Esser et al., ICLR 2020.

    Example:
        >>> from analognas.training import quantize
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
        >>> quantize(net, Quantization(weight_bits=4, digital=("2",)))
        Sequential(
          (0): QuantizedLinear(
            in_features=4, out_features=8, bias=True
            (quantizers): ModuleDict(
              (input): ActivationQuantizer()
            )
          )
          (1): ReLU()
          (2): Linear(in_features=8, out_features=2, bias=True)
        )
    """

    settings_name = "quantization"

    weight_bits: int = Field(default=8, ge=2, le=8, description="Bits of the weights.")
    activation_bits: int = Field(default=8, ge=2, le=8, description="Bits of the activations.")
    calibration: Literal["minmax", "percentile", "mse"] = Field(
        default="mse", description="Choice of the ranges from data."
    )
    percentile: float = Field(
        default=99.99,
        ge=50.0,
        le=100.0,
        description="Share of the values inside either end of the range.",
        json_schema_extra={"unit": "%"},
    )
    batches: int = Field(default=8, ge=1, description="Batches for the calibration.")
    ranges: Literal["fixed", "moving_average", "learned"] = Field(
        default="fixed", description="Ranges of activations in training."
    )
    momentum: float = Field(default=0.01, ge=0.0, le=1.0, description="Weight of a new batch.")
    digital: tuple[str, ...] = Field(
        default=(), description="Layers that stay in floating point: names or patterns."
    )


class _Round(torch.autograd.Function):
    """Rounding whose gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


def rounded(x: Tensor) -> Tensor:
    """Return ``x`` rounded to integers (halves to even), with a straight-through gradient."""
    result: Tensor = _Round.apply(x)  # type: ignore[no-untyped-call]
    return result


def integer_weights(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Return weights as integers, and the scale of each output.

    Args:
        weight: Weights; the first dimension counts outputs.
        bits: Number of bits. The integers are in [-(2^(bits - 1) - 1), 2^(bits - 1) - 1].

    Returns:
        Integers as floating-point numbers, of the shape of ``weight``, with straight-through gradients; and
        scales, shape ``(out,)``.

    Example:
        >>> q, scale = integer_weights(torch.tensor([[1.0, -0.5], [0.0, 0.2]]), 8)
        >>> q
        tensor([[127., -64.],
                [  0., 127.]])
    """
    largest = weight.detach().flatten(1).abs().amax(1)
    scale = torch.where(largest > 0, largest, 1.0) / (2 ** (bits - 1) - 1)
    return rounded(weight / scale.view(-1, *(1,) * (weight.ndim - 1))), scale


class RangeObserver:
    """Extremes and histogram of one tensor during calibration.

    Args:
        layer: Name of the layer that receives the tensor, for messages.
    """

    def __init__(self, layer: str = "") -> None:
        self.layer = layer
        self.low, self.high = 0.0, 0.0
        self.counts: Tensor | None = None

    def take(self, x: Tensor) -> None:
        """Update with one batch: the extremes before :meth:`start_counting`, the histogram after it.

        Raises:
            NotFiniteError: If an input is NaN or infinite.
        """
        if self.counts is not None:
            self.counts += torch.histc(x.float(), _BINS, self.low, self.high).double().cpu()
            return
        low, high = (float(end) for end in torch.aminmax(x))
        if not (abs(low) < float("inf") and abs(high) < float("inf")):
            raise NotFiniteError(
                f"Inputs of layer {self.layer!r} must be finite for calibration, but contain NaN or infinity: "
                "check the batches, and the weights of the layers before it."
            )
        self.low, self.high = min(self.low, low), max(self.high, high)

    def start_counting(self) -> None:
        """Fix the extremes and start the histogram between them."""
        self.counts = torch.zeros(_BINS, dtype=torch.float64)

    def choose(self, settings: Quantization) -> tuple[float, float]:
        """Return the range. It contains 0."""
        if self.counts is None or self.low == self.high:
            return self.low, self.high
        if settings.calibration == "percentile":
            return self._percentile(settings.percentile / 100.0)
        return self._least_error(2**settings.activation_bits - 1)

    def _percentile(self, share: float) -> tuple[float, float]:
        assert self.counts is not None
        below = self.counts.cumsum(0) / self.counts.sum()
        step = (self.high - self.low) / _BINS
        first = int((below <= 1.0 - share).sum())
        last = int((below < share).sum())
        return min(self.low + first * step, 0.0), max(self.low + (last + 1) * step, 0.0)

    def _least_error(self, levels: int) -> tuple[float, float]:
        assert self.counts is not None
        step = (self.high - self.low) / _BINS
        centres = self.low + step * (torch.arange(_BINS, dtype=torch.float64) + 0.5)
        shrink = torch.linspace(0.1, 1.0, 91, dtype=torch.float64)[:, None]
        scale = (self.high - self.low) * shrink / levels
        zero = torch.round(-self.low * shrink / scale)
        steps = torch.clamp(torch.round(centres / scale), -zero, levels - zero)
        errors = (self.counts * (steps * scale - centres).square()).sum(1)
        best = float(shrink[int(errors.argmin())])
        return self.low * best, self.high * best


class ActivationQuantizer(nn.Module):
    """Converts a tensor to integers between -zero point and levels - zero point, and their scale.

    Args:
        settings: Settings of the quantisation.

    Attributes:
        low: Smallest value that is not clipped, at most 0; a parameter, shape ``(1,)``.
        high: Largest value that is not clipped, at least 0; a parameter, shape ``(1,)``.
        observer: Observer of the inputs during calibration; otherwise None.
    """

    def __init__(self, settings: Quantization) -> None:
        super().__init__()
        self.settings = settings
        self.levels = 2**settings.activation_bits - 1
        learned = settings.ranges == "learned"
        self.low = nn.Parameter(torch.zeros(1), requires_grad=learned)
        self.high = nn.Parameter(torch.ones(1), requires_grad=learned)
        self.observer: RangeObserver | None = None

    @torch.no_grad()
    def set_range(self, low: float, high: float) -> None:
        """Set the range."""
        self.low.fill_(min(low, 0.0))
        self.high.fill_(max(high, 0.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return integers as floating-point numbers, minus the zero point, and their scale."""
        if self.training and self.settings.ranges == "moving_average":
            self._follow(x.detach())
        scale, zero = self.scale_and_zero(x)
        steps = torch.clamp(x / scale, -zero, self.levels - zero)
        return rounded(steps), scale

    def scale_and_zero(self, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the scale and the zero point.

        Args:
            x: Inputs, whose number scales the gradient of a learned range; None if no gradient is needed.
        """
        # Drop the dimension of the parameter, which must not broadcast against dimensions of the inputs.
        low, high = self.low.view(()).clamp(max=0.0), self.high.view(()).clamp(min=0.0)
        if self.low.requires_grad and x is not None:
            damping = (x[0].numel() * self.levels) ** -0.5
            low, high = _damped(low, damping), _damped(high, damping)
        scale = ((high - low) / self.levels).clamp(min=_MIN_RANGE / self.levels)
        return scale, torch.round(-low.detach() / scale.detach())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Load a state dict. Ranges of earlier versions have no dimensions."""
        given = with_one_dimension(state_dict, prefix, ("low", "high"))
        super()._load_from_state_dict(given, prefix, *args)

    @torch.no_grad()
    def _follow(self, x: Tensor) -> None:
        share = self.settings.momentum
        low, high = torch.aminmax(x)
        self.low.lerp_(low.to(self.low.dtype).clamp(max=0.0), share)
        self.high.lerp_(high.to(self.high.dtype).clamp(min=0.0), share)


def _damped(x: Tensor, factor: float) -> Tensor:
    """Return ``x`` with its gradient multiplied by ``factor``."""
    return (x - x * factor).detach() + x * factor
