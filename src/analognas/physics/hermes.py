r"""Phase-change memory of the IBM HERMES project chip (14 nm), with one or two devices per polarity.

Sources:
    [1] M. Le Gallo et al., "A 64-core mixed-signal in-memory compute chip based on phase-change
    memory for deep neural network inference", Nat. Electron. 6:680-693, 2023, doi
    10.1038/s41928-023-01010-1. [2] R. Khaddam-Aljameh et al., "HERMES-Core - a 1.59-TOPS/mm2 PCM on
    14-nm CMOS in-memory compute core using 300-ps/LSB linearized CCO-based ADCs", JSSC 57(4), 2022,
    doi 10.1109/JSSC.2022.3140414. [3] A. Vasilopoulos et al., TED 2023 (IEEE 10281389): the
    programming of two devices per polarity.

The constants are the fits to [1] and [2] published in aihwkit (``inference/noise/hermes.py``).
Mean, spread and Q have two branches each: a clamped logarithm below a threshold and a polynomial above it. The
branches do not meet exactly at the thresholds; they are used as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor

from ..core.settings import quantity
from .checks import check_quantity
from .device import Law
from .laws import log2_above, log_linear, polynomial
from .power_law import PowerLawDevice

R_FLOOR = 1e-7
"""Smallest argument of a logarithm, g / g_max."""
T_READ = 512e-9
"""Duration of one reading, s."""


class Branches(NamedTuple):
    """A law of r = g / g_max in two branches."""

    threshold: float
    """First r of the second branch."""
    low: tuple[float, float, float, float]
    """First branch: slope and offset in ln r, smallest and largest value."""
    high: tuple[float, ...]
    """Second branch: coefficients in ascending powers of r."""

    def __call__(self, r: Tensor) -> Tensor:
        """Evaluate the law, shape of ``r``."""
        below = log_linear(self.low, log2_above(r, R_FLOOR), 1.0)
        return torch.where(r < self.threshold, below, polynomial(self.high, r))


class Fit(NamedTuple):
    """All constants for one number of devices per polarity."""

    g_max: float
    """Largest conductance characterised, µS; the fits hold for [0, g_max]."""
    t_0: float
    """First reading after programming, s."""
    prog_coeffs: tuple[float, ...]
    """Programming noise in ascending powers of r, µS at ``g_max``."""
    nu_mean: Branches
    nu_std: Branches
    q: Branches
    """Read noise relative to the conductance."""


_NU_MEAN = Branches(0.0945, (-0.0387, -0.0182, 0.0720, 0.13), (0.0736, -0.0126, -0.0436))
FITS = {
    1: Fit(
        g_max=10.35,
        t_0=200.0,
        prog_coeffs=(0.15781817, 2.32443916, -2.16310839, 0.68841818),
        nu_mean=_NU_MEAN,
        nu_std=Branches(0.3039, (-0.0120, -0.0023, 0.0124, 0.04), (0.0104, 0.0116, -0.0165)),
        q=Branches(0.1591, (-0.0078, 0.0038, 0.0179, 0.04), (0.0088, 0.0768, -0.1352, 0.0664)),
    ),
    2: Fit(
        g_max=20.7,
        t_0=300.0,
        prog_coeffs=(0.16603222, 4.71806468, -8.48101252, 4.68961419),
        nu_mean=_NU_MEAN,
        nu_std=Branches(0.3055, (-0.0117, -0.0057, 0.0091, 0.04), (0.0073, 0.0093, -0.0118)),
        q=Branches(0.16, (-0.0117, -0.0069, 0.015, 0.04), (0.0123, 0.0211, -0.0280, 0.0069)),
    ),
}
"""Fits by the number of devices per polarity."""


class Hermes(PowerLawDevice):
    r"""PCM of the HERMES chip. A conductance is one device or the sum of two devices.

    With r = g / g_max,

    .. math::

        \sigma_{prog} &= \begin{cases}
            0.16603 + 4.71806 r - 8.48101 r^2 + 4.68961 r^3 & \text{two devices, 20.7 µS} \\
            0.15782 + 2.32444 r - 2.16311 r^2 + 0.68842 r^3 & \text{one device, 10.35 µS}
            \end{cases}

    Exponent and read noise have two branches each, see :data:`FITS`. Two devices are assumed to have the same
    conductance. This overestimates the drift measured on the chip, whose mapping adapts.

    Args:
        n_devices: Devices per polarity, 1 or 2.
        g_max: Largest conductance, µS; by default the largest that was characterised.
        t_0: Time of the first reading, s; by default that of the fit.

    Raises:
        PhysicalRangeError: If ``n_devices`` is not 1 or 2, or ``g_max`` is above the characterised range.

    Source: Le Gallo et al., Nat. Electron. 2023; Khaddam-Aljameh et al., JSSC 2022.

    Example:
        >>> Hermes().g_max
        20.7
    """

    n_devices: int = Field(default=2, ge=1, le=2, description="Devices per polarity.")
    g_max: float = quantity(FITS[2].g_max, "µS", "Largest target conductance.", gt=0.0)
    t_0: float = quantity(FITS[2].t_0, "s", "Time of the first reading.", gt=0.0)
    t_read: float = quantity(T_READ, "s", "Duration of one reading.", gt=0.0)

    source: ClassVar[str] = (
        "Le Gallo et al., Nat. Electron. 6, 2023; Khaddam-Aljameh et al., JSSC 2022"
    )
    fitted_range: ClassVar[str] = "g in [0, 20.7] µS (two devices) or [0, 10.35] µS (one)"

    @model_validator(mode="before")
    @classmethod
    def _take_fit(cls, entries: Any) -> Any:
        """Set ``g_max`` and ``t_0`` to those of the fit unless they are given."""
        if not isinstance(entries, Mapping):
            return entries
        n_devices = entries.get("n_devices", 2)
        if type(n_devices) is not int or n_devices not in FITS:
            return entries  # an error of `n_devices`
        fit = FITS[n_devices]
        given = {name: value for name, value in entries.items() if value is not None}
        return {"g_max": fit.g_max, "t_0": fit.t_0, **given}

    def check_entries(self) -> None:
        """Check ``g_max`` against the characterised range."""
        top = FITS[self.n_devices].g_max
        note = f"characterised range of {self.n_devices} device(s)"
        check_quantity("g_max", self.g_max, unit="µS", positive=True, maximum=top, note=note)

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the cubic, scaled from the characterised range to ``g_max``."""
        fit = FITS[self.n_devices]
        coeffs = [coeff * (self.g_max / fit.g_max) for coeff in fit.prog_coeffs]
        return polynomial(coeffs, g_target, self.g_max)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the two piecewise laws."""
        fit = FITS[self.n_devices]
        r = g_target * (1.0 / self.g_max)
        return fit.nu_mean(r), fit.nu_std(r)

    def read_q(self, g_prog: Tensor) -> Law:
        """Return Q. The cubic also applies beyond ``g_max``, where programming noise may carry a device."""
        return FITS[self.n_devices].q(g_prog * (1.0 / self.g_max))
