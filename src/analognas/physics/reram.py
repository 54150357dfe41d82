r"""Resistive memory: two published filamentary ReRAM technologies.

Sources:
    [1] W. Wan et al., "A compute-in-memory chip based on resistive random-access memory", Nature
    608:504-512, 2022, doi 10.1038/s41586-022-04992-8. The quartics are fits to its figures,
    published in aihwkit (``inference/noise/reram.py``): 1 s, 1 day and 2 days after programming.
    [2] D. F. Falcone et al., "All-in-one analog AI hardware: on-chip training and inference with
    conductive-metal-oxide/HfOx ReRAM devices", arXiv 2502.04524, 2025; its constants as published
    there and in aihwkit (same file). Relaxation was followed from 1 s to 1 h; the authors use its
    line in ln t up to 10 years.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..core import PhysicalRangeError
from .checks import check_quantity
from .device import Device, Law
from .laws import log2_above, polynomial

DAY = 86400.0

WAN_G_REFERENCE = 40.0
"""Conductance range of the quartics, µS."""
WAN_SPREAD = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}
"""Spread around the target by time (s), in rising powers of g / g_max, µS at
``WAN_G_REFERENCE``."""

CMO_G_MIN, CMO_G_MAX = 9.0, 88.2
"""Range of conductances characterised, µS."""
CMO_PROG = {0.2: (0.00081107, 0.00106879), 2.0: (0.0112185391, 0.01129027418)}
"""Programming noise by the acceptance range (% of the target): offset (µS) and slope in g (µS /
µS)."""
CMO_MEAN_SLOPE = -0.08900206
"""Mean relaxation for each unit of ln(t / 1 s), µS."""
CMO_STD_SLOPE, CMO_STD_OFFSET = 0.04201137, 0.41183342
"""Spread of the relaxation: slope in ln(t / 1 s) and value at 1 s, µS."""
CMO_READ_K = 0.0277316483
"""Read noise for each decade of conductance above 1 µS, µS."""
CMO_T_READ = 1e-6
"""Duration of one reading, s."""
CMO_T_LAST = 10 * 365.25 * DAY
"""Ten years, up to which the authors carry the relaxation, s."""


@dataclass(frozen=True, kw_only=True)
class ReRAMWan2022(Device):
    r"""ReRAM of the NeuRRAM chip: the spread around the target is known at three times.

    With r = g / g_max,

    .. math::

        g(t) = \max(0,\ g_{target} + \sigma(r, t)\, \xi), \qquad
        \sigma(r, t) = \frac{g_{max}}{40} \sum_{i=0}^{4} c_i(t)\, r^i

    with :math:`c_i` at 1 s, 1 day and 2 days, and linear in :math:`\ln t` between them. Each device
    has one :math:`\xi`, so a chip is followed through time: its deviations grow with the spread.
    ``program`` gives the state at 1 s; ``nu`` holds the target, from which ``drift`` finds the
    deviation again:

    .. math::

        g(t) = \max\bigl(0,\ g_{target} + (g_{prog} - g_{target})
               [1 + d\,(\sigma(r, t) / \sigma(r, 1 \mathrm{s}) - 1)]\bigr)

    (exact for a device censored at 0 too, since the spread at 1 s is the smallest). ``drift_scale``
    is d. A trajectory is monotone from 1 s to 1 day and from 1 to 2 days; the published spread of
    strong conductances shrinks slightly on the second day. There are no data of read noise, hence
    none.

    Another ``g_max`` than 40 µS scales the spread with it, which nobody has measured.

    Source: Wan et al., Nature 2022. Fitted at 1 s, 1 day and 2 days; other times between are
    interpolated, times outside refused.
    """

    g_max: float = WAN_G_REFERENCE
    t_0: float = 0.0

    source: ClassVar[str] = "Wan et al., Nature 608, 2022"
    fitted_range: ClassVar[str] = (
        "g in [0, 40] µS at 1 s, 1 day, 2 days; linear in ln t between them"
    )
    t_range: ClassVar[tuple[float, float]] = (1.0, 2 * DAY)
    nu_is_folded: ClassVar[bool] = False

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the quartic at 1 s."""
        return self._spread(g_target, 1.0)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the target itself and no spread."""
        return g_target, 0.0

    def drifted(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return the target plus the deviation, grown with the spread."""
        growth = self._spread(nu, t).div_(self._spread(nu, 1.0))
        growth.sub_(1.0).mul_(self.drift_scale).add_(1.0)
        return (g_prog - nu).mul_(growth).add_(nu).clamp_(min=0.0)

    def read_q(self, g_prog: Tensor) -> Law:
        """Return no noise."""
        return 0.0

    def read_std(self, g_drift: Tensor, q: Law) -> Law:
        """Return no noise."""
        return 0.0

    def _spread(self, g_target: Tensor, t: float) -> Tensor:
        scale = self.g_max / WAN_G_REFERENCE
        coeffs = [coeff * scale for coeff in wan_coefficients(t)]
        return polynomial(coeffs, g_target, self.g_max)


