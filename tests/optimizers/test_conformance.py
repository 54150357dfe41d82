"""Every registered optimizer passes the shipped suite on the table, and what the suite leaves to us."""

from importlib.util import find_spec

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Problem, TableEvaluator
from analognas.optimizers import OPTIMIZERS, model_based
from analognas.optimizers import base as optimizer_base
from analognas.optimizers.model_based import ModelBased
from analognas.testing import OptimizerConformance

METRICS = ["analog_drift_2592000", "avm", "params"]


def made(name, **hyperparameters):
    # The quickest of Optuna's samplers that knows constraints; TPE passes the suite elsewhere.
    quick = {"sampler": "nsga2"} if name == "optuna" else {}
    return OPTIMIZERS.get(name)(**{**quick, **hyperparameters})


class OnTheTable(OptimizerConformance):
    evaluator = TableEvaluator()

    def make_optimizer(self, **hyperparameters):
        return made(self.name, **hyperparameters)

    def make_space(self):
        return self.evaluator.space

    def evaluate(self, population, metrics):
        return self.evaluator.evaluate(population, metrics)


class OnAListedSpace(OptimizerConformance):
    """For optimizers that fit a model after every batch: all of the table would take them minutes."""

    def make_optimizer(self, **hyperparameters):
        return made(self.name, **{"batch_size": 20, **hyperparameters})


# Of one that needs several fidelities there are tests of its own.
OTHERS = ["successive_halving", *([] if find_spec("optuna") else ["optuna"])]
NAMES = [name for name in OPTIMIZERS if name not in OTHERS]
WITH_A_MODEL = [
    name for name in NAMES if issubclass(OPTIMIZERS.get(name), ModelBased) or name == "optuna"
]

for _name in NAMES:
    _suite = OnAListedSpace if _name in WITH_A_MODEL else OnTheTable
    globals()[f"Test_{_name}"] = type(f"Test_{_name}", (_suite,), {"name": _name})


@pytest.fixture(params=NAMES)
def optimizer(request):
    name = request.param
    return OPTIMIZERS.get(name)(batch_size=10 if name == "optuna" else 20)


def problem_of(optimizer, bounds=()):
    """The one-month accuracy, and the parameters where one objective is too few."""
    few = optimizer.name != "nsga3"
    names = ["analog_drift_2592000"] if few else ["analog_drift_2592000", "params"]
    return Problem.of(names, bounds, METRICS)


def test_large_spaces_are_not_enumerated(optimizer, monkeypatch):
    monkeypatch.setattr(optimizer_base, "ENUMERABLE", 10)
    monkeypatch.setattr(model_based, "LISTED", 10)
    problem = problem_of(optimizer)
    n = 100 if optimizer.name in WITH_A_MODEL else 2000
    proposed = OnTheTable().run(optimizer, problem, seed=0, n=n)
    codes = OnTheTable.evaluator.space.codes(proposed)
    assert len(np.unique(codes)) == len(proposed) >= n


@pytest.mark.parametrize("bounds", [["params<=2e5"], ["avm<=4", "params<=8e5"], ["params>=6e5"]])
def test_constraints_are_honoured(optimizer, bounds):
    problem = problem_of(optimizer, bounds)
    n = 120 if optimizer.name in WITH_A_MODEL else 300
    proposed = OnTheTable().run(optimizer, problem, seed=3, n=n)
    violation = problem.violation(OnTheTable.evaluator.evaluate(proposed, problem.metrics))
    assert (violation == 0).any()
    every = OnTheTable.evaluator.space.every()
    share = (problem.violation(OnTheTable.evaluator.evaluate(every, problem.metrics)) == 0).mean()
    late = violation[n // 3 :] == 0
    error = np.sqrt(share * (1 - share) / len(late))
    if optimizer.name == "random_search":
        assert abs(late.mean() - share) < 5 * error
    else:
        assert late.mean() > share + 3 * error


def test_one_objective(optimizer):
    problem = Problem.of(["avm", "params"], (), METRICS)
    if optimizer.several_objectives:
        optimizer.check(problem)
        return
    with pytest.raises(
        InvalidArgumentError,
        match="takes one objective, but got 2: avm, params; use ParetoEvolution",
    ):
        optimizer.check(problem)
