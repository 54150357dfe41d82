import json
import sqlite3
import statistics
from contextlib import closing

import numpy as np
import pytest
import torch

from analognas.core import InvalidArgumentError, OutputFolderError, ResumeError, UnknownNameError
from analognas.evaluators import Evaluation, Evaluator, TableEvaluator
from analognas.optimizers import Optimizer, RandomSearch, RegularizedEvolution
from analognas.search import Worker, read_trials
from analognas.spaces import SPACES


class Interrupt(Evaluator):
    """Passes on to the table and is interrupted after some evaluations."""

    def __init__(self, table, after):
        self.inner, self.space, self.left = TableEvaluator(table), table.space, after

    metrics = property(lambda self: self.inner.metrics)
    metrics_with_sem = property(lambda self: self.inner.metrics_with_sem)

    def evaluate(self, population, metrics):
        self.left -= len(population)
        if self.left < 0:
            raise KeyboardInterrupt
        return self.inner.evaluate(population, metrics)

    def identity(self):
        return self.inner.identity()

    def true_values(self, population, metric):
        return self.inner.true_values(population, metric)

    def reads_once(self, metric):
        return self.inner.reads_once(metric)

    def report(self, row):
        return self.inner.report(row)


class Repeating(Optimizer):
    """Proposes few architectures over and over."""

    name = "repeating"

    def __init__(self, distinct, batch_size=6):
        super().__init__(batch_size=batch_size)
        self.distinct = distinct
        self.told = []

    def hyperparameters(self):
        return {"distinct": self.distinct, "batch_size": self.batch_size}

    def ask(self):
        return self.space.from_codes(self.generator.integers(self.distinct, size=self.batch_size))

    def tell(self, population, evaluation):
        self.told.append((population, evaluation))

    def _start(self):
        self.told = []


def worker_of(bench, **options):
    settings = {"optimizer": "regularized_evolution", "runs": 2, "budget": 60, **options}
    return Worker(evaluator=TableEvaluator(bench), **settings)


def test_budget_is_in_distinct_architectures(bench):
    for budget in (1, 9, 10, 11, 60):
        for run in worker_of(bench, budget=budget).search().runs:
            assert run.n_distinct == budget == len(run.population)
            assert run.stopped_by == "budget"


def test_results_are_the_table_values(bench, space):
    result = worker_of(bench, constraints="params<=5e5").search()
    for run in result.runs:
        expected = bench.query(run.population, ["analog_drift_2592000", "params"])
        np.testing.assert_array_equal(
            run.evaluation.means["analog_drift_2592000"], expected["analog_drift_2592000"]
        )
        np.testing.assert_array_equal(run.violation == 0, expected["params"] <= 5e5)
        feasible = expected["analog_drift_2592000"][expected["params"] <= 5e5]
        assert run.best_value(result.problem) == feasible.max() == run.best_so_far()[-1]
    best = result.winners[0]
    assert best["metrics"]["params"] <= 5e5
    ranked = [cell["estimate"]["estimate"] for cell in result.winners]
    assert ranked == sorted(ranked, reverse=True)
    assert len({tuple(cell["architecture"]) for cell in result.winners}) == 5


def test_minimised_objective(bench):
    result = worker_of(bench, objectives="avm", constraints="analog_drift_60>=80").search()
    curves = result.convergence()
    finite = curves[np.isfinite(curves).all(axis=1)] if np.isfinite(curves).any() else curves
    assert (np.diff(np.nan_to_num(finite, nan=1e9)) <= 0).all()
    best = result.winners[0]
    assert best["estimate"]["estimate"] > np.nanmin(curves)  # of a lucky reading
    assert best["estimate"]["low"] < best["estimate"]["estimate"] < best["estimate"]["high"]
    estimates = [cell["estimate"]["estimate"] for cell in result.winners]
    assert estimates == sorted(estimates)


def test_same_seed_same_result(bench):
    first = worker_of(bench, seed=4).search().to_json()
    assert first == worker_of(bench, seed=4).search().to_json()
    assert first != worker_of(bench, seed=5).search().to_json()
    # A run does not depend on how many others there are.
    alone = worker_of(bench, seed=4, runs=1).search().to_json()
    assert alone["runs"][0] == first["runs"][0]


