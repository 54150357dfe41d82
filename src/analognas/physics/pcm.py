r"""Phase-change memory: the default device.

Fitted to arrays of a million mushroom-type doped Ge2Sb2Te5 devices in 90 nm CMOS.

Sources:
    [1] S. R. Nandakumar et al., "Phase-change memory models for deep learning training and
    inference", ICECS 2019, doi 10.1109/ICECS46596.2019.8964852.
    [2] V. Joshi et al., "Accurate deep neural network inference using computational phase-change
    memory", Nat. Commun. 11:2473, 2020, doi 10.1038/s41467-020-16108-9.

The constants are those of aihwkit 1.2.0, against which the statistics are tested.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from ..core.settings import quantity
from .device import Law
from .laws import log2_above, log_linear, polynomial
from .power_law import PowerLawDevice, check_polynomial, prog_coeffs_field

G_REFERENCE = 25.0
"""Conductance range of the fits, µS: g in [0, 25]."""
PROG_COEFFS = (0.26348, 1.9650, -1.1731)
"""Programming noise in ascending powers of g / g_max, µS at ``G_REFERENCE``."""
NU_MEAN_LAW = (-0.0155, 0.0244, 0.049, 0.1)
"""Mean exponent: slope and offset in ln(g / g_max), smallest and largest value; no unit."""
NU_STD_LAW = (-0.0125, -0.0059, 0.008, 0.045)
"""Standard deviation of the exponent, in the form of ``NU_MEAN_LAW``."""
R_FLOOR = 1e-7
"""Smallest argument of the logarithm, g / g_max."""
Q_COEFF, Q_POWER, Q_MAX = 0.0088, 0.65, 0.2
"""Read noise Q = min(Q_MAX, Q_COEFF / (g / g_max)^Q_POWER), relative to the conductance."""
T_0 = 20.0
"""Time of the first reading after programming in the drift fit, s."""
T_READ = 250e-9
"""Duration of one reading in the 1/f fit, s."""

_R_CAPPED = (Q_COEFF / Q_MAX) ** (1.0 / Q_POWER)  # below this g / g_max, Q is Q_MAX


class PCM(PowerLawDevice):
    r"""Phase-change memory, r = g / g_max.

    .. math::

        \sigma_{prog} &= (0.26348 + 1.9650 r - 1.1731 r^2)\, g_{max}/25 \\
        \nu &= |\mu + s \xi|, \quad \mu = -0.0155 \ln r + 0.0244 \in [0.049, 0.1], \quad
               s = -0.0125 \ln r - 0.0059 \in [0.008, 0.045] \\
        Q &= \min(0.2, 0.0088 / r_{prog}^{0.65})

    Args:
        prog_coeffs: Coefficients of the programming noise in ascending powers of r, µS at 25 µS.

    Source: Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 2020. Fitted for targets of 0
    to 25 µS. The programming noise is proportional to ``g_max``. Time is not bounded: the power law is the
    accepted extrapolation.

    Example:
        >>> PCM().programming_std(torch.tensor([0.0, 12.5]))
        tensor([0.2635, 0.9527])
    """

    g_max: float = quantity(G_REFERENCE, "µS", "Largest target conductance.", gt=0.0)
    t_0: float = quantity(T_0, "s", "Time of the first reading after programming.", gt=0.0)
    t_read: float = quantity(T_READ, "s", "Duration of one reading.", gt=0.0)
    prog_coeffs: tuple[float, ...] = prog_coeffs_field(PROG_COEFFS)

    source: ClassVar[str] = "Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11, 2020"
    fitted_range: ClassVar[str] = "g in [0, 25] µS, first read 20 s after programming"

    def check_entries(self) -> None:
        """Check the polynomial."""
        check_polynomial("prog_coeffs", self.prog_coeffs)

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the polynomial of ``prog_coeffs``, scaled from 25 µS to ``g_max``."""
        scale = self.g_max / G_REFERENCE
        coeffs = [coeff * scale for coeff in self.prog_coeffs] or [0.0]
        return polynomial(coeffs, g_target, self.g_max)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the two log-linear laws."""
        log2_g = log2_above(g_target, R_FLOOR * self.g_max)
        return (
            log_linear(NU_MEAN_LAW, log2_g, self.g_max),
            log_linear(NU_STD_LAW, log2_g, self.g_max),
        )

    def read_q(self, g_prog: Tensor) -> Law:
        """Return Q. The cap is applied to r, and the power is computed as a power of 2."""
        log2_g = log2_above(g_prog, _R_CAPPED * self.g_max)
        shifted = math.log2(Q_COEFF) + Q_POWER * math.log2(self.g_max)
        return torch.rsub(log2_g, shifted, alpha=Q_POWER).exp2_()
