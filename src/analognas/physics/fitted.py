"""Devices whose constants come from measurements: see :func:`analognas.physics.fit_device`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..core import InvalidArgumentError
from ..core.settings import quantity
from .checks import check_quantity
from .device import Device, Law
from .laws import interpolate, log2_above, polynomial
from .power_law import PowerLawDevice, prog_coeffs_field

ROUNDING, ROUNDING_CONDUCTANCE = 1e-9, 1e-12
"""A polynomial of a standard deviation may be negative by this part of its largest value, and this in µS."""
Q_SLACK = 2.0
"""Beyond its table, read noise is at most this factor below the smallest and above the largest value."""


class FittedPowerLaw(PowerLawDevice):
    r"""A device with power-law drift whose constants were fitted to measurements.

    .. math::

        \sigma_{prog} = \sum_i c_i (g / g_{max})^i, \qquad \nu = |\mu(g) + s(g) \xi|, \qquad
        \sigma_{read} = Q(g_{prog})\, g_{drift}

    :math:`\mu` and s are interpolated linearly in a table of target conductances. They and :math:`\sigma` are
    constant beyond its ends: what was not measured is not extrapolated. Q is interpolated linearly in
    :math:`\ln g` and :math:`\ln Q`, with the slope of its first and last interval beyond the ends, at
    most a factor of 2 below the smallest and above the largest value.

    Args:
        prog_coeffs: Coefficients of the programming noise in ascending powers of g / g_max, µS.
        g_points: Conductances of the table, ascending, µS. The first may be 0, where Q is that of the second.
        nu_means: Mean exponent at each of them.
        nu_stds: Standard deviation of the exponent at each of them.
        read_qs: Q at each of them; all positive, or all 0.

    Raises:
        PhysicalRangeError: If a value is outside its range.
        InvalidArgumentError: If columns of the table differ in length, or it is not ascending.

    Example:
        >>> device = FittedPowerLaw(g_points=(5.0, 25.0), nu_means=(0.1, 0.05), nu_stds=(0.04, 0.01),
        ...     read_qs=(0.02, 0.01))
        >>> device.nu_moments(torch.tensor([15.0]))
        (tensor([0.0750]), tensor([0.0250]))
    """

    prog_coeffs: tuple[float, ...] = prog_coeffs_field((0.0,))
    g_points: tuple[float, ...] = quantity((25.0,), "µS", "Conductances of the table, ascending.")
    nu_means: tuple[float, ...] = Field(default=(0.05,), description="Mean exponents.")
    nu_stds: tuple[float, ...] = Field(default=(0.01,), description="Spreads of the exponent.")
    read_qs: tuple[float, ...] = Field(
        default=(0.0,), description="Read noise relative to the conductance."
    )

    source: ClassVar[str] = "fitted to measurements by analognas device fit"
    fitted_range: ClassVar[str] = "the conductances of the table"

    def check_entries(self) -> None:
        """Check the polynomial and the table."""
        columns = {
            "nu_means": self.nu_means,
            "nu_stds": self.nu_stds,
            "read_qs": self.read_qs,
        }
        check_points(self.g_points, columns, self.g_max)
        check_std("prog_coeffs", self.prog_coeffs, self.g_points, self.g_max)
        if any(q == 0.0 for q in self.read_qs) and any(self.read_qs):
            raise InvalidArgumentError(
                f"`read_qs` must be all positive or all 0, but got {list(self.read_qs)}."
            )

    def with_target_0(self) -> FittedPowerLaw:
        """Return the device with a table from 0 on, whose entries at 0 are those of the first point."""
        return self.replace(
            g_points=(0.0, *self.g_points),
            nu_means=(self.nu_means[0], *self.nu_means),
            nu_stds=(self.nu_stds[0], *self.nu_stds),
            read_qs=(self.read_qs[0], *self.read_qs),
        )

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the polynomial of ``prog_coeffs``, constant outside the table."""
        return clamped_polynomial(self.prog_coeffs, g_target, self.g_points, self.g_max)

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the two interpolated tables."""
        return (
            over_table(g_target, self.g_points, self.nu_means),
            over_table(g_target, self.g_points, self.nu_stds),
        )

    def read_q(self, g_prog: Tensor) -> Law:
        """Return Q, interpolated on logarithmic axes."""
        if not any(self.read_qs):
            return 0.0
        # A conductance of 0 has no logarithm; it extends the other laws only.
        rows = [(g, q) for g, q in zip(self.g_points, self.read_qs, strict=True) if g > 0.0]
        if len(rows) == 1:
            return rows[0][1]
        points, log2_q = ([math.log2(row[i]) for row in rows] for i in (0, 1))
        x = log2_above(g_prog, rows[0][0] * 1e-6)
        found = interpolate(x, points, log2_q)
        first = (log2_q[1] - log2_q[0]) / (points[1] - points[0])
        last = (log2_q[-1] - log2_q[-2]) / (points[-1] - points[-2])
        found.add_((x - points[0]).clamp_(max=0.0), alpha=first)
        found.add_((x - points[-1]).clamp_(min=0.0), alpha=last)
        slack = math.log2(Q_SLACK)
        return found.clamp_(min(log2_q) - slack, max(log2_q) + slack).exp2_()


class FittedRelaxation(Device):
    r"""A device that relaxes around its target, as filamentary ReRAM does, fitted to measurements.

    .. math::

        g(t) = \max\Bigl(0,\ g_{target} + m(g_{target}, t)
               + (g_{prog} - g_{target})\, \frac{\sigma(r, t)}{\sigma(r, t_1)}\Bigr), \qquad
        \sigma(r, t) = \sum_i c_i(t)\, r^i, \quad r = g / g_{max}

    Spread :math:`\sigma` and mean shift m are known at the measured times, and linear in :math:`\ln t` between
    them. Each device keeps its place within the spread. The spread is constant outside the table.
    The shift and the read noise are interpolated linearly in a table of target conductances, and constant
    beyond its ends. ``nu`` holds the target. ``drift_scale``
    scales the shift and the growth of the spread.

    Args:
        times: Measured times, ascending, positive, s. Times outside raise an error.
        spread_coeffs: Coefficients of the spread in ascending powers of r at each time, µS.
        g_points: Conductances of the table, ascending, of at least 0, µS.
        shifts: Mean shift at each time, and there at each conductance, µS.
        read_stds: Read noise at each conductance for :func:`~.laws.accumulated_noise` of 1, µS.

    Raises:
        PhysicalRangeError: If a value is outside its range.
        InvalidArgumentError: If tables differ in length, or are not ascending.

    Example:
        >>> device = FittedRelaxation(
        ...     times=(1.0, 100.0),
        ...     spread_coeffs=((1.0,), (3.0,)),
        ...     g_points=(10.0,),
        ...     shifts=((0.0,), (-1.0,)),
        ... )
        >>> device.g_max, device.programming_std(torch.tensor([5.0]))
        (25.0, tensor([1.]))
    """

    t_0: float = quantity(0.0, "s", "Added to the time in the law of the read noise.", ge=0.0)
    times: tuple[float, ...] = quantity((1.0,), "s", "Measured times, ascending.")
    spread_coeffs: tuple[tuple[float, ...], ...] = quantity(
        ((0.0,),), "µS", "Coefficients of the spread in ascending powers of g / g_max at each time."
    )
    g_points: tuple[float, ...] = quantity((25.0,), "µS", "Conductances of the table, ascending.")
    shifts: tuple[tuple[float, ...], ...] = quantity(
        ((0.0,),), "µS", "Mean shift at each time, and there at each conductance."
    )
    read_stds: tuple[float, ...] = quantity(
        (0.0,), "µS", "Read noise for an accumulated noise of 1."
    )

    source: ClassVar[str] = "fitted to measurements by analognas device fit"
    fitted_range: ClassVar[str] = "the conductances and times of the tables"
    nu_is_folded: ClassVar[bool] = False

    @property
    def t_range(self) -> tuple[float, float]:  # type: ignore[override]
        """First and last measured time, s."""
        return self.times[0], self.times[-1]

    def check_entries(self) -> None:
        """Check the tables."""
        check_points(self.g_points, {"read_stds": self.read_stds}, self.g_max)
        for name, rows in (("spread_coeffs", self.spread_coeffs), ("shifts", self.shifts)):
            if len(rows) != len(self.times):
                raise InvalidArgumentError(
                    f"`{name}` must have one row for each of the {len(self.times)} times, but got {len(rows)}."
                )
        check_ascending("times", self.times, "s")
        for j, (coeffs, row) in enumerate(zip(self.spread_coeffs, self.shifts, strict=True)):
            check_std(f"spread_coeffs[{j}]", coeffs, self.g_points, self.g_max)
            if len(row) != len(self.g_points):
                raise InvalidArgumentError(
                    f"`shifts[{j}]` must have one number for each of the {len(self.g_points)} conductances, "
                    f"but got {len(row)}."
                )

    def programming_std(self, g_target: Tensor) -> Law:
        """Return the spread at the first time."""
        return self._spread(g_target, self.times[0])

    def nu_moments(self, g_target: Tensor) -> tuple[Law, Law]:
        """Return the target itself and no spread."""
        return g_target, 0.0

    def drifted(self, g_prog: Tensor, nu: Tensor, t: float) -> Tensor:
        """Return the target, the shift, and the deviation scaled with the spread."""
        first = self._spread(nu, self.times[0]).clamp_(min=1e-12)
        growth = self._spread(nu, t).div_(first)
        growth.sub_(1.0).mul_(self.drift_scale).add_(1.0)
        shift = over_table(nu, self.g_points, self._at(self.shifts, t))
        moved = (g_prog - nu).mul_(growth).add_(nu)
        return moved.add_(shift, alpha=self.drift_scale).clamp_(min=0.0)

    def read_q(self, g_prog: Tensor) -> Law:
        """Return the read noise, µS."""
        return over_table(g_prog, self.g_points, self.read_stds) if any(self.read_stds) else 0.0

    def read_std(self, g_drift: Tensor, q: Law) -> Law:
        """Return the read noise, which does not depend on the present conductance."""
        return q

    def _spread(self, g_target: Tensor, t: float) -> Tensor:
        coeffs = self._at(self.spread_coeffs, t)
        return clamped_polynomial(coeffs, g_target, self.g_points, self.g_max)

    def _at(self, rows: Sequence[Sequence[float]], t: float) -> list[float]:
        """Return a row of numbers at time ``t``, linear in ln t."""
        j = next((j for j in range(1, len(self.times)) if t <= self.times[j]), len(self.times) - 1)
        if j == 0:
            return list(rows[0])
        first, last = self.times[j - 1], self.times[j]
        share = min(max(math.log(t / first) / math.log(last / first), 0.0), 1.0)
        return [a + share * (b - a) for a, b in zip(rows[j - 1], rows[j], strict=True)]


def clamped_polynomial(
    coeffs: Sequence[float], g: Tensor, g_points: Sequence[float], g_max: float
) -> Tensor:
    """Evaluate a polynomial in g / g_max inside the range of a table; constant beyond its ends."""
    return polynomial(coeffs, g.clamp(g_points[0], g_points[-1]), g_max).clamp_(min=0.0)


def over_table(x: Tensor, points: Sequence[float], values: Sequence[float]) -> Tensor:
    """Interpolate linearly in a table of one or more points; constant beyond its ends.

    Example:
        >>> over_table(torch.tensor([3.0]), [1.0], [0.5])
        tensor([0.5000])
    """
    return torch.full_like(x, values[0]) if len(points) == 1 else interpolate(x, points, values)


def check_points(
    g_points: tuple[float, ...], columns: dict[str, tuple[float, ...]], g_max: float
) -> None:
    """Check the conductances of a table, and columns of non-negative numbers beside them.

    Raises:
        PhysicalRangeError: If a value is outside its range.
        InvalidArgumentError: If the columns differ in length, or the conductances are not ascending.
    """
    check_ascending("g_points", g_points, "µS", zero=True)
    check_quantity("g_points[-1]", g_points[-1], unit="µS", positive=True, maximum=g_max)
    for name, values in columns.items():
        if len(values) != len(g_points):
            raise InvalidArgumentError(
                f"`{name}` must have one number for each of the {len(g_points)} conductances, but got "
                f"{len(values)}."
            )
        for index, value in enumerate(values):
            check_quantity(f"{name}[{index}]", value, minimum=0.0)


def check_std(
    name: str, coeffs: tuple[float, ...], g_points: tuple[float, ...], g_max: float
) -> None:
    """Check that the polynomial of a standard deviation is not negative inside the range of a table.

    Raises:
        InvalidArgumentError: If it has no coefficient.
        PhysicalRangeError: If it is negative.
    """
    if not coeffs:
        raise InvalidArgumentError(f"`{name}` must have at least one coefficient, but got none.")
    first, last = g_points[0] / g_max, g_points[-1] / g_max
    points = [first + (last - first) * step / 100.0 for step in range(101)]
    values = [sum(coeff * r**power for power, coeff in enumerate(coeffs)) for r in points]
    slack = ROUNDING * max(map(abs, values)) + ROUNDING_CONDUCTANCE
    for r, value in zip(points, values, strict=True):
        if not value >= -slack:
            check_quantity(f"{name} at g / g_max = {r:.3g}", value, unit="µS", minimum=0.0)


def check_ascending(name: str, values: tuple[float, ...], unit: str, *, zero: bool = False) -> None:
    """Check that there are values, all positive and ascending; with ``zero``, the first may be 0.

    Raises:
        InvalidArgumentError: Otherwise.
    """
    steps = itertools.pairwise((0.0, *values))
    if zero and values and values[0] == 0.0:
        steps = itertools.pairwise(values)
    if not values or any(b <= a for a, b in steps):
        sign = "of at least 0" if zero else "positive"
        raise InvalidArgumentError(
            f"`{name}` must be {sign} and in ascending order ({unit}), but got {list(values)}."
        )