@pytest.mark.parametrize("after", [0, 1, 10, 37, 60, 75, 119])
@pytest.mark.parametrize(
    "optimizer", [RegularizedEvolution(batch_size=7), RandomSearch(), Repeating(200)]
)
def test_interrupted_and_resumed_equals_uninterrupted(bench, tmp_path, after, optimizer):
    whole = worker_of(bench, optimizer=optimizer, out=tmp_path / "whole")
    whole.search()
    part = Worker(
        evaluator=Interrupt(bench, after),
        optimizer=optimizer,
        runs=2,
        budget=60,
        out=tmp_path / "part",
    )
    with pytest.raises(KeyboardInterrupt):
        part.search()
    assert not (tmp_path / "part" / "best.json").exists()
    resumed = Interrupt(bench, 10**9)
    again = Worker(
        evaluator=resumed,
        optimizer=optimizer,
        runs=2,
        budget=60,
        out=tmp_path / "part",
        resume=True,
    )
    again.search()
    left, right = tmp_path / "whole", tmp_path / "part"
    assert (left / "best.json").read_bytes() == (right / "best.json").read_bytes()
    assert logged(left) == logged(right)
    # What the log held was not evaluated again.
    assert 10**9 - resumed.left <= 120 - after + 2 * optimizer.batch_size


def logged(folder):
    columns = "run, number, batch, new, genotype, analog_drift_2592000, analog_drift_2592000_sem"
    with closing(sqlite3.connect(folder / "trials.sqlite")) as connection:
        return connection.execute(f"SELECT {columns} FROM trials ORDER BY run, number").fetchall()


def test_resume_with_larger_budget_and_more_runs(bench, tmp_path):
    worker_of(bench, budget=33, runs=1, out=tmp_path / "a").search()
    worker_of(bench, budget=60, runs=2, out=tmp_path / "a", resume=True).search()
    worker_of(bench, budget=60, runs=2, out=tmp_path / "b").search()
    assert (tmp_path / "a" / "best.json").read_bytes() == (
        tmp_path / "b" / "best.json"
    ).read_bytes()
    assert [row[4] for row in logged(tmp_path / "a")] == [row[4] for row in logged(tmp_path / "b")]


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (
            {"budget": 33},
            {"budget": 32},
            "`budget` must be at least 33, as it was .* got 32: a search",
        ),
        ({"runs": 2}, {"runs": 1}, "`runs` must be at least 2, .* but got 1"),
        ({"max_seconds": 0.02}, {"budget": 5000}, "`budget` must be unlimited, .* but got 5000"),
        (
            {"max_cost": 1e9},
            {"max_cost": 9e8},
            "`max_cost` must be at least 1000000000.0, .* got 9",
        ),
    ],
)
def test_smaller_searches_do_not_resume_a_log(tmp_path, before, now, message):
    def settings(more):
        plain = {"optimizer": "random_search", "runs": 1, "out": tmp_path / "a", **more}
        return plain | ({"cost_metric": "macs"} if "max_cost" in more else {})

    Worker(**settings(before)).search()
    files = {name: (tmp_path / "a" / name).read_bytes() for name in ("best.json", "trials.sqlite")}
    with pytest.raises(ResumeError, match=message):
        Worker(**settings({**before, **now} if "budget" in before else now), resume=True).search()
    assert {name: (tmp_path / "a" / name).read_bytes() for name in files} == files


