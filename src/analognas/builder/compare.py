"""Rank agreement of two tables on their common networks, and the best agreement that noise allows.

Two measurements of one network differ by their noise. The ceiling is the correlation that two tables with the
noise of these would have if the networks' true values were the same in both: from the variance between repeated
seeds (or, in NAS-Bench-201, between cells that are the same network) and the variance between networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, RandomStreams, check_choice, check_int
from ..core.interval import Interval
from ..core.metrics import find_metric
from ..core.text_tables import ShownTable, TableView
from ..tables import AnalogNASBench, MeasuredTable

__all__ = ["MetricComparison", "TableComparison", "compare_tables"]

Table = AnalogNASBench | MeasuredTable
Floats = NDArray[np.float64]

N_RESAMPLES = 1000
LEAST_COMMON = 5
"""Smallest number of common networks for a comparison."""

_LARGE = 2000  # networks from which fewer resamples do
_LEAST_FREEDOM = 3  # degrees of freedom that a variance between seeds needs


@dataclass(frozen=True)
class MetricComparison:
    """How two tables agree on one metric.

    Attributes:
        metric: The metric.
        n: Number of networks with this metric in both tables.
        kendall_tau: Kendall's tau-b, with a bootstrap interval over networks.
        spearman_rho: Spearman's rank correlation, likewise.
        difference: Mean of the second minus the first, in the metric's unit, likewise.
        noise: Standard deviation of the label noise of each table, in the metric's unit; None without repeated
            measurements.
        ceiling_tau: Largest tau-b that the noise allows; None if neither table has repeats. A table without
            repeats counts as exact.
        values: The values of both tables, shape ``(2, n)``.

    Example:
        >>> from analognas.tables import AnalogNASBench, MeasuredTable
        >>> table = MeasuredTable("my-build/table.parquet")
        >>> found = compare_tables(table, AnalogNASBench(), ["baseline_accuracy"], n_resamples=100)
        >>> one = found.metrics[0]
        >>> one.metric, one.n
        ('baseline_accuracy', 6)
    """

    metric: str
    n: int
    kendall_tau: Interval
    spearman_rho: Interval
    difference: Interval
    noise: tuple[float | None, float | None]
    ceiling_tau: float | None
    values: Floats

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, without the values."""
        found = asdict(self)
        del found["values"]
        return found


@dataclass(frozen=True, repr=False)
class TableComparison(TableView):
    """How two tables agree.

    Attributes:
        names: Names of the tables.
        n_common: Number of common architectures.
        metrics: The agreement by metric.
        notes: Remarks that qualify the comparison, such as different data.

    Example:
        >>> from analognas.tables import AnalogNASBench, MeasuredTable
        >>> table = MeasuredTable("my-build/table.parquet")
        >>> found = compare_tables(table, AnalogNASBench(), ["baseline_accuracy"], n_resamples=100)
        >>> found.names, found.n_common
        (('six-cells', 'AnalogNAS-Bench'), 6)
    """

    names: tuple[str, str]
    n_common: int
    metrics: tuple[MetricComparison, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "tables": list(self.names),
            "n_common": self.n_common,
            "metrics": [one.to_dict() for one in self.metrics],
            "notes": list(self.notes),
        }

    def shown_table(self) -> ShownTable:
        """Return what is printed: rank correlations with their ceilings, the most important columns first."""
        heads = ("metric", "Kendall tau-b", "ceiling", "mean difference", "n", "Spearman rho")
        rows = []
        for one in self.metrics:
            ceiling = "-" if one.ceiling_tau is None else f"{one.ceiling_tau:.3f}"
            known = find_metric(one.metric)
            unit = "" if known is None else {"%": " pp"}.get(known.unit, f" {known.unit}".rstrip())
            difference = f"{one.difference.value:+.2f}{unit}"
            tau, rho = f"{one.kendall_tau:.3f}", f"{one.spearman_rho:.3f}"
            rows.append((one.metric, tau, ceiling, difference, str(one.n), rho))
        title = f"{self.names[0]} and {self.names[1]}: {self.n_common} architectures in both"
        return ShownTable(title, heads, tuple(rows), tuple(f"note: {one}" for one in self.notes))