@dataclass(frozen=True, kw_only=True)
class ReRAMCMO(Device):
    r"""Conductive-metal-oxide/HfOx ReRAM of 9 to 88.2 µS, programmed with verification.

    .. math::

        \sigma_{prog} &= a + b\, g_{target} \\
        g(t) &= g_{prog} + d\,[-0.0890 \ln t + (0.0420 \ln t + 0.4118)\, \nu] \\
        \sigma_{read} &= K \log_{10} g(t)

    ``nu`` is the standardised relaxation of a device, normal with mean 0 and standard deviation 1:
    its size does not depend on the conductance. ``drift_scale`` is d; read noise is 0 below 1 µS.
    Conductances are cut at 0 only, not at the ends of the characterised range, which would pull the
    mean of a device programmed there.

    Args:
        acceptance: Acceptance range of the verification, % of the target: 0.2 or 2.

    Raises:
        PhysicalRangeError: If ``acceptance`` is neither, or the conductances leave 9 to 88.2 µS.

    Source: Falcone et al., arXiv 2502.04524. Measured from 1 s to 1 h; to 10 years extrapolated
    by its authors; other times refused.
    """

    g_max: float = CMO_G_MAX
    g_min: float = CMO_G_MIN
    t_0: float = 0.0
    t_read: float = CMO_T_READ
    acceptance: float = 0.2

    source: ClassVar[str] = "Falcone et al., arXiv 2502.04524, 2025"
    fitted_range: ClassVar[str] = "g in [9, 88.2] µS, 1 s to 1 h, extrapolated to 10 years"
    t_range: ClassVar[tuple[float, float]] = (1.0, CMO_T_LAST)
    nu_is_folded: ClassVar[bool] = False

    def validate(self) -> None:
        """Check the acceptance range and the conductances."""
        if check_quantity("acceptance", self.acceptance, unit="%") not in CMO_PROG:
            raise PhysicalRangeError(
                f"`acceptance` must be 0.2 or 2 (% of the target), but got {self.acceptance!r} %."
            )
        limits = {"unit": "µS", "minimum": CMO_G_MIN, "maximum": CMO_G_MAX}
        for name in ("g_min", "g_max"):
            note = "characterised range"
            check_quantity(name, getattr(self, name), note=note, **limits)  # type: ignore[arg-type]

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the line in g, µS."""
        offset, slope = CMO_PROG[self.acceptance]
        return (g_target * slope).add_(offset)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the moments of a standard normal."""
        return 0.0, 1.0

    def drifted(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return the conductance after the relaxation."""
        log_t = math.log(t)
        std = self.drift_scale * (CMO_STD_SLOPE * log_t + CMO_STD_OFFSET)
        shift = self.drift_scale * CMO_MEAN_SLOPE * log_t
        return (nu * std).add_(g_prog).add_(shift).clamp_(min=0.0)

    def read_q(self, g_prog: Tensor) -> Law:
        """Return nothing: the noise follows the present conductance."""
        return 0.0

    def read_std(self, g_drift: Tensor, q: Law) -> Law:
        """Return ``CMO_READ_K`` times the decades above 1 µS."""
        return log2_above(g_drift, 1.0).mul_(CMO_READ_K * math.log10(2.0))


def wan_coefficients(t: float) -> list[float]:
    """Return the five coefficients at time ``t`` (s), linear in ln t between the published times.

    Example:
        >>> wan_coefficients(1.0) == list(WAN_SPREAD[1.0])
        True
    """
    times = sorted(WAN_SPREAD)
    first, last = (times[0], times[1]) if t <= times[1] else (times[1], times[2])
    share = math.log(t / first) / math.log(last / first)
    pairs = zip(WAN_SPREAD[first], WAN_SPREAD[last], strict=True)
    return [a if share == 0 else b if share == 1 else a + share * (b - a) for a, b in pairs]