def test_a_limit_that_is_lifted_is_forgotten(bench, tmp_path):
    limited = {"max_cost": 1e9, "cost_metric": "macs"}
    worker_of(bench, runs=1, out=tmp_path / "a", **limited).search()
    free = worker_of(bench, runs=1, out=tmp_path / "a", cost_metric="macs", resume=True)
    assert free.search().runs[0].stopped_by == "budget"
    settings = read_trials(tmp_path / "a").settings
    assert settings["max_cost"] is None
    with pytest.raises(ResumeError, match="`max_cost` must be unlimited"):
        worker_of(bench, runs=1, out=tmp_path / "a", resume=True, **limited).search()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "its seed is 0, but this search has 1"),
        ({"optimizer": "random_search"}, "its optimizer is"),
        ({"objectives": "avm"}, "its objectives is"),
        ({"constraints": "params<=1e6"}, "its constraints is"),
    ],
)
def test_log_of_another_search_is_refused_and_untouched(bench, tmp_path, change, message):
    worker_of(bench, out=tmp_path / "a").search()
    before = (tmp_path / "a" / "trials.sqlite").read_bytes()
    with pytest.raises(ResumeError, match=message):
        worker_of(bench, out=tmp_path / "a", resume=True, **change).search()
    assert (tmp_path / "a" / "trials.sqlite").read_bytes() == before


def test_log_with_other_trials_is_refused(bench, tmp_path, rewrite_log):
    worker_of(bench, out=tmp_path / "a").search()
    rewrite_log(
        tmp_path / "a",
        "UPDATE trials SET genotype = '[0, 0, 0, 0, 0, 1]' WHERE run = 1 AND number = 23",
    )
    with pytest.raises(
        ResumeError, match=r"Trial 23 of run 1 in the log is \[0, 0, 0, 0, 0, 1\], but"
    ):
        worker_of(bench, out=tmp_path / "a", resume=True).search()


def test_repeats_cost_nothing_and_get_the_same_values(bench):
    evaluator = Interrupt(bench, 10**6)
    optimizer = Repeating(30)
    worker = Worker(evaluator=evaluator, optimizer=optimizer, runs=1, budget=30)
    run = worker.search().runs[0]
    assert run.n_distinct == 30 == 10**6 - evaluator.left
    assert len(run.population) > 30
    codes = bench.space.codes(run.population)
    np.testing.assert_array_equal(np.sort(codes[run.new]), np.arange(30))
    for population, evaluation in optimizer.told:
        expected = bench.query(population, "analog_drift_2592000")["analog_drift_2592000"]
        np.testing.assert_array_equal(evaluation.means["analog_drift_2592000"], expected)


def test_stalled_and_exhausted_runs_end(bench):
    stalled = Worker(
        evaluator=TableEvaluator(bench), optimizer=Repeating(5, 500), runs=1, budget=50
    ).search()
    assert (stalled.runs[0].stopped_by, stalled.runs[0].n_distinct) == ("stalled", 5)
    every = worker_of(bench, optimizer=RandomSearch(batch_size=900), runs=1, budget=20_000).search()
    assert (every.runs[0].stopped_by, every.runs[0].n_distinct) == ("exhausted", 15_625)
    assert every.finals() == [90.0]


class Unmeasured(TableEvaluator):
    """Knows two metrics, each of which is missing where it must be."""

    def __init__(self, table, missing):
        super().__init__(table)
        self.missing = missing

    def evaluate(self, population, metrics):
        found = super().evaluate(population, metrics)
        even = population.sum(axis=1) % 2 == 0
        for name, of_even in self.missing.items():
            if name in found.means:
                lost = True if of_even is None else even == of_even
                found.means[name] = np.where(lost, np.nan, found.means[name])
        return found

    def report(self, row):
        report = super().report(row)
        return {
            **report,
            "metrics": {n: v for n, v in report["metrics"].items() if n not in self.missing},
        }


@pytest.mark.parametrize(
    ("missing", "objectives", "constraints", "message"),
    [
        ({"avm": None}, "avm", (), "can be chosen: none of 9 has a value of avm."),
        ({"avm": None}, "params", "avm<=1", "can be chosen: none of 9 has a value of avm."),
        (
            {"avm": True, "params": False},
            ["avm", "params"],
            (),
            "can be chosen: none of 9 has values of avm and params together.",
        ),
        (
            {"avm": True, "params": False},
            "avm",
            "params<=5",
            "No architecture met params<=5; the nearest is",
        ),
    ],
)
def test_what_was_not_measured_cannot_be_chosen(bench, missing, objectives, constraints, message):
    evaluator = Unmeasured(bench, missing)
    result = Worker(
        evaluator=evaluator, objectives=objectives, constraints=constraints, runs=1, budget=9
    ).search()
    assert not result.feasible
    assert message in result.summary()