def compare_tables(
    one: Table,
    other: Table,
    metrics: Sequence[str] | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> TableComparison:
    """Compare two tables of one space on the architectures that both have.

    Args:
        one: A table.
        other: Another one.
        metrics: Metrics to compare; all measured metrics of both tables by default.
        n_resamples: Bootstrap samples of the intervals.
        seed: Seed of the bootstrap.

    Raises:
        InvalidArgumentError: If the tables are of different spaces or have fewer than five architectures in
            common, or no metric.
        UnknownNameError: If a metric is not in both.

    Example:
        >>> from analognas.tables import AnalogNASBench, MeasuredTable
        >>> mine = MeasuredTable("my-build/table.parquet")
        >>> compare_tables(mine, AnalogNASBench(), ["baseline_accuracy"], n_resamples=100).n_common
        6
    """
    first, second = _space(one), _space(other)
    if (first.name, first.fingerprint()) != (second.name, second.fingerprint()):
        raise InvalidArgumentError(
            f"Tables of different spaces cannot be compared: {_name(one)!r} is about {first.name!r}, "
            f"{_name(other)!r} about {second.name!r}."
        )
    check_int("n_resamples", n_resamples, minimum=20)
    rows = _rows(one)
    common = rows[np.isin(first.codes(rows), first.codes(_rows(other)))]
    if len(common) < LEAST_COMMON:
        raise InvalidArgumentError(
            f"{_name(one)!r} and {_name(other)!r} have {len(common)} architectures in common; a comparison "
            f"needs at least {LEAST_COMMON}."
        )
    shared = [name for name in _measured(one) if name in _measured(other)]
    names = (
        shared if metrics is None else [check_choice("common metric", n, shared) for n in metrics]
    )
    if not names:
        raise InvalidArgumentError(f"{_name(one)!r} and {_name(other)!r} have no metric in common.")
    streams = RandomStreams(seed)
    found = []
    for name in names:
        values = np.stack([table.query(common, [name])[name] for table in (one, other)])
        known = np.isfinite(values).all(axis=0)
        if known.sum() >= LEAST_COMMON:
            generator = streams.numpy("compare", name)
            noise = _noise(one, name, common[known]), _noise(other, name, common[known])
            found.append(_compared(name, values[:, known], noise, n_resamples, generator))
    return TableComparison(
        (_name(one), _name(other)), len(common), tuple(found), _notes(one, other)
    )


def _compared(
    name: str,
    values: Floats,
    noise: tuple[float | None, float | None],
    n_resamples: int,
    generator: np.random.Generator,
) -> MetricComparison:
    from scipy.stats import kendalltau, rankdata

    n = values.shape[1]
    if n > _LARGE:
        n_resamples = max(100, n_resamples // 10)
    statistics: dict[str, Callable[[Floats, Floats], float]] = {
        "tau": lambda x, y: float(kendalltau(x, y).statistic),
        "rho": lambda x, y: _correlation(rankdata(x), rankdata(y)),
        "difference": lambda x, y: float(np.mean(y - x)),
    }
    draws: dict[str, list[float]] = {key: [] for key in statistics}
    for _ in range(n_resamples):
        chosen = generator.integers(n, size=n)
        for key, statistic in statistics.items():
            draws[key].append(statistic(values[0, chosen], values[1, chosen]))
    intervals = {
        key: Interval(
            statistic(values[0], values[1]), *np.nanpercentile(draws[key], [2.5, 97.5]).tolist()
        )
        for key, statistic in statistics.items()
    }
    return MetricComparison(
        metric=name,
        n=n,
        kendall_tau=intervals["tau"],
        spearman_rho=intervals["rho"],
        difference=intervals["difference"],
        noise=noise,
        ceiling_tau=ceiling_tau(values, noise),
        values=values,
    )


def ceiling_tau(values: Floats, noise: tuple[float | None, float | None]) -> float | None:
    r"""Return the largest tau-b between two tables whose true values are the same, given their noise.

    .. math:: \tau = \tfrac{2}{\pi} \arcsin \sqrt{r_1 r_2}, \quad r_i = 1 - \sigma_i^2 / V_i

    with the noise :math:`\sigma_i` and the variance of the values :math:`V_i`, for normal values.

    Args:
        values: Values of both tables, shape ``(2, n)``.
        noise: Standard deviation of the noise of either; None counts as exact.

    Returns:
        The ceiling; None if neither noise is known.

    Source: Greiner's relation; the attenuation of correlations, Spearman, Am. J. Psychol. 1904.

    Example:
        >>> values = np.tile(np.arange(100.0), (2, 1))
        >>> ceiling_tau(values, (0.0, None)), ceiling_tau(values, (None, None))
        (1.0, None)
    """
    if noise[0] is None and noise[1] is None:
        return None
    reliability = 1.0
    for column, sigma in zip(values, noise, strict=True):
        variance = float(np.var(column, ddof=1))
        if sigma is not None:
            reliability *= max(0.0, 1.0 - sigma**2 / variance) if variance > 0 else 0.0
    return 2.0 / math.pi * math.asin(math.sqrt(reliability))


def _correlation(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / norm if norm else math.nan


def _noise(table: Table, name: str, rows: NDArray[Any]) -> float | None:
    """Standard deviation of the label noise of values of ``rows``; None where nothing was repeated."""
    if isinstance(table, AnalogNASBench):
        every = table.space.every()
        values, classes = table.query(every, [name])[name], table.space.isomorphism_class(every)
        return _pooled(
            np.split(
                values[np.argsort(classes, kind="stable")], np.cumsum(np.bincount(classes))[:-1]
            )
        )
    groups = [group[np.isfinite(group)] for group in table.by_seed(name)]
    single = _pooled(groups)
    if single is None:
        return None
    # The mean of several seeds has less noise than one.
    sizes = {
        code: len(group) for code, group in zip(_keys(table, table.population), groups, strict=True)
    }
    n = np.array([max(sizes[code], 1) for code in _keys(table, rows)])
    return single * math.sqrt(float(np.mean(1.0 / n)))


def _pooled(groups: Sequence[Floats]) -> float | None:
    """Root of the pooled variance within groups."""
    repeated = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in repeated)
    if freedom < _LEAST_FREEDOM:
        return None
    return math.sqrt(sum(float(((g - g.mean()) ** 2).sum()) for g in repeated) / freedom)


def _keys(table: MeasuredTable, rows: NDArray[Any]) -> list[Any]:
    keys: list[Any] = table.full_space.codes(rows).tolist()
    return keys


def _space(table: Table) -> Any:
    return table.space if isinstance(table, AnalogNASBench) else table.full_space


def _rows(table: Table) -> NDArray[Any]:
    return table.space.every() if isinstance(table, AnalogNASBench) else table.population


def _measured(table: Table) -> list[str]:
    """Names of the metrics that were measured, without spreads and counts."""
    if isinstance(table, MeasuredTable):
        return table.rows.metrics
    return [
        name
        for name in table.metrics
        if not name.endswith("_std") and name not in ("params", "macs")
    ]


def _name(table: Table) -> str:
    return str(table.metadata["name"])


def _notes(one: Table, other: Table) -> tuple[str, ...]:
    notes = []
    for table in (one, other):
        if isinstance(table, MeasuredTable):
            fidelity = ", ".join(f"{k} {v}" for k, v in table.metadata["fidelity"].items())
            notes.append(f"{_name(table)}: {table.metadata['provenance']['dataset']}, {fidelity}")
            if not table.complete:
                notes.append(f"{_name(table)} is incomplete: its build had not ended")
        else:
            notes.append(f"{_name(table)}: {table.metadata['provenance']['dataset']}")
    return tuple(notes)
