"""Quality of the AnalogNAS-Bench table: impossible rows, label noise, predictor ceiling.

Isomorphic cells are one network trained several times, so their readings show the noise of the table. The
ceiling is the rank correlation of a predictor that knows the mean of the other members of each cell's class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import DRIFT_TIMES
from ..core.text_tables import text_table, wrapped
from ..spaces import NASBench201Space

IMPOSSIBLE_EXCESS = 5.0
"""A 60 s reading this far above ``analog_accuracy`` (points) is impossible, as drift and noise only cost."""

RISE = 1.0
"""A later reading this far above the one before it (points) is suspicious."""

NOISE_METRICS = (
    "baseline_accuracy",
    "analog_accuracy",
    "analog_drift_86400",
    "analog_drift_2592000",
    "avm",
)


@dataclass(frozen=True)
class ImpossibleRow:
    """A cell whose 60 s reading lies above what hardware-aware training reached before any noise.

    Attributes:
        architecture: The six-tuple.
        nasbench201_index: Its index No.i.
        analog_accuracy: Accuracy without programming noise, %.
        analog_drift_60: The impossible reading, %.
    """

    architecture: tuple[int, ...]
    nasbench201_index: int
    analog_accuracy: float
    analog_drift_60: float


@dataclass(frozen=True)
class LabelNoise:
    """Noise of one metric, seen in the isomorphism classes of at least two cells.

    Attributes:
        metric: The metric.
        median_std: Median over classes of the standard deviation within a class (points).
        pooled_std: Root of the pooled within-class variance (points).
        ceiling_tau: Kendall tau-b between each cell's value and the mean of the other members of its class:
            what a predictor that knows the truth up to this noise would reach.

    Example:
        >>> from analognas import AnalogNASBench
        >>> noise = AnalogNASBench().quality().noise[0]
        >>> noise.metric, round(noise.median_std, 2)
        ('baseline_accuracy', 0.2)
    """

    metric: str
    median_std: float
    pooled_std: float
    ceiling_tau: float


@dataclass(frozen=True)
class QualityReport:
    """Result of :meth:`AnalogNASBench.quality`.

    Attributes:
        impossible: Rows with impossible values.
        rising: Six-tuples whose analog accuracy rises by more than a point from one drift time to the next.
        zero_cells: Number of cells whose output does not depend on their input.
        n_classes: Number of isomorphism classes.
        n_repeated: Number of classes with at least two cells.
        noise: Label noise and predictor ceiling by metric.

    Example:
        >>> from analognas import AnalogNASBench
        >>> type(AnalogNASBench().quality()).__name__
        'QualityReport'
    """

    impossible: tuple[ImpossibleRow, ...]
    rising: tuple[tuple[int, ...], ...]
    zero_cells: int
    n_classes: int
    n_repeated: int
    noise: tuple[LabelNoise, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.impossible)} impossible rows (60 s reading above analog_accuracy):"]
        lines += [
            f"  No.{row.nasbench201_index} {row.architecture}: {row.analog_drift_60:.2f} % after 60 s, "
            f"{row.analog_accuracy:.2f} % before"
            for row in self.impossible
        ]
        lines += [
            f"{len(self.rising)} rows rise by more than {RISE:g} point with time",
            f"{self.zero_cells} cells are functionally zero",
            f"{self.n_classes} isomorphism classes, {self.n_repeated} with several cells; their noise:",
        ]
        return "\n".join([*map(wrapped, lines), noise_table(self.noise)])


def noise_table(noise: Sequence[LabelNoise]) -> str:
    """Return label noise by metric as text that fits the terminal.

    Example:
        >>> print(noise_table([LabelNoise("avm", 0.65, 0.82, 0.421)]))
        metric  ceiling tau  pooled std (pp)  median std (pp)
        avm           0.421             0.82             0.65
    """
    heads = ("metric", "ceiling tau", "pooled std (pp)", "median std (pp)")
    rows = [
        (row.metric, f"{row.ceiling_tau:.3f}", f"{row.pooled_std:.2f}", f"{row.median_std:.2f}")
        for row in noise
    ]
    return text_table(heads, rows)


def assess(space: NASBench201Space, columns: Mapping[str, NDArray[np.float64]]) -> QualityReport:
    """Examine a table.

    Args:
        space: The space of its architectures.
        columns: Metric name to values of every cell in code order, shape ``(15625,)`` each.
    """
    population = space.from_codes(np.arange(space.size))
    accuracy = columns["analog_accuracy"]
    drift = np.stack([columns[f"analog_drift_{time}"] for time in DRIFT_TIMES])
    impossible = np.flatnonzero(drift[0] > accuracy + IMPOSSIBLE_EXCESS)
    rising = np.flatnonzero((np.diff(drift, axis=0) > RISE).any(axis=0))
    classes = space.isomorphism_class(population)
    sizes = np.bincount(classes)
    rows = [
        ImpossibleRow(
            space.decode(population[code]),
            space.index(population[code]),
            float(accuracy[code]),
            float(drift[0, code]),
        )
        for code in impossible
    ]
    return QualityReport(
        impossible=tuple(sorted(rows, key=lambda row: row.nasbench201_index)),
        rising=tuple(space.decode(population[code]) for code in rising),
        zero_cells=int((~space.reaches_output(population)).sum()),
        n_classes=len(sizes),
        n_repeated=int((sizes > 1).sum()),
        noise=tuple(label_noise(name, columns[name], classes) for name in NOISE_METRICS),
    )


def label_noise(metric: str, values: NDArray[np.float64], classes: NDArray[np.int64]) -> LabelNoise:
    """Estimate a metric's noise from cells that are the same network.

    Args:
        metric: Name, for the report.
        values: The metric of every cell, shape ``(n,)``.
        classes: The isomorphism class of every cell, shape ``(n,)``.
    """
    from scipy.stats import kendalltau

    sizes = np.bincount(classes)
    sums = np.bincount(classes, weights=values)
    residuals = values - (sums / np.maximum(sizes, 1))[classes]
    squares = np.bincount(classes, weights=residuals**2)
    repeated = sizes > 1
    variances = squares[repeated] / (sizes[repeated] - 1)
    pooled = squares[repeated].sum() / (sizes[repeated] - 1).sum()
    known = repeated[classes]
    others = (sums[classes] - values)[known] / (sizes[classes] - 1)[known]
    return LabelNoise(
        metric=metric,
        median_std=float(np.sqrt(np.median(variances))),
        pooled_std=float(np.sqrt(pooled)),
        ceiling_tau=float(kendalltau(values[known], others).statistic),
    )