def test_nothing_feasible_names_the_nearest(bench):
    result = worker_of(bench, constraints="params<=5").search()
    assert not result.feasible
    assert "No architecture met params<=5; the nearest is" in result.summary()
    payload = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert payload["feasible"] is False
    assert payload["over_runs"] == {"n": 0, "mean": None, "std": None}
    assert payload["best"]["feasible"] is False
    assert payload["best"]["metrics"]["params"] == 73_306
    assert np.isnan(result.convergence()).all()


@pytest.mark.parametrize("objective", ["analog_drift_2592000", "avm"])
def test_progress_tells_the_best_of_all_runs_so_far(bench, objective):
    seen = []
    worker = worker_of(bench, runs=4, objectives=objective, on_progress=seen.append)
    result = worker.search()
    last = [[p for p in seen if p.run == run][-1] for run in range(4)]
    assert [progress.n_distinct for progress in last] == [60] * 4
    best = np.minimum if objective == "avm" else np.maximum
    finals = [run.best_value(result.problem) for run in result.runs]
    assert [progress.best for progress in last] == best.accumulate(finals).tolist()


def test_winners_meet_the_constraints_if_anything_does(bench):
    constraints = ["params<=102000", "analog_drift_60>=84.6"]
    result = worker_of(bench, constraints=constraints, budget=40, runs=5, seed=0).search()
    assert 0 < len(result.finals()) < 5  # some runs find something, some do not
    assert 0 < len(result.winners) < 5
    for cell in result.winners:
        assert cell["feasible"]
        assert cell["metrics"]["params"] <= 102_000
        assert cell["metrics"]["analog_drift_60"] >= 84.6
    failed = 5 - len(result.finals())
    assert f"{failed} of 5 runs found nothing that meets the constraints" in result.summary()
    assert result.to_json()["over_runs"]["n"] == len(result.finals())


class Partial(Interrupt):
    """Has not measured every architecture."""

    def evaluate(self, population, metrics):
        evaluation = super().evaluate(population, metrics)
        unmeasured = population[:, 0] == 2
        for values in evaluation.means.values():
            values[unmeasured] = np.nan
        return evaluation


def test_what_was_not_measured_does_not_win(bench, tmp_path):
    out = tmp_path / "a"
    worker = Worker(evaluator=Partial(bench, 10**9), runs=2, budget=24, out=out)
    result = worker.search()
    assert all(cell["architecture"][0] != 2 for cell in result.winners)
    assert np.isfinite(result.finals()).all()
    first = (out / "best.json").read_bytes()
    resumed = Worker(evaluator=Partial(bench, 10**9), runs=2, budget=24, out=out, resume=True)
    resumed.search()
    assert (out / "best.json").read_bytes() == first


def test_interrupted_resume_leaves_no_stale_result(bench, tmp_path):
    worker_of(bench, out=tmp_path / "a").search()
    part = Worker(
        optimizer="regularized_evolution",
        evaluator=Interrupt(bench, 5),
        runs=2,
        budget=90,
        out=tmp_path / "a",
        resume=True,
    )
    with pytest.raises(KeyboardInterrupt):
        part.search()
    assert not (tmp_path / "a" / "best.json").exists()


