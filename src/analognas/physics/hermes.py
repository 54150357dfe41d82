r"""Phase-change memory of the IBM HERMES project chip (14 nm), with one or two devices a polarity.

Sources:
    [1] M. Le Gallo et al., "A 64-core mixed-signal in-memory compute chip based on phase-change
    memory for deep neural network inference", Nat. Electron. 6:680-693, 2023, doi
    10.1038/s41928-023-01010-1. [2] R. Khaddam-Aljameh et al., "HERMES-Core - a 1.59-TOPS/mm2 PCM on
    14-nm CMOS in-memory compute core using 300-ps/LSB linearized CCO-based ADCs", JSSC 57(4), 2022,
    doi 10.1109/JSSC.2022.3140414. [3] A. Vasilopoulos et al., TED 2023 (IEEE 10281389): the
    programming of two devices a polarity.

The constants are the fits to [1] and [2] published in aihwkit (``inference/noise/hermes.py``).
Mean, spread and Q are given there in two branches each, a clamped logarithm below a threshold and a
polynomial above; at the thresholds the branches do not meet exactly, and they are kept as
published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ..core import PhysicalRangeError
from .checks import check_quantity
from .device import Law
from .laws import log2_above, log_linear, polynomial
from .power_law import PowerLawDevice

R_FLOOR = 1e-7
"""Smallest g / g_max that a logarithm sees."""
T_READ = 512e-9
"""Duration of one reading, s."""


class Branches(NamedTuple):
    """A law of r = g / g_max in two branches."""

    threshold: float
    """Where the second branch takes over, r."""
    low: tuple[float, float, float, float]
    """Below: slope and offset in ln r, smallest and largest value."""
    high: tuple[float, ...]
    """From there on: coefficients in rising powers of r."""

    def __call__(self, r: Tensor) -> Tensor:
        """Evaluate the law, shape of ``r``."""
        below = log_linear(self.low, log2_above(r, R_FLOOR), 1.0)
        return torch.where(r < self.threshold, below, polynomial(self.high, r))


class Fit(NamedTuple):
    """All constants of one way to use the devices."""

    g_max: float
    """Largest conductance characterised, µS; the fits hold for [0, g_max]."""
    t_0: float
    """First reading after programming, s."""
    prog_coeffs: tuple[float, ...]
    """Programming noise in rising powers of r, µS at ``g_max``."""
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
"""Fits by the number of devices a polarity."""


@dataclass(frozen=True, kw_only=True)
class Hermes(PowerLawDevice):
    r"""PCM of the HERMES chip: a conductance is one device or the sum of two.

    With r = g / g_max,

    .. math::

        \sigma_{prog} &= \begin{cases}
            0.16603 + 4.71806 r - 8.48101 r^2 + 4.68961 r^3 & \text{two devices, 20.7 µS} \\
            0.15782 + 2.32444 r - 2.16311 r^2 + 0.68842 r^3 & \text{one device, 10.35 µS}
            \end{cases}

    and exponent and read noise in two branches each, :data:`FITS`. Two devices are taken to hold
    the same conductance, which overstates the drift measured on the chip, where the mapping adapts.

    Args:
        n_devices: Devices a polarity, 1 or 2.
        g_max: Largest conductance, µS; the largest characterised one where None.
        t_0: First reading, s; that of the fit where None.

    Raises:
        PhysicalRangeError: If ``n_devices`` is neither, or ``g_max`` above the characterised range.

    Source: Le Gallo et al., Nat. Electron. 2023; Khaddam-Aljameh et al., JSSC 2022.
    """

    n_devices: int = 2
    g_max: float = None  # type: ignore[assignment]
    t_0: float = None  # type: ignore[assignment]
    t_read: float = T_READ

    source: ClassVar[str] = (
        "Le Gallo et al., Nat. Electron. 6, 2023; Khaddam-Aljameh et al., JSSC 2022"
    )
    fitted_range: ClassVar[str] = "g in [0, 20.7] µS (two devices) or [0, 10.35] µS (one)"

    def __post_init__(self) -> None:
        if type(self.n_devices) is not int or self.n_devices not in FITS:
            raise PhysicalRangeError(
                f"`n_devices` must be 1 or 2 devices a polarity, but got {self.n_devices!r}."
            )
        for name in ("g_max", "t_0"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(FITS[self.n_devices], name))
        super().__post_init__()

    def validate(self) -> None:
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
        """Return Q; states carried beyond ``g_max`` by programming noise follow the cubic too."""
        return FITS[self.n_devices].q(g_prog * (1.0 / self.g_max))
