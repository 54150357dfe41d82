import json

import numpy as np
import pytest

from analognas.evaluators import Evaluation, NoisyTableEvaluator, Problem, TableEvaluator
from analognas.optimizers import NoiseAware
from analognas.report import write_search_report
from analognas.search import Standings, Worker
from analognas.spaces import encode_features

NAME = "analog_drift_2592000"
METRICS = [NAME, "avm", "params"]


def standings_of(space, codes, values, sems, **options):
    objective = options.pop("objective", NAME)
    problem = Problem.of(objective, (), METRICS, stochastic=options.pop("stochastic", True))
    evaluation = Evaluation(
        {objective: np.array(values, dtype=float)}, {objective: np.array(sems, dtype=float)}
    )
    return Standings(space, problem, space.from_codes(codes), evaluation, **options)


def test_readings_are_pooled_and_rank(space):
    standings = standings_of(space, [5, 9, 5, 9, 2], [90, 89, 87, 89, 70], [1, 0.1, 1, 0.1, 0.1])
    assert standings.first.tolist() == [0, 1, 4]
    assert standings.of_trial.tolist() == [0, 1, 0, 1, 2]
    winner = int(standings.best_first()[0])
    estimate = standings.estimate(winner)
    assert winner == 1  # one lucky reading of the other does not win
    assert estimate.n_readings == 2
    assert estimate.mean == pytest.approx(89)
    assert estimate.sem == pytest.approx(0.1 / 2**0.5)
    assert estimate.low < estimate.estimate < estimate.high
    assert standings.estimate(2) is None  # out of the race
    comparison = standings.comparison(winner, int)
    assert [rival["architecture"] for rival in comparison.rivals] == [0]
    assert 0 < comparison.rivals[0]["probability_better"] < 0.5


def test_without_new_measurements_values_rank_and_repeats_do_not_count(space):
    standings = standings_of(space, [5, 9, 5], [90, 89.9, 90], [1, 0.1, 1], stochastic=False)
    assert standings.best_first().tolist() == [0, 1]
    assert standings.evaluation.means[NAME].tolist() == [90, 89.9]
    estimate = standings.estimate(0)
    assert estimate.n_readings == 1
    assert estimate.sem == 1.0


def test_minimising_mirrors_maximising(space):
    codes, values, sems = [1, 2, 3], np.array([3.0, 3.2, 2.5]), [0.2, 0.3, 0.4]
    up = standings_of(space, codes, values, sems)
    down = standings_of(space, codes, -values, sems, objective="avm")
    assert down.best_first().tolist() == up.best_first().tolist()
    for position in range(3):
        one, other = up.estimate(position), down.estimate(position)
        assert other.estimate == pytest.approx(-one.estimate)
        assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
        assert other.probability_best == pytest.approx(one.probability_best)


def test_errors_of_predictions_are_no_errors_of_measurement(space):
    standings = standings_of(space, [1, 2], [3, 4], [1, 1], errors_of_measurement=False)
    assert standings.estimate(1) is None
    assert standings.comparison(1, int) is None


def test_failed_readings_do_not_win(space):
    standings = standings_of(space, [1, 2, 2, 3], [np.nan, np.nan, 80, 79], [np.nan, 1, 1, 1])
    assert standings.best_first().tolist() == [1, 2]
    assert standings.violation.tolist() == [np.inf, 0, 0]
    assert standings.estimate(1).n_readings == 2


@pytest.mark.filterwarnings("ignore:NoiseAware measures nothing again")
@pytest.mark.parametrize("evaluator", [NoisyTableEvaluator, TableEvaluator])
def test_result_tells_interval_and_rivals(bench, tmp_path, evaluator):
    worker = Worker(
        evaluator=evaluator(bench), optimizer=NoiseAware(), runs=2, budget=80, out=tmp_path / "out"
    )
    result = worker.search()
    told = json.loads((tmp_path / "out" / "best.json").read_text())
    winner = told["comparison"]["winner"]
    assert told["best"]["estimate"] == winner
    assert winner["low"] < winner["high"]
    assert told["comparison"]["n_rivals"] >= len(told["comparison"]["rivals"])
    assert f"{winner['low']:.2f} to {winner['high']:.2f} %" in result.summary()
    if evaluator is NoisyTableEvaluator:
        ranked = [cell["metrics"][NAME] for cell in result.winners]
        assert told["best"]["metrics"][NAME] == winner["estimate"]
        assert max(result.finals()) == pytest.approx(winner["estimate"], abs=0.5)
    else:
        ranked = [cell["estimate"]["estimate"] for cell in result.winners]
        assert winner["estimate"] < max(result.finals()) - 0.3  # the best reading is a lucky one
        assert f"estimated {NAME} {winner['estimate']:.2f} % (the table reads" in result.summary()
        features = encode_features(bench.space, [cell["architecture"] for cell in result.winners])
        assert len(np.unique(features, axis=0)) == 5  # different networks
    assert ranked == sorted(ranked, reverse=True)
    write_search_report(result, tmp_path / "out")


def test_exact_metrics_have_no_interval(bench):
    worker = Worker(evaluator=TableEvaluator(bench), objectives="params", runs=1, budget=20)
    result = worker.search()
    assert result.comparison is None
    assert "comparison" not in result.to_json()
