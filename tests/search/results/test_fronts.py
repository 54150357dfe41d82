"""Searches with several objectives: the non-dominated set, its quality, and what is written of it."""

import json

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Scale, TableEvaluator, hypervolume, igd_plus
from analognas.report import pareto_figure, write_search_report
from analognas.search import Worker

GOALS = ["analog_drift_2592000", "avm", "params"]


@pytest.fixture(scope="module")
def worker(bench):
    return Worker(
        optimizer="pareto_evolution",
        evaluator=TableEvaluator(bench),
        objectives=GOALS,
        constraints="avm>=0",
        runs=3,
        budget=70,
        seed=2,
    )


@pytest.fixture(scope="module")
def result(worker):
    return worker.search()


def feasible_costs(result, runs=None):
    problem = result.problem
    return np.concatenate(
        [problem.costs(run.evaluation)[run.violation == 0] for run in runs or result.runs]
    )


def test_the_front_is_the_non_dominated_set_of_all_runs(result, bench):
    costs = feasible_costs(result)
    best = {
        tuple(row)
        for row in costs
        if not any((other <= row).all() and (other < row).any() for other in costs)
    }
    found = [[cell["metrics"][name] for name in GOALS] for cell in result.front]
    assert {tuple(row) for row in result.problem.in_own_units(np.array(found)).tolist()} == best
    assert result.winners == result.front
    assert len({tuple(cell["architecture"]) for cell in result.front}) == len(result.front)
    assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)
    for cell in result.front:
        assert cell["feasible"]
        assert cell["metrics"]["avm"] >= 0
        row = bench.query([tuple(cell["architecture"])], GOALS)
        assert [row[name][0] for name in GOALS] == [cell["metrics"][name] for name in GOALS]


def test_hypervolume_of_each_run(result):
    scale = Scale.of(feasible_costs(result))
    curves = result.hypervolume()
    assert curves.shape == (3, 70)
    assert (np.diff(curves, axis=1) >= 0).all()
    for run, curve in zip(result.runs, curves, strict=True):
        assert curve[-1] == pytest.approx(hypervolume(feasible_costs(result, [run]), scale))
    given = result.hypervolume(
        ideal=result.problem.in_own_units(scale.ideal),
        nadir=result.problem.in_own_units(scale.nadir),
    )
    np.testing.assert_array_equal(given, curves)
    wide = result.hypervolume(ideal=[100, 0, 0], nadir=[0, 100, 1e7])
    assert (wide[:, -1] > 1).all()


