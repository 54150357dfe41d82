"""Checks of the residuals of a fit, and sentences about what the data do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats

from ..device import Device
from ..fitted import FittedPowerLaw, FittedRelaxation
from .measurements import Measurements
from .power_law import DeviceEstimates
from .resampling import Floats

_FEW_DEVICES = 30
_LARGE_SKEWNESS, _LARGE_KURTOSIS = 0.5, 1.0
_LEAST_VALUES = 8
_NO_SPREAD = 1e-2
"""Standardised residuals that spread less are rounding errors of data without spread."""
_SMALL_P = 1e-3
_VISIBLE = 0.01
"""A mean deviation from the power law below this part of the conductance is not said."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: What is checked.
        statistic: Its statistic.
        p_value: Probability of one as large if the model is right; NaN if it is not a test.
        n: Number of values.
        passed: Whether the model holds as far as this check sees; None if the data are too few to tell.
    """

    name: str
    statistic: float
    p_value: float
    n: int
    passed: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; an unknown number is None."""
        return {
            key: None if isinstance(value, float) and np.isnan(value) else value
            for key, value in vars(self).items()
        }


def standardised(
    data: Measurements, found: DeviceEstimates, device: FittedPowerLaw
) -> dict[str, Floats]:
    """Return standardised programming errors, exponents and readings of a power law."""
    g = torch.from_numpy(data.target)
    sigma = torch.as_tensor(device.programming_std(g)).expand(len(g)).numpy()
    mean, spread = (torch.as_tensor(law).expand(len(g)).numpy() for law in device.nu_moments(g))
    q = torch.as_tensor(device.read_q(torch.from_numpy(found.g_prog))).expand(len(g)).numpy()
    noise = q[:, None, None] ** 2 * found.covariance
    floor = 1e-12
    result = {
        "programming": (found.g_prog - data.target)
        / np.sqrt(sigma**2 + noise[:, 0, 0] * data.target**2 + floor),
        "exponent": (found.nu - mean) / np.sqrt(spread**2 + noise[:, 1, 1] + floor),
    }
    if q.all():
        # Two parameters were fitted to each device, so residuals are smaller than the noise.
        lost = np.sqrt(np.maximum(found.dof, 0.0) / (found.dof + 2.0))
        read = found.residuals / (found.growth * q[:, None] * np.maximum(lost, floor)[:, None])
        result["reading"] = read[np.isfinite(read) & (found.dof > 0)[:, None]]
    return result


def power_law_checks(
    data: Measurements, found: DeviceEstimates, device: FittedPowerLaw
) -> tuple[list[Check], list[str]]:
    """Check normality and the power law in time.

    Args:
        data: The measurements.
        found: Estimates of the devices.
        device: The fitted device.

    Returns:
        The checks, and a sentence for each that failed.
    """
    checks, said = [], []
    for name, values in standardised(data, found, device).items():
        check, sentence = _normality(name, values)
        checks.append(check)
        said += sentence
    offset = _offset(data, found)
    checks.append(offset[0])
    curve = _curvature(data, found)
    return [*checks, curve[0]], [*said, *offset[1], *curve[1]]


def standardised_deviations(data: Measurements, device: FittedRelaxation) -> dict[str, Floats]:
    """Return standardised deviations from the mean at the first and the last time of a relaxation."""
    result = {}
    for j, when in ((0, "first"), (len(device.times) - 1, "last")):
        parts = []
        for k, g in enumerate(device.g_points):
            d = data.conductance[data.target == g, j]
            # Clamped readings are no part of a normal distribution.
            if np.isfinite(d).all() and (d > 0.0).all() and len(d) > 2 and d.std() > 0.0:
                parts.append((d - g - device.shifts[j][k]) / d.std(ddof=1))
        if parts:
            result[f"deviation at the {when} time"] = np.concatenate(parts)
    return result


def relaxation_checks(
    data: Measurements, device: FittedRelaxation, aic: Mapping[str, float]
) -> tuple[list[Check], list[str]]:
    """Check the deviations at the first and the last time, and say that a power law fits worse.

    Args:
        data: The measurements.
        device: The fitted device.
        aic: Akaike's information criterion by model; empty if models were not compared.

    Returns:
        The checks, and a sentence for each that failed.
    """
    checks, said = [], []
    for name, values in standardised_deviations(data, device).items():
        check, sentence = _normality(name, values)
        checks.append(check)
        said += sentence
    if aic:
        worse = aic["power-law"] - aic["relaxation"]
        checks.append(Check("power law in time", worse, float("nan"), len(data.target), False))
        said.append(
            f"The conductances do not follow a power law in t + t_0: its AIC is {aic['power-law']:,.0f}, "
            f"that of the relaxation {aic['relaxation']:,.0f}. A relaxation is not extrapolated beyond "
            f"{device.times[0]:g} to {device.times[-1]:,.6g} s."
        )
    return checks, said


