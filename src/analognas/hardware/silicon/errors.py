"""Errors of the component model on chips held out, without calibration and with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..calibration import MeasuredPoint, calibrate
from ..mvm_coefficients import Coefficients, HeldOutError
from .fit import QUANTITIES, fit_coefficients, held_out_error, leave_one_chip_out, log_errors
from .points import SUSPECT, OperatingPoint

__all__ = ["REFERENCES", "calibrated_errors", "held_out_errors"]

Floats = NDArray[np.float64]
_Judged = Callable[[OperatingPoint], bool]

REFERENCES = {
    "NVM energy": 2.0,
    "NVM energy, time guessed": 3.0,
    "NVM time": 3.7,
    "NVM area": 3.0,
    "SRAM energy": 2.7,
    "SRAM area": 2.5,
    "calibrated energy": 1.24,
    "calibrated time": 1.57,
}
"""What a reference fit to the same figures reaches: geometric mean factors."""


_CASES = (
    "energy", "energy, one point", "energy, more points", "energy, time predicted", "energy, time guessed",
    "time", "time, one point", "time, more points",
)  # fmt: skip


def _non_volatile(point: OperatingPoint) -> bool:
    return point.unit.non_volatile


def _volatile(point: OperatingPoint) -> bool:
    return not point.unit.non_volatile


def held_out_errors(points: Sequence[OperatingPoint]) -> dict[str, HeldOutError]:
    """Return all errors by name; takes some ten seconds.

    Chips are held out one after another with all their operating points. A calibrated error is that of one
    operating point, with coefficients from other chips and a calibration from the chip's other points.
    """
    cases: dict[str, tuple[str, _Judged, bool]] = {
        "NVM energy": ("energy", _non_volatile, True),
        "NVM energy, time guessed": ("energy", _non_volatile, False),
        "NVM time": ("time", _non_volatile, True),
        "NVM area": ("area", _non_volatile, True),
        "SRAM energy": ("energy", _volatile, True),
        "SRAM time": ("time", _volatile, True),
        "SRAM area": ("area", _volatile, True),
    }
    found = {
        name: held_out_error(leave_one_chip_out(quantity, points, judged, time_given=given))
        for name, (quantity, judged, given) in cases.items()
    }
    by_case = calibrated_errors(points)
    found |= {f"calibrated {case}": held_out_error(by_chip) for case, by_chip in by_case.items()}
    sound = {chip: e for chip, e in by_case["energy"].items() if chip not in SUSPECT}
    found["calibrated energy, known slips aside"] = held_out_error(sound)
    return found


def calibrated_errors(points: Sequence[OperatingPoint]) -> dict[str, dict[str, Floats]]:
    """Return log errors by case and chip, each point predicted from the chip's others.

    Points are of one piece of silicon and one series of values; a chip with one point has no other. The cases
    are ``energy`` and ``time``, each also by the number of other points, and the energy of arrays that add
    currents without the time of the predicted point: with the times of the others, and without any.
    """
    found: dict[str, dict[str, list[float]]] = {case: {} for case in _CASES}
    for chip in dict.fromkeys(point.chip for point in points):
        own = [point for point in points if point.chip == chip]
        groups = [
            group
            for quantity in ("energy", "time")
            for group in _groups(quantity, own)
        ]  # fmt: skip
        if not groups:
            continue
        fitted = fit_coefficients([point for point in points if point.chip != chip])
        for quantity, group in groups:
            number = "one point" if len(group) == 2 else "more points"
            for i, target in enumerate(group):
                error = _error(quantity, group, i, fitted)
                cases = {quantity: error, f"{quantity}, {number}": error}
                if quantity == "energy" and target.unit.adds_currents:
                    cases["energy, time predicted"] = _error(
                        quantity, group, i, fitted, given=False
                    )
                    plain = [replace(point, time=math.nan) for point in group]
                    cases["energy, time guessed"] = _error(quantity, plain, i, fitted)
                for case, value in cases.items():
                    found[case].setdefault(chip, []).append(value)
    return {
        case: {chip: np.array(errors) for chip, errors in by_chip.items()}
        for case, by_chip in found.items()
    }


def _groups(quantity: str, own: Sequence[OperatingPoint]) -> list[tuple[str, list[OperatingPoint]]]:
    groups: dict[object, list[OperatingPoint]] = {}
    for point in own:
        if quantity == "energy" and point.unit.adds_currents and math.isnan(point.time):
            continue
        if not math.isnan(QUANTITIES[quantity].value(point)):
            groups.setdefault((point.silicon, point.series), []).append(point)
    return [(quantity, group) for group in groups.values() if len(group) > 1]


def _error(
    quantity: str,
    group: Sequence[OperatingPoint],
    index: int,
    fitted: Coefficients,
    *,
    given: bool = True,
) -> float:
    """Log error of one point of a group, calibrated on the others; ``given``: energy takes its own time."""
    target = group[index]
    others = [_measured(quantity, point, target) for i, point in enumerate(group) if i != index]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # misfits are what is measured here
        unit = calibrate(target.unit, others, using=fitted)
    (error,) = log_errors(quantity, [replace(target, unit=unit)], fitted, time_given=given)
    return float(error)


def _measured(quantity: str, point: OperatingPoint, target: OperatingPoint) -> MeasuredPoint:
    entries, base = point.unit.to_dict(), target.unit.to_dict()
    changes = {name: value for name, value in entries.items() if value != base[name]}
    latency = None if math.isnan(point.time) else point.time * point.unit.repeats
    energy = point.energy if quantity == "energy" else None
    return MeasuredPoint(changes=changes, energy=energy, latency=latency)
