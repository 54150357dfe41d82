"""What every optimizer owes to the worker, whatever its algorithm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import InvalidArgumentError
from ..evaluators import Evaluation, Problem
from ..optimizers import Optimizer
from ..spaces import ConfigSpace, Population, Space
from .examples import examples

_METRICS = ("analog_accuracy", "params")


class OptimizerConformance:
    """Inherit, say how the optimizer is made, and run with pytest.

    ``class TestMine(OptimizerConformance)`` with a method ``make_optimizer``. The optimizer searches a small
    space with an inactive gene and a forbidden combination, on a made-up accuracy.
    """

    def make_optimizer(self, **hyperparameters: Any) -> Optimizer:
        """Return an optimizer; at least ``batch_size`` must be taken."""
        raise NotImplementedError("A conformance suite of optimizers needs make_optimizer().")

    def make_space(self) -> Space:
        """Return the space that is searched; small enough to be listed."""
        space = ConfigSpace(name="conformance")
        space.add_hyperparameter("depth", "discrete", 1, 6)
        space.add_hyperparameter_range("width", "discrete", [8, 16, 32, 64])
        space.add_hyperparameter("dropout", "continuous", 0, 0.5, 0.05, when=("depth", ">", 2))
        space.add_forbidden({"depth": 6, "width": 64})
        return space

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Score a population; the made-up metrics are ``analog_accuracy`` and ``params``."""
        total = population.sum(axis=1).astype(np.float64)
        values = {"analog_accuracy": 90 - np.abs(total - 9), "params": 1000 * total}
        return Evaluation({name: values[name] for name in metrics})

    def run(self, optimizer: Optimizer, problem: Problem, *, seed: int, n: int) -> Population:
        """Ask and tell until ``n`` rows were proposed or nothing is left; return all proposals."""
        space = self.make_space()
        optimizer.reset(space, problem, generator=np.random.default_rng(seed))
        proposals = [np.empty((0, space.n_genes), dtype=space.dtype)]
        while sum(map(len, proposals)) < n:
            rows = optimizer.ask()
            if not len(rows):
                break
            assert len(rows) <= optimizer.batch_size, f"{len(rows)} rows exceed the batch size"
            assert (space.population(rows) == rows).all(), "a row is not canonical"
            proposals.append(rows)
            optimizer.tell(rows, self.evaluate(rows, problem.metrics))
        return np.concatenate(proposals)

    @examples(5)
    def test_same_generator_same_trajectory(self, generator: np.random.Generator) -> None:
        """Nothing of the last run leaks into the next, and a fresh object does the same."""
        problem = Problem.of("analog_accuracy", "params<=12000", _METRICS)
        seed = int(generator.integers(2**31))
        optimizer = self.make_optimizer()
        first = self.run(optimizer, problem, seed=seed, n=60)
        again = self.run(optimizer, problem, seed=seed, n=60)
        fresh = self.run(self.make_optimizer(), problem, seed=seed, n=60)
        assert np.array_equal(first, again), "the last run changed this one"
        assert np.array_equal(first, fresh), "a fresh optimizer does something else"
        other = self.run(optimizer, problem, seed=seed + 1, n=60)
        assert not np.array_equal(first, other), "the generator makes no difference"

    def test_nothing_is_proposed_twice_and_the_whole_space_is_reached(self) -> None:
        """No measurement is spent twice, and an optimizer ends when nothing new is left."""
        space = self.make_space()
        problem = Problem.of("analog_accuracy", (), _METRICS)
        rows = self.run(self.make_optimizer(batch_size=50), problem, seed=0, n=10**6)
        codes = space.codes(rows).tolist()
        assert len(set(codes)) == len(codes), "an architecture was proposed twice"
        assert len(codes) == space.size, f"{len(codes)} of {space.size} were proposed"

    def test_fewer_results_than_proposals(self) -> None:
        """A budget may end within a batch."""
        space = self.make_space()
        optimizer = self.make_optimizer()
        problem = Problem.of("analog_accuracy", (), _METRICS)
        optimizer.reset(space, problem, generator=np.random.default_rng(0))
        for _ in range(5):
            rows = optimizer.ask()[:1]
            optimizer.tell(rows, self.evaluate(rows, problem.metrics))
        assert len(optimizer.ask()), "it stopped asking"

    def test_values_that_were_not_measured(self) -> None:
        """NaN is a result like any other, only never a good one."""
        space = self.make_space()
        optimizer = self.make_optimizer()
        optimizer.reset(
            space,
            Problem.of("analog_accuracy", (), _METRICS),
            generator=np.random.default_rng(0),
        )
        for _ in range(5):
            rows = optimizer.ask()
            optimizer.tell(rows, Evaluation({"analog_accuracy": np.full(len(rows), np.nan)}))
        assert len(optimizer.ask()), "it stopped asking"

    def test_hyperparameters_rebuild_it(self) -> None:
        """A trial log can tell which optimizer wrote it."""
        sizes = json.loads(json.dumps(self.make_optimizer().hyperparameters()))
        assert self.make_optimizer(**sizes).hyperparameters() == sizes
        assert self.make_optimizer(batch_size=3).batch_size == 3

    def test_bad_batch_sizes_are_refused(self) -> None:
        """A batch has at least one architecture."""
        for size in (0, -1, 1.5, "3"):
            try:
                self.make_optimizer(batch_size=size)
            except InvalidArgumentError:
                continue
            raise AssertionError(f"batch_size={size!r} was taken")
