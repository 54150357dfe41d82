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
from typing import ClassVar

from torch import Tensor

from ..core import PhysicalRangeError
from ..core.settings import quantity
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
"""Spread around the target by time (s), in ascending powers of g / g_max, µS at ``WAN_G_REFERENCE``."""

CMO_G_MIN, CMO_G_MAX = 9.0, 88.2
"""Characterised range of conductances, µS."""
CMO_PROG = {0.2: (0.00081107, 0.00106879), 2.0: (0.0112185391, 0.01129027418)}
"""Programming noise by the acceptance range (% of the target): offset (µS) and slope in g (µS / µS)."""
CMO_MEAN_SLOPE = -0.08900206
"""Mean relaxation per unit of ln(t / 1 s), µS."""
CMO_STD_SLOPE, CMO_STD_OFFSET = 0.04201137, 0.41183342
"""Spread of the relaxation: slope in ln(t / 1 s) and value at 1 s, µS."""
CMO_READ_K = 0.0277316483
"""Read noise per decade of conductance above 1 µS, µS."""
CMO_T_READ = 1e-6
"""Duration of one reading, s."""
CMO_T_LAST = 10 * 365.25 * DAY
"""Ten years, the last time to which the authors extrapolate the relaxation, s."""


class ReRAMWan2022(Device):
    r"""ReRAM of the NeuRRAM chip. The spread around the target was measured at three times.

    With r = g / g_max,

    .. math::

        g(t) = \max(0,\ g_{target} + \sigma(r, t)\, \xi), \qquad
        \sigma(r, t) = \frac{g_{max}}{40} \sum_{i=0}^{4} c_i(t)\, r^i

    with :math:`c_i` at 1 s, 1 day and 2 days, and linear in :math:`\ln t` between them. Each device has one
    :math:`\xi`, so its deviation grows with the spread. ``program`` gives the state at 1 s. ``nu`` holds the
    target, from which ``drift`` computes the deviation:

    .. math::

        g(t) = \max\bigl(0,\ g_{target} + (g_{prog} - g_{target})
               [1 + d\,(\sigma(r, t) / \sigma(r, 1 \mathrm{s}) - 1)]\bigr)

    This is exact for devices clamped at 0 too, since the spread at 1 s is the smallest. ``drift_scale`` is d. A
    trajectory is monotone from 1 s to 1 day and from 1 day to 2 days. The published spread of large
    conductances shrinks slightly on the second day. No data on read noise are published, so there is none.

    The spread is proportional to ``g_max``; this was not measured for other values than 40 µS.

    Source: Wan et al., Nature 2022. Fitted at 1 s, 1 day and 2 days. Times between are interpolated, and times
    outside raise a :class:`~analognas.core.PhysicalRangeError`.

    Example:
        >>> ReRAMWan2022().g_max
        40.0
    """

    g_max: float = quantity(WAN_G_REFERENCE, "µS", "Largest target conductance.", gt=0.0)
    t_0: float = quantity(0.0, "s", "Not used: the model follows no power law.", ge=0.0)

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
        """Return the target plus the deviation, scaled with the spread."""
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


class ReRAMCMO(Device):
    r"""Conductive-metal-oxide/HfOx ReRAM of 9 to 88.2 µS, programmed with verification.

    .. math::

        \sigma_{prog} &= a + b\, g_{target} \\
        g(t) &= g_{prog} + d\,[-0.0890 \ln t + (0.0420 \ln t + 0.4118)\, \nu] \\
        \sigma_{read} &= K \log_{10} g(t)

    ``nu`` is the standardised relaxation of a device, with mean 0 and standard deviation 1; it does not depend
    on the conductance. ``drift_scale`` is d. Read noise is 0 below 1 µS. Conductances are clamped at 0 only.
    Clamping at the ends of the characterised range would shift the mean of devices programmed there.

    Args:
        acceptance: Acceptance range of the verification, % of the target: 0.2 or 2.

    Raises:
        PhysicalRangeError: If ``acceptance`` is not 0.2 or 2, or a conductance is outside 9 to 88.2 µS.

    Source: Falcone et al., arXiv 2502.04524. Measured from 1 s to 1 h and extrapolated to 10 years by its
        authors.
    Other times raise a :class:`~analognas.core.PhysicalRangeError`.

    Example:
        >>> ReRAMCMO().g_min
        9.0
    """

    g_max: float = quantity(
        CMO_G_MAX, "µS", "Largest target conductance.", ge=CMO_G_MIN, le=CMO_G_MAX
    )
    g_min: float = quantity(
        CMO_G_MIN, "µS", "Smallest target conductance.", ge=CMO_G_MIN, le=CMO_G_MAX
    )
    t_0: float = quantity(0.0, "s", "Not used: the model follows no power law.", ge=0.0)
    t_read: float = quantity(CMO_T_READ, "s", "Duration of one reading.", gt=0.0)
    acceptance: float = quantity(0.2, "%", "Acceptance range of the verification: 0.2 or 2.")

    source: ClassVar[str] = "Falcone et al., arXiv 2502.04524, 2025"
    fitted_range: ClassVar[str] = "g in [9, 88.2] µS, 1 s to 1 h, extrapolated to 10 years"
    t_range: ClassVar[tuple[float, float]] = (1.0, CMO_T_LAST)
    nu_is_folded: ClassVar[bool] = False

    def check_entries(self) -> None:
        """Check the acceptance range."""
        if self.acceptance not in CMO_PROG:
            raise PhysicalRangeError(
                f"`acceptance` must be 0.2 or 2 (% of the target), but got {self.acceptance!r} %."
            )

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
        """Return 0: the noise depends on the current conductance only."""
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
