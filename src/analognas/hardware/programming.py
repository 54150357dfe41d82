"""How the weights of a chip are written, and what fewer iterations of writing do to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field, model_validator

from ..core import InvalidArgumentError, check_float
from ..core.settings import Settings, quantity

if TYPE_CHECKING:
    from ..physics import Device

__all__ = ["Programming", "bounds_of", "noise_scale"]

_Amount = Annotated[float, Field(ge=0.0, le=1e15)]
_Count = Annotated[float, Field(ge=1.0, le=1e15)]
Amount: TypeAlias = _Amount | tuple[_Amount, _Amount, _Amount]
"""A number, or lower bound, expected value and upper bound."""
Count: TypeAlias = _Count | tuple[_Count, _Count, _Count]
"""A number of at least 1, or lower bound, expected value and upper bound."""


class Programming(Settings):
    """How the weights of a chip are written.

    A quantity is a number, or lower bound, expected value and upper bound where only a range is known.

    Example:
        >>> Programming(pulse_time=100.0, verify_time=50.0, iterations=(1, 4, 20), writers=32).iterations
        (1.0, 4.0, 20.0)
    """

    settings_name = "programming"

    source: str = Field(default="", description="Where the numbers come from, and what is assumed.")
    devices: float = Field(
        default=1.0,
        gt=0.0,
        le=1e6,
        description="Devices of one weight that are tuned one after another.",
    )
    preparation_time: Amount = quantity(
        0.0, "ns", "Time of pulses before the iterations, such as RESET, for one weight."
    )
    preparation_energy: Amount | None = quantity(
        0.0, "pJ", "Energy of these pulses; null: not published."
    )
    iterations: Count = Field(
        default=1.0, description="Mean number of pulses of a device, each with a verify read."
    )
    pulse_time: Amount = quantity(..., "ns", "Time of one pulse.")
    pulse_energy: Amount | None = quantity(
        None, "pJ", "Energy of one pulse of one device; null: not published."
    )
    verify_time: Amount = quantity(0.0, "ns", "Time of the verify read after a pulse.")
    verify_energy: Amount | None = quantity(
        0.0, "pJ", "Energy of the verify read of one device; null: not published."
    )
    writers: Count = Field(
        default=1.0, description="Devices of a crossbar that are written at once."
    )
    parallel_tiles: Count | None = Field(
        default=None, description="Crossbars that are written at once; null: all."
    )

    @model_validator(mode="after")
    def _check_order(self) -> Programming:
        for name, value in self:
            if isinstance(value, tuple) and list(value) != sorted(value):
                raise InvalidArgumentError(
                    f"`{name}` must be a lower bound, an expected value and an upper bound, in this order, "
                    f"but got {list(value)}."
                )
        return self


def noise_scale(programming: Programming, device: Device, iterations: float) -> float:
    r"""Return the factor on the programming noise of a device when iterations are limited.

    .. math:: scale^2 = (1 - q^n) + q^n\, \frac{(g_{max} - g_{min})^2}{12\, \overline{\sigma^2}}

    Accepted devices have the noise of the device's model. The others are assumed to have any conductance of the
    range with equal probability. This is pessimistic: their iterations would have moved them closer.

    Args:
        programming: How the chip is programmed.
        device: The device, whose mean variance over its range counts.
        iterations: Limit of iterations of a device.

    Returns:
        The factor, for ``prog_noise_scale`` of the device; at least 1.

    Raises:
        InvalidArgumentError: If ``iterations`` is below 1, or the device has no programming noise.

    Example:
        >>> from analognas.physics import PCM
        >>> slow = Programming(pulse_time=125.0, iterations=5.5)
        >>> [round(noise_scale(slow, PCM(), n), 2) for n in (1, 5, 10, 30)]
        [7.35, 4.98, 3.12, 1.08]
    """
    import torch

    limit = check_float("iterations", iterations, minimum=1.0)
    targets = torch.linspace(device.g_min, device.g_max, 1001, dtype=torch.float64)
    variance = float(torch.as_tensor(device.programming_std(targets)).double().square().mean())
    if variance == 0.0:
        raise InvalidArgumentError(
            f"`iterations` cannot be limited for {type(device).__name__}, which has no programming noise; omit "
            "it."
        )
    unfinished = (1.0 - 1.0 / bounds_of(programming.iterations)[1]) ** limit
    uniform = (device.g_max - device.g_min) ** 2 / 12.0
    return math.sqrt(1.0 + unfinished * max(uniform / variance - 1.0, 0.0))


def bounds_of(value: Any) -> tuple[float, float, float]:
    """Return lower bound, expected value and upper bound of a quantity; NaN where it is not published."""
    if value is None:
        return (math.nan,) * 3
    low, middle, high = value if isinstance(value, tuple) else (value,) * 3
    return low, middle, high
