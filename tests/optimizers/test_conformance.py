"""Every registered optimizer passes the shipped suite on the table, and what the suite leaves to us."""

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Problem, TableEvaluator
from analognas.optimizers import OPTIMIZERS
from analognas.optimizers import base as optimizer_base
from analognas.testing import OptimizerConformance

METRICS = ["analog_drift_2592000", "avm", "params"]


class OnTheTable(OptimizerConformance):
    evaluator = TableEvaluator()

    def make_optimizer(self, **hyperparameters):
        return OPTIMIZERS.get(self.name)(**hyperparameters)

    def make_space(self):
        return self.evaluator.space

    def evaluate(self, population, metrics):
        return self.evaluator.evaluate(population, metrics)


for _name in OPTIMIZERS.names():
    globals()[f"Test_{_name}"] = type(f"Test_{_name}", (OnTheTable,), {"name": _name})


@pytest.fixture(params=OPTIMIZERS.names())
def optimizer(request):
    return OPTIMIZERS.get(request.param)()


def test_large_spaces_are_not_enumerated(optimizer, monkeypatch):
    monkeypatch.setattr(optimizer_base, "ENUMERABLE", 10)
    problem = Problem.of("analog_drift_2592000", (), METRICS)
    proposed = OnTheTable().run(optimizer, problem, seed=0, n=2000)
    codes = OnTheTable.evaluator.space.codes(proposed)
    assert len(np.unique(codes)) == len(proposed) >= 2000


def test_one_objective(optimizer):
    problem = Problem.of(["avm", "params"], (), METRICS)
    with pytest.raises(InvalidArgumentError, match="takes one objective, but got 2: avm, params"):
        optimizer.check(problem)
