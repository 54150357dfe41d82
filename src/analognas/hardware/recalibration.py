"""What measuring the drift compensation of a network costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..core import check_float, check_int
from .chip_cost import ChipCost
from .uncertain_value import UncertainValue, estimated, summed, with_factor

__all__ = ["DAY", "RecalibrationCost", "recalibration_cost"]

DAY = 86400.0
"""Seconds of a day."""


@dataclass(frozen=True)
class RecalibrationCost:
    """Costs of measuring the drift compensation of all crossbars once.

    Attributes:
        reference_mvms: Reference MVMs of a crossbar; the most of several kinds.
        time: Time, ms; all crossbars are measured at once.
        energy: Energy, mJ.

    Example:
        >>> from analognas.hardware import architecture_cost
        >>> from analognas.spaces import NASBench201Space
        >>> found = recalibration_cost(architecture_cost(NASBench201Space(), (0, 1, 1, 1, 1, 1), "hermes"))
        >>> found.reference_mvms
        256
    """

    reference_mvms: int
    time: float
    energy: float

    def per_inference(self, interval: float, rate: float) -> float:
        """Return the energy of an inference, mJ, when the compensation is measured regularly.

        Args:
            interval: Time between two measurements, s.
            rate: Inferences a second.

        Raises:
            InvalidArgumentError: If one is not positive.
        """
        interval = check_float("interval", interval, minimum=1e-15, unit="s")
        each = float(self.energy) / interval / check_float("rate", rate, minimum=1e-15)
        factor = self.energy.factor if isinstance(self.energy, UncertainValue) else None
        return estimated(each, factor, "mJ")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "reference_mvms": self.reference_mvms,
            "time": float(self.time),
            "energy": float(self.energy),
        }

    def __str__(self) -> str:
        if math.isnan(self.time + self.energy):
            return "recalibration: not known, as time or energy of an MVM is not"
        return (
            f"recalibration: {self.reference_mvms:,} reference MVMs a crossbar, "
            f"{self.time:.2g} ms{with_factor(self.time)}, {self.energy:.2g} mJ{with_factor(self.energy)}"
        )


def recalibration_cost(cost: ChipCost, *, reference_mvms: int | None = None) -> RecalibrationCost:
    """Return what one measurement of the drift compensation costs.

    Args:
        cost: Cost of the network on its chip, as from :func:`network_cost`.
        reference_mvms: MVMs of a crossbar in one measurement; None: one for each row, as the simulated
            compensation applies each input alone.

    Raises:
        InvalidArgumentError: If ``reference_mvms`` is not a positive integer.

    Example:
        >>> from analognas.hardware import architecture_cost
        >>> from analognas.spaces import NASBench201Space
        >>> cost = architecture_cost(NASBench201Space(), (0, 1, 1, 1, 1, 1), "hermes")
        >>> print(recalibration_cost(cost))
        recalibration: 256 reference MVMs a crossbar, 0.034 ms (x1.6), 0.041 mJ (x1.6)
    """
    if reference_mvms is not None:
        check_int("reference_mvms", reference_mvms, minimum=1)
    kinds = [_measured(kind, reference_mvms) for kind in cost.kinds]
    return RecalibrationCost(
        reference_mvms=max(count for count, _, _ in kinds),
        time=max((time for _, time, _ in kinds), key=_unknown_last),
        energy=summed([energy for _, _, energy in kinds], "mJ"),
    )


def _unknown_last(time: float) -> float:
    return math.inf if math.isnan(time) else float(time)


def _measured(cost: ChipCost, reference_mvms: int | None) -> tuple[int, float, float]:
    """Reference MVMs, time and energy of crossbars of one kind."""
    chip = cost.chip
    count = chip.rows if reference_mvms is None else reference_mvms
    unknown = math.nan
    latency = unknown if chip.mvm_latency is None else chip.mvm_latency
    energy = unknown if chip.mvm_energy is None else chip.mvm_energy
    used = chip.fixed_share + (1.0 - chip.fixed_share) * cost.utilisation
    conversions = 1e-3 * (chip.dac_energy * chip.rows + chip.adc_energy * chip.columns)
    each = energy * used + conversions
    return (
        count,
        estimated(count * latency * 1e-6, chip.time_factor, "ms"),
        estimated(count * cost.tiles * each * 1e-6, chip.energy_factor, "mJ"),
    )
