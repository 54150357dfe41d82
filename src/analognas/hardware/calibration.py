"""Calibrates the component model to a chip by its measured operating points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..core import InvalidArgumentError
from ..core.settings import Options, Settings, quantity
from .mvm_coefficients import Coefficients, coefficients
from .mvm_model import accumulation_energy, area_terms, energy_terms, mvm_cost, time_terms
from .mvm_unit import Calibration, MVMUnit, nominal_supply

__all__ = ["MeasuredPoint", "calibrate"]

_SCALE_SPREAD = 2.0
"""Spread of a chip's factor on all energies or times, log: chips differ by factors of two to eight."""
_TERM_SPREAD = 1.5
"""Spread of a component's factor beside it, log."""
_SUPPLY_SPREAD = {"energy": 0.3, "time": 1.0}
"""Spread of the exponent of the supply between chips."""
_MEASUREMENT_SPREAD = 0.1
"""What the model cannot explain of one measurement, log."""

Floats = NDArray[np.float64]


class MeasuredPoint(Settings):
    """What was measured of a chip under one condition.

    Example:
        >>> MeasuredPoint(changes={"input_bits": 4, "supply": 0.9}, energy=1200.0).energy
        1200.0
    """

    settings_name = "measured point"

    changes: Options = Field(
        default={}, description="Entries of the MVM unit that differ from the calibrated one."
    )
    energy: float | None = quantity(None, "pJ", "Energy of one MVM.", gt=0.0)
    latency: float | None = quantity(None, "ns", "Time of one MVM.", gt=0.0)
    area: float | None = quantity(None, "mm2", "Area of the array.", gt=0.0)


def calibrate(
    unit: MVMUnit, points: Sequence[MeasuredPoint], *, using: Coefficients | None = None
) -> MVMUnit:
    r"""Return the unit with a calibration that other precisions, supplies and phases are predicted with.

    The calibration is the most probable one, given the spread of published chips: it minimises

    .. math:: \sum_i (\ln(model_i / measured_i) / \sigma_m)^2 + \sum_j (\theta_j / \sigma_j)^2

    over the logs of a factor on everything, of one on each component, and of the change of the supply's
    exponent. One point thus sets the scale; more points tell the components apart.

    Args:
        unit: The chip's array; what the points do not change.
        points: What was measured.
        using: Coefficients of the model; None: those that ship.

    Raises:
        InvalidArgumentError: If there is no point, or none with a measured value, or a change does not fit.
        UnknownNameError: If a change names no entry of the unit.

    Example:
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> same = calibrate(unit, [MeasuredPoint(energy=12480.0)])
        >>> round(mvm_cost(same).energy / 12480.0, 2)
        1.0
    """
    if not points or not all(isinstance(point, MeasuredPoint) for point in points):
        raise InvalidArgumentError(
            f"`points` must be one or more MeasuredPoint, but got {points!r}."
        )
    if all(point.energy is point.latency is point.area is None for point in points):
        raise InvalidArgumentError(
            "`points` must hold a measured energy, latency or area, but got none."
        )
    using = coefficients() if using is None else using
    plain = unit.replace(calibration=None)
    units = [plain.replace(**point.changes) for point in points]
    energy = _energy_rows(units, points, using)
    time = [(u, p.latency / u.repeats) for u, p in zip(units, points, strict=True) if p.latency]
    areas = [
        np.log(p.area / (area_terms(u) @ np.array(using.area)))
        for u, p in zip(units, points, strict=True)
        if p.area
    ]
    found: dict[str, Any] = {}
    if energy:
        terms = np.array([row[0] for row in energy])
        extra = np.array([row[1] for row in energy])
        values = _most_probable(
            lambda logs: terms @ np.exp(logs) + extra,
            np.log([row[2] for row in energy]),
            np.array([row[3] for row in energy]),
            terms.shape[1],
            "energy",
        )
        found |= {"energy": values[0], "energy_supply": values[1], "energy_terms": values[2]}
    if time:
        parts = np.array([time_terms(u) * np.array(using.time) for u, _ in time])
        values = _most_probable(
            lambda logs: parts @ np.exp(logs),
            np.log([value for _, value in time]),
            np.array([-_log_supply(u) for u, _ in time]),
            parts.shape[1],
            "time",
        )
        found |= {"time": values[0], "time_supply": values[1], "time_terms": values[2]}
    if areas:
        found["area"] = float(np.mean(areas))
    found |= {"n_energies": len(energy), "n_times": len(time), "n_areas": len(areas)}
    return plain.replace(calibration=Calibration(**found))


def _log_supply(unit: MVMUnit) -> float:
    return float(np.log(unit.volts / nominal_supply(unit.node)))


def _energy_rows(
    units: Sequence[MVMUnit], points: Sequence[MeasuredPoint], using: Coefficients
) -> list[tuple[Floats, float, float, float]]:
    """Terms, what is added, measured energy and log of the relative supply of each point with an energy."""
    rows = []
    for unit, point in zip(units, points, strict=True):
        if point.energy is None:
            continue
        latency = mvm_cost(unit, using).latency if point.latency is None else point.latency
        terms = energy_terms(unit, latency / unit.repeats) * np.array(using.energy)
        rows.append((terms, accumulation_energy(unit), point.energy, _log_supply(unit)))
    return rows


def _most_probable(
    model: Callable[[Floats], Floats],
    logs: Floats,
    log_supply: Floats,
    n_terms: int,
    quantity: str,
) -> tuple[float, float, tuple[float, ...]]:
    """Log of the scale, change of the supply's exponent, and logs of the components' factors."""
    from scipy.optimize import least_squares

    low, high = (-0.4, 0.5) if quantity == "energy" else (-1.0, 0.6)
    spreads = np.array([_SCALE_SPREAD, _SUPPLY_SPREAD[quantity]] + [_TERM_SPREAD] * n_terms)

    def residuals(theta: Floats) -> Floats:
        predicted = np.log(model(theta[2:])) + theta[0] + theta[1] * log_supply
        return np.concatenate([(predicted - logs) / _MEASUREMENT_SPREAD, theta / spreads])

    bound = np.full(n_terms + 2, np.inf)
    lower, upper = -bound, bound.copy()
    lower[1], upper[1] = low, high
    theta = least_squares(residuals, np.zeros(n_terms + 2), bounds=(lower, upper)).x
    return float(theta[0]), float(theta[1]), tuple(float(value) for value in theta[2:])
