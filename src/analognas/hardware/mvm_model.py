r"""Component model of one matrix-vector multiplication (MVM) of an analog array.

Energy of one use of the array, with :math:`N` active rows, :math:`M` converted outputs, :math:`C` columns,
:math:`b_x` input bits, :math:`c` cells a weight, :math:`b` effective ADC bits, integration time :math:`t` and
:math:`u = V^2 \cdot node` (capacitances shrink with the node):

.. math::
    E = N M u (k_1 + k_2 b_x c) + k_3 N M t V^2 + M u (k_4 b + k_5 4^b) + k_6 N b_x C u
        + k_7 (N b_x + M b) u + a M b u

cells charged, current through cells (where columns add up currents), ADCs, row drivers, control and registers,
accumulation. The coefficient of accumulation, :math:`a`, is that of a digital adder; the others are fitted to
published chips. Time and area have components likewise: see :func:`time_terms` and :func:`area_terms`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .mvm_coefficients import Coefficients, coefficients
from .mvm_unit import Calibration, MVMUnit, check_unit, nominal_supply

__all__ = [
    "AREA_TERMS",
    "ENERGY_COMPONENTS",
    "ENERGY_TERMS",
    "TIME_TERMS",
    "MVMCost",
    "accumulation_energy",
    "area_terms",
    "energy_terms",
    "mvm_cost",
    "supply_factors",
    "time_terms",
]

ENERGY_TERMS = (
    "cell base", "cell switching", "cell current", "adc linear", "adc exponential", "row drivers", "control",
)  # fmt: skip
TIME_TERMS = ("base", "input steps", "settling", "settling of charge", "settling of MRAM", "pulse")
AREA_TERMS = ("cells", "lines", "adcs")
ENERGY_COMPONENTS = ("drivers", "cells", "adc", "accumulation", "control")
"""Where the energy of an MVM goes."""

_COMPONENT_OF = ("cells", "cells", "cells", "adc", "adc", "drivers", "control")
_ACCUMULATION = 0.03 / 8 / (45.0 * 0.9**2)
"""Energy of adding one bit, pJ a V2 and nm: 0.03 pJ for 8 bits at 45 nm and 0.9 V (Horowitz, "Computing's
Energy Problem", ISSCC 2014)."""
_PROCESSOR_AREA = 3.0
"""Ratio of the areas of a processor and its array, assumed: the median over SRAM chips lies at 2 to 4."""
_TIME_SUPPLY = 1.0
"""Time falls with the supply to this power; a calibration changes it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MVMCost:
    """Predicted cost of one MVM.

    Attributes:
        energy: Energy, pJ.
        components: The same by :data:`ENERGY_COMPONENTS`, pJ.
        latency: Time, ns.
        area: Area of the array with its periphery, mm2.
        energy_factor: Typical error factor of the energy, the geometric mean over chips held out. About six of
            ten chips lie within the energy divided and multiplied by it.
        latency_factor: That of the time; 1 where the time was given or measured.
        area_factor: That of the area; 1 where it was measured, and between 1 and the error of areas where the
            array differs from the measured one.
        latency_guessed: No time was given nor measured under any condition, so that it is an estimate.
        supply_assumed: No supply was given, so that the usual one of the node was taken.

    Example:
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> cost = mvm_cost(unit)
        >>> cost.latency, max(cost.components, key=cost.components.get)
        (130.0, 'cells')
    """

    energy: float
    components: dict[str, float]
    latency: float
    area: float
    energy_factor: float
    latency_factor: float
    area_factor: float
    latency_guessed: bool
    supply_assumed: bool

    def __str__(self) -> str:
        guess = ", a guess" if self.latency_guessed else ""
        return (
            f"{self.energy:.4g} pJ (x{self.energy_factor:.2g}), {self.latency:.4g} ns "
            f"(x{self.latency_factor:.2g}{guess}), {self.area:.3g} mm2 (x{self.area_factor:.2g})"
        )


def energy_terms(unit: MVMUnit, use_time: float) -> Floats:
    """Return what the fitted coefficients of an MVM's energy are multiplied by, one entry an ENERGY_TERM.

    Args:
        unit: The array.
        use_time: Time of one use of the array, ns.
    """
    n, m, volts = unit.active, unit.outputs, unit.volts
    scale = volts**2 * unit.node
    return unit.repeats * np.array(
        [
            n * m * scale,
            n * m * unit.input_bits * unit.cells * scale,
            n * m * use_time * volts**2 * unit.adds_currents,
            m * unit.conversion_bits * scale,
            m * 4.0**unit.conversion_bits * scale,
            n * unit.input_bits * unit.columns * scale,
            (n * unit.input_bits + m * unit.conversion_bits) * scale,
        ]
    )


def accumulation_energy(unit: MVMUnit) -> float:
    """Return the energy of adding every converted output to its partial sum, pJ; a constant of an adder."""
    scale = unit.volts**2 * unit.node
    return _ACCUMULATION * unit.repeats * unit.outputs * unit.conversion_bits * scale


def time_terms(unit: MVMUnit) -> Floats:
    """Return what the coefficients of the time of one use are multiplied by, one entry a TIME_TERM.

    A fixed time, one a step in which inputs enter, settling of columns with the rows on them (longer where
    charge is shared, and where the small ratio of MRAM's resistances asks for it), and the length of a pulse.
    """
    steps = unit.cycles
    settling = unit.active * steps
    terms = np.array(
        [
            1.0,
            steps,
            settling,
            settling * unit.node / 40.0 * (not unit.adds_currents),
            settling * (unit.device == "MRAM"),
            2.0**unit.input_bits * (unit.input_coding == "pulse width"),
        ]
    )
    return terms * float((nominal_supply(unit.node) / unit.volts) ** _TIME_SUPPLY)


def area_terms(unit: MVMUnit) -> Floats:
    """Return what the coefficients of the area are multiplied by, one entry an AREA_TERM."""
    cells = float(unit.rows * unit.columns) if unit.capacity is None else unit.capacity
    terms = np.array(
        [
            cells * unit.node**1.5,
            (unit.rows + unit.columns) * unit.node,
            unit.outputs * unit.conversion_bits * unit.node,
        ]
    )
    return terms * (_PROCESSOR_AREA if unit.processor else 1.0)


def supply_factors(unit: MVMUnit) -> tuple[float, float]:
    """Return what a calibration's changes of exponents multiply energy and time by."""
    known = unit.calibration
    if known is None:
        return 1.0, 1.0
    ratio = unit.volts / nominal_supply(unit.node)
    return float(ratio**known.energy_supply), float(ratio**-known.time_supply)


def _weights(fitted: tuple[float, ...], logs: tuple[float, ...]) -> Floats:
    weights: Floats = np.array(fitted) * np.exp(np.array(logs or 0.0))
    return weights


def mvm_cost(unit: MVMUnit, using: Coefficients | None = None) -> MVMCost:
    """Predict energy, time and area of one MVM.

    Args:
        unit: The array.
        using: Coefficients; None: those that ship.

    Returns:
        The cost, with the error factor that the model has on chips held out.

    Raises:
        InvalidArgumentError: If ``unit`` is not an :class:`MVMUnit`.

    Example:
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> cost = mvm_cost(unit)
        >>> cost.latency, cost.latency_guessed, cost.energy_factor > 1
        (130.0, False, True)
    """
    check_unit(unit)
    using = coefficients() if using is None else using
    known = unit.calibration
    energy_supply, time_supply = supply_factors(unit)
    if unit.integration_time is None:
        time = float(time_terms(unit) @ _weights(using.time, known.time_terms if known else ()))
        time *= float(np.exp(known.time if known else 0.0)) * time_supply
    else:
        time = unit.integration_time
    terms = energy_terms(unit, time) * _weights(using.energy, known.energy_terms if known else ())
    scale = float(np.exp(known.energy if known else 0.0)) * energy_supply
    parts = dict.fromkeys(ENERGY_COMPONENTS, 0.0)
    for name, part in zip(_COMPONENT_OF, terms, strict=True):
        parts[name] += float(part) * scale
    parts["accumulation"] = accumulation_energy(unit) * scale
    area = float(area_terms(unit) @ np.array(using.area)) * float(
        np.exp(known.area if known else 0)
    )
    factors = _factors(unit, using)
    return MVMCost(
        energy=sum(parts.values()),
        components=parts,
        latency=time * unit.repeats,
        area=area,
        energy_factor=factors[0],
        latency_factor=factors[1],
        area_factor=factors[2],
        latency_guessed=unit.integration_time is None and not (known and known.n_times),
        supply_assumed=unit.supply is None,
    )


def _factors(unit: MVMUnit, using: Coefficients) -> tuple[float, float, float]:
    """Error factors of energy, time and area that hold for such a prediction."""
    known = Calibration() if unit.calibration is None else unit.calibration
    kind = "NVM" if unit.non_volatile else "SRAM"
    timed = unit.integration_time is not None or unit.conditions in known.times_at

    def factor(name: str, misfit: float = 1.0) -> float:
        return max(using.errors[name].factor, misfit) if name in using.errors else float("nan")

    if not known.n_energies:
        energy = factor(
            f"{kind} energy" + ("" if timed or not unit.adds_currents else ", time guessed")
        )
    else:
        energy = factor(f"calibrated energy, {_number(known.n_energies)}", known.energy_misfit)
        if unit.adds_currents and not timed:
            how = "predicted" if known.n_times else "guessed"
            energy = max(energy, factor(f"calibrated energy, time {how}"))
    if timed:
        time = known.time_misfit if unit.integration_time is None else 1.0
    elif known.n_times:
        time = factor(f"calibrated time, {_number(known.n_times)}", known.time_misfit)
    else:
        time = factor(f"{kind} time")
    new = _unmeasured(unit, known, using) if known.n_areas else 1.0
    return energy, time, max(factor(f"{kind} area") ** new, known.area_misfit)


def _number(points: int) -> str:
    return "one point" if points == 1 else "more points"


def _unmeasured(unit: MVMUnit, known: Calibration, using: Coefficients) -> float:
    """Share of the area that the measured array most like this one has not, 0 to 1."""
    parts = area_terms(unit) * np.array(using.area)
    shares = []
    for entries in known.areas_at:
        measured = area_terms(MVMUnit(**entries)) * np.array(using.area)
        shares.append(np.minimum(parts, measured).sum() / max(parts.sum(), measured.sum()))
    return 1.0 - float(max(shares))
