"""Predictor-guided search: fit an ensemble to all results, measure its best candidates, repeat.

The family of BANANAS (White et al., "BANANAS: Bayesian Optimization with Neural Architectures for Neural
Architecture Search", AAAI 2021) and WeakNAS (Wu et al., "Stronger NAS with Weaker Predictors", NeurIPS 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Constraint, InvalidArgumentError
from ..evaluators import GraphEnsemble, Problem, distinct_rows
from ..spaces import Population
from .acquisitions import EI_PER_COST, acquire
from .candidate_predictions import CandidatePredictions
from .class_choice import BEST_OF_CLASS, best_of_class, most_of_class, top_per_class
from .front_choice import choose_for_front
from .model_based import LEAST_MEASURED, Features, Floats, ModelBased

_OF_DRAWS = (BEST_OF_CLASS, "thompson")


class PredictorGuided(ModelBased):
    """Search with boosted trees and a Gaussian process, fitted again after every batch.

    The predictor is the :class:`.GraphEnsemble`. It models normal scores of the results, so that a few
    collapsed networks do not distort it. Its errors are calibrated on held-out results; they are errors of a
    new measurement, with label noise. By default, classes of equal features are compared by the expected best
    of their remaining readings (:mod:`.class_choice`), and up to half of a batch may come from one class.
    Defaults were chosen on seeds 1000 and up of AnalogNAS-Bench (``benchmarks/search_efficiency.py``).

    With several objectives there is a model for each metric that the space does not count, and candidates are
    chosen by Thompson samples with random scalarisations (:func:`.choose_for_front`).

    Args:
        n_initial: Number of random architectures before the first model.
        acquisition: ``"best_of_class"``, or ``"ei"``, ``"pi"``, ``"ucb"``, ``"thompson"`` or ``"ei_per_cost"``,
            see :mod:`.acquisitions`. The last one needs the search's cost metric.
        kappa: Factor of the standard deviation in ``"ucb"``.
        temperature: Factor of the standard deviations in ``"best_of_class"`` and ``"thompson"``; larger values
            explore more.
        batch_size: Architectures of a batch; None: the fraction ``batch_share`` of the measured architectures,
            from 1 to 20.
        batch_share: See ``batch_size``.
        encoding: Name of the feature encoding; None: the default encoding of the space.

    Raises:
        UnknownNameError: If there is no such acquisition function, or the space has no such encoding.
        InvalidArgumentError: If a number is out of range.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer=PredictorGuided(), runs=1, budget=40).search()
        >>> bool(result.finals()[0] > 87)
        True
    """

    name = "predictor_guided"
    several_objectives = True

    def __init__(
        self,
        *,
        n_initial: int = 10,
        acquisition: str = BEST_OF_CLASS,
        kappa: float = 1.0,
        temperature: float = 0.4,
        batch_size: int | None = None,
        batch_share: float = 0.1,
        encoding: str | None = None,
    ) -> None:
        super().__init__(
            n_initial=n_initial,
            acquisition=acquisition,
            kappa=kappa,
            temperature=temperature,
            batch_size=batch_size,
            batch_share=batch_share,
            encoding=encoding,
        )

    def check(self, problem: Problem) -> None:
        """Check that the acquisition function supports the number of objectives.

        Raises:
            InvalidArgumentError: If it does not.
        """
        super().check(problem)
        if len(problem.objectives) > 1 and self.acquisition not in _OF_DRAWS:
            raise InvalidArgumentError(
                f"With several objectives `acquisition` must be one of {', '.join(_OF_DRAWS)}, "
                f"but got {self.acquisition!r}."
            )

    def _choose(self, pool: Population, features: Features, n: int) -> list[int]:
        observations = self.observations
        if len(self.problem.objectives) > 1:
            predictions = CandidatePredictions(
                observations, self.space, self._encoding, self.problem.metrics, pool, features
            )
            return choose_for_front(
                observations,
                self.problem,
                predictions,
                features,
                n,
                temperature=self.temperature,
                generator=self.generator,
            )
        known = np.isfinite(observations.scores)
        learnt = self._features(observations.population[known])
        model = GraphEnsemble.fit(learnt, observations.scores[known])
        distinct, classes = distinct_rows(features)
        means, stds = model.predict(distinct)
        acquired = self._acquired(model, means, stds, classes) - self._log_costs(pool, features)
        return top_per_class(
            self._worth(acquired, self._feasibility(pool, features)),
            classes,
            n,
            per_class=most_of_class(n),
            generator=self.generator,
        )

    def _learnt_chance(self, constraint: Constraint, values: Floats, features: Features) -> Floats:
        from scipy.special import ndtr

        known = np.isfinite(values)
        if known.sum() < LEAST_MEASURED or np.ptp(values[known]) == 0:
            return np.ones(len(features))
        learnt = self._features(self.observations.population[known])
        model = GraphEnsemble.fit(learnt, values[known])
        means, stds = model.predict(features)
        bound = model.target.to_scores(np.array([constraint.bound]))[0]
        sign = 1.0 if constraint.relation.startswith("<") else -1.0
        return np.asarray(ndtr(sign * (bound - means) / stds), dtype=np.float64)

    def _acquired(
        self, model: GraphEnsemble, means: Floats, stds: Floats, classes: NDArray[np.int64]
    ) -> Floats:
        """Return acquisition values of ``m`` candidates from predictions of ``k`` classes."""
        if self.acquisition == BEST_OF_CLASS:
            return best_of_class(
                means[classes],
                stds[classes],
                classes,
                noise_std=model.noise_std,
                temperature=self.temperature,
                generator=self.generator,
            )
        factor = self.temperature if self.acquisition == "thompson" else 1.0
        return acquire(
            "ei" if self.acquisition == EI_PER_COST else self.acquisition,
            means[classes],
            factor * stds[classes],
            best=float(model.target.to_scores(np.array([self.observations.best_feasible]))[0]),
            kappa=self.kappa,
            generator=self.generator,
        )
