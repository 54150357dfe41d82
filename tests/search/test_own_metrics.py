"""Metrics that an evaluator declares itself: they work in the search, its log, figures and the reading of trials."""

import json
import sqlite3

import numpy as np
import pytest

from analognas.core import METRICS, InvalidArgumentError, Metric, ResumeError
from analognas.evaluators import CombinedEvaluator, CountEvaluator, Evaluation, Evaluator
from analognas.report import write_search_report
from analognas.search import Worker, export_trials, read_trials
from analognas.spaces import NASBench201Space


class Scores(Evaluator):
    """Two scores without a place in the vocabulary; each architecture asked for is counted."""

    metrics = ("naswot", "latency_us")
    metrics_with_sem = ()

    def __init__(self, definitions, space=None):
        self.space = space or NASBench201Space()
        self._definitions = definitions
        self.n_asked = 0

    @property
    def metric_definitions(self):
        return self._definitions

    def evaluate(self, population, metrics):
        self.n_asked += len(population)
        values = {
            "naswot": population.sum(axis=1) / 24,
            "latency_us": 0.25 + population.max(axis=1),
        }
        return Evaluation({name: values[name] for name in metrics})

    def identity(self):
        return {"name": "scores"}

    def report(self, row):
        means = self.evaluate(row[None], self.metrics).means
        return {"metrics": {name: float(values[0]) for name, values in means.items()}}


DECLARED = (
    Metric("naswot", "", True, "trainless score"),
    Metric("latency_us", "us", False, "time on my board"),
)


def search(out, definitions=DECLARED, **settings):
    given = {"objectives": "latency_us", "constraints": ["naswot>=0.4"], "runs": 2, "budget": 30}
    return Worker(
        evaluator=Scores(definitions),
        optimizer="regularized_evolution",
        out=out,
        **{**given, **settings},
    )


def test_declared_metrics_work_everywhere(tmp_path):
    before = dict(METRICS)
    result = search(tmp_path / "a").search()
    assert result.problem.sign == -1
    best = result.winners[0]["metrics"]
    assert best["latency_us"] == min(run.best_value(result.problem) for run in result.runs)
    assert f"latency_us {best['latency_us']:.4g} us" in result.summary()
    assert "lowest `latency_us` (time on my board)" in write_and_read(result, tmp_path / "a")
    trials = read_trials(tmp_path / "a")
    assert trials.definition("latency_us") == DECLARED[1]
    first = trials.take(trials.best_first()[:1])
    assert first.values["latency_us"][0] == best["latency_us"]
    assert dict(METRICS) == before


def write_and_read(result, folder):
    write_search_report(result, folder)
    return (folder / "summary.md").read_text()


def test_several_declared_objectives(tmp_path):
    both = ["naswot", "latency_us"]
    worker = Worker(
        evaluator=Scores(DECLARED), objectives=both, runs=1, budget=16, out=tmp_path / "a"
    )
    result = worker.search()
    values = np.array([[cell["metrics"][name] for name in both] for cell in result.front])
    # More of one costs more of the other.
    assert (np.diff(values[np.argsort(values[:, 0]), 1]) >= 0).all()
    assert "0." in result.summary()
    write_and_read(result, tmp_path / "a")
    assert (tmp_path / "a" / "pareto.png").exists()


def test_they_work_beside_others_and_as_costs(tmp_path):
    scores = Scores(DECLARED)
    both = CombinedEvaluator([scores, CountEvaluator(scores.space)])
    assert {metric.name for metric in both.metric_definitions} == {*both.metrics}
    worker = Worker(
        evaluator=both,
        objectives="naswot",
        constraints="params<=1e6",
        cost_metric="latency_us",
        max_cost=20.0,
        runs=1,
        out=tmp_path / "a",
    )
    assert worker.search().runs[0].stopped_by == "cost"
    assert read_trials(tmp_path / "a").definition("latency_us").unit == "us"


