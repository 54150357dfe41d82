"""Devices that drift by a power law, and the three simplest of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from .checks import check_quantity
from .device import Device, Law
from .laws import LN_2, polynomial


@dataclass(frozen=True, kw_only=True)
class PowerLawDevice(Device):
    r"""A device whose conductance falls as a power of time and whose read noise is relative to it.

    .. math::

        g_{drift}(t) = g_{prog} (t'/t_0)^{-\nu}, \qquad t' = t + t_0, \qquad
        \sigma_{read} = Q(g_{prog})\, g_{drift}

    A model of its own states three laws: ``programming_std``, ``nu_moments`` and ``read_q`` (Q).
    ``drift_scale`` multiplies the exponent.

    Source: Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11:2473, 2020.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        check_quantity("t_0", self.t_0, unit="s", positive=True)

    def drifted(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return ``g_prog * 2^(-drift_scale * nu * log2(t'/t_0))``; exactly ``g_prog`` at t = 0.

        The power of 2 of a product costs a fifth of a general power, and half of an exponential.
        """
        decay = -self.drift_scale * math.log1p(t / self.t_0) / LN_2
        return (nu * decay).exp2_().mul_(g_prog)

    def read_std(self, g_drift: Tensor, q: Law) -> Law:
        """Return ``q * g_drift``."""
        return 0.0 if isinstance(q, float) and q == 0.0 else g_drift * q


@dataclass(frozen=True, kw_only=True)
class PowerLaw(PowerLawDevice):
    r"""One fixed exponent for every device: the textbook model, for teaching and comparison.

    .. math:: g(t) = g_{prog} ((t + t_0) / t_0)^{-\nu}

    Without programming noise unless ``prog_coeffs`` says so, and without read noise. Models which
    count time from ``t_0`` instead of from the end of programming give at ``t`` what this one gives
    at ``t - t_0``.

    Args:
        nu: The exponent.
        prog_coeffs: Coefficients of the programming noise in rising powers of g / g_max, µS; may be
            empty.

    Source: exponents of 0.05 and 0.06 with t_0 of 1 s or 20 s are customary for doped GeSbTe, see
    Joshi et al., Nat. Commun. 11:2473, 2020. Nothing is fitted.
    """

    nu: float = 0.06
    t_0: float = 1.0
    prog_coeffs: tuple[float, ...] = ()

    source: ClassVar[str] = (
        "textbook power law; exponents as in Joshi et al., Nat. Commun. 11, 2020"
    )
    fitted_range: ClassVar[str] = "nothing is fitted"

    def validate(self) -> None:
        """Check the exponent and the polynomial."""
        check_quantity("nu", self.nu, minimum=0.0)
        check_polynomial("prog_coeffs", self.prog_coeffs)

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the polynomial of ``prog_coeffs``."""
        return programming_polynomial(self.prog_coeffs, g_target, self.g_max)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return ``nu`` and no spread."""
        return self.nu, 0.0

    def read_q(self, g_prog: Tensor) -> Law:
        """Return no noise."""
        return 0.0


@dataclass(frozen=True, kw_only=True)
class StateIndependent(PowerLawDevice):
    r"""Noise and drift that do not depend on the conductance.

    .. math::

        \sigma_{prog} = 0.2\ \mathrm{µS}, \quad \nu = |0.1 + 0.05 \xi|, \quad
        \sigma_{read} = q\, g_{drift} / g_{max}

    Args:
        prog_coeffs: Coefficients of the programming noise in rising powers of g / g_max, µS.
        nu_mean: Mean drift exponent.
        nu_std: Standard deviation of the drift exponent between devices.
        q_read: Read noise of a device at ``g_max``, µS.

    Source: the state-independent model of aihwkit 1.2.0 (constants of its documentation), a
    reference point rather than a measured device.
    """

    prog_coeffs: tuple[float, ...] = (0.2,)
    nu_mean: float = 0.1
    nu_std: float = 0.05
    q_read: float = 1.0

    source: ClassVar[str] = "reference point, constants as documented for aihwkit 1.2.0"
    fitted_range: ClassVar[str] = "nothing is fitted"

    def validate(self) -> None:
        """Check polynomial, exponent and read noise."""
        check_polynomial("prog_coeffs", self.prog_coeffs)
        check_quantity("nu_mean", self.nu_mean, minimum=0.0)
        check_quantity("nu_std", self.nu_std, minimum=0.0)
        check_quantity("q_read", self.q_read, unit="µS", minimum=0.0)

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the polynomial of ``prog_coeffs``."""
        return programming_polynomial(self.prog_coeffs, g_target, self.g_max)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return ``nu_mean`` and ``nu_std``."""
        return self.nu_mean, self.nu_std

    def read_q(self, g_prog: Tensor) -> Law:
        """Return ``q_read / g_max``."""
        return self.q_read / self.g_max


@dataclass(frozen=True, kw_only=True)
class Ideal(PowerLawDevice):
    """A device that keeps exactly what it was told, for ever."""

    source: ClassVar[str] = "none: a perfect device"
    fitted_range: ClassVar[str] = "nothing is fitted"

    def programming_std(self, g_target: Tensor) -> Law:
        """Return no noise."""
        return 0.0

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return no drift."""
        return 0.0, 0.0

    def read_q(self, g_prog: Tensor) -> Law:
        """Return no noise."""
        return 0.0


def programming_polynomial(coeffs: tuple[float, ...], g_target: Tensor, g_max: float) -> Law:
    """Return the polynomial in g / g_max; no coefficients mean no noise, one gives a number."""
    if len(coeffs) < 2:
        return coeffs[0] if coeffs else 0.0
    return polynomial(coeffs, g_target, g_max)


def check_polynomial(name: str, coeffs: tuple[float, ...]) -> None:
    """Check that a standard deviation given by its polynomial is nowhere negative on [0, 1].

    Raises:
        PhysicalRangeError: Otherwise.
    """
    for index, coeff in enumerate(coeffs):
        check_quantity(f"{name}[{index}]", coeff, unit="µS")
    for step in range(101):
        value = sum(coeff * (step / 100.0) ** power for power, coeff in enumerate(coeffs))
        check_quantity(f"{name} at g / g_max = {step / 100.0:g}", value, unit="µS", minimum=0.0)
