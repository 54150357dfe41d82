"""Estimates with confidence intervals: Student's t, with variances that are sums of several terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.interval import number_text

if TYPE_CHECKING:
    from ..training.tasks import Task

CONFIDENCE = 0.95
"""Default confidence level of intervals."""

NO_INTERVAL = "one chip: no interval"
"""Text instead of an interval, which needs the spread of several chips."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error and confidence interval.

    Attributes:
        value: The estimate; NaN if unknown.
        sem: Standard error; NaN if unknown, as with a single chip.
        low: Lower end of the interval; NaN if unknown.
        high: Upper end of the interval; NaN if unknown.
        df: Degrees of freedom of the standard error.
        least: Smallest possible value, such as 0 of an accuracy.
        most: Largest possible value.

    ``low`` and ``high`` are those of Student's t, which may lie beyond what is possible; texts and figures show
    :attr:`shown`.

    Example:
        >>> Estimate(value=90.0, sem=0.5, low=89.0, high=91.0, df=24.0).value
        90.0
    """

    value: float
    sem: float
    low: float
    high: float
    df: float
    least: float = -math.inf
    most: float = math.inf

    @property
    def shown(self) -> tuple[float, float]:
        """Ends of the interval within what is possible.

        Example:
            >>> estimate(99.0, [(4.0, 3.0)], possible=(0.0, 100.0)).shown[1]
            100.0
        """
        return max(self.low, min(self.least, self.value)), min(
            self.high, max(self.most, self.value)
        )

    @property
    def half_width(self) -> float:
        """Half of the length of the interval."""
        return (self.high - self.low) / 2.0

    @property
    def reach(self) -> tuple[float, float]:
        """Distances of the ends that are shown from the value; 0 where they are unknown."""
        low, high = self.shown
        if not math.isfinite(self.sem):
            return 0.0, 0.0
        return self.value - low, high - self.value

    @property
    def interval(self) -> str:
        """The interval as text, or the reason why there is none.

        Example:
            >>> estimate(90.0, [(0.04, 3.0)]).interval
            '[89.36, 90.64]'
            >>> estimate(90.0, [(math.inf, 0.0)]).interval
            'one chip: no interval'
        """
        if math.isnan(self.value):
            return "unknown"
        if not math.isfinite(self.sem):
            return NO_INTERVAL
        low, high = self.shown
        return f"[{number_text(low)}, {number_text(high)}]"

    def __str__(self) -> str:
        if math.isnan(self.value):
            return self.interval
        known = math.isfinite(self.sem)
        value = number_text(self.value)
        return f"{value} {self.interval if known else f'({self.interval})'}"


def estimate(
    value: float,
    parts: Sequence[tuple[float, float]],
    *,
    confidence: float = CONFIDENCE,
    widen: float = 1.0,
    transform: Callable[[float], float] | None = None,
    possible: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    r"""Return an estimate whose variance is a sum of independent terms.

    .. math:: \nu = \frac{(\sum_j v_j)^2}{\sum_j v_j^2 / \nu_j}

    Args:
        value: The estimate.
        parts: Variance and degrees of freedom of each term.
        confidence: Confidence level of the interval.
        widen: Factor of the half-width.
        transform: Monotone function of the value; the interval is transformed, and the standard error
            multiplied by the slope.
        possible: Smallest and largest value that the (transformed) estimate may have.

    Source of the degrees of freedom: Satterthwaite, Biometrics Bulletin 2:110, 1946.

    Example:
        >>> print(estimate(90.0, [(0.01, 24.0), (0.03, 1999.0)]))
        90.00 [89.61, 90.39]
    """
    variance = sum(part for part, _ in parts)
    lost = sum(part**2 / df for part, df in parts if df > 0 and part > 0.0)
    df = variance**2 / lost if lost > 0.0 else max((df for _, df in parts), default=0.0)
    known = df > 0 and math.isfinite(variance)
    sem = math.sqrt(max(variance, 0.0)) if known else math.nan
    reach = t_quantile(confidence, df) * widen * sem if known else math.nan
    if transform is None:
        return Estimate(value, sem, value - reach, value + reach, df, *possible)
    low, high = sorted((transform(value - reach), transform(value + reach)))
    return Estimate(transform(value), sem * abs(slope(transform, value)), low, high, df, *possible)


def possible_metric(task: Task) -> tuple[float, float]:
    """Return the smallest and the largest value of a task's metric: 0 and 100 of a percentage."""
    return (0.0, 100.0) if _is_share(task) else (-math.inf, math.inf)


def possible_loss(task: Task, digital: float) -> tuple[float, float]:
    """Return the smallest and the largest loss of a metric, from its digital value to the best and worst."""
    return (digital - 100.0, digital) if _is_share(task) else (-math.inf, math.inf)


def _is_share(task: Task) -> bool:
    return task.unit == "%" and task.higher_is_better


def t_quantile(confidence: float, df: float) -> float:
    """Return the half-width of a two-sided interval, in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + confidence / 2.0))


def slope(function: Callable[[float], float], x: float) -> float:
    """Return the derivative of a smooth function at ``x``, by a central difference."""
    h = 1e-5 * max(1.0, abs(x))
    return (function(x + h) - function(x - h)) / (2.0 * h)
