"""Calibrates the component model to a chip by its measured operating points."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..core import InvalidArgumentError
from ..core.checks import value_text
from ..core.settings import Options, Settings, quantity
from .mvm_coefficients import Coefficients, coefficients
from .mvm_model import accumulation_energy, area_terms, energy_terms, mvm_cost, time_terms
from .mvm_unit import Calibration, MVMUnit, check_unit, nominal_supply

__all__ = ["MeasuredPoint", "calibrate"]

_SCALE_SPREAD = 2.0
"""Spread of a chip's factor on all energies or times, log: chips differ by factors of two to eight."""
_TERM_SPREAD = 1.5
"""Spread of a component's factor beside it, log."""
_SUPPLY_SPREAD = {"energy": 0.3, "time": 1.0}
"""Spread of the exponent of the supply between chips."""
_MEASUREMENT_SPREAD = 0.1
"""What the model cannot explain of one measurement, log."""
_TOLD = 3.0
"""A misfit of so many spreads is told."""
_SAME_TIME = 0.01
"""Relative difference of two statements of one time that rounding explains."""

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

    The unit's ``integration_time`` counts as a time measured under the unit's own conditions. The result has
    none, so that its time follows from the calibration where the conditions change.

    Args:
        unit: The chip's array; what the points do not change.
        points: What was measured.
        using: Coefficients of the model; None: those that ship.

    Raises:
        InvalidArgumentError: If ``unit`` is no unit, there is no point, or none with a measured value, a change
            does not fit, or a latency contradicts an integration time under the same conditions.
        UnknownNameError: If a change names no entry of the unit.

    Warns:
        UserWarning: If the points contradict each other or the model, which the error factors then follow.

    Example:
        >>> unit = MVMUnit(device="PCM", node=14, rows=256, columns=256, outputs=256, integration_time=130)
        >>> same = calibrate(unit, [MeasuredPoint(energy=12480.0)])
        >>> round(mvm_cost(same).energy / 12480.0, 2)
        1.0
        >>> round(mvm_cost(same).latency), mvm_cost(same.replace(active_rows=64)).latency < 130
        (130, True)
    """
    check_unit(unit)
    listed = isinstance(points, Sequence) and len(points) > 0
    if not listed or not all(isinstance(point, MeasuredPoint) for point in points):
        raise InvalidArgumentError(
            f"`points` must be one or more MeasuredPoint in a list, but got {value_text(points)}."
        )
    if all(point.energy is point.latency is point.area is None for point in points):
        raise InvalidArgumentError(
            "`points` must hold a measured energy, latency or area, but got none."
        )
    using = coefficients() if using is None else using
    plain = unit.replace(calibration=None)
    units = [plain.replace(**point.changes) for point in points]
    times = _times(plain, units, points)
    known = Calibration(**_fit_times(times, using))
    known = known.replace(**_fit_energies(units, points, times, known, using))
    known = known.replace(**_fit_areas(units, points, using))
    return plain.replace(calibration=known, integration_time=None)


def _times(
    plain: MVMUnit, units: Sequence[MVMUnit], points: Sequence[MeasuredPoint]
) -> list[tuple[MVMUnit, float]]:
    """Return units with the time of one use that was measured under their conditions, ns."""
    found: list[tuple[MVMUnit, float]] = []
    if plain.integration_time is not None:
        found.append((plain, plain.integration_time))
    for number, (unit, point) in enumerate(zip(units, points, strict=True)):
        own = point.changes.get("integration_time")
        if own is None and unit.conditions == plain.conditions:
            own = plain.integration_time
        measured = None if point.latency is None else point.latency / unit.repeats
        if own is not None and measured is not None and abs(measured / own - 1.0) > _SAME_TIME:
            raise InvalidArgumentError(
                f"`points[{number}]` has a latency of {point.latency:g} ns, but its `integration_time` of "
                f"{own:g} ns makes {own * unit.repeats:g} ns under the same conditions; omit the wrong one."
            )
        if measured is not None and own is None:
            found.append((unit, measured))
        # Another integration time under conditions that are known is a choice of the user's.
        elif own is not None and all(unit.conditions != u.conditions for u, _ in found):
            found.append((unit, own))
    return found


def _fit_times(times: Sequence[tuple[MVMUnit, float]], using: Coefficients) -> dict[str, Any]:
    if not times:
        return {}
    parts = np.array([time_terms(unit) * np.array(using.time) for unit, _ in times])
    values = _most_probable(
        lambda logs: parts @ np.exp(logs),
        np.log([value for _, value in times]),
        np.array([-_log_supply(unit) for unit, _ in times]),
        parts.shape[1],
        "time",
    )
    scale, supply, terms, misfit = values
    return {
        "time": scale,
        "time_supply": supply,
        "time_terms": terms,
        "time_misfit": misfit,
        "n_times": len(times),
        "times_at": [unit.conditions for unit, _ in times],
    }


def _fit_energies(
    units: Sequence[MVMUnit],
    points: Sequence[MeasuredPoint],
    times: Sequence[tuple[MVMUnit, float]],
    known: Calibration,
    using: Coefficients,
) -> dict[str, Any]:
    rows = []
    for unit, point in zip(units, points, strict=True):
        if point.energy is None:
            continue
        time = _use_time(unit, point, times, known, using)
        terms = energy_terms(unit, time) * np.array(using.energy)
        rows.append((terms, accumulation_energy(unit), point.energy, _log_supply(unit)))
    if not rows:
        return {}
    parts, extra = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    scale, supply, terms, misfit = _most_probable(
        lambda logs: parts @ np.exp(logs) + extra,
        np.log([row[2] for row in rows]),
        np.array([row[3] for row in rows]),
        parts.shape[1],
        "energy",
    )
    return {
        "energy": scale,
        "energy_supply": supply,
        "energy_terms": terms,
        "energy_misfit": misfit,
        "n_energies": len(rows),
    }


def _use_time(
    unit: MVMUnit,
    point: MeasuredPoint,
    times: Sequence[tuple[MVMUnit, float]],
    known: Calibration,
    using: Coefficients,
) -> float:
    """Time of one use, ns: measured, or predicted from what was measured under other conditions."""
    if point.latency is not None:
        return point.latency / unit.repeats
    if "integration_time" in point.changes and unit.integration_time is not None:
        return unit.integration_time
    for other, time in times:
        if unit.conditions == other.conditions:
            return time
    predicted = unit.replace(calibration=known, integration_time=None)
    return mvm_cost(predicted, using).latency / unit.repeats


def _fit_areas(
    units: Sequence[MVMUnit], points: Sequence[MeasuredPoint], using: Coefficients
) -> dict[str, Any]:
    measured = [(u, p.area) for u, p in zip(units, points, strict=True) if p.area is not None]
    if not measured:
        return {}
    logs = np.log([area / (area_terms(unit) @ np.array(using.area)) for unit, area in measured])
    return {
        "area": float(logs.mean()),
        "area_misfit": _misfit("area", logs - logs.mean()),
        "n_areas": len(measured),
        "areas_at": [unit.conditions for unit, _ in measured],
    }


def _misfit(name: str, logs: Floats) -> float:
    """Geometric mean factor of log errors; warns where the model cannot meet one of the points."""
    sizes = np.abs(logs)
    if sizes.max() > _TOLD * _MEASUREMENT_SPREAD:
        warnings.warn(
            f"The calibrated model misses a measured {name} by a factor of {math.exp(sizes.max()):.2g}: the "
            "points contradict each other, or their arrays differ in more than they say. The mean misfit "
            "becomes the factor of predictions.",
            stacklevel=5,
        )
    return round(math.exp(float(sizes.mean())), 3)


def _log_supply(unit: MVMUnit) -> float:
    return float(np.log(unit.volts / nominal_supply(unit.node)))


def _most_probable(
    model: Callable[[Floats], Floats],
    logs: Floats,
    log_supply: Floats,
    n_terms: int,
    quantity: str,
) -> tuple[float, float, tuple[float, ...], float]:
    """Log of the scale, change of the supply's exponent, logs of the components' factors, and misfit."""
    from scipy.optimize import least_squares

    low, high = (-0.4, 0.1) if quantity == "energy" else (-1.0, 0.6)
    spreads = np.array([_SCALE_SPREAD, _SUPPLY_SPREAD[quantity]] + [_TERM_SPREAD] * n_terms)

    def residuals(theta: Floats) -> Floats:
        predicted = np.log(model(theta[2:])) + theta[0] + theta[1] * log_supply
        return np.concatenate([(predicted - logs) / _MEASUREMENT_SPREAD, theta / spreads])

    bound = np.full(n_terms + 2, np.inf)
    lower, upper = -bound, bound.copy()
    lower[1], upper[1] = low, high
    theta = least_squares(residuals, np.zeros(n_terms + 2), bounds=(lower, upper)).x
    misfit = _misfit(quantity, residuals(theta)[: len(logs)] * _MEASUREMENT_SPREAD)
    return float(theta[0]), float(theta[1]), tuple(float(value) for value in theta[2:]), misfit
