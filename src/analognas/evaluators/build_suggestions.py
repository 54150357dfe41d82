"""Which networks a build of a measured table should measure next."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..builder import Build, merge_build
from ..builder.sampling import draw_further
from ..core import check_int
from ..spaces import Population
from ..tables import MeasuredTable
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .suggestions import CANDIDATES

__all__ = ["suggest_for_build"]


def suggest_for_build(build: Build, n: int, metric: str | None = None) -> Population:
    """Return architectures that a build should measure next, the most informative first.

    A surrogate is fitted to the finished rows. Candidates are random architectures within the constraints of
    the specification that are not in the build (:meth:`.GraphEnsembleEvaluator.suggest`).

    Args:
        build: The build, with at least four finished architectures.
        n: Number of architectures.
        metric: Metric to learn about; the accuracy after a month, else the first of the table, by default.

    Returns:
        Shape ``(n, n_genes)``.

    Raises:
        InvalidArgumentError: If too few architectures are finished or left.
        UnknownNameError: If the table does not have the metric.
    """
    check_int("n", n, minimum=1)
    with tempfile.TemporaryDirectory() as folder:
        table = MeasuredTable(merge_build(build, Path(folder) / "table.parquet").path)
    surrogate = GraphEnsembleEvaluator(build.space).fit(table, metrics=metric)
    sample = build.settings.sample.model_copy(update={"method": "random"})
    known = build.population()
    left = build.space.size - len(known)
    candidates = draw_further(
        build.space, sample, known, min(max(n, CANDIDATES), max(n, left // 2))
    )
    return surrogate.suggest(n, metric, candidates=candidates)
