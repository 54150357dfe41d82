"""Fits the component model to operating points, and tells its errors on chips that took no part.

Coefficients are non-negative and minimise a rounded absolute log error with one weight a chip; a weak prior
that shares each total evenly among its terms holds those that the data leave open. Errors are geometric means:
of a chip's operating points first, then of chips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..mvm_coefficients import Coefficients, HeldOutError
from ..mvm_model import accumulation_energy, area_terms, energy_terms, mvm_cost, time_terms
from .points import OperatingPoint

__all__ = ["QUANTITIES", "fit_coefficients", "fit_quantity", "held_out_error", "log_errors"]

Floats = NDArray[np.float64]

_ROUNDING = 0.1
"""Log errors below it count as squares, which makes the error smooth."""
_PRIOR = 0.02
_OTHER_WEIGHT = {"energy": 1.0, "time": 0.3, "area": 0.5}
"""Weight of a chip with SRAM or eDRAM beside one with non-volatile memory, which the model is meant for."""
_RESAMPLES = 2000


@dataclass(frozen=True)
class _Quantity:
    terms: Callable[[OperatingPoint], Floats]
    offset: Callable[[OperatingPoint], float]
    value: Callable[[OperatingPoint], float]


QUANTITIES = {
    "energy": _Quantity(
        lambda p: energy_terms(p.unit, p.time if p.time == p.time else 0.0),
        lambda p: accumulation_energy(p.unit),
        lambda p: p.energy,
    ),
    "time": _Quantity(lambda p: time_terms(p.unit), lambda p: 0.0, lambda p: p.time),
    "area": _Quantity(lambda p: area_terms(p.unit), lambda p: 0.0, lambda p: p.area),
}
"""What is fitted: terms, what is added to them, and the measured value of an operating point."""


def usable(quantity: str, points: Sequence[OperatingPoint]) -> list[OperatingPoint]:
    """Return the points that coefficients of ``quantity`` can be fitted to."""
    kept = [point for point in points if not math.isnan(QUANTITIES[quantity].value(point))]
    if quantity == "energy":  # current times time needs the time
        kept = [p for p in kept if not (p.unit.adds_currents and math.isnan(p.time))]
    return kept


def fit_quantity(quantity: str, points: Sequence[OperatingPoint]) -> tuple[float, ...]:
    """Return the coefficients of ``quantity`` ("energy", "time" or "area"); those that no point needs are 0."""
    points = usable(quantity, points)
    rule = QUANTITIES[quantity]
    terms = np.array([rule.terms(point) for point in points])
    offset = np.array([rule.offset(point) for point in points])
    logs = np.log([rule.value(point) for point in points])
    weights = _weights(quantity, points)
    found = np.zeros(terms.shape[1])
    needed = (terms > 0).any(axis=0)
    found[needed] = np.exp(_minimise(terms[:, needed], offset, logs, weights))
    return tuple(float(value) for value in found)


def _weights(quantity: str, points: Sequence[OperatingPoint]) -> Floats:
    chips = [point.chip for point in points]
    return np.array(
        [
            (1.0 if point.unit.non_volatile else _OTHER_WEIGHT[quantity]) / chips.count(point.chip)
            for point in points
        ]
    )


def _minimise(terms: Floats, offset: Floats, logs: Floats, weights: Floats) -> Floats:
    """Logs of the coefficients, from where every term explains an equal share of the median point."""
    n = terms.shape[1]
    start = np.array(
        [np.median(logs[column > 0] - np.log(column[column > 0])) - np.log(n) for column in terms.T]
    )

    def loss(theta: Floats) -> tuple[float, Floats]:
        parts = terms * np.exp(theta)
        total = parts.sum(axis=1) + offset
        error = np.log(total) - logs
        size = np.sqrt(error**2 + _ROUNDING**2)
        slope = ((weights * error / size / total)[:, None] * parts).sum(axis=0)
        away = theta - start
        return float((weights * size).sum() + _PRIOR * (away**2).sum()), slope + 2 * _PRIOR * away

    bounds = [(value - 14.0, value + 3.0) for value in start]
    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(result.x, dtype=np.float64)


def fit_coefficients(points: Sequence[OperatingPoint]) -> Coefficients:
    """Return the coefficients fitted to all points, without their errors."""
    return _coefficients({name: fit_quantity(name, points) for name in QUANTITIES})


def _coefficients(fitted: dict[str, tuple[float, ...]]) -> Coefficients:
    return Coefficients(energy=fitted["energy"], time=fitted["time"], area=fitted["area"])


def log_errors(
    quantity: str,
    points: Sequence[OperatingPoint],
    fitted: Coefficients,
    *,
    time_given: bool = True,
) -> Floats:
    """Return log(model / measured) of points; with ``time_given`` energy takes the measured time."""
    errors = []
    for point in points:
        unit = point.unit
        if quantity == "energy" and time_given and not math.isnan(point.time):
            unit = unit.replace(integration_time=point.time)
        cost = mvm_cost(unit, fitted)
        found = {
            "energy": cost.energy,
            "time": cost.latency / unit.repeats,
            "area": cost.area,
        }[quantity]
        errors.append(math.log(found / QUANTITIES[quantity].value(point)))
    return np.array(errors)


def leave_one_chip_out(
    quantity: str,
    points: Sequence[OperatingPoint],
    judged: Callable[[OperatingPoint], bool],
    *,
    time_given: bool = True,
) -> dict[str, Floats]:
    """Return log errors by chip; all points of a chip are left out of the fit that predicts them."""
    found: dict[str, Floats] = {}
    values = [p for p in points if judged(p) and not math.isnan(QUANTITIES[quantity].value(p))]
    if time_given:
        values = [p for p in values if p in usable(quantity, values)]
    for chip in dict.fromkeys(point.chip for point in values):
        rest = [point for point in points if point.chip != chip]
        names = ("energy", "time") if quantity == "energy" and not time_given else (quantity,)
        fitted = _coefficients(
            {
                name: fit_quantity(name, rest) if name in names else _length(name)
                for name in QUANTITIES
            }
        )
        own = [point for point in values if point.chip == chip]
        found[chip] = log_errors(quantity, own, fitted, time_given=time_given)
    return found


def _length(quantity: str) -> tuple[float, ...]:
    """Coefficients of a quantity that is not asked for; none is zero, since logs are taken of the result."""
    return (1.0,) * {"energy": 7, "time": 6, "area": 3}[quantity]


def held_out_error(by_chip: dict[str, Floats], seed: int = 0) -> HeldOutError:
    """Return the geometric mean error of chips with its interval of bootstraps over chips.

    Args:
        by_chip: Log errors of the points of each chip.
        seed: Seed of the bootstrap.
    """
    means = np.array([np.abs(errors).mean() for errors in by_chip.values()])
    draws = np.random.default_rng(seed).integers(0, len(means), (_RESAMPLES, len(means)))
    low, high = np.quantile(means[draws].mean(axis=1), [0.025, 0.975])
    mean = means.mean()
    return HeldOutError(
        factor=round(math.exp(mean), 3),
        low=round(math.exp(low), 3),
        high=round(math.exp(high), 3),
        chips=len(means),
        points=sum(map(len, by_chip.values())),
        within=round(float((means <= mean).mean()), 3),
        bias=round(math.exp(np.mean([errors.mean() for errors in by_chip.values()])), 3),
        wide=round(math.exp(np.quantile(means, 0.9)), 3),
    )
