"""Samplers of Optuna pass the conformance suite, know constraints and several objectives, and obey the seed."""

import sys

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.evaluators import Evaluation, Problem
from analognas.optimizers import OptunaOptimizer
from analognas.spaces import ConfigSpace
from analognas.testing import OptimizerConformance

optuna = pytest.importorskip("optuna")

METRICS = ("analog_accuracy", "params")


class TestTPE(OptimizerConformance):
    def make_optimizer(self, **hyperparameters):
        return OptunaOptimizer(**hyperparameters)

    def make_space(self):
        """A smaller one than the suite's: TPE takes longer with every result that it knows."""
        space = ConfigSpace(name="small")
        space.add_hyperparameter("depth", "discrete", 1, 5)
        space.add_hyperparameter_range("width", "discrete", [8, 16, 32])
        space.add_hyperparameter("dropout", "continuous", 0, 0.5, 0.1, when=("depth", ">", 2))
        space.add_forbidden({"depth": 5, "width": 32})
        return space


def run(optimizer, problem, *, n=60, seed=0):
    return OptimizerConformance().run(optimizer, problem, seed=seed, n=n)


def test_constraints_reach_the_sampler():
    optimizer = OptunaOptimizer()
    problem = Problem.of("analog_accuracy", ["params<=8000", "params>2000"], METRICS)
    rows = run(optimizer, problem, n=60)
    told = [trial.constraints for trial in optimizer._study.trials if trial.constraints]
    assert len(told) == 60
    total = rows.sum(axis=1)
    feasible = (total <= 8) & (total > 2)
    assert [max(values.values()) <= 0 for values in told] == feasible.tolist()
    assert max(optimizer._study.best_trial.constraints.values()) <= 0
    free = run(OptunaOptimizer(), Problem.of("analog_accuracy", (), METRICS), n=60)
    assert not np.array_equal(rows, free), "the sampler does not heed them"


def test_several_objectives():
    optimizer = OptunaOptimizer("nsga2")
    problem = Problem.of(["analog_accuracy", "params"], (), METRICS)
    optimizer.check(problem)
    run(optimizer, problem)
    trials = [trial for trial in optimizer._study.trials if trial.values]
    assert all(len(trial.values) == 2 for trial in trials)
    # Both are turned so that larger is better: few parameters are.
    assert max(trial.values[1] for trial in trials) <= 0


def test_inactive_genes_are_not_asked_for():
    optimizer = OptunaOptimizer("random")
    rows = run(optimizer, Problem.of("analog_accuracy", (), METRICS), n=30)
    space = OptimizerConformance().make_space()
    finished = [trial for trial in optimizer._study.trials if trial.values]
    for row, trial in zip(rows, finished, strict=True):
        active = np.flatnonzero(space.active(row[None])[0])
        assert list(trial.params) == [f"gene{gene}" for gene in active]
    assert {len(trial.params) for trial in finished} == {2, 3}


def test_genes_of_many_choices_are_integers():
    space = ConfigSpace(name="wide")
    space.add_hyperparameter("width", "discrete", 1, 500)
    space.add_hyperparameter("rate", "continuous", 0.0, 1.0, levels=1001)
    space.add_hyperparameter_range("kind", "discrete", [1, 3, 5])
    optimizer = OptunaOptimizer()
    problem = Problem.of("analog_accuracy", (), METRICS)
    optimizer.reset(space, problem, generator=np.random.default_rng(0))
    for _ in range(30):
        rows = optimizer.ask()
        optimizer.tell(rows, Evaluation({"analog_accuracy": rows.sum(axis=1).astype(float)}))
    kinds = optimizer._study.trials[0].distributions
    assert type(kinds["gene0"]).__name__ == type(kinds["gene1"]).__name__ == "IntDistribution"
    assert type(kinds["gene2"]).__name__ == "CategoricalDistribution"


def test_a_sampler_of_ones_own():
    def narrow(seed):
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=5)

    problem = Problem.of("analog_accuracy", (), METRICS)
    mine = run(OptunaOptimizer(narrow), problem, n=30)
    by_options = run(OptunaOptimizer(options={"n_startup_trials": 5}), problem, n=30)
    default = run(OptunaOptimizer(), problem, n=30)
    np.testing.assert_array_equal(mine, by_options)
    assert not np.array_equal(mine, default)
    assert OptunaOptimizer(narrow).hyperparameters()["sampler"].endswith("narrow")


def test_results_that_were_not_asked_for():
    space = OptimizerConformance().make_space()
    optimizer = OptunaOptimizer()
    problem = Problem.of("analog_accuracy", (), METRICS)
    optimizer.reset(space, problem, generator=np.random.default_rng(0))
    rows = space.sample(5, generator=np.random.default_rng(1), unique=True)
    optimizer.tell(rows, OptimizerConformance().evaluate(rows, problem.metrics))
    assert [trial.state.name for trial in optimizer._study.trials] == ["COMPLETE"] * 5


def test_optuna_stays_as_loud_as_it_was(capsys):
    before = optuna.logging.get_verbosity()
    run(OptunaOptimizer(), Problem.of("analog_accuracy", (), METRICS), n=5)
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr().err == ""


def test_bad_arguments():
    with pytest.raises(UnknownNameError, match=r"'tbe'.*tpe"):
        OptunaOptimizer("tbe")
    with pytest.raises(InvalidArgumentError, match="a function of a seed, such as the class"):
        OptunaOptimizer(optuna.samplers.RandomSampler())


def test_without_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'analognas\[optuna\]'"):
        OptunaOptimizer()