def test_distance_to_a_known_front(result):
    known = result.problem.in_own_units(feasible_costs(result))
    curves = result.igd_plus(known)
    assert curves.shape == (3, 70)
    assert np.nanmin(curves) >= 0
    assert (np.diff(curves, axis=1)[~np.isnan(curves[:, :-1])] <= 0).all()
    own = feasible_costs(result, [result.runs[0]])
    assert result.igd_plus(result.problem.in_own_units(own))[0, -1] == 0
    assert curves[1, -1] == pytest.approx(
        igd_plus(
            feasible_costs(result, [result.runs[1]]),
            feasible_costs(result),
            Scale.of(feasible_costs(result)),
        )
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ideal": [90, 0, 1]}, "go together"),
        ({"ideal": [90, 0], "nadir": [80, 3]}, "`ideal` must be 3 finite values"),
        ({"ideal": [90, 0, 1], "nadir": [80, np.nan, 2]}, "`nadir` must be 3 finite values"),
        ({"ideal": [80, 0, 1], "nadir": [90, 3, 2]}, "worse in 'analog_drift_2592000'"),
    ],
)
def test_bad_scales(result, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        result.hypervolume(**options)


@pytest.mark.parametrize("front", [[], [[1.0, 2.0]], [1.0, 2.0, 3.0], [[1.0, np.nan, 2.0]]])
def test_bad_reference_fronts(result, front):
    with pytest.raises(InvalidArgumentError, match="`reference` must be finite values of shape"):
        result.igd_plus(front)


def test_json_and_summary(worker, result, capsys):
    payload = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert payload["objectives"] == GOALS
    assert payload["front"] == json.loads(json.dumps(list(result.front)))
    assert payload["best"] == payload["front"][0]
    volume = payload["hypervolume"]
    assert volume["reference"] == 1.1
    assert volume["mean_of_runs"] == pytest.approx(result.hypervolume()[:, -1].mean())
    assert volume["ideal"]["params"] <= volume["nadir"]["params"]
    assert volume["ideal"]["analog_drift_2592000"] >= volume["nadir"]["analog_drift_2592000"]
    assert [run["hypervolume"] for run in payload["runs"]] == result.hypervolume()[:, -1].tolist()
    worker.result_summary()
    text = capsys.readouterr().out
    assert text.startswith("architecture")
    assert f"Non-dominated set of {len(result.front)} architectures from 3 runs" in text
    assert worker.best_config == tuple(result.front[0]["architecture"])


def test_one_objective_has_a_front_too(bench):
    table = TableEvaluator(bench)
    result = Worker(optimizer="random_search", evaluator=table, runs=2, budget=50).search()
    assert result.front[0] == result.winners[0]
    best = result.winners[0]["metrics"]["analog_drift_2592000"]
    assert all(cell["metrics"]["analog_drift_2592000"] == best for cell in result.front)
    assert "front" not in result.to_json()
    curve = result.hypervolume(ideal=[90], nadir=[80])[0]
    np.testing.assert_allclose(
        curve, np.maximum(1.1 - (90 - result.convergence()[0]) / 10, 0), atol=1e-12
    )


def test_nothing_feasible(bench, tmp_path):
    worker = Worker(
        evaluator=TableEvaluator(bench),
        objectives=GOALS,
        constraints="params<=5",
        runs=1,
        budget=20,
    )
    result = worker.search()
    assert result.front == ()
    assert len(result.winners) == 5
    assert "No architecture met params<=5; the nearest is" in result.summary()
    payload = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (payload["feasible"], payload["front"], len(payload["nearest"])) == (False, [], 5)
    assert (result.hypervolume(ideal=[90, 0, 0], nadir=[0, 9, 1e6]) == 0).all()
    with pytest.raises(InvalidArgumentError, match="at least one feasible point"):
        result.hypervolume()
    files = write_search_report(result, tmp_path)
    assert "pareto.png" not in [file.name for file in files]
    with pytest.raises(InvalidArgumentError, match="no feasible architectures"):
        pareto_figure(result)


@pytest.mark.parametrize("optimizer", ["pareto_evolution", "nsga2", "nsga3", "random_search"])
def test_interrupted_and_resumed_equals_uninterrupted(bench, tmp_path, optimizer):
    def search(folder, budget, resume=False):
        return Worker(
            optimizer=optimizer,
            evaluator=TableEvaluator(bench),
            objectives=GOALS,
            runs=2,
            budget=budget,
            out=tmp_path / folder,
            resume=resume,
        ).search()

    search("whole", 90)
    search("part", 37)
    search("part", 90, resume=True)
    assert (tmp_path / "whole/best.json").read_bytes() == (tmp_path / "part/best.json").read_bytes()


def test_hardware_metrics_without_a_table_of_accuracies():
    result = Worker(
        "fbnet",
        optimizer="pareto_evolution",
        objectives=["params", "aimc_tiles"],
        constraints="macs<=8e7",
        runs=1,
        budget=60,
    ).search()
    assert result.front
    for cell in result.front:
        assert cell["metrics"]["macs"] <= 8e7


def test_the_summary_counts_evaluations_that_miss_the_constraints(bench):
    table = TableEvaluator(bench)
    options = {"optimizer": "random_search", "evaluator": table, "runs": 2, "budget": 40}
    result = Worker(constraints="analog_drift_60>=85", **options).search()
    missed = sum(int((run.evaluation.means["analog_drift_60"] < 85).sum()) for run in result.runs)
    assert 8 < missed < 80
    assert f"{missed} of 80 evaluations did not meet the constraints" in result.summary()
    assert "did not meet" not in Worker(**options).search().summary()
