"""Quantisers: how activations and weights become integers, and how ranges are found from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError, NotFiniteError, check_choice, check_float, check_int
from ..layers.loading import with_one_dimension

CALIBRATIONS = ("minmax", "percentile", "mse")
RANGES = ("fixed", "moving_average", "learned")
_BINS = 2048
_MIN_RANGE = 1e-8


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """How a network is quantised.

    Attributes:
        weight_bits: Bits of the weights, symmetric, one scale for each output.
        activation_bits: Bits of the activations, affine, one scale and zero point for each tensor.
        calibration: How ranges are found from data: ``"minmax"``; ``"percentile"``: what lies outside is
            clipped; ``"mse"``: the range with the least mean squared error.
        percentile: For ``"percentile"``: the share of values kept at either end, percent.
        batches: Batches of training inputs that are looked at.
        ranges: Ranges of activations while training: ``"fixed"`` as calibrated, ``"moving_average"`` of
            each batch's extremes, or ``"learned"`` by gradient.
        momentum: For ``"moving_average"``: the share of a new batch.
        digital: Layers that keep their floating-point numbers: names or patterns of names.

    Raises:
        InvalidArgumentError: If a value has the wrong type or is outside its range.
        UnknownNameError: If a choice is unknown.

    Source: Nagel et al., arXiv:2106.08295; learned ranges: Esser et al., ICLR 2020.
    """

    weight_bits: int = 8
    activation_bits: int = 8
    calibration: str = "mse"
    percentile: float = 99.99
    batches: int = 8
    ranges: str = "fixed"
    momentum: float = 0.01
    digital: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_int("quantization.weight_bits", self.weight_bits, minimum=2, maximum=8)
        check_int("quantization.activation_bits", self.activation_bits, minimum=2, maximum=8)
        check_choice("quantization.calibration", self.calibration, CALIBRATIONS)
        check_float("quantization.percentile", self.percentile, minimum=50.0, maximum=100.0)
        check_int("quantization.batches", self.batches, minimum=1)
        check_choice("quantization.ranges", self.ranges, RANGES)
        check_float("quantization.momentum", self.momentum, minimum=0.0, maximum=1.0)
        names: Any = self.digital
        if isinstance(names, str):
            raise InvalidArgumentError(
                f"`quantization.digital` must be a list of names, but got {self.digital!r}."
            )
        object.__setattr__(self, "digital", tuple(names))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self) | {"digital": list(self.digital)}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Quantization:
        """Make it from what :meth:`to_dict` returned, or a part of it.

        Raises:
            UnknownNameError: If a key is unknown.
        """
        for name in payload:
            check_choice("quantization argument", name, [entry.name for entry in fields(cls)])
        return cls(**payload)


class _Round(torch.autograd.Function):
    """Rounding whose gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


def rounded(x: Tensor) -> Tensor:
    """Return ``x`` rounded to integers (halves to even); gradients pass as they are."""
    result: Tensor = _Round.apply(x)  # type: ignore[no-untyped-call]
    return result


def integer_weights(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Return weights as integers, and the scale of each output.

    Args:
        weight: Outputs first.
        bits: Bits; the integers are within plus and minus 2^(bits - 1) - 1.

    Returns:
        Integers as floating-point numbers, of the shape of ``weight``, with gradients straight through; and
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
    """What calibration has seen of one tensor: first its extremes, then its histogram.

    Args:
        layer: Name of the layer that takes it, for error messages.
    """

    def __init__(self, layer: str = "") -> None:
        self.layer = layer
        self.low, self.high = 0.0, 0.0
        self.counts: Tensor | None = None

    def take(self, x: Tensor) -> None:
        """Take one batch; extremes until :meth:`start_counting`, counts after it.

        Raises:
            NotFiniteError: If an input is NaN or infinite.
        """
        if self.counts is not None:
            self.counts += torch.histc(x.float(), _BINS, self.low, self.high).double().cpu()
            return
        low, high = (float(end) for end in torch.aminmax(x))
        if not (abs(low) < float("inf") and abs(high) < float("inf")):
            raise NotFiniteError(
                f"Inputs of layer {self.layer!r} must be finite for calibration, but hold NaN or infinity: "
                "check the batches, and the weights of the layers before it."
            )
        self.low, self.high = min(self.low, low), max(self.high, high)

    def start_counting(self) -> None:
        """Keep the extremes from here on, and count what lies between."""
        self.counts = torch.zeros(_BINS, dtype=torch.float64)

    def choose(self, settings: Quantization) -> tuple[float, float]:
        """Return the range, with 0 in it."""
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
    """Turns a tensor into integers between -zero point and levels - zero point, and their scale.

    Args:
        settings: How.

    Attributes:
        low: Smallest value that is not clipped, at most 0; a parameter, shape ``(1,)``.
        high: Largest such value, at least 0.
        observer: While calibrating: what is shown the inputs.
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
            x: Where a gradient is wanted: the inputs, whose number damps the gradient of a learned range.
        """
        # Without the dimension of the parameter, which would count as one of the inputs.
        low, high = self.low.view(()).clamp(max=0.0), self.high.view(()).clamp(min=0.0)
        if self.low.requires_grad and x is not None:
            damping = (x[0].numel() * self.levels) ** -0.5
            low, high = _damped(low, damping), _damped(high, damping)
        scale = ((high - low) / self.levels).clamp(min=_MIN_RANGE / self.levels)
        return scale, torch.round(-low.detach() / scale.detach())

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Load; ranges of earlier versions have no dimensions."""
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
