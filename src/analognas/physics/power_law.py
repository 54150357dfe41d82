"""Devices that drift by a power law, and the three simplest models."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from ..core.settings import quantity
from .checks import check_quantity
from .device import Device, Law
from .laws import LN_2, polynomial


def prog_coeffs_field(default: tuple[float, ...]) -> Any:
    """Return a field for the coefficients of a polynomial of the programming noise."""
    about = "Coefficients of the programming noise in ascending powers of g / g_max."
    return Field(default=default, description=about, json_schema_extra={"unit": "µS"})


class PowerLawDevice(Device):
    r"""A device whose conductance decays as a power of time, with read noise relative to the conductance.

    .. math::

        g_{drift}(t) = g_{prog} (t'/t_0)^{-\nu}, \qquad t' = t + t_0, \qquad
        \sigma_{read} = Q(g_{prog})\, g_{drift}

    A subclass defines three laws: ``programming_std``, ``nu_moments`` and ``read_q`` (Q). ``drift_scale`` is a
    factor on the exponent.

    Source: Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11:2473, 2020.

    Example:
        >>> import torch
        >>> class Steady(PowerLawDevice):
        ...     def programming_std(self, g_target):
        ...         return torch.full_like(g_target, 0.5)
        ...     def nu_moments(self, g_target):
        ...         return torch.full_like(g_target, 0.05), torch.zeros_like(g_target)
        ...     def read_q(self, g_prog):
        ...         return torch.zeros_like(g_prog)
        >>> g = torch.tensor([20.0])
        >>> Steady().drift(g, torch.tensor([0.05]), 86400.0) < g
        tensor([True])
    """

    t_0: float = quantity(
        20.0, "s", "Time between programming and the first reading in the drift law.", gt=0.0
    )

    def drifted(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return ``g_prog * 2^(-drift_scale * nu * log2(t'/t_0))``; exactly ``g_prog`` at t = 0.

        A power of 2 takes a fifth of the time of a general power, and half of that of an exponential.
        """
        decay = -self.drift_scale * math.log1p(t / self.t_0) / LN_2
        return (nu * decay).exp2_().mul_(g_prog)

    def read_std(self, g_drift: Tensor, q: Law) -> Law:
        """Return ``q * g_drift``."""
        return 0.0 if isinstance(q, float) and q == 0.0 else g_drift * q


class PowerLaw(PowerLawDevice):
    r"""One exponent for all devices: the textbook model, for teaching and comparison.

    .. math:: g(t) = g_{prog} ((t + t_0) / t_0)^{-\nu}

    There is no read noise, and no programming noise unless ``prog_coeffs`` has entries. A model that counts
    time from ``t_0`` instead of the end of programming gives at ``t`` the value of this model at ``t - t_0``.

    Args:
        nu: The exponent.
        prog_coeffs: Coefficients of the programming noise in ascending powers of g / g_max, µS; may be empty.

    Source: exponents of 0.05 and 0.06 with t_0 of 1 s or 20 s are customary for doped GeSbTe, see
    Joshi et al., Nat. Commun. 11:2473, 2020. No constant is fitted.

    Example:
        >>> PowerLaw().g_max
        25.0
    """

    nu: float = Field(default=0.06, ge=0.0, description="The exponent.")
    t_0: float = quantity(1.0, "s", "Time from which the power law starts.", gt=0.0)
    prog_coeffs: tuple[float, ...] = prog_coeffs_field(())

    source: ClassVar[str] = (
        "textbook power law; exponents as in Joshi et al., Nat. Commun. 11, 2020"
    )
    fitted_range: ClassVar[str] = "nothing is fitted"

    def check_entries(self) -> None:
        """Check the polynomial."""
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


class StateIndependent(PowerLawDevice):
    r"""Noise and drift that do not depend on the conductance.

    .. math::

        \sigma_{prog} = 0.2\ \mathrm{µS}, \quad \nu = |0.1 + 0.05 \xi|, \quad
        \sigma_{read} = q\, g_{drift} / g_{max}

    Args:
        prog_coeffs: Coefficients of the programming noise in ascending powers of g / g_max, µS.
        nu_mean: Mean drift exponent.
        nu_std: Standard deviation of the drift exponent between devices.
        q_read: Read noise of a device at ``g_max``, µS.

    Source: the state-independent model of aihwkit 1.2.0 (constants of its documentation), a
    reference point rather than a measured device.

    Example:
        >>> StateIndependent().g_max
        25.0
    """

    prog_coeffs: tuple[float, ...] = prog_coeffs_field((0.2,))
    nu_mean: float = Field(default=0.1, ge=0.0, description="Mean drift exponent.")
    nu_std: float = Field(default=0.05, ge=0.0, description="Spread of the exponent.")
    q_read: float = quantity(1.0, "µS", "Read noise of a device at g_max.", ge=0.0)

    source: ClassVar[str] = "reference point, constants as documented for aihwkit 1.2.0"
    fitted_range: ClassVar[str] = "nothing is fitted"

    def check_entries(self) -> None:
        """Check the polynomial."""
        check_polynomial("prog_coeffs", self.prog_coeffs)

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the polynomial of ``prog_coeffs``."""
        return programming_polynomial(self.prog_coeffs, g_target, self.g_max)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return ``nu_mean`` and ``nu_std``."""
        return self.nu_mean, self.nu_std

    def read_q(self, g_prog: Tensor) -> Law:
        """Return ``q_read / g_max``."""
        return self.q_read / self.g_max


class Ideal(PowerLawDevice):
    """A device without noise and without drift.

    Example:
        >>> import torch
        >>> Ideal().program(torch.tensor([5.0]), generator=torch.Generator().manual_seed(0))
        tensor([5.])
    """

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
    """Return the polynomial in g / g_max. It is 0 without coefficients, and a number for one coefficient."""
    if len(coeffs) < 2:
        return coeffs[0] if coeffs else 0.0
    return polynomial(coeffs, g_target, g_max)


def check_polynomial(name: str, coeffs: tuple[float, ...]) -> None:
    """Check that the polynomial of a standard deviation is not negative on [0, 1].

    Raises:
        PhysicalRangeError: Otherwise.
    """
    for step in range(101):
        value = sum(coeff * (step / 100.0) ** power for power, coeff in enumerate(coeffs))
        check_quantity(f"{name} at g / g_max = {step / 100.0:g}", value, unit="µS", minimum=0.0)
