"""Checks of physical quantities. Messages contain the value, the unit and the range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..core import InvalidArgumentError, PhysicalRangeError
from ..core.checks import value_text

DTYPES = (torch.float32, torch.float64)
SMALLEST, LARGEST = 1e-30, 1e15
"""Smallest and largest magnitude of a quantity other than zero."""


def check_quantity(
    name: str,
    value: Any,
    *,
    unit: str = "",
    minimum: float = -math.inf,
    maximum: float = math.inf,
    positive: bool = False,
    note: str = "",
) -> float:
    """Return ``value`` as a finite ``float`` inside ``[minimum, maximum]``.

    Args:
        name: Name of the quantity in messages.
        value: A number.
        unit: Its unit.
        minimum: Smallest value allowed.
        maximum: Largest value allowed.
        positive: Exclude zero and negative values.
        note: Description of the range in messages.

    Raises:
        PhysicalRangeError: If ``value`` is not a finite number or is outside the range.

    Example:
        >>> check_quantity("g_max", 25, unit="µS", positive=True)
        25.0
        >>> check_quantity("g_max", -1.0, unit="µS", positive=True)
        Traceback (most recent call last):
            ...
        analognas.core.errors.PhysicalRangeError: `g_max` must be positive (µS), but got -1.0 µS.
    """
    try:
        number = math.nan if isinstance(value, bool | str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if math.isfinite(number) and minimum <= number <= maximum and (number > 0 or not positive):
        return number
    if positive and maximum == math.inf:
        expected = f"positive ({unit})" if unit else "positive"
    elif positive:
        expected = f"in (0, {maximum:g}]{_spaced(unit)}"
    else:
        expected = f"in {interval(minimum, maximum)}{_spaced(unit)}"
    reason = f" ({note})" if note else ""
    raise PhysicalRangeError(
        f"`{name}` must be {expected}{reason}, but got {value_text(value)}{_spaced(unit)}."
    )


def check_sizes(values: Mapping[str, Any]) -> None:
    """Check that the magnitudes of a device's entries keep their products in the range of float32.

    Args:
        values: Entries by name. Entries other than numbers and tuples of numbers are ignored.

    Raises:
        PhysicalRangeError: If a magnitude is above 1e15, or below 1e-30 but not zero.

    Example:
        >>> check_sizes({"g_max": 25.0, "name": "x"})
    """
    for name, value in values.items():
        for number in value if isinstance(value, tuple) else (value,):
            size = abs(number) if isinstance(number, int | float) else 0.0
            if size > LARGEST or 0.0 < size < SMALLEST:
                raise PhysicalRangeError(
                    f"`{name}` must be 0, or between {SMALLEST:g} and {LARGEST:g} in size, but got "
                    f"{value_text(number)}."
                )


def check_conductance(name: str, g: Tensor, *, minimum: float = 0.0, maximum: float) -> None:
    """Check that every conductance is a number in ``[minimum, maximum]`` µS, to float precision.

    Args:
        name: Name of the tensor in messages.
        g: Conductances, any shape, µS.
        minimum: Smallest conductance allowed, µS.
        maximum: Largest conductance allowed, µS; infinity allows every finite one.

    Raises:
        PhysicalRangeError: If one is NaN, infinite or outside.
        InvalidArgumentError: If ``g`` is not a float32 or float64 tensor.
    """
    check_dtype(name, g)
    if g.numel() == 0:
        return
    low, high = (float(bound) for bound in torch.aminmax(g.detach()))
    # Casting the bounds to the tensor's type may round them to values outside the range.
    slack = 4.0 * torch.finfo(g.dtype).eps
    top = maximum * (1.0 + slack) if math.isfinite(maximum) else torch.finfo(g.dtype).max
    if minimum * (1.0 - slack) <= low and high <= top:
        return
    worst = low if not low >= minimum * (1.0 - slack) else high
    raise PhysicalRangeError(
        f"`{name}` must be in {interval(minimum, maximum)} µS, but got {worst:.6g} µS."
    )


def check_dtype(name: str, tensor: Tensor) -> None:
    """Check that ``tensor`` is a float32 or float64 tensor.

    Raises:
        InvalidArgumentError: Otherwise.
    """
    if not isinstance(tensor, Tensor) or tensor.dtype not in DTYPES:
        got = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise InvalidArgumentError(
            f"`{name}` must be a tensor of float32 or float64, but got {got}."
        )


def check_nu(nu: Tensor, *, folded: bool) -> None:
    """Check that drift coefficients are finite, and not negative if they are exponents.

    Raises:
        PhysicalRangeError: Otherwise.
    """
    if nu.numel() == 0:
        return
    low, high = (float(bound) for bound in torch.aminmax(nu.detach()))
    if math.isfinite(low) and math.isfinite(high) and (low >= 0.0 or not folded):
        return
    expected = "in [0, inf)" if folded else "finite"
    worst = low if not low >= 0.0 else high
    raise PhysicalRangeError(f"`nu` must be {expected} (no unit), but got {worst:.6g}.")


def check_same_shape(name: str, tensor: Tensor, other_name: str, other: Tensor) -> None:
    """Check that two tensors agree in shape, type and device.

    Raises:
        InvalidArgumentError: Otherwise.
    """
    given = (tuple(tensor.shape), tensor.dtype, str(tensor.device))
    expected = (tuple(other.shape), other.dtype, str(other.device))
    if given != expected:
        raise InvalidArgumentError(
            f"`{name}` must have the shape, type and device of `{other_name}`, {expected}, "
            f"but got {given}."
        )


def check_generators(
    generator: torch.Generator | Sequence[torch.Generator], name: str, tensor: Tensor
) -> list[torch.Generator]:
    """Check that the generators are on the device of a tensor, and return them as a list.

    Args:
        generator: One generator, or one for each chip.
        name: Name of the tensor in messages.
        tensor: The tensor that is filled with random numbers.

    Raises:
        InvalidArgumentError: If it is not a generator, or is on another device than the tensor.
    """
    single = isinstance(generator, torch.Generator) or not isinstance(generator, Sequence)
    generators: list[Any] = [generator] if single else list(generator)  # type: ignore[arg-type]
    if not generators:
        raise InvalidArgumentError(
            "`generator` must be at least one torch.Generator, but is empty."
        )
    for entry in generators:
        if not isinstance(entry, torch.Generator):
            raise InvalidArgumentError(
                f"`generator` must be a torch.Generator, but got {type(entry).__name__}."
            )
        ours, theirs = entry.device, tensor.device
        indices_differ = ours.index is not None and ours.index != (theirs.index or 0)
        if ours.type != theirs.type or (ours.type != "cpu" and indices_differ):
            raise InvalidArgumentError(
                f"`generator` must be on {str(theirs)!r} as `{name}` is, "
                f"but got one on {str(ours)!r}."
            )
    return generators


def interval(minimum: float, maximum: float) -> str:
    """Return a range as text, half open at infinite ends.

    Example:
        >>> interval(0, 25), interval(0, math.inf)
        ('[0, 25]', '[0, inf)')
    """
    left = "(-inf" if minimum == -math.inf else f"[{minimum:.10g}"
    right = "inf)" if maximum == math.inf else f"{maximum:.10g}]"
    return f"{left}, {right}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
