"""Evaluation by zero-cost proxies: networks are built and scored without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    ArchitectureError,
    InvalidArgumentError,
    Metric,
    RandomStreams,
    check_choice,
    check_int,
)
from ..spaces import Population, Space, find_space
from .base import COUNTED, Evaluation, Evaluator
from .costs import known_space

__all__ = ["ZeroCostEvaluator"]

_PROXY_METRICS = (
    Metric("naswot", "", True, "log-determinant of the agreement of activation patterns"),
    Metric("synflow", "", True, "synaptic flow"),
    Metric("log_synflow", "", True, "synaptic flow with logarithmic gradients"),
    Metric("noise_sensitivity", "", False, "change of the outputs under weight noise"),
)


class ZeroCostEvaluator(Evaluator):
    """Scores architectures by zero-cost proxies of their untrained networks.

    Weights, inputs and noise follow from the seed and the architecture, so the same architecture always has the
    same scores. Inputs are standard normal.

    Args:
        space: The space, or its name.
        proxies: Names of proxies (:data:`analognas.spaces.proxies.PROXIES`); None: all.
        batch_size: Number of inputs; scores are comparable for equal numbers only.
        seed: Seed of weights, inputs and noise.

    Raises:
        UnknownNameError: If there is no such proxy.
        InvalidArgumentError: If a number is out of range, or there is no proxy.

    Example:
        >>> evaluator = ZeroCostEvaluator("nasbench201", ["params", "naswot"], batch_size=4)
        >>> evaluator.metrics
        ['params', 'naswot']
    """

    def __init__(
        self,
        space: Space | str,
        proxies: Sequence[str] | None = None,
        *,
        batch_size: int = 16,
        seed: int = 0,
    ) -> None:
        self.space = space if isinstance(space, Space) else find_space(space)
        known = [*COUNTED, *(metric.name for metric in _PROXY_METRICS)]
        names = [proxies] if isinstance(proxies, str) else proxies
        self._proxies = [
            check_choice("proxy", n, known) for n in (known if names is None else names)
        ]
        if not self._proxies:
            raise InvalidArgumentError("`proxies` must name at least one proxy, but got none.")
        self.batch_size = check_int("batch_size", batch_size, minimum=2)
        self.seed = check_int("seed", seed, minimum=0)

    @property
    def metrics(self) -> list[str]:
        """Names of the proxies."""
        return list(self._proxies)

    @property
    def metrics_with_sem(self) -> list[str]:
        """None: scores have no standard errors."""
        return []

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Unit and direction of the proxies."""
        known = {**METRICS, **{metric.name: metric for metric in _PROXY_METRICS}}
        return tuple(known[name] for name in self._proxies)

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """``params`` and ``macs``, if they are requested and counted by the space."""
        counted = self.space.counts()
        return tuple(name for name in COUNTED if name in self._proxies and name in counted)

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Build and score each network, unless only counts of the space are requested.

        Raises:
            ArchitectureError: If a network cannot be built, or a proxy cannot be computed for it.
            UnknownNameError: If a metric is not among the proxies.
        """
        names = [check_choice("metric", name, self._proxies) for name in metrics]
        cheap = [name for name in names if name in self.cheap_metrics]
        found = self.evaluate_cheaply(population, cheap).means
        if built := [name for name in names if name not in found]:
            rows = [self._scores(row, built) for row in population]
            found |= {name: np.array([row[name] for row in rows]) for name in built}
        return Evaluation({name: found[name] for name in names})

    def _scores(
        self, row: NDArray[np.signedinteger[Any]], names: Sequence[str]
    ) -> dict[str, float]:
        import torch

        from ..spaces.proxies import proxy_scores

        shape, classes = self.space.input_shape, self.space.n_classes
        streams = RandomStreams(self.seed)
        inputs = torch.randn(self.batch_size, *shape, generator=streams.torch("zero-cost inputs"))
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(streams.torch("zero-cost weights", *row.tolist()).initial_seed())
                network = self.space.build(self.space.decode(row), shape, classes)
            noise = streams.torch("zero-cost noise")
            return proxy_scores(network, inputs, generator=noise, proxies=names)
        except InvalidArgumentError as error:
            raise ArchitectureError(str(error)) from error

    def identity(self) -> dict[str, Any]:
        """Return the proxies, the number of inputs and the seed."""
        return {"proxies": self.metrics, "batch_size": self.batch_size, "seed": self.seed}

    def definition(self) -> dict[str, Any]:
        """Return the same as :meth:`identity`."""
        return self.identity()

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> ZeroCostEvaluator:
        """Rebuild the evaluator."""
        return cls(known_space(space, cls), **definition)

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return the counts of the space; nothing is built."""
        counts = self.evaluate_cheaply(np.asarray(row)[None], self.cheap_metrics).means
        return {"metrics": {name: int(values[0]) for name, values in counts.items()}}
