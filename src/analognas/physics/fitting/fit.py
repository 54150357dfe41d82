"""From measured conductances to a device model: choice of the model, intervals, checks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ...core import InvalidArgumentError, write_json
from ...core.settings import Settings
from ...core.text_tables import ShownTable, TableView
from ..checks import check_quantity
from ..device import Device
from ..fitted import FittedPowerLaw, FittedRelaxation
from .bias import without_bias
from .comparison import aic_by_model
from .fit_table import fit_table
from .measurement_files import read_measurements
from .measurements import LEAST_TIMES, Measurements
from .power_law import DeviceEstimates, PowerLawFit, estimate_devices, fit_power_law
from .quantities import Level, Quantity, coefficients, over_targets
from .relaxation import fit_relaxation
from .resampling import Floats, bootstrap_weights
from .residuals import Check, power_law_checks, relaxation_checks, remarks

__all__ = ["DeviceFit", "FitSettings", "Quantity", "fit_device"]

DEVICE_FILE, FIT_FILE = "device.yaml", "fit.json"
POWER_LAW_T_0 = 20.0
"""Time constant of the drift law unless it is given, s: that of the package's PCM."""
_DEGREES = {"power-law": 3, "relaxation": 4}


class FitSettings(Settings):
    """Settings of a fit of a device model to measurements."""

    settings_name = "device fit"

    model: Literal["auto", "power-law", "relaxation"] = Field(
        default="auto", description="Model; auto: the one with the smaller AIC."
    )
    t_0: Annotated[float, Field(ge=0.0)] | None = Field(
        default=None,
        description="Time from programming to time 0 of the measurements; null: 20 s for a power law, else 0.",
        json_schema_extra={"unit": "s"},
    )
    t_read: float = Field(
        default=250e-9,
        gt=0.0,
        description="Duration of one reading.",
        json_schema_extra={"unit": "s"},
    )
    g_max: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="Largest target of the device; null: the largest of the measurements.",
        json_schema_extra={"unit": "µS"},
    )
    degree: Annotated[int, Field(ge=0, le=8)] | None = Field(
        default=None,
        description="Degree of the polynomial of the programming noise; null: 3, of a relaxation 4, and below "
        "the number of targets.",
    )
    bootstrap: int = Field(default=1000, ge=0, description="Bootstrap samples of the devices.")
    confidence: float = Field(
        default=0.95, ge=0.5, le=0.999, description="Confidence level of the intervals."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap.")


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
    said = []
    if data.n_missing:
        total = data.n_missing + int(np.isfinite(data.conductance).sum())
        said.append(
            f"{data.n_missing:,} of {total:,} readings are missing; the fit uses the others."
        )
    g_max = float(data.targets[-1])
    if settings.g_max is not None:
        g_max = check_quantity(
            "g_max", settings.g_max, unit="µS", minimum=g_max, note="largest target"
        )
    times = data.common_times
    if times is None and settings.model == "relaxation":
        raise InvalidArgumentError(
            "A relaxation is fitted at times that all devices have in common, but the devices were read at "
            "different times; read all at the same times, or choose the model power-law."
        )
    usable, left_out = _usable(data)
    aic = {}
    if settings.model == "auto":
        aic = aic_by_model(
            usable, data, POWER_LAW_T_0 if settings.t_0 is None else settings.t_0, settings.t_read
        )
    model = min(aic, key=aic.__getitem__) if aic else settings.model.replace("auto", "power-law")
    if model == "relaxation":
        assert times is not None
        found = _fit_relaxation(data, settings, g_max, times)
        estimates = None
    else:
        found, estimates = _fit_power_law(usable, settings, g_max)
        data = usable
        said += left_out
    device, quantities, checks, more = found
    said += remarks(data, device) + more
    return DeviceFit(
        device, model, tuple(quantities), tuple(checks), tuple(said), aic, data, settings, estimates
    )


Found = tuple[Device, list[Quantity], list[Check], list[str]]


def _fit_power_law(
    data: Measurements, settings: FitSettings, g_max: float
) -> tuple[Found, DeviceEstimates]:
    t_0 = POWER_LAW_T_0 if settings.t_0 is None else settings.t_0
    check_quantity("t_0", t_0, unit="s", positive=True, note="a power law needs it")
    targets = data.targets
    estimates = estimate_devices(data, t_0, settings.t_read)
    degree, said = _degree(settings, "power-law", len(targets))
    weights = _weights(data, settings)
    fit = fit_power_law(estimates, data.target, targets, weights, g_max=g_max, degree=degree)
    while degree > 0 and not _is_std(fit.prog_coeffs[0], targets / g_max):
        degree -= 1
        fit = fit_power_law(estimates, data.target, targets, weights, g_max=g_max, degree=degree)
        said = [_lowered("programming noise", degree)]
    device = _power_law_device(fit, targets, g_max, t_0, settings.t_read)
    fit = without_bias(fit, device, data, degree)
    device = _power_law_device(fit, targets, g_max, t_0, settings.t_read)
    level = Level(settings.confidence, len(data.target) / len(targets))
    spread = fit.prog_coeffs @ ((targets / g_max)[:, None] ** np.arange(degree + 1)).T
    quantities = [
        *coefficients("prog_coeffs", fit.prog_coeffs, level),
        *over_targets("programming_std", spread, targets, level, "µS"),
        *over_targets("programming_std_of_target", fit.prog_std, targets, level, "µS"),
        *over_targets("programming_offset", fit.offset, targets, level, "µS"),
        *over_targets("nu_means", fit.nu_mean, targets, level),
        *over_targets("nu_stds", fit.nu_std, targets, level),
        *over_targets("read_qs", fit.read_q, targets, level),
    ]
    checks, more = power_law_checks(data, estimates, device)
    return (device, quantities, checks, said + more), estimates


def _power_law_device(
    fit: PowerLawFit, targets: Floats, g_max: float, t_0: float, t_read: float
) -> FittedPowerLaw:
    return FittedPowerLaw(
        g_max=g_max,
        t_0=t_0,
        t_read=t_read,
        prog_coeffs=tuple(fit.prog_coeffs[0].tolist()),
        g_points=tuple(targets.tolist()),
        nu_means=tuple(np.maximum(fit.nu_mean[0], 0.0).tolist()),
        nu_stds=tuple(fit.nu_std[0].tolist()),
        read_qs=tuple(fit.read_q[0].tolist()),
    )


def _fit_relaxation(
    data: Measurements, settings: FitSettings, g_max: float, times: Floats
) -> Found:
    targets = data.targets
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
        if degree == 0 or all(_is_std(row, targets / g_max) for row in fit.spread_coeffs[0]):
            break
        degree -= 1
        said = [_lowered("spread", degree)]
    device = FittedRelaxation(
        g_max=g_max,
        t_0=t_0,
        t_read=settings.t_read,
        times=tuple(times.tolist()),
        spread_coeffs=tuple(tuple(row) for row in fit.spread_coeffs[0].tolist()),
        g_points=tuple(targets.tolist()),
        shifts=tuple(tuple(row) for row in fit.shift[0].tolist()),
        read_stds=tuple(fit.read_std[0].tolist()),
    )
    level = Level(settings.confidence, len(data.target) / len(targets))
    powers = (targets / g_max)[:, None] ** np.arange(degree + 1)
    quantities = over_targets("read_stds", fit.read_std, targets, level, "µS")
    for j, t in enumerate(times.tolist()):
        row = fit.spread_coeffs[:, j]
        quantities += coefficients("spread_coeffs", row, level, t)
        quantities += over_targets("spread", row @ powers.T, targets, level, "µS", t)
        quantities += over_targets("spread_of_target", fit.spread[:, j], targets, level, "µS", t)
        quantities += over_targets("shifts", fit.shift[:, j], targets, level, "µS", t)
    checks, more = relaxation_checks(data, device)
    return device, quantities, checks, said + more


def _usable(data: Measurements) -> tuple[Measurements, list[str]]:
    """Return devices with two readings above 0, and what is left out."""
    zeros = int((data.conductance <= 0.0).sum())
    enough = (data.conductance > 0.0).sum(axis=1) >= LEAST_TIMES
    said = []
    if zeros:
        said.append(
            f"{zeros:,} readings are 0 µS or below and have no logarithm; the fit uses the others."
        )
    if not enough.all():
        said.append(
            f"{int((~enough).sum()):,} of {len(enough):,} devices have fewer than two readings above 0 and are "
            "left out."
        )
    kept = Measurements(
        data.target[enough],
        tuple(name for name, keep in zip(data.device, enough, strict=True) if keep),
        data.time[enough],
        data.conductance[enough],
        data.n_missing,
    )
    if len(kept.target) < LEAST_TIMES:
        raise InvalidArgumentError("At least two devices must have two readings above 0 µS.")
    return kept, said


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


def _is_std(coeffs: Floats, r: Floats) -> bool:
    """Whether a polynomial is not negative between the first and the last target."""
    r = np.linspace(r[0], r[-1], 101)
    return bool((np.polynomial.polynomial.polyval(r, coeffs) >= 0.0).all())


def _lowered(what: str, degree: int) -> str:
    return (
        f"The polynomial of the {what} has degree {degree}: one of a higher degree is negative between two "
        "targets. Measure more devices or targets."
    )
