"""From measured conductances to a device model: choice of the model, intervals, checks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core import InvalidArgumentError, write_json
from ...core.text_tables import ShownTable, TableView
from ..checks import check_quantity
from ..device import Device
from ..fitted import FittedPowerLaw, FittedRelaxation
from .bias import without_bias
from .comparison import aic_by_model
from .fit_settings import FitSettings
from .fit_table import fit_table
from .measurement_files import read_measurements
from .measurements import Measurements
from .power_law import (
    DeviceEstimates,
    PowerLawFit,
    estimate_devices,
    fit_power_law,
    read_noise_is_known,
    spread_at_zero,
)
from .preparation import split_off_zero, usable, without_failures, without_lone_devices
from .quantities import Level, Quantity, coefficients, over_targets, with_bound
from .relaxation import fit_relaxation, known_read_noise
from .resampling import Floats, bootstrap_weights, is_std, lifted, rounded
from .residuals import Check, power_law_checks, relaxation_checks, remarks

__all__ = ["DeviceFit", "FitSettings", "Quantity", "fit_device"]

DEVICE_FILE, FIT_FILE = "device.yaml", "fit.json"
POWER_LAW_T_0 = 20.0
"""Time constant of the drift law unless it is given, s: that of the package's PCM."""
_DEGREES = {"power-law": 3, "relaxation": 4}


