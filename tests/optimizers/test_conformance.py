"""What every optimizer owes to the worker, whatever its algorithm."""

import json

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Problem, TableEvaluator
from analognas.optimizers import OPTIMIZERS
from analognas.optimizers import base as optimizer_base

METRICS = ["analog_drift_2592000", "avm", "params"]


@pytest.fixture(scope="module")
def evaluator(bench):
    return TableEvaluator(bench)


@pytest.fixture(params=OPTIMIZERS.names())
def optimizer(request):
    return OPTIMIZERS.get(request.param)()


def problem_of(constraints=(), objective="analog_drift_2592000"):
    return Problem.of(objective, constraints, METRICS)


def run(optimizer, evaluator, problem, seed=0, n=120):
    optimizer.reset(evaluator.space, problem, generator=np.random.default_rng(seed))
    proposals = []
    while sum(map(len, proposals)) < n:
        population = optimizer.ask()
        if not len(population):
            break
        assert len(population) <= optimizer.batch_size
        evaluator.space.population(population)
        proposals.append(population)
        optimizer.tell(population, evaluator.evaluate(population, problem.metrics))
    return np.concatenate(proposals)


def test_same_generator_same_trajectory(optimizer, evaluator):
    problem = problem_of("params<=5e5")
    first = run(optimizer, evaluator, problem, seed=1)
    # The same object serves the next run; nothing of the last one may leak into it.
    np.testing.assert_array_equal(first, run(optimizer, evaluator, problem, seed=1))
    fresh = OPTIMIZERS.get(optimizer.name)()
    np.testing.assert_array_equal(first, run(fresh, evaluator, problem, seed=1))
    assert (first != run(optimizer, evaluator, problem, seed=2)).any()


def test_nothing_is_proposed_twice_and_the_whole_space_is_reached(optimizer, evaluator):
    optimizer = OPTIMIZERS.get(optimizer.name)(batch_size=500)
    proposed = run(optimizer, evaluator, problem_of(), n=10**6)
    codes = evaluator.space.codes(proposed)
    assert len(np.unique(codes)) == len(codes) == evaluator.space.size


def test_large_spaces_are_not_enumerated(optimizer, evaluator, monkeypatch):
    monkeypatch.setattr(optimizer_base, "ENUMERABLE", 10)
    proposed = run(optimizer, evaluator, problem_of(), n=2000)
    assert len(np.unique(evaluator.space.codes(proposed))) == len(proposed)


def test_partial_tell(optimizer, evaluator):
    optimizer.reset(evaluator.space, problem_of(), generator=np.random.default_rng(0))
    for _ in range(5):
        population = optimizer.ask()
        optimizer.tell(population[:1], evaluator.evaluate(population[:1], METRICS))
    assert len(optimizer.ask())


def test_hyperparameters_rebuild_it(optimizer):
    sizes = json.loads(json.dumps(optimizer.hyperparameters()))
    assert type(optimizer)(**sizes).hyperparameters() == sizes
    assert type(optimizer)(batch_size=3).batch_size == 3


@pytest.mark.parametrize("size", [0, -1, 1.5, "3"])
def test_bad_batch_size(optimizer, size):
    with pytest.raises(InvalidArgumentError, match="`batch_size` must be an integer of at least 1"):
        type(optimizer)(batch_size=size)


def test_one_objective(optimizer):
    problem = Problem.of(["avm", "params"], (), METRICS)
    with pytest.raises(InvalidArgumentError, match="takes one objective, but got 2: avm, params"):
        optimizer.check(problem)
