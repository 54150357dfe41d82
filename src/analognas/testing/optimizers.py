"""Conformance tests of optimizers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError
from ..evaluators import Evaluation, Problem, Scale, hypervolume, quality_curve
from ..optimizers import Optimizer
from ..spaces import ConfigSpace, Population, Space
from .examples import examples

_METRICS = ("analog_accuracy", "params")


class OptimizerConformance:
    """Tests that every optimizer must pass; run them with pytest.

    Define ``class TestMine(OptimizerConformance)`` with a method ``make_optimizer``. The optimizer searches a
    small space with conditional genes and a forbidden combination, for an artificial accuracy.

    Example:
        >>> from analognas.optimizers import RandomSearch
        >>> class TestMine(OptimizerConformance):
        ...     def make_optimizer(self):
        ...         return RandomSearch()
    """

    def make_optimizer(self, **hyperparameters: Any) -> Optimizer:
        """Return an optimizer; ``batch_size`` must be accepted."""
        raise NotImplementedError("A conformance suite of optimizers needs make_optimizer().")

    def make_space(self) -> Space:
        """Return the space that is searched, small enough to be listed."""
        space = ConfigSpace(name="conformance")
        space.add_hyperparameter("depth", "discrete", 1, 6)
        space.add_hyperparameter_range("width", "discrete", [8, 16, 32, 64])
        space.add_hyperparameter("dropout", "continuous", 0, 0.5, 0.05, when=("depth", ">", 2))
        space.add_forbidden({"depth": 6, "width": 64})
        return space

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Score a population; the artificial metrics are ``analog_accuracy`` and ``params``."""
        total = population.sum(axis=1).astype(np.float64)
        values = {"analog_accuracy": 90 - np.abs(total - 9), "params": 1000 * total}
        return Evaluation({name: values[name] for name in metrics})

    def problem(self, optimizer: Optimizer, constraints: Sequence[str] = ()) -> Problem:
        """Return a problem with one objective, or with two if the optimizer needs several."""
        one = Problem.of("analog_accuracy", constraints, _METRICS)
        try:
            optimizer.check(one)
        except InvalidArgumentError:
            return Problem.of(_METRICS, constraints, _METRICS)
        return one

    def run(self, optimizer: Optimizer, problem: Problem, *, seed: int, n: int) -> Population:
        """Ask and tell until ``n`` rows were proposed or no more are; return all proposals."""
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

    @examples(2)
    def test_same_generator_same_trajectory(self, generator: np.random.Generator) -> None:
        """Runs are reproducible, with the same object and with a new one."""
        seed = int(generator.integers(2**31))
        optimizer = self.make_optimizer()
        problem = self.problem(optimizer, ["params<=12000"])
        first = self.run(optimizer, problem, seed=seed, n=60)
        again = self.run(optimizer, problem, seed=seed, n=60)
        fresh = self.run(self.make_optimizer(), problem, seed=seed, n=60)
        assert np.array_equal(first, again), "the last run changed this one"
        assert np.array_equal(first, fresh), "a fresh optimizer does something else"
        other = self.run(optimizer, problem, seed=seed + 1, n=60)
        assert not np.array_equal(first, other), "the generator makes no difference"

    def test_nothing_is_proposed_twice_and_the_whole_space_is_reached(self) -> None:
        """No architecture is proposed twice, and all are proposed in the end."""
        space = self.make_space()
        optimizer = self.make_optimizer(batch_size=50)
        rows = self.run(optimizer, self.problem(optimizer), seed=0, n=10**6)
        codes = space.codes(rows).tolist()
        assert len(set(codes)) == len(codes), "an architecture was proposed twice"
        assert len(codes) == space.size, f"{len(codes)} of {space.size} were proposed"

    def test_fewer_results_than_proposals(self) -> None:
        """The budget may end within a batch."""
        space = self.make_space()
        optimizer = self.make_optimizer()
        problem = self.problem(optimizer)
        optimizer.reset(space, problem, generator=np.random.default_rng(0))
        for _ in range(5):
            rows = optimizer.ask()[:1]
            optimizer.tell(rows, self.evaluate(rows, problem.metrics))
        assert len(optimizer.ask()), "it stopped asking"

    def test_values_that_were_not_measured(self) -> None:
        """NaN is accepted as a result."""
        space = self.make_space()
        optimizer = self.make_optimizer()
        problem = self.problem(optimizer)
        optimizer.reset(space, problem, generator=np.random.default_rng(0))
        for _ in range(5):
            rows = optimizer.ask()
            gone = {name: np.full(len(rows), np.nan) for name in problem.metrics}
            optimizer.tell(rows, Evaluation(gone))
        assert len(optimizer.ask()), "it stopped asking"

    def test_constraints_are_honoured(self) -> None:
        """Later proposals are feasible at least as often as random ones, within five standard errors."""
        every = self.make_space().every()
        optimizer = self.make_optimizer(batch_size=10)
        problem = self.problem(optimizer, [f"params<={self._low_params(every)!r}"])
        share = float(self._feasible(problem, every).mean())
        later = self.run(optimizer, problem, seed=1, n=min(200, len(every) // 2))[20:]
        found = float(self._feasible(problem, later).mean())
        error = (share * (1 - share) / len(later)) ** 0.5
        assert found >= share - 5 * error, f"{found:.0%} were feasible, by chance {share:.0%} are"

    def test_several_objectives(self) -> None:
        """They are either rejected with a clear error, or the front of the whole space is found."""
        space = self.make_space()
        optimizer = self.make_optimizer(batch_size=50)
        problem = Problem.of(_METRICS, (), _METRICS)
        try:
            optimizer.check(problem)
        except InvalidArgumentError as error:
            refusal = str(error)
        else:
            refusal = ""
        if refusal:
            for part in (type(optimizer).__name__, *_METRICS):
                assert part in refusal, f"the refusal does not name {part}"
            return
        rows = self.run(optimizer, problem, seed=2, n=10**6)
        costs = problem.costs(self.evaluate(rows, problem.metrics))
        whole = problem.costs(self.evaluate(space.every(), problem.metrics))
        scale = Scale.of(whole)
        curve = quality_curve(
            costs, np.ones(len(costs), bool), lambda front: hypervolume(front, scale), 0.0
        )
        assert (np.diff(curve) >= 0).all(), "the hypervolume fell"
        assert abs(curve[-1] - hypervolume(whole, scale)) < 1e-9, "the front was not found"

    def _low_params(self, every: Population) -> float:
        """Return a bound that half of the space meets."""
        return float(np.quantile(self.evaluate(every, ["params"]).means["params"], 0.5))

    def _feasible(self, problem: Problem, rows: Population) -> NDArray[np.bool_]:
        return np.equal(problem.violation(self.evaluate(rows, problem.metrics)), 0)

    def test_hyperparameters_rebuild_it(self) -> None:
        """Hyperparameters are sufficient to rebuild the optimizer."""
        sizes = json.loads(json.dumps(self.make_optimizer().hyperparameters()))
        assert self.make_optimizer(**sizes).hyperparameters() == sizes
        assert self.make_optimizer(batch_size=3).batch_size == 3

    def test_bad_batch_sizes_are_refused(self) -> None:
        """Invalid batch sizes raise an error."""
        for size in (0, -1, 1.5, "3"):
            try:
                self.make_optimizer(batch_size=size)
            except InvalidArgumentError:
                continue
            raise AssertionError(f"batch_size={size!r} was accepted")
