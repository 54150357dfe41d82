"""Several evaluators as one: for example accuracy from a table and costs from a chip model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    InvalidArgumentError,
    Metric,
    check_choice,
)
from ..spaces import Population, Space, common_space
from ..tables import TrueValues
from .base import COUNTED, Evaluation, Evaluator
from .costs import (
    CountEvaluator,
    check_counted,
    network_input_of,
)
from .definitions import definition_of, evaluator_from_definition
from .fidelity import Fidelity
from .stochastic import Seeds, first_seeds

__all__ = ["CombinedEvaluator", "StochasticCombinedEvaluator", "with_counts"]


class CombinedEvaluator(Evaluator):
    """Combines several evaluators of one space; each metric comes from the first evaluator that has it.

    It is stochastic if any source is.

    Args:
        sources: The evaluators.

    Raises:
        InvalidArgumentError: If `sources` is empty, holds anything but evaluators, or their spaces differ.

    Example:
        >>> from analognas.evaluators import ChipCostEvaluator, NoisyTableEvaluator, TableEvaluator
        >>> table = TableEvaluator()
        >>> both = CombinedEvaluator([table, ChipCostEvaluator(table.space)])
        >>> means = both.evaluate(table.space.population([[2, 2, 0, 4, 2, 1]]), ["params", "aimc_tiles"]).means
        >>> {name: values.tolist() for name, values in means.items()}
        {'params': [802426], 'aimc_tiles': [102.0]}
        >>> noisy = CombinedEvaluator([NoisyTableEvaluator(), ChipCostEvaluator(table.space)])
        >>> twice = table.space.population([[2, 2, 0, 4, 2, 1]] * 2)
        >>> means = noisy.evaluate(twice, ["analog_drift_60", "aimc_tiles"]).means
        >>> {name: bool(first == second) for name, (first, second) in means.items()}
        {'analog_drift_60': False, 'aimc_tiles': True}
    """

    def __init__(self, sources: Sequence[Evaluator]) -> None:
        self.sources = list(sources)
        if not self.sources:
            raise InvalidArgumentError("`sources` must be evaluators, but there is none.")
        for source in self.sources:
            if not isinstance(source, Evaluator):
                raise InvalidArgumentError(f"`sources` must be evaluators, but got {source!r}.")
        self.space = self.sources[0].space
        for source in self.sources[1:]:
            other = source.space
            if (other.name, other.fingerprint()) != (self.space.name, self.space.fingerprint()):
                raise InvalidArgumentError(
                    f"`sources` must be about one space, but got {self.space.name!r} and {other.name!r}."
                )
            self.space = common_space(self.space, other)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics of all sources."""
        return list(self._source_of())

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics whose source gives a standard error."""
        return [
            name for name, source in self._source_of().items() if name in source.metrics_with_sem
        ]

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definition of each metric, as declared by its source."""
        of = self._source_of()
        return tuple(
            metric
            for source in self.sources
            for metric in source.metric_definitions
            if of.get(metric.name) is source
        )

    @property
    def network_input(self) -> Mapping[str, Any]:
        """That of the first source that has one."""
        return network_input_of(self.sources)

    @property
    def costly(self) -> bool:  # type: ignore[override]
        """Whether any source is."""
        return any(source.costly for source in self.sources)

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """Metrics whose source computes them without measuring."""
        return tuple(
            name for name, source in self._source_of().items() if name in source.cheap_metrics
        )

    def evaluate_cheaply(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Compute cheap metrics, each by its source."""
        of = self._source_of()
        means: dict[str, NDArray[np.float64]] = {}
        for source in self.sources:
            if wanted := [name for name in metrics if of[name] is source]:
                means |= source.evaluate_cheaply(population, wanted).means
        return Evaluation(means)

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        """Whether any source is."""
        return any(source.stochastic for source in self.sources)

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Evaluate each metric by its source; a stochastic source gives its first reading.

        Raises:
            UnknownNameError: If no source has a metric.
        """
        if self.stochastic:
            return self.measure(population, metrics, seeds=first_seeds(population))
        return self._gathered(metrics, lambda source, wanted: source.evaluate(population, wanted))

    def measure(
        self, population: Population, metrics: Sequence[str], *, seeds: Seeds
    ) -> Evaluation:
        """Take one reading of each row; each metric comes from its source.

        Raises:
            UnknownNameError: If no source has a metric.
        """
        return self._gathered(
            metrics, lambda source, wanted: source.measure(population, wanted, seeds=seeds)
        )

    @property
    def fidelity(self) -> Fidelity | None:
        """The fidelities of the sources that have several, if they are equal."""
        known = [source.fidelity for source in self.sources if source.fidelity is not None]
        return known[0] if known and all(one == known[0] for one in known) else None

    def evaluate_at(
        self,
        population: Population,
        metrics: Sequence[str],
        *,
        fidelities: NDArray[np.float64],
    ) -> Evaluation:
        """Evaluate each metric by its source, at these fidelities if the source has several."""

        def ask(source: Evaluator, wanted: list[str]) -> Evaluation:
            if source.fidelity is None:
                return source.evaluate(population, wanted)
            return source.evaluate_at(population, wanted, fidelities=fidelities)

        return self._gathered(metrics, ask)

    def free_metrics(self, metrics: Sequence[str]) -> list[str]:
        """Return the free metrics of all sources."""
        of = self._source_of()
        found: list[str] = []
        for source in self.sources:
            if wanted := [name for name in metrics if of[name] is source]:
                found += [name for name in source.free_metrics(wanted) if of[name] is source]
        return found

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks of all sources, without repeats."""
        return tuple(dict.fromkeys(line for source in self.sources for line in source.remarks))

    def use_folder(self, folder: Path | None) -> None:
        """Give each source a subfolder."""
        for position, source in enumerate(self.sources):
            source.use_folder(None if folder is None else folder / f"source-{position}")

    def clean_up(self) -> None:
        """Let each source remove its files."""
        for source in self.sources:
            source.clean_up()

    def _gathered(
        self, metrics: Sequence[str], ask: Callable[[Evaluator, list[str]], Evaluation]
    ) -> Evaluation:
        """Evaluate each metric by its source with ``ask``."""
        of = self._source_of()
        names = [check_choice("metric", name, of) for name in metrics]
        means: dict[str, NDArray[np.float64]] = {}
        sems: dict[str, NDArray[np.float64]] = {}
        for source in self.sources:
            wanted = [name for name in names if of[name] is source]
            if wanted:
                part = ask(source, wanted)
                means |= part.means
                sems |= part.sems
        return Evaluation({name: means[name] for name in names}, sems)

    def identity(self) -> dict[str, Any]:
        """Return the identities of the sources."""
        return {"sources": [source.identity() for source in self.sources]}

    def definition(self) -> dict[str, Any] | None:
        """Return the definitions of the sources; None if one has none."""
        sources = [definition_of(source) for source in self.sources]
        return None if None in sources else {"sources": sources}

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any], space: Space | None) -> Evaluator:
        """Rebuild the sources."""
        return cls([evaluator_from_definition(one, space) for one in definition["sources"]])

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return what the sources report of one architecture; the first source takes precedence."""
        of = self._source_of()
        whole: dict[str, Any] = {}
        metrics: dict[str, Any] = {}
        errors: dict[str, float] = {}
        predicted: list[str] = []
        for source in reversed(self.sources):
            part = source.report(row)
            metrics |= part["metrics"]
            own = {name for name, first in of.items() if first is source}
            errors |= {n: e for n, e in part.get("standard_errors", {}).items() if n in own}
            predicted += [name for name in part.get("predicted", ()) if name in own]
            whole |= part
        known = {"standard_errors": errors, "predicted": predicted}
        return {
            **{name: value for name, value in whole.items() if name not in known},
            "metrics": metrics,
            **{name: value for name, value in known.items() if value},
        }

    def true_values(self, population: Population, metric: str) -> TrueValues | None:
        """Return the true values according to the source of the metric."""
        return self.source_of(metric).true_values(population, metric)

    def reads_once(self, metric: str) -> bool:
        """Return whether values of the metric's source are single readings with label noise."""
        return self.source_of(metric).reads_once(metric)

    def source_of(self, metric: str) -> Evaluator:
        """Return the source that a metric comes from.

        Raises:
            UnknownNameError: If no source has it.
        """
        of = self._source_of()
        return of[check_choice("metric", metric, of)]

    def _source_of(self) -> dict[str, Evaluator]:
        found: dict[str, Evaluator] = {}
        for source in self.sources:
            for name in source.metrics:
                found.setdefault(name, source)
        return found


StochasticCombinedEvaluator = CombinedEvaluator
"""Former name of :class:`CombinedEvaluator` with a stochastic source, kept for one release."""


def with_counts(evaluator: Evaluator, metrics: Sequence[str]) -> Evaluator:
    """Return an evaluator that also knows what its space counts, if ``metrics`` name that and it does not.

    Args:
        evaluator: The evaluator.
        metrics: Names of the metrics that a search needs.

    Raises:
        InvalidArgumentError: If the space cannot count the networks that are evaluated.
    """
    missing = {*metrics}.intersection(COUNTED, evaluator.space.counts()) - {*evaluator.metrics}
    if not missing:
        return evaluator
    check_counted(evaluator, missing)
    return CombinedEvaluator([evaluator, CountEvaluator(evaluator.space)])