def test_an_undeclared_objective_costs_no_evaluation():
    evaluator = Scores(())
    with pytest.raises(InvalidArgumentError, match=r"'naswot'.*metric_definitions"):
        Worker(evaluator=evaluator, objectives="naswot")
    assert evaluator.n_asked == 0
    # A bound and a cost tell their own direction.
    worker = Worker(
        evaluator=CombinedEvaluator([CountEvaluator(evaluator.space), evaluator]),
        objectives="params",
        constraints="naswot>=0.4",
        cost_metric="latency_us",
        budget=5,
        runs=1,
    )
    assert worker.problem.metric("naswot").higher_is_better
    assert worker.search().feasible


@pytest.mark.parametrize(
    ("definitions", "match"),
    [
        ((*DECLARED, Metric("naswot", "%", True)), "different names"),
        ((*DECLARED, Metric("Naswot", "%", True)), "different names"),
        (("naswot", "latency_us"), "must be declared as Metric"),
    ],
)
def test_bad_declarations(definitions, match):
    with pytest.raises(InvalidArgumentError, match=match):
        Worker(evaluator=Scores(definitions), objectives="naswot")


@pytest.mark.parametrize("name", ["time", "Genotype"])
def test_no_metric_takes_the_name_of_a_column(name):
    evaluator = Scores((Metric(name, "", True),))
    evaluator.metrics = (name,)
    with pytest.raises(InvalidArgumentError, match="column of the trial log"):
        Worker(evaluator=evaluator, objectives=name)


def test_resuming_with_another_direction_is_refused(tmp_path):
    search(tmp_path / "a").search()
    search(tmp_path / "a", resume=True, budget=35).search()
    turned = (DECLARED[0], Metric("latency_us", "us", True, "time on my board"))
    with pytest.raises(ResumeError, match=r"'latency_us' has the higher_is_better False"):
        search(tmp_path / "a", turned, resume=True, budget=40).search()
    other = (DECLARED[0], Metric("latency_us", "ms", False))
    with pytest.raises(ResumeError, match="unit 'us'"):
        search(tmp_path / "a", other, resume=True, budget=40).search()
    # What it says for people may change.
    told = (DECLARED[0], Metric("latency_us", "us", False, "another text"))
    search(tmp_path / "a", told, resume=True, budget=40).search()
    assert read_trials(tmp_path / "a").definition("latency_us").description == "another text"


def test_logs_without_definitions_are_read(tmp_path, rewrite_log):
    search(tmp_path / "a").search()
    rewrite_log(
        tmp_path / "a",
        "DELETE FROM search WHERE key = 'metrics'",
        """UPDATE search SET value = '["board_latency"]' WHERE key = 'objectives'""",
        'ALTER TABLE trials RENAME COLUMN latency_us TO "board_latency"',
        'ALTER TABLE set_aside RENAME COLUMN latency_us TO "board_latency"',
    )
    trials = read_trials(tmp_path / "a")
    assert trials.definition("board_latency").unit == "ms"
    best = trials.best_first()[0]
    assert (
        trials.values["board_latency"][best]
        == trials.values["board_latency"][trials.violation == 0].min()
    )


def test_the_direction_of_an_exported_study(tmp_path):
    pytest.importorskip("optuna")
    import optuna

    search(tmp_path / "a").search()
    file = export_trials(read_trials(tmp_path / "a"), tmp_path / "study.db")
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{file}")
    assert [direction.name for direction in study.directions] == ["MINIMIZE"]


def test_what_the_log_says_is_plain_json(tmp_path):
    search(tmp_path / "a").search()
    with sqlite3.connect(tmp_path / "a" / "trials.sqlite") as log:
        ((text,),) = log.execute("SELECT value FROM search WHERE key = 'metrics'").fetchall()
    assert json.loads(text)[0] == {
        "name": "latency_us",
        "unit": "us",
        "higher_is_better": False,
        "description": "time on my board",
    }
