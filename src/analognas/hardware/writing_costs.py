r"""What writing the weights of a network costs.

Weights are written device by device, with a pulse and a verify read until a device is accepted. With :math:`W`
weights of :math:`d` devices in the fullest crossbar, :math:`w` devices of a crossbar written at once,
:math:`t_0` for pulses before the iterations, and :math:`m` iterations on average,

.. math:: T = \frac{W}{w} \left(t_0 + d\, m\, (t_{pulse} + t_{verify})\right)

for all crossbars at once; the energy is that of all weights. A device is assumed to be accepted after each
iteration with the same probability :math:`1/m`. A limit of :math:`n` iterations then leaves the share
:math:`q^n`, :math:`q = 1 - 1/m`, of devices unfinished, and :math:`m (1 - q^n)` iterations on average.
NeuRRAM's figures agree with this: with its mean of 8.52 pulses, 99 % of devices are finished after 37; it stops
after 30 reversals of polarity, with 99 % finished.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import check_float
from .chip_cost import ChipCost
from .programming import Programming, bounds_of
from .uncertain_value import BoundedValue

__all__ = ["ProgrammingCost", "programming_cost"]


@dataclass(frozen=True)
class ProgrammingCost:
    """Costs of writing a network once.

    Attributes:
        chip: Name of the chip.
        weights: Weights, copies included.
        iterations: Limit of iterations of a device; None: the chip's own.
        time: Time, ms, with bounds; NaN if not published.
        energy: Energy, mJ, with bounds; NaN if not published.
        asked: Entries of the chip's programming that they need beside what is known.

    Example:
        >>> from analognas.hardware import architecture_cost
        >>> from analognas.spaces import NASBench201Space
        >>> found = programming_cost(architecture_cost(NASBench201Space(), (0, 1, 1, 1, 1, 1), "hermes"))
        >>> found.weights, found.time.low < found.time < found.time.high
        (72752, True)
    """

    chip: str
    weights: int
    iterations: float | None
    time: BoundedValue
    energy: BoundedValue
    asked: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Which figures are not published and how to give them; empty if none."""
        unknown = {"time": self.time, "energy": self.energy}
        names = [name for name, value in unknown.items() if math.isnan(value)]
        if not names:
            return ""
        entries = " ".join(f"--set programming.{entry}=100" for entry in self.asked)
        verb = "is" if len(names) == 1 else "are"
        return (
            f"{' and '.join(names)} of programming {self.chip!r} {verb} not published; give your own figures, "
            f"such as {entries} (ns, pJ; `analognas schema chip` lists all)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values: times in ms, energies in mJ, NaN where not published."""
        values = {"time": self.time, "energy": self.energy}
        bounds = {
            key: number
            for name, value in values.items()
            for key, number in (
                (name, float(value)),
                (f"{name}_low", value.low),
                (f"{name}_high", value.high),
            )
        }
        return {"weights": self.weights, "iterations": self.iterations, **bounds}

    def __str__(self) -> str:
        known = [str(value) for value in (self.time, self.energy) if not math.isnan(value)]
        return "programming: " + "; ".join(filter(None, [", ".join(known), self.missing]))


def programming_cost(cost: ChipCost, *, iterations: float | None = None) -> ProgrammingCost:
    """Return what writing all weights of a network once takes.

    Args:
        cost: Cost of the network on its chip, as from :func:`network_cost`.
        iterations: Limit of iterations of a device, such as 10; None: the chip's own.

    Returns:
        Time and energy with their bounds. What the chip does not state is NaN. A chip's energy of a weight
        (``program_energy``) replaces that of its pulses.

    Raises:
        InvalidArgumentError: If ``iterations`` is below 1.

    Example:
        >>> from analognas.hardware import architecture_cost
        >>> from analognas.spaces import NASBench201Space
        >>> cost = architecture_cost(NASBench201Space(), (0, 1, 1, 1, 1, 1), "hermes")
        >>> print(programming_cost(cost))
        programming: 4.2 ms (0.83 to 21), 0.15 mJ (0.026 to 1.6)
    """
    limit = None if iterations is None else check_float("iterations", iterations, minimum=1.0)
    kinds = [_Written(kind) for kind in cost.kinds]
    time = _each(lambda i: _time(kinds, i, limit))
    energy = _each(lambda i: math.fsum(kind.energy(i, limit) for kind in kinds))
    return ProgrammingCost(
        chip=cost.chip.name,
        asked=tuple(dict.fromkeys(entry for kind in kinds for entry in kind.asked)),
        weights=sum(kind.weights for kind in kinds),
        iterations=limit,
        time=BoundedValue(time[1] * 1e-6, time[0] * 1e-6, time[2] * 1e-6, "ms"),
        energy=BoundedValue(energy[1] * 1e-9, energy[0] * 1e-9, energy[2] * 1e-9, "mJ"),
    )


def _each(value: Callable[[int], float]) -> tuple[float, float, float]:
    """Lower bound, expected value and upper bound."""
    return value(0), value(1), value(2)


class _Written:
    """What is written on the crossbars of one kind.

    Attributes:
        weights: Weights on them, copies included.
        fullest: Weights on the fullest of them.
    """

    def __init__(self, cost: ChipCost) -> None:
        chip = cost.chip
        cells = chip.rows * chip.columns
        # Tiles of a layer are nearly equal; packed matrices may fill a crossbar.
        share = max((layer.utilisation for layer in cost.layers), default=0.0)
        self.chip, self.how = chip, chip.programming
        self.weights = round(cost.utilisation * cost.tiles * cells)
        self.fullest = float(
            min(cells if chip.mapping == "packed" else cells * share, self.weights)
        )

    def time(self, i: int, limit: float | None) -> float:
        """Time of writing a weight of a crossbar, ns; ``i`` chooses lower bound, expectation or upper bound."""
        how = self.how
        if how is None:
            return math.nan
        each = bounds_of(how.pulse_time)[i] + bounds_of(how.verify_time)[i]
        weight = bounds_of(how.preparation_time)[i] + _pulses(how, i, limit) * each
        # More at once takes less time: the bounds change places.
        return weight / bounds_of(how.writers)[2 - i]

    @property
    def asked(self) -> list[str]:
        """Entries of the programming that time and energy need and that are not stated."""
        names = ["preparation_energy", "pulse_energy", "verify_energy"]
        if self.how is None:
            return [
                "pulse_time",
                *([] if self.chip.program_energy is not None else ["pulse_energy"]),
            ]
        if self.chip.program_energy is not None:
            return []
        return [name for name in names if getattr(self.how, name) is None]

    def one_after_another(self, i: int, limit: float | None) -> float:
        """Least time of writing all weights where few crossbars are written at once, ns."""
        if self.how is None or self.how.parallel_tiles is None:
            return 0.0
        return self.time(i, limit) * self.weights / bounds_of(self.how.parallel_tiles)[2 - i]

    def energy(self, i: int, limit: float | None) -> float:
        """Energy of writing all weights, pJ."""
        how = self.how
        if self.chip.program_energy is not None:
            return self.chip.program_energy * 1e3 * self.weights
        if how is None:
            return math.nan
        each = bounds_of(how.pulse_energy)[i] + bounds_of(how.verify_energy)[i]
        weight = bounds_of(how.preparation_energy)[i] + _pulses(how, i, limit) * each
        return weight * self.weights


def _time(kinds: Sequence[_Written], i: int, limit: float | None) -> float:
    """Time of writing all crossbars at once, or as many as the chip allows, ns."""
    fullest = [kind.time(i, limit) * kind.fullest for kind in kinds]
    if any(map(math.isnan, fullest)):
        return math.nan
    return max(*fullest, sum(kind.one_after_another(i, limit) for kind in kinds))


def _pulses(how: Programming, i: int, limit: float | None) -> float:
    """Pulses of a weight; ``i`` chooses lower bounds, expected values or upper bounds."""
    mean = bounds_of(how.iterations)[i]
    return how.devices * (mean if limit is None else mean * (1.0 - (1.0 - 1.0 / mean) ** limit))
