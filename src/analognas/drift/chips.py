"""Simulated chips, one after another, each read at several times."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..core import InvalidArgumentError, RandomStreams, check_float
from ..nn import AnalogLayer, analog_layers, at_time, program, set_mode
from ..physics import Device
from .examples import Examples
from .variance_components import Array

DAY, MONTH, YEAR = 86400.0, 2592000.0, 31536000.0
"""Times since programming ended, s; a month is 30 days, a year 365."""
TIMES = (1.0, 60.0, 3600.0, DAY, MONTH, YEAR)
"""One second to one year."""


class ChipSimulator:
    """Puts a copy of an analog network on one chip after another.

    Chip ``k`` is drawn from its own generator: its devices do not depend on the other chips.

    Args:
        model: A network with analog layers; it is not changed.
        seed: Seed of all draws.
        compensated: When the drift compensation of each time was last measured, s, from
            :func:`check_compensated`; None: at each time itself.
    """

    def __init__(
        self,
        model: nn.Module,
        seed: int,
        compensated: Sequence[float | None] | None = None,
    ) -> None:
        self.compensated = compensated
        self.model = copy.deepcopy(as_analog(model)).eval()
        self.streams = RandomStreams(seed)
        self._device = next(self.model.parameters()).device

    def digital(self, examples: Examples) -> tuple[Array, Array | None]:
        """Return scores and margins of the network without any analog effect."""
        set_mode(self.model, "ideal")
        return examples.margins(self.model)

    def measure(
        self,
        k: int,
        examples: Examples,
        times: Sequence[float],
        *,
        indices: NDArray[np.int64] | None = None,
        wanted: NDArray[np.bool_] | None = None,
    ) -> Array:
        """Program chip ``k`` and score it at each time, shape ``(n, T)``.

        Args:
            k: Number of the chip.
            examples: The examples.
            times: Times since programming, s.
            indices: Only these examples, shape ``(n,)``.
            wanted: Only these times, shape ``(T,)``; scores at the others are NaN.
        """
        program(self.model, generator=self.streams.torch("chip", k, device=self._device))
        n = len(examples) if indices is None else len(indices)
        result = np.full((n, len(times)), np.nan)
        for j, t in enumerate(times):
            if wanted is None or wanted[j]:
                self._move(t, t if self.compensated is None else self.compensated[j])
                result[:, j] = examples.scores(self.model, indices)
        return result

    def _move(self, t: float, compensated: float | None) -> None:
        """Move the chip to ``t``, with the drift compensation measured at another time."""
        if compensated is not None and compensated < t:
            at_time(self.model, compensated)
        at_time(self.model, t, compensate=compensated == t)


def as_analog(model: nn.Module) -> nn.Module:
    """Return ``model``, a module with analog layers.

    Raises:
        InvalidArgumentError: If it is anything else.
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    if not any(isinstance(module, AnalogLayer) for module in model.modules()):
        raise InvalidArgumentError(
            "`model` must have analog layers, but has none: use to_analog(), or direct_mapping() for a "
            "digital network."
        )
    return model


def check_times(model: nn.Module, times: Sequence[float]) -> tuple[float, ...]:
    """Return times as floats, ascending.

    Raises:
        InvalidArgumentError: If there is none, one is duplicated, negative or not a number.
        PhysicalRangeError: If one is outside the range of a device's model.
    """
    devices = {layer.config.device: None for _, layer in analog_layers(model)}
    return [check_device_times(device, times) for device in devices][-1]


def check_compensated(
    compensated: Sequence[float | None], times: Sequence[float]
) -> tuple[float | None, ...]:
    """Return when the compensation of each time was last measured.

    Raises:
        InvalidArgumentError: If there is another number of them than of times, one lies after its time, or they
            or the times are not ascending.
    """
    found = tuple(None if c is None else check_float("compensated", c) for c in compensated)
    known = [-1.0 if c is None else c for c in found]
    if len(found) != len(times) or list(times) != sorted(times) or known != sorted(known):
        raise InvalidArgumentError(
            f"`compensated` must have one time for each of {len(times)} ascending `times`, ascending as "
            f"they are and with None first, but got {list(compensated)!r}."
        )
    if any(c > t for c, t in zip(known, times, strict=True)):
        raise InvalidArgumentError(
            f"`compensated` must not be after the time that it is for, but got {list(compensated)!r} for "
            f"{list(times)!r}."
        )
    return found


def check_device_times(device: Device, times: Sequence[float]) -> tuple[float, ...]:
    """Return times as floats, ascending; raises as :func:`check_times` does."""
    if not np.ndim(times) or not len(times):
        raise InvalidArgumentError(
            f"`times` must be a sequence of times since programming (s), but got {times!r}."
        )
    checked = sorted(check_float("times", t, minimum=0.0, unit="s") for t in times)
    if len(set(checked)) < len(checked):
        raise InvalidArgumentError(f"`times` must differ from each other, but got {checked}.")
    return tuple(device.check_time(t) for t in checked)


def digital_scores(model: nn.Module, examples: Examples, seed: int) -> Array:
    """Return the scores of any network without analog effects; the network is not changed."""
    if any(isinstance(module, AnalogLayer) for module in model.modules()):
        return ChipSimulator(model, seed).digital(examples)[0]
    return examples.scores(copy.deepcopy(model).eval())
