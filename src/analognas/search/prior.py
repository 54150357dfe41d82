"""The prior of a search: results of another metric, device or data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core import METRICS, check_choice, current_metric_name, device_metric
from ..evaluators import Problem
from ..optimizers import Optimizer
from ..optimizers.prior import Prior
from ..spaces import Space
from .known_results import read_known_results

__all__ = ["SearchPrior", "read_prior", "take_prior"]


@dataclass(frozen=True)
class SearchPrior:
    """A prior, and how settings store it.

    Attributes:
        prior: The prior.
        entry: JSON types, from which :func:`read_prior` reads it again.
    """

    prior: Prior
    entry: dict[str, Any]

    def identity(self) -> str:
        """Return a checksum of architectures and values."""
        text = json.dumps(self.entry, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_prior(
    source: str | Mapping[str, Any] | None, space: Space, objective: str
) -> SearchPrior | None:
    """Read the prior of a search.

    Args:
        source: A table or search, see :func:`.read_known_results`, with ``:METRIC`` where its metric is not the
            objective; or an entry; None: no prior.
        space: The space of the search; other architectures of the table are ignored.
        objective: The objective of the search.

    Raises:
        AnalogNASError: If it cannot be read, or has no such metric.
    """
    if source is None:
        return None
    metric = objective
    if isinstance(source, str) and ":" in source and not Path(source).exists():
        source, metric = source.rsplit(":", 1)
        metric = current_metric_name(metric)
    found = read_known_results(source, space, name="prior")
    if isinstance(source, Mapping) and len(found.values) == 1:
        (metric,) = found.values
    check_choice("metric", metric, [name for name in found.values if not name.endswith("_sem")])
    found = found.take(np.isfinite(found.values[metric])).columns([metric])
    known = METRICS.get(metric) or device_metric(metric)
    sign = 1.0 if known is None else known.sign
    return SearchPrior(Prior(found.population, sign * found.values[metric]), found.entry())


def take_prior(
    source: str | Mapping[str, Any] | None, space: Space, problem: Problem, optimizer: Optimizer
) -> SearchPrior | None:
    """Read the prior of a search, give it to the optimizer, and return it; see :func:`read_prior`.

    Raises:
        AnalogNASError: If it cannot be read, or the optimizer does not support one.
    """
    found = read_prior(source, space, problem.objectives[0])
    optimizer.use_prior(None if found is None else found.prior)
    return found
