"""What a search starts from: architectures to measure first, or results that are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import InvalidArgumentError
from ..evaluators import FIDELITY, Evaluation, Evaluator, Problem
from ..optimizers import Optimizer
from ..spaces import Population, Space
from .known_results import KnownResults, read_known_results
from .log.trial_log import sem_column

__all__ = ["MOST_RESULTS", "Start", "check_pending", "read_start"]

MOST_RESULTS = 5000
"""Known results that a search takes at most; a model of more would take minutes."""


@dataclass(frozen=True)
class Start:
    """What every run of a search starts from.

    Attributes:
        known: Architectures, and the metrics of the search where they are known.
        evaluation: The metrics; None where the architectures are measured first.
    """

    known: KnownResults
    evaluation: Evaluation | None

    @property
    def population(self) -> Population:
        """The architectures, shape ``(n, n_genes)``."""
        return self.known.population

    def entry(self) -> dict[str, Any]:
        """Return it as settings store it, JSON types."""
        return self.known.entry()

    def identity(self) -> str:
        """Return a checksum of architectures and values."""
        text = json.dumps(self.entry(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_start(
    source: str | Sequence[Any] | Mapping[str, Any] | None,
    space: Space,
    evaluator: Evaluator,
    metrics: Sequence[str],
    problem: Problem,
    optimizer: Optimizer,
) -> Start | None:
    """Read what a search starts from.

    A list of architectures is measured first. Results of a table or a search are used as they are, which needs
    all metrics of this search.

    Args:
        source: See :func:`.read_known_results`; None: nothing.
        space: The space of the search.
        evaluator: Its evaluator.
        metrics: Names of all metrics of an evaluation.
        problem: What is searched for.
        optimizer: The optimizer.

    Raises:
        AnalogNASError: If the source cannot be read or lacks a metric; one line says why.
    """
    if source is None:
        return None
    found = read_known_results(source, space, name="start")
    if not found.values:
        return Start(found, None)
    wanted = [name for name in metrics if name != FIDELITY]
    counted = [n for n in wanted if n not in found.values and n in evaluator.cheap_metrics]
    if counted:
        cheap = evaluator.evaluate_cheaply(found.population, counted)
        found.values.update(cheap.means)
    missing = [name for name in wanted if name not in found.values]
    if missing:
        raise InvalidArgumentError(
            f"`start` has no {missing[0]!r}, which this search needs, only {', '.join(sorted(found.values))}; "
            "give a list of architectures, which are measured first, or take it as `prior`."
        )
    if optimizer.fidelities:
        raise InvalidArgumentError(
            f"`start` holds results, but {optimizer.name} learns from its lowest fidelity; give a list of "
            "architectures."
        )
    for name in wanted:
        if name in problem.metrics:
            found = found.take(np.isfinite(found.values[name]))
    if not 0 < len(found.population) <= MOST_RESULTS:
        raise InvalidArgumentError(
            f"`start` must hold 1 to {MOST_RESULTS:,} results with all metrics of the problem, but got "
            f"{len(found.population):,}; give a part of them."
        )
    sems = [name for name in wanted if name in evaluator.metrics_with_sem]
    for name in map(sem_column, sems):
        found.values.setdefault(name, np.full(len(found.population), np.nan))
    found = found.columns([*wanted, *map(sem_column, sems)])
    evaluation = Evaluation(
        {name: found.values[name] for name in wanted},
        {name: found.values[sem_column(name)] for name in sems},
    )
    return Start(found, evaluation)


def check_pending(pending: int | None, optimizer: Optimizer) -> None:
    """Check that an optimizer supports asynchronous searches.

    Raises:
        InvalidArgumentError: If ``pending`` is given and it does not.
    """
    if pending is not None and not optimizer.any_order:
        raise InvalidArgumentError(
            f"`pending` is for optimizers that accept results in any order, but {optimizer.name} does "
            "not; omit it."
        )