def test_failed_start_leaves_no_folder(bench, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OutputFolderError("disk full")

    monkeypatch.setattr("analognas.search.TrialLog.create", fail)
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(OutputFolderError, match="disk full"):
            worker_of(bench, out=tmp_path / name).search()
    assert [entry.name for entry in tmp_path.iterdir()] == ["empty"]


def test_spread_over_runs_is_the_sample_standard_deviation(bench):
    result = worker_of(bench, runs=4, budget=30).search()
    finals = [run.best_value(result.problem) for run in result.runs]
    assert len(set(finals)) > 1
    over_runs = result.to_json()["over_runs"]
    assert over_runs["mean"] == pytest.approx(statistics.mean(finals))
    assert over_runs["std"] == pytest.approx(statistics.stdev(finals))
    assert f"{statistics.mean(finals):.2f} ± {statistics.stdev(finals):.2f} %" in result.summary()


class Parameters(Evaluator):
    """Counts parameters in any space that can."""

    metrics, metrics_with_sem = ["params"], []

    def __init__(self, space):
        self.space = space

    def identity(self):
        return {"counts": "parameters"}

    def evaluate(self, population, metrics):
        return Evaluation({"params": self.space.params(population).astype(float)}, {})

    def report(self, row):
        return {"metrics": {"params": float(self.space.params(row[None])[0])}}


@pytest.mark.parametrize(
    ("name", "shown"), [("resnet_kws", "out_channel0=8, M=1, R1="), ("fbnet", "(8, ")]
)
def test_search_in_spaces_without_a_table(name, shown, capsys, tmp_path):
    space = SPACES.get(name)()
    settings = {
        "optimizer": "regularized_evolution",
        "evaluator": Parameters(space),
        "objectives": "params",
        "runs": 2,
        "out": tmp_path / "out",
    }
    worker = Worker(name, **settings, budget=300)
    worker.search()
    worker.result_summary()
    assert f"Best architecture {shown}" in capsys.readouterr().out
    x = torch.zeros(2, *space.input_shape)
    assert worker.best_arch(x).shape == (2, space.n_classes)
    longer = Worker(name, **settings, budget=400, resume=True).search()
    assert longer.finals() <= worker.result.finals()


def test_best_arch_and_summary(bench, capsys):
    worker = worker_of(bench)
    with pytest.raises(InvalidArgumentError, match=r"call search\(\) first"):
        worker.result_summary()
    result = worker.search()
    worker.result_summary()
    assert capsys.readouterr().out.startswith(f"Best architecture {worker.best_config} of run ")
    assert worker.best_config == tuple(result.winners[0]["architecture"])
    assert isinstance(worker.best_arch, torch.nn.Module)
    assert worker.best_arch.arch == worker.best_config


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"budget": 0},
            InvalidArgumentError,
            "`budget` must be an integer of at least 1 or null, but got 0",
        ),
        ({"budget": 1.5}, InvalidArgumentError, "`budget`"),
        ({"runs": -1}, InvalidArgumentError, "`runs`"),
        ({"seed": -1}, InvalidArgumentError, "`seed`"),
        ({"objectives": "acc"}, UnknownNameError, "Unknown metric 'acc'"),
        (
            {"objectives": ["avm", "params"], "optimizer": "local_search"},
            InvalidArgumentError,
            "takes one objective",
        ),
        (
            {"objectives": ["avm", "avm"]},
            InvalidArgumentError,
            "must differ, but got 'avm' twice",
        ),
        ({"objectives": []}, InvalidArgumentError, "`objectives` must be a list"),
        ({"objectives": ["avm", "aimc_tiles"]}, UnknownNameError, "Unknown metric 'aimc_tiles'"),
        (
            {"objectives": "avm", "optimizer": "nsga3"},
            InvalidArgumentError,
            "at least two objectives",
        ),
        (
            {"optimizer": "regular_evolution"},
            UnknownNameError,
            "Did you mean 'regularized_evolution'",
        ),
        (
            {"space": "resnet51"},
            UnknownNameError,
            "Unknown space 'resnet51'. Did you mean 'resnet'",
        ),
        (
            {"space": "resnet"},
            InvalidArgumentError,
            "scores the space 'nasbench201', but .* 'resnet'",
        ),
        ({"constraints": "params"}, InvalidArgumentError, "Cannot read the constraint"),
        ({"resume": True}, InvalidArgumentError, "`resume` needs `out`"),
        ({"constraints": 5}, InvalidArgumentError, "`constraints` must be a bound"),
        ({"optimizer": RandomSearch}, InvalidArgumentError, "`optimizer` must be an object"),
        ({"space": 5}, InvalidArgumentError, "`space` must be an object"),
    ],
)
def test_bad_settings(bench, options, error, message):
    with pytest.raises(error, match=message):
        worker_of(bench, **options)


def test_occupied_folder(bench, tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(OutputFolderError, match="not empty"):
        worker_of(bench, out=tmp_path).search()
