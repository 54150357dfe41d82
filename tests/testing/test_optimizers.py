"""The suite of optimizers passes ours and fails bad ones, each in the test that is meant for it."""

from functools import partial

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.optimizers import RandomSearch, RegularizedEvolution
from analognas.testing import OptimizerConformance


class TestRandomSearch(OptimizerConformance):
    def make_optimizer(self, **hyperparameters):
        return RandomSearch(**hyperparameters)


class TestRegularizedEvolution(OptimizerConformance):
    def make_optimizer(self, **hyperparameters):
        return RegularizedEvolution(**hyperparameters)


class Repeats(RandomSearch):
    def ask(self):
        return self.space.sample(self.batch_size, generator=self.generator)


class Unseeded(RandomSearch):
    def reset(self, space, problem, *, generator):
        super().reset(space, problem, generator=np.random.default_rng())


class KeepsState(RandomSearch):
    def reset(self, space, problem, *, generator):
        seen = getattr(self, "seen", set())
        super().reset(space, problem, generator=generator)
        self.seen = seen


class NeedsAll(RandomSearch):
    def ask(self):
        self.asked = super().ask()
        return self.asked

    def tell(self, population, evaluation):
        assert len(population) == len(self.asked)


class ForgetsItsSize(RandomSearch):
    def hyperparameters(self):
        return {}

    def __init__(self, *, batch_size=10):
        super().__init__(batch_size=min(batch_size, 2) if batch_size == 3 else batch_size)


class TakesAnySize(RandomSearch):
    def __init__(self, *, batch_size=10):
        super().__init__(batch_size=10)


class StopsAtNaN(RandomSearch):
    def tell(self, population, evaluation):
        assert not np.isnan(evaluation.means["analog_accuracy"]).any()


class SeeksTheForbidden(RandomSearch):
    def ask(self):
        left = self.space.from_codes(self._left())
        rows = left[np.argsort(-left.sum(axis=1))[: self.batch_size]]
        self.seen.update(self.space.codes(rows).tolist())
        return rows


class RefusesWithoutNames(RandomSearch):
    def check(self, problem):
        if len(problem.objectives) > 1:
            raise InvalidArgumentError("Too many objectives.")


PLANTED = {
    SeeksTheForbidden: "constraints_are_honoured",
    RefusesWithoutNames: "several_objectives",
    Repeats: "nothing_is_proposed_twice_and_the_whole_space_is_reached",
    Unseeded: "same_generator_same_trajectory",
    KeepsState: "same_generator_same_trajectory",
    NeedsAll: "fewer_results_than_proposals",
    ForgetsItsSize: "hyperparameters_rebuild_it",
    TakesAnySize: "bad_batch_sizes_are_refused",
    StopsAtNaN: "values_that_were_not_measured",
}


@pytest.mark.parametrize("broken", PLANTED, ids=lambda kind: kind.__name__)
def test_a_broken_optimizer_fails(broken, monkeypatch):
    make = lambda self, **sizes: broken(**sizes)  # noqa: E731
    suite = type("Suite", (OptimizerConformance,), {"make_optimizer": make})()
    if broken is Repeats:
        # It never runs out, so it is stopped by its first repetition.
        run = suite.run
        monkeypatch.setattr(suite, "run", lambda *args, **kw: run(*args, **{**kw, "n": 500}))
    test = getattr(suite, f"test_{PLANTED[broken]}")
    if hasattr(test, "hypothesis"):
        test = partial(test.hypothesis.inner_test, suite, np.random.default_rng(0))
    with pytest.raises((AssertionError, TypeError)):
        test()


def test_every_test_can_fail():
    tests = {name for name in dir(OptimizerConformance) if name.startswith("test_")}
    assert {f"test_{name}" for name in PLANTED.values()} == tests
