"""The result of a drift evaluation, with confidence intervals."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InvalidArgumentError, atomic_write, check_choice, write_json, write_text
from ..core.optional_packages import ArrowView, arrow_rows, import_optional
from ..core.text_tables import ShownTable, TableView
from ..training import Task, get_task
from .adaptive import widening
from .as_xarray import drift_dataset
from .chips import MONTH
from .drift_table import drift_table
from .intervals import Estimate, estimate, possible_metric, slope
from .variance_components import Array

if TYPE_CHECKING:
    from pandas import DataFrame

SCOPES = ("test_set", "population")
"""Scope of an interval: the mean over chips on these examples, or on the population of examples."""
ISO_LEVEL = 0.99
"""Normalised accuracy at which a chip counts as equal to the digital network.

Source: Rasch et al., Nat. Commun. 14:5282, 2023: within 1 % of the normalised accuracy.
"""
_FORMAT = "analognas drift result 1"


@dataclass(frozen=True, eq=False, repr=False)
class DriftResult(TableView, ArrowView):
    """Scores of many chips at several times.

    Attributes:
        times: Times since programming, s, ascending.
        chip_scores: Each chip's mean score, shape ``(K, T)``; in adaptive mode an unbiased estimate of it, and
            NaN at times that needed no more chips.
        digital_score: Mean score of the network without analog effects.
        reference_score: Mean score of the reference network.
        example_covariance: Covariance of the examples' effects at all times and, last, of the reference's
            scores, shape ``(T + 1, T + 1)``.
        sampling_variance: Variance of each chip's score due to the sampling of examples, shape ``(T,)``.
        n_examples: Number of examples N.
        chance_score: Mean score of chance.
        task: The task.
        confidence: Confidence level of all intervals.
        tolerance: Requested half-width; None for a fixed number of chips.
        n_scored: Forward passes of one example, over all chips and times.
        provenance: Origin of the result; plain values.

    Example:
        >>> import torch
        >>> from analognas.drift import DriftEvaluator, direct_mapping
        >>> x, y = torch.randn(20, 4), torch.arange(20) % 2
        >>> model = direct_mapping(torch.nn.Sequential(torch.nn.Linear(4, 2)), [x])
        >>> DriftEvaluator((1.0, 60.0), chips=2).evaluate(model, (x, y)).times
        (1.0, 60.0)
    """

    times: tuple[float, ...]
    chip_scores: Array
    digital_score: float
    reference_score: float
    example_covariance: Array
    sampling_variance: Array
    n_examples: int
    chance_score: float
    task: Task
    confidence: float
    tolerance: float | None
    n_scored: int
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def n_chips(self) -> int:
        """Number of chips measured at one time or more."""
        return len(self.chip_scores)

    @property
    def digital(self) -> float:
        """Metric of the network without analog effects."""
        return self.task.metric(self.digital_score)

    @property
    def reference(self) -> float:
        """Metric of the reference network."""
        return self.task.metric(self.reference_score)

    @property
    def reference_text(self) -> str:
        """The metric of the reference, and that of the network without analog effects where it differs.

        Example: ``"digital 91.20 % (the same network without analog effects: 90.85 %)"``.
        """
        unit = f" {self.task.unit}" if self.task.unit else ""
        text = f"digital {self.reference:.2f}{unit}"
        if self.digital_score == self.reference_score:
            return text
        return f"{text} (the network itself without analog effects: {self.digital:.2f}{unit})"

    def chips_at(self, t: float) -> Array:
        """Return the metric of each chip at one time, shape ``(K_t,)``."""
        return np.array([self.task.metric(x) for x in self.scores_at(t).tolist()])

    def scores_at(self, t: float) -> Array:
        """Return the mean score of each chip at one time, shape ``(K_t,)``."""
        column = self.chip_scores[:, self._index(t)]
        return column[np.isfinite(column)]

    def at(self, t: float, over: str = "test_set") -> Estimate:
        """Return the metric at one time: that of the mean score over chips.

        For perplexity that is the geometric mean of the chips' perplexities.

        Args:
            t: One of the times, s.
            over: Scope of the interval, ``"test_set"`` or ``"population"``.

        Raises:
            InvalidArgumentError: If that time was not measured.
            UnknownNameError: If there is no such scope.
        """
        value, parts, widen = self._contrast({t: 1.0}, 0.0, over)
        return estimate(
            value,
            parts,
            confidence=self.confidence,
            widen=widen,
            transform=self.task.metric,
            possible=possible_metric(self.task),
        )

    def difference(self, t: float, later: float, over: str = "test_set") -> Estimate:
        """Return the metric at ``t`` minus that at a later time, on the same chips.

        Each chip is paired with itself, so effects that a chip has at both times cancel.

        Raises:
            InvalidArgumentError: If the times are the same, or one was not measured.
        """
        if t == later:
            raise InvalidArgumentError(f"`later` must differ from `t`, but both are {t:g} s.")
        first, second = self.at(t).value, self.at(later).value
        weights = {t: self._slope(t), later: -self._slope(later)}
        _, parts, widen = self._contrast(weights, 0.0, over)
        if self._metric_is_linear:
            shared, _, _ = self._contrast({t: 1.0, later: -1.0}, 0.0, over)
            exact = self.task.metric(1.0) - self.task.metric(0.0)
            return self._linear(shared * exact, parts, widen)
        return self._linear(first - second, parts, widen)

    def avm(self, over: str = "test_set") -> Estimate:
        """Return the loss of the metric from the first time to one month (AVM); positive is loss.

        Raises:
            InvalidArgumentError: If one month is not among the times, or the first of them.
        """
        found = self.difference(self.times[0], MONTH, over)
        if self.task.higher_is_better:
            return found
        return Estimate(-found.value, found.sem, -found.high, -found.low, found.df)

    def normalised(self, t: float, over: str = "test_set") -> Estimate:
        r"""Return the normalised metric: 1 for the reference, 0 for chance.

        .. math:: A = 1 - \frac{\varepsilon - \varepsilon_{ref}}{\varepsilon_{chance} - \varepsilon_{ref}}

        where :math:`\varepsilon` is the error rate for accuracy, and the cross-entropy for perplexity; its
        chance is the logarithm of the vocabulary's size. The value is above 1 where the chips are better than
        the reference, and NaN where the reference is not better than chance.

        Source: A of Rasch et al., Nat. Commun. 14:5282, 2023, for accuracy. We use the cross-entropy for
        language models, because a doubled perplexity would still be above 0.99 with a large vocabulary.
        """
        if self.task.skill(self.reference_score, self.chance_score) <= 0.0:
            return Estimate(math.nan, math.nan, math.nan, math.nan, 0.0)
        advantage = self.reference_score - self.chance_score
        mean, _, _ = self._contrast({t: 1.0}, 0.0, over)
        value = (mean - self.chance_score) / advantage
        _, parts, widen = self._contrast({t: 1.0 / advantage}, -value / advantage, over)
        return self._linear(value, parts, widen)

    def iso_accuracy(self, t: float, level: float = ISO_LEVEL, over: str = "test_set") -> str:
        """Return whether the chips equal the reference: ``"yes"``, ``"no"`` or ``"undecided"``.

        The answer is undecided while the interval of :meth:`normalised` contains ``level``.
        """
        found = self.normalised(t, over)
        if found.low >= level:
            return "yes"
        return "no" if found.high < level else "undecided"

    def chip_std(self, t: float) -> float:
        """Return the standard deviation from chip to chip, in the unit of the metric.

        The variance due to the sampling of examples is subtracted; NaN for one chip.
        """
        column = self.chip_scores[:, self._index(t)]
        column = column[np.isfinite(column)]
        if len(column) < 2:
            return math.nan
        variance = float(column.var(ddof=1)) - float(self.sampling_variance[self._index(t)])
        return math.sqrt(max(variance, 0.0)) * abs(self._slope(t))

    def rows(self) -> list[dict[str, Any]]:
        """Return a tidy table: one row for each chip and time, with the metric under its name."""
        return [
            {"chip": k, "time": t, self.task.metric_name: self.task.metric(float(score))}
            for k, scores in enumerate(self.chip_scores)
            for t, score in zip(self.times, scores, strict=True)
            if math.isfinite(score)
        ]

    def summary(self) -> list[dict[str, Any]]:
        """Return one row for each time: mean, standard errors, intervals, normalised metric, iso-accuracy."""
        result = []
        for t in self.times:
            here, wide, a = self.at(t), self.at(t, "population"), self.normalised(t)
            result.append(
                {
                    "time": t,
                    "chips": len(self.chips_at(t)),
                    "mean": here.value,
                    "chip_std": self.chip_std(t),
                    "sem": here.sem,
                    "low": here.low,
                    "high": here.high,
                    "population_sem": wide.sem,
                    "population_low": wide.low,
                    "population_high": wide.high,
                    "normalised": a.value,
                    "normalised_low": a.low,
                    "normalised_high": a.high,
                    "iso_accuracy": self.iso_accuracy(t),
                }
            )
        return result

    def to_pandas(self) -> DataFrame:
        """Return :meth:`rows` as a data frame."""
        frame: DataFrame = import_optional("pandas", "to_pandas()").DataFrame(self.rows())
        return frame

    def to_arrow(self) -> Any:
        """Return :meth:`rows` as a ``pyarrow.Table``."""
        return arrow_rows(self.rows())

    def to_xarray(self) -> Any:
        """Return the metric by chip and time, and its mean and interval, as ``xarray.Dataset`` with units."""
        return drift_dataset(self)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the tidy table as ``.csv`` or ``.parquet``, or everything as ``.json``, atomically.

        Raises:
            InvalidArgumentError: If the name has another ending.
            OutputFolderError: If it cannot be written.
        """
        if Path(path).suffix == ".json":
            write_json(path, self.to_dict())
        else:
            write_rows(path, self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for :meth:`from_dict`; unknown numbers are None."""
        return {
            "format": _FORMAT,
            "task": self.task.name,
            "metric": self.task.metric_name,
            "digital": self.digital,
            "reference": self.reference,
            "summary": [finite_or_none(row) for row in self.summary()],
            "times": list(self.times),
            "chip_scores": [finite_or_none(row) for row in self.chip_scores.tolist()],
            "digital_score": self.digital_score,
            "reference_score": self.reference_score,
            "example_covariance": [finite_or_none(row) for row in self.example_covariance.tolist()],
            "sampling_variance": self.sampling_variance.tolist(),
            "n_examples": self.n_examples,
            "chance_score": self.chance_score,
            "confidence": self.confidence,
            "tolerance": self.tolerance,
            "n_scored": self.n_scored,
            "provenance": self.provenance,
        }

    @classmethod
    def from_dict(cls, payload: dict[str, Any]) -> DriftResult:
        """Return the result of values from :meth:`to_dict`.

        Raises:
            InvalidArgumentError: If they have another format.
        """
        if payload.get("format") != _FORMAT:
            raise InvalidArgumentError(
                f"`payload` must come from DriftResult.to_dict(), but its format is {payload.get('format')!r}."
            )
        names = ("chip_scores", "example_covariance", "sampling_variance")
        values = {entry.name: payload[entry.name] for entry in fields(cls)}
        values.update({name: np.array(payload[name], dtype=float) for name in names})
        values.update(times=tuple(payload["times"]), task=get_task(payload["task"]))
        return cls(**values)

    def shown_table(self) -> ShownTable:
        """Return what is printed: accuracy and its interval at each time."""
        return drift_table(self, ISO_LEVEL)

    def _index(self, t: float) -> int:
        if t not in self.times:
            known = ", ".join(f"{time:g}" for time in self.times)
            raise InvalidArgumentError(f"`t` must be a measured time ({known} s), but got {t!r}.")
        return self.times.index(t)

    def _slope(self, t: float) -> float:
        column = self.chip_scores[:, self._index(t)]
        return slope(self.task.metric, float(np.nanmean(column)))

    @property
    def _metric_is_linear(self) -> bool:
        ends = self.task.metric(0.0), self.task.metric(1.0)
        return math.isclose(self.task.metric(0.5), sum(ends) / 2.0)

    def _contrast(
        self, weights: dict[float, float], of_reference: float, over: str
    ) -> tuple[float, list[tuple[float, float]], float]:
        """Return a weighted sum of mean scores, the terms of its variance, and the factor of the interval."""
        check_choice("scope", over, SCOPES)
        vector = np.zeros(len(self.times) + 1)
        for t, weight in weights.items():
            vector[self._index(t)] += weight
        vector[-1] = of_reference
        used = np.flatnonzero(vector[:-1])
        rows = self.chip_scores[:, used]
        chips = rows[np.isfinite(rows).all(axis=1)] @ vector[used]
        k = len(chips)
        parts = [(float(chips.var(ddof=1)) / k if k > 1 else math.inf, float(k - 1))]
        if over == "population":
            spread = float(vector @ self.example_covariance @ vector)
            parts.append((max(spread, 0.0) / self.n_examples, self.n_examples - 1.0))
        widen = float(widening(k)) if self.tolerance is not None else 1.0
        return float(chips.mean()), parts, widen

    def _linear(self, value: float, parts: list[tuple[float, float]], widen: float) -> Estimate:
        return estimate(value, parts, confidence=self.confidence, widen=widen)


def write_rows(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as ``.csv`` or ``.parquet``, atomically; unknown numbers are empty.

    Raises:
        InvalidArgumentError: If the name has another ending.
        OutputFolderError: If it cannot be written.
    """
    suffix = Path(path).suffix
    rows = [finite_or_none(row) for row in rows]
    if suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())
    elif suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        with atomic_write(path) as file:
            parquet.write_table(pa.Table.from_pylist(rows), file)
    else:
        raise InvalidArgumentError(
            f"Tables are written as .csv or .parquet, results also as .json, but got {str(path)!r}."
        )


def finite_or_none(values: Any) -> Any:
    """Return a mapping or list with None instead of NaN and infinite numbers, which JSON lacks."""
    if isinstance(values, Mapping):
        return {key: finite_or_none(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [finite_or_none(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values
