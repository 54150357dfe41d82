"""Bounds that a space can count are checked before anything is paid for, whatever the optimizer."""

import json
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from analognas.core import METRICS, InvalidArgumentError, Metric, ResumeError, UnknownNameError
from analognas.evaluators import (
    ChipCostEvaluator,
    CombinedEvaluator,
    Evaluation,
    Evaluator,
    TableEvaluator,
    evaluator_from,
)
from analognas.optimizers import OPTIMIZERS
from analognas.report import write_search_report
from analognas.search import Worker, read_trials
from analognas.spaces import SPACES, NASBench201Space

# Of one that needs several fidelities there is another test.
OTHERS = ["successive_halving", *([] if find_spec("optuna") else ["optuna"])]
NAMES = [name for name in OPTIMIZERS if name not in OTHERS]
SEVERAL = ("nsga3",)
BOUND = 400_000
quiet = pytest.mark.filterwarnings("ignore:NoiseAware measures nothing again")


class Trained(Evaluator):
    """Stands for a training: what it is asked for is paid for. ``asked`` keeps the rows, ``stop_at`` interrupts."""

    metrics = ("analog_accuracy", "params", "avm")
    metrics_with_sem = ()

    def __init__(self, space=None, stop_at=None):
        self.space = space or NASBench201Space()
        self.asked = []
        self.stop_at = stop_at

    def evaluate(self, population, metrics):
        if self.stop_at is not None and len(self.asked) >= self.stop_at:
            raise KeyboardInterrupt
        self.asked += population.tolist()
        params = self.space.params(population).astype(float)
        values = {
            "analog_accuracy": 90 - np.abs(population - 1).sum(axis=1) - 1e-7 * params,
            "params": params,
            "avm": population[:, 0] * 1.0,
        }
        return Evaluation({name: values[name] for name in metrics})

    def identity(self):
        return {"name": "trained"}

    def report(self, row):
        return {"metrics": {"params": float(self.space.params(row[None])[0])}}


def worker(evaluator, optimizer, **settings):
    several = optimizer in SEVERAL
    given = {
        "objectives": ["analog_accuracy", "avm"] if several else "analog_accuracy",
        "constraints": [f"params<={BOUND}"],
        "runs": 1,
        "budget": 30,
        "seed": 2,
    }
    return Worker(
        evaluator.space, evaluator=evaluator, optimizer=optimizer, **{**given, **settings}
    )


@quiet
@pytest.mark.parametrize("optimizer", NAMES)
def test_no_evaluation_breaks_a_counted_bound(optimizer, tmp_path):
    evaluator = Trained()
    settings = (
        {} if optimizer != "analognas_ea" else {"constraints": [f"params<={BOUND}", "avm<=3"]}
    )
    result = worker(evaluator, optimizer, out=tmp_path / "a", **settings).search()
    (run,) = result.runs
    assert len(evaluator.asked) == run.n_distinct == run.n_evaluations == 30
    asked = np.array(evaluator.asked, dtype=np.int8)
    assert (evaluator.space.params(asked) <= BOUND).all()
    # The optimizer was told of the others: their parameters, and how far they are off.
    barred = run.evaluation.means["params"] > BOUND
    assert run.n_barred == barred.sum() > 0
    assert np.isnan(run.evaluation.means["analog_accuracy"][barred]).all()
    assert np.isfinite(run.violation[barred]).all()
    assert (run.violation[barred] > 0).all()
    assert f"params<={BOUND} and were not evaluated" in result.summary()
    assert result.to_json()["runs"][0]["not_evaluated"] == run.n_barred
    trials = read_trials(tmp_path / "a")
    np.testing.assert_array_equal(trials.violation, run.violation)
    assert trials.matching(feasible=True).sum() <= 30


@quiet
@pytest.mark.parametrize("optimizer", ["regularized_evolution", "predictor_guided", "nsga2"])
@pytest.mark.parametrize("stop_at", [1, 17])
def test_an_interrupted_search_resumes_to_the_same_bytes(optimizer, stop_at, tmp_path):
    whole = worker(Trained(), optimizer, out=tmp_path / "whole").search()
    stopped = Trained(stop_at=stop_at)
    with pytest.raises(KeyboardInterrupt):
        worker(stopped, optimizer, out=tmp_path / "parts").search()
    resumed = Trained()
    again = worker(resumed, optimizer, out=tmp_path / "parts", resume=True).search()
    assert (tmp_path / "whole/best.json").read_bytes() == (
        tmp_path / "parts/best.json"
    ).read_bytes()
    assert again.to_json() == whole.to_json()
    # Piece by piece: nothing that was measured is measured again.
    assert len(stopped.asked) + len(resumed.asked) == 30


def test_most_of_the_resnet_space_costs_nothing():
    """Most random networks have more than a million parameters."""
    evaluator = Trained(SPACES.get("resnet")())
    settings = {"constraints": "params<=1e6", "budget": 20}
    (run,) = worker(evaluator, "random_search", **settings).search().runs
    assert len(evaluator.asked) == 20
    assert run.n_barred > 20


def test_tiles_are_counted_and_other_bounds_measured():
    evaluator = Trained()
    both = CombinedEvaluator([evaluator, ChipCostEvaluator(evaluator.space)])
    assert both.costly
    assert set(both.cheap_metrics) == {
        "params",
        "aimc_tiles",
        "aimc_latency",
        "aimc_energy",
        "aimc_area",
    }
    settings = {"constraints": ["aimc_tiles<=60", "avm<=2"]}
    result = worker(both, "regularized_evolution", **settings).search()
    assert result.problem.checked_first == ("aimc_tiles",)
    chip = ChipCostEvaluator(evaluator.space)
    asked = np.array(evaluator.asked, dtype=np.int8)
    assert (chip.evaluate(asked, ["aimc_tiles"]).means["aimc_tiles"] <= 60).all()
    assert (asked[:, 0] > 2).any()