def remarks(data: Measurements, device: Device) -> list[str]:
    """Return sentences about the size of the data and about what the model extrapolates."""
    targets, counts = np.unique(data.target, return_counts=True)
    said = []
    few = counts < _FEW_DEVICES
    if few.any():
        said.append(
            f"{int(few.sum())} of {len(targets)} targets have fewer than {_FEW_DEVICES} devices; their "
            "intervals are wide, and bootstrap intervals of so few are too short."
        )
    if targets[0] > 0.05 * device.g_max:
        said.append(
            f"No target below {targets[0]:g} µS was measured. For devices near 0 the model uses the noise "
            f"and the drift of {targets[0]:g} µS."
        )
    return said


def _normality(name: str, values: Floats) -> tuple[Check, list[str]]:
    n = len(values)
    if n < _LEAST_VALUES or not values.std() > _NO_SPREAD:
        return Check(f"normality: {name}", float("nan"), float("nan"), n, None), []
    test = stats.jarque_bera(values)
    skewness, kurtosis = float(stats.skew(values)), float(stats.kurtosis(values))
    limit = 4.0 / np.sqrt(n)
    strange = abs(skewness) > max(_LARGE_SKEWNESS, limit) or abs(kurtosis) > max(
        _LARGE_KURTOSIS, 2.0 * limit
    )
    said = []
    if strange:
        said.append(
            f"The {name} residuals are not normal (skewness {skewness:.2f}, excess kurtosis {kurtosis:.2f}); "
            "the model draws normal numbers."
        )
    return Check(
        f"normality: {name}", float(test.statistic), float(test.pvalue), n, not strange
    ), said


def _offset(data: Measurements, found: DeviceEstimates) -> tuple[Check, list[str]]:
    """Check that devices are programmed to their target on average."""
    worst, place, size, tested = 0.0, 0.0, 0.0, False
    targets = data.targets
    for g in targets:
        d = found.g_prog[data.target == g] - g
        error = d.std(ddof=1) / np.sqrt(len(d)) if len(d) > 2 else 0.0
        tested = tested or error > 0.0
        if error > 0.0 and abs(d.mean()) / error > abs(worst):
            worst, place, size = float(d.mean() / error), float(g), float(d.mean())
    p = float(min(1.0, len(targets) * 2.0 * stats.norm.sf(abs(worst))))
    wrong = p < _SMALL_P and abs(size) > _VISIBLE * place
    said = []
    if wrong:
        said.append(
            f"At {place:g} µS the mean programmed conductance is {size:+.3g} µS off its target; the "
            "programming noise contains this offset."
        )
    passed = not wrong if tested else None
    return Check("programming: mean on target", worst, p, len(data.target), passed), said


def _curvature(data: Measurements, found: DeviceEstimates) -> tuple[Check, list[str]]:
    """Check the power law: mean residuals at each target and time."""
    worst, size, place, when, n_tests = 0.0, 0.0, 0.0, 0.0, 0
    times = np.where(np.isnan(data.time), -1.0, data.time)
    unique = np.unique(times[times >= 0.0])
    if len(unique) > 4 * data.time.shape[1]:  # each device has its own times: compare ranks
        times = np.tile(np.arange(data.time.shape[1], dtype=np.float64), (len(times), 1))
        unique = np.unique(times)
    for g in data.targets:
        for t in unique:
            r = found.residuals[(data.target == g)[:, None] & (times == t)]
            r = r[np.isfinite(r)]
            if len(r) < 5 or not r.std() > 0.0:
                continue
            n_tests += 1
            z = float(r.mean() / (r.std(ddof=1) / np.sqrt(len(r))))
            if abs(r.mean()) > _VISIBLE and abs(z) > abs(worst):
                worst, size, place, when = z, float(r.mean()), float(g), float(t)
    p = float(min(1.0, n_tests * 2.0 * stats.norm.sf(abs(worst))))
    wrong = p < _SMALL_P and abs(size) > 2.0 * _VISIBLE
    said = []
    if wrong:
        said.append(
            f"The conductances do not follow a power law in t + t_0: at {place:g} µS and {when:g} s their mean "
            f"is {100 * size:+.1f} % off the fit. Check t_0, or choose the model relaxation."
        )
    return Check("power law in time", worst, p, n_tests, not wrong if n_tests else None), said