@dataclass(frozen=True, eq=False, repr=False)
class DeviceFit(TableView):
    """A fitted device model.

    Attributes:
        device: The model, for :class:`~analognas.nn.AnalogConfig` and all that takes a device.
        model: ``"power-law"`` or ``"relaxation"``.
        quantities: All fitted numbers with intervals.
        checks: Checks of the residuals.
        remarks: What the data do not tell, one sentence each.
        aic: Akaike's information criterion of each model that was compared.
        data: The measurements used.
        settings: The settings.
        estimates: Estimates of single devices; None for a relaxation.
        n_failed: Devices that failed during the measurements and were left out.
    """

    device: Device
    model: str
    quantities: tuple[Quantity, ...]
    checks: tuple[Check, ...]
    remarks: tuple[str, ...]
    aic: dict[str, float]
    data: Measurements
    settings: FitSettings
    estimates: DeviceEstimates | None
    n_failed: int = 0

    def shown_table(self) -> ShownTable:
        """Return what is printed: fitted numbers, checks and remarks."""
        return fit_table(self)

    def select(self, name: str, *, time: float | None = None) -> list[Quantity]:
        """Return the fitted numbers of a name, of all times or of one."""
        return [
            quantity
            for quantity in self.quantities
            if quantity.name == name and (time is None or quantity.time == time)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the measurements as plain values."""
        targets, counts = np.unique(self.data.target, return_counts=True)
        return {
            "model": self.model,
            "device": self.device.to_dict(),
            "devices": {f"{g:g}": int(n) for g, n in zip(targets, counts, strict=True)},
            "readings": int(np.isfinite(self.data.conductance).sum()),
            "missing": self.data.n_missing,
            "failed": self.n_failed,
            "remarks": list(self.remarks),
            "checks": [check.to_dict() for check in self.checks],
            "aic": self.aic,
            "settings": self.settings.to_dict(),
            "quantities": [quantity.to_dict() for quantity in self.quantities],
        }

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``device.yaml`` and ``fit.json`` into a folder that exists.

        Raises:
            OutputFolderError: If they cannot be written.
        """
        self.device.save(Path(folder) / DEVICE_FILE)
        write_json(Path(folder) / FIT_FILE, self.to_dict())


def fit_device(
    measurements: Measurements | str | os.PathLike[str],
    settings: FitSettings | None = None,
    **entries: Any,
) -> DeviceFit:
    """Fit a device model to conductances that were measured over time.

    Args:
        measurements: Measurements, or a CSV file of them.
        settings: Settings; None: from ``entries``.
        **entries: Entries of :class:`FitSettings`.

    Raises:
        InvalidArgumentError: If the measurements or the settings cannot be used.
        PhysicalRangeError: If ``g_max`` is below the largest target.

    Example:
        >>> import torch
        >>> from analognas.physics import PCM
        >>> from analognas.physics.fitting import simulate_measurements
        >>> data = simulate_measurements(PCM(), [5.0, 15.0, 25.0], [1.0, 60.0, 3600.0, 86400.0], 100,
        ...     generator=torch.Generator().manual_seed(0))
        >>> found = fit_device(data, bootstrap=100)
        >>> found.model, [round(quantity.value, 2) for quantity in found.select("nu_means")]
        ('power-law', [0.05, 0.05, 0.05])
    """
    if settings is None:
        settings = FitSettings(**entries)
    elif entries:
        raise InvalidArgumentError("Give `settings` or its entries, not both.")
    data = (
        measurements if isinstance(measurements, Measurements) else read_measurements(measurements)
    )
    data, g_max, n_failed, said = _prepared(data, settings)
    whole = data.averaged()
    data, zero = split_off_zero(data)
    if settings.model == "relaxation" and data.averaged().common_times is None:
        raise InvalidArgumentError(
            "A relaxation is fitted at times that all devices have in common, but the devices were read at "
            "different times; read all at the same times, or choose the model power-law."
        )
    good, left_out = usable(data)
    good, lone = without_lone_devices(good)
    aic = {}
    if settings.model == "auto":
        aic = aic_by_model(
            good,
            data.averaged(),
            POWER_LAW_T_0 if settings.t_0 is None else settings.t_0,
            settings.t_read,
        )
    model = min(aic, key=aic.__getitem__) if aic else settings.model.replace("auto", "power-law")
    estimates = None
    if model == "relaxation":
        data = whole if whole.common_times is not None else data.averaged()
        found = _fit_relaxation(data, settings, g_max, aic)
        if zero is not None and data is not whole:
            said.append("The devices at 0 µS were read at other times and are left out.")
    else:
        found, estimates = _fit_power_law(good, zero, settings, g_max)
        data = good
        said += left_out + lone
        if settings.model == "auto" and not aic:
            said.append(
                "The power law was not compared with a relaxation, which needs three times above 0 s that all "
                "devices have in common, and a target with more devices than times and no reading of 0."
            )
    device, quantities, checks, more = found
    said += remarks(data, device) + more
    return DeviceFit(
        device,
        model,
        tuple(quantities),
        tuple(checks),
        tuple(said),
        aic,
        data,
        settings,
        estimates,
        n_failed,
    )


Found = tuple[Device, list[Quantity], list[Check], list[str]]


def _fit_power_law(
    data: Measurements, zero: Measurements | None, settings: FitSettings, g_max: float
) -> tuple[Found, DeviceEstimates]:
    t_0 = POWER_LAW_T_0 if settings.t_0 is None else settings.t_0
    check_quantity("t_0", t_0, unit="s", positive=True, note="a power law needs it")
    targets = data.targets
    estimates = estimate_devices(data, t_0, settings.t_read)
    degree, said = _degree(settings, "power-law", len(targets))
    weights = _weights(data, settings)
    reset = None if zero is None else spread_at_zero(zero, settings.bootstrap, settings.seed)
    measured = targets if zero is None else np.r_[0.0, targets]
    while True:
        fit = fit_power_law(
            estimates, data.target, targets, weights, g_max=g_max, degree=degree, reset=reset
        )
        if degree == 0 or is_std(fit.prog_coeffs[0], measured / g_max):
            break
        degree -= 1
        said = [_lowered("programming noise", degree)]
    device = _power_law_device(fit, targets, g_max, t_0, settings.t_read)
    fit = without_bias(fit, device, data, degree)
    fit.prog_coeffs[0] = lifted(fit.prog_coeffs[0], measured / g_max)
    device = _power_law_device(fit, targets, g_max, t_0, settings.t_read)
    level = Level(settings.confidence, len(data.target) / len(targets))
    spread = fit.prog_coeffs @ ((measured / g_max)[:, None] ** np.arange(degree + 1)).T
    quantities = [
        *coefficients("prog_coeffs", fit.prog_coeffs, level),
        *over_targets("programming_std", np.maximum(spread, 0.0), measured, level, "µS"),
        *over_targets("programming_std_of_target", fit.prog_std, targets, level, "µS"),
        *over_targets("programming_offset", fit.offset, targets, level, "µS"),
        *over_targets("nu_means", fit.nu_mean, targets, level),
        *with_bound(over_targets("nu_stds", fit.nu_std, targets, level), fit.nu_std_bound),
    ]
    if read_noise_is_known(estimates, data.target):
        quantities += over_targets("read_qs", fit.read_q, targets, level)
    else:
        said.append(
            "Read noise is not known: at each target it takes a device with three readings. The model has none."
        )
    checks, more = power_law_checks(data, estimates, device)
    if zero is not None:
        device = device.with_target_0()
        more.append(
            f"{len(zero.target):,} devices at 0 µS give the programming noise there. For drift and read noise "
            f"the model takes them as devices at {targets[0]:g} µS."
        )
    return (device, quantities, checks, said + more), estimates


def _power_law_device(
    fit: PowerLawFit, targets: Floats, g_max: float, t_0: float, t_read: float
) -> FittedPowerLaw:
    return FittedPowerLaw(
        g_max=g_max,
        t_0=t_0,
        t_read=t_read,
        prog_coeffs=rounded(fit.prog_coeffs[0]),
        g_points=tuple(targets.tolist()),
        nu_means=rounded(np.maximum(fit.nu_mean[0], 0.0)),
        nu_stds=rounded(fit.nu_std[0]),
        read_qs=tuple(fit.read_q[0].tolist()),
    )


def _prepared(
    data: Measurements, settings: FitSettings
) -> tuple[Measurements, float, int, list[str]]:
    """Return measurements of sound devices, largest conductance (µS), number of failed devices, remarks."""
    said = list(data.notes)
    if data.n_missing:
        total = data.n_missing + int(np.isfinite(data.conductance).sum())
        said.append(
            f"{data.n_missing:,} of {total:,} readings are missing; the fit uses the others."
        )
    g_max = float(data.targets[-1])
    if settings.g_max is None:
        said.append(f"g_max is {g_max:g} µS, the largest target; give g_max if devices reach more.")
    else:
        g_max = check_quantity(
            "g_max", settings.g_max, unit="µS", minimum=g_max, note="largest target"
        )
    n_failed = 0
    if not settings.keep_failed:
        data, n_failed, more = without_failures(data)
        said += more
    data, more = without_lone_devices(data)
    return data, g_max, n_failed, said + more


def _fit_relaxation(
    data: Measurements, settings: FitSettings, g_max: float, aic: dict[str, float]
) -> Found:
    targets, times = data.targets, data.common_times
    assert times is not None
    if not times[0] > 0.0:
        raise InvalidArgumentError(
            "A relaxation is linear in ln t, but the first time is 0 s; leave out the readings at 0 s, or "
            "choose the model power-law."
        )
    t_0 = 0.0 if settings.t_0 is None else settings.t_0
    degree, said = _degree(settings, "relaxation", len(targets))
    weights = _weights(data, settings)
    while True:
        fit = fit_relaxation(
            data, weights, times=times, t_0=t_0, t_read=settings.t_read, g_max=g_max, degree=degree
        )
        if degree == 0 or all(is_std(row, targets / g_max) for row in fit.spread_coeffs[0]):
            break
        degree -= 1
        said = [_lowered("spread", degree)]
    device = FittedRelaxation(
        g_max=g_max,
        t_0=t_0,
        t_read=settings.t_read,
        times=tuple(times.tolist()),
        spread_coeffs=tuple(rounded(row) for row in fit.spread_coeffs[0]),
        g_points=tuple(targets.tolist()),
        shifts=tuple(rounded(row) for row in fit.shift[0]),
        read_stds=rounded(known_read_noise(fit.read_std[0])),
    )
    known = np.isfinite(fit.read_std[0])
    if not known.all():
        said.append(
            f"Read noise is not known at {int((~known).sum())} of {len(known)} targets: it takes "
            f"{len(times) + 2} devices with all readings above 0. The model has "
            + ("that of the nearest target." if known.any() else "none.")
        )
    level = Level(settings.confidence, len(data.target) / len(targets))
    powers = (targets / g_max)[:, None] ** np.arange(degree + 1)
    quantities = over_targets("read_stds", fit.read_std[:, known], targets[known], level, "µS")
    for j, t in enumerate(times.tolist()):
        row = fit.spread_coeffs[:, j]
        quantities += coefficients("spread_coeffs", row, level, t)
        quantities += over_targets(
            "spread", np.maximum(row @ powers.T, 0.0), targets, level, "µS", t
        )
        quantities += over_targets("spread_of_target", fit.spread[:, j], targets, level, "µS", t)
        quantities += over_targets("shifts", fit.shift[:, j], targets, level, "µS", t)
    checks, more = relaxation_checks(data, device, aic)
    return device, quantities, checks, said + more


def _weights(data: Measurements, settings: FitSettings) -> Floats:
    targets = data.targets
    return bootstrap_weights(
        np.searchsorted(targets, data.target),
        len(targets),
        settings.bootstrap,
        np.random.default_rng(settings.seed),
    )


def _degree(settings: FitSettings, model: str, n_targets: int) -> tuple[int, list[str]]:
    """Return the degree of the polynomial, and whether the targets allow less than was wanted."""
    wanted = _DEGREES[model] if settings.degree is None else settings.degree
    if wanted < n_targets:
        return wanted, []
    said = f"{n_targets} target(s) allow a polynomial of degree {n_targets - 1}, not {wanted}."
    return n_targets - 1, [said]


def _lowered(what: str, degree: int) -> str:
    return (
        f"The polynomial of the {what} has degree {degree}: one of a higher degree is negative between two "
        "targets. Measure more devices or targets."
    )