def test_a_bound_that_nothing_meets(tmp_path):
    evaluator = Trained()
    result = worker(
        evaluator, "random_search", constraints="params<=1", runs=2, out=tmp_path / "a"
    ).search()
    assert evaluator.asked == []
    assert not result.feasible
    assert result.runs[0].stopped_by == "stalled"
    assert "No architecture met params<=1; the nearest is" in result.summary()
    write_search_report(result, tmp_path / "a")
    assert result.convergence().shape == (2, 0)


def test_what_costs_nothing_is_not_checked_first():
    """Tables and surrogates answer anyway, and optimizers learn from cells that break a bound."""
    (run,) = (
        Worker(constraints="params<=5e5", runs=1, budget=40, optimizer="random_search")
        .search()
        .runs
    )
    assert run.n_barred == 0
    assert np.isfinite(run.evaluation.means["analog_drift_2592000"]).all()
    assert not TableEvaluator().costly


class Millions(Trained):
    """Parameters in a unit of its own, which the space does not count."""

    metric_definitions = (METRICS["analog_accuracy"], Metric("params", "M", False))
    metrics = ("analog_accuracy", "params")

    def evaluate(self, population, metrics):
        means = super().evaluate(population, metrics).means
        return Evaluation({**means, "params": means["params"] / 1e6})


def test_another_metric_of_that_name_is_not_counted():
    result = worker(Millions(), "random_search", constraints="params<=0.4").search()
    assert result.problem.checked_first == ()
    assert result.feasible


class Wrong(Trained):
    def evaluate(self, population, metrics):
        found = super().evaluate(population, metrics)
        return Evaluation({**found.means, "params": found.means["params"] + 1})


def test_an_evaluator_with_other_counts():
    with pytest.raises(InvalidArgumentError, match=r"Wrong says that 'params'.*cheap_metrics"):
        worker(Wrong(), "random_search").search()

    class Own(Wrong):
        cheap_metrics = ()

    result = worker(Own(), "random_search").search()
    assert result.problem.checked_first == ()
    assert result.runs[0].n_barred == 0


class Blind(Trained):
    cheap_metrics = ()


def test_a_log_keeps_to_what_it_checked_first(tmp_path, rewrite_log):
    """A search that began before bounds were checked first goes on without; one that did goes on with it."""
    worker(Trained(), "regularized_evolution", out=tmp_path / "new", budget=10).search()
    resumed = worker(Blind(), "regularized_evolution", out=tmp_path / "new", resume=True)
    with pytest.raises(ResumeError, match="cheap_metrics"):
        resumed.search()

    class Before(Trained):
        costly = False

    whole = worker(Before(), "regularized_evolution", out=tmp_path / "whole").search()
    worker(Before(), "regularized_evolution", out=tmp_path / "old", budget=10).search()
    with closing(sqlite3.connect(tmp_path / "old/trials.sqlite")) as log:
        ((noted,),) = log.execute("SELECT value FROM search WHERE key = 'checked_first'").fetchall()
        assert json.loads(noted) == []
    rewrite_log(tmp_path / "old", "DELETE FROM search WHERE key = 'checked_first'")
    again = worker(Trained(), "regularized_evolution", out=tmp_path / "old", resume=True).search()
    assert again.to_json() == whole.to_json()


def test_a_repeat_costs_nothing():
    """The cost of an architecture that comes again was counted again."""

    class Repeats(Trained):
        metrics = ("analog_accuracy", "seconds")

        def evaluate(self, population, metrics):
            found = super().evaluate(population, ["analog_accuracy"])
            return Evaluation({**found.means, "seconds": np.ones(len(population))})

    class Twice(OPTIMIZERS.get("random_search")):
        def ask(self):
            rows = super().ask()
            return np.concatenate([rows, rows])

    evaluator = Repeats()
    result = Worker(
        evaluator=evaluator,
        optimizer=Twice(batch_size=5),
        objectives="analog_accuracy",
        cost_metric="seconds",
        max_cost=20.0,
        runs=1,
    ).search()
    assert len(evaluator.asked) == 20
    assert result.runs[0].stopped_by == "cost"


def test_a_function_may_be_bounded_by_what_its_space_counts(tmp_path):
    """The function is called for networks that meet the bound alone, and need not count them."""
    space, seen = SPACES.get("resnet")(), SimpleNamespace(archs=[])

    def deep(arch):
        seen.archs.append(arch)
        return arch["M"]

    evaluator = evaluator_from(deep, space, {"depth": "max"})
    search = {"optimizer": "random_search", "constraints": "params<=1e5", "runs": 1, "seed": 1}
    result = Worker(
        space, evaluator=evaluator, objectives="depth", budget=5, out=tmp_path / "a", **search
    ).search()
    assert len(seen.archs) == 5
    assert (space.params(space.population(seen.archs)) <= 1e5).all()
    assert result.feasible
    more = Worker.resume(tmp_path / "a", evaluator=evaluator, budget=8).search()
    assert (more.runs[0].n_distinct, len(seen.archs)) == (8, 8)
    with pytest.raises(UnknownNameError, match="Unknown metric 'analog_accuracy'"):
        Worker(space, evaluator=evaluator, objectives="depth", constraints="analog_accuracy>=80")
