"""Predictor-guided search with several objectives: predictions, draws, and the choice."""

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.evaluators import Evaluation, Problem, TableEvaluator
from analognas.optimizers import PredictorGuided
from analognas.optimizers.candidate_predictions import CandidatePredictions
from analognas.optimizers.front_choice import choose_for_front
from analognas.optimizers.observations import Observations
from analognas.search import Worker
from analognas.spaces import encode_features

TABLE = TableEvaluator()
SPACE = TABLE.space
PROBLEM = Problem(("analog_drift_2592000", "params"))


def measured(n=40, problem=PROBLEM, seed=0):
    rows = SPACE.sample(n, generator=np.random.default_rng(seed), unique=True)
    observations = Observations(SPACE, problem)
    observations.add(rows, TABLE.evaluate(rows, problem.metrics))
    return observations


def predictions_of(observations, problem, pool):
    features = encode_features(SPACE, pool, "canonical")
    return CandidatePredictions(
        observations, SPACE, "canonical", problem.metrics, pool, features
    ), features


class Certain(CandidatePredictions):
    """Predictions without any uncertainty."""

    def __init__(self, means):
        self.means = {name: np.array(values, dtype=float) for name, values in means.items()}

    def sample(self, generator, temperature):
        return Evaluation(self.means)


def test_counts_are_exact_and_accuracies_are_drawn():
    pool = SPACE.sample(50, generator=np.random.default_rng(5))
    predictions, _ = predictions_of(measured(), PROBLEM, pool)
    one, other = (predictions.sample(np.random.default_rng(seed)).means for seed in (1, 2))
    np.testing.assert_array_equal(one["params"], SPACE.params(pool))
    assert (one["analog_drift_2592000"] != other["analog_drift_2592000"]).mean() > 0.9
    again = predictions.sample(np.random.default_rng(1)).means
    np.testing.assert_array_equal(one["analog_drift_2592000"], again["analog_drift_2592000"])


def test_counts_of_another_input_are_learnt():
    observations = measured()
    observations.values["params"] = observations.values["params"] * 1.5
    pool = SPACE.sample(50, generator=np.random.default_rng(5))
    predictions, _ = predictions_of(observations, PROBLEM, pool)
    drawn = predictions.sample(np.random.default_rng(0)).means["params"]
    assert np.corrcoef(drawn, SPACE.params(pool))[0, 1] > 0.5
    assert (drawn != SPACE.params(pool)).all()


def test_what_cannot_be_learnt_stays_at_its_median():
    observations = measured()
    observations.values["analog_drift_2592000"][:] = np.nan
    observations.values["analog_drift_2592000"][:3] = [1.0, 2.0, 9.0]
    predictions, _ = predictions_of(
        observations, PROBLEM, SPACE.sample(4, generator=np.random.default_rng(5))
    )
    drawn = predictions.sample(np.random.default_rng(0)).means["analog_drift_2592000"]
    assert drawn.tolist() == [2.0] * 4


def chosen(observations, problem, means, n, features=None):
    m = len(next(iter(means.values())))
    if features is None:
        features = np.arange(m, dtype=np.float32)[:, None]
    return choose_for_front(
        observations,
        problem,
        Certain(means),
        features,
        n,
        temperature=1.0,
        generator=np.random.default_rng(0),
    )


def archive_of(costs_of):
    observations = Observations(SPACE, PROBLEM)
    observations.add(
        SPACE.from_codes(np.arange(len(costs_of))),
        Evaluation(
            {
                "analog_drift_2592000": np.array([c[0] for c in costs_of], dtype=float),
                "params": np.array([c[1] for c in costs_of], dtype=float),
            }
        ),
    )
    return observations


def test_what_dominates_all_is_taken_first_and_directions_reach_the_whole_front():
    observations = archive_of([(80, 1), (90, 2)])
    means = {"analog_drift_2592000": [85, 95, 89.9, 70], "params": [1.5, 0.5, 1, 3]}
    assert chosen(observations, PROBLEM, means, 1) == [1]
    assert sorted(chosen(observations, PROBLEM, means, 9)) == [0, 1, 2, 3]
    # A straight front: each of its members is the best in some direction, and the dominated one in none.
    line = np.linspace(0, 1, 6)
    means = {
        "analog_drift_2592000": [*(80 + 10 * line), 80],
        "params": [*(1 + line), 2],
    }
    firsts = {
        choose_for_front(
            observations,
            PROBLEM,
            Certain(means),
            np.arange(7, dtype=np.float32)[:, None],
            1,
            temperature=1.0,
            generator=np.random.default_rng(seed),
        )[0]
        for seed in range(200)
    }
    assert firsts == set(range(6))


def test_equal_features_are_taken_once():
    observations = archive_of([(80, 1), (90, 2)])
    means = {"analog_drift_2592000": [90, 90, 85], "params": [1, 1, 3]}
    features = np.array([[1.0], [1.0], [2.0]], dtype=np.float32)
    assert len(chosen(observations, PROBLEM, means, 3, features)) == 2


def test_before_anything_is_feasible_the_nearest_is_taken():
    problem = Problem.of(["analog_drift_2592000", "params"], "params<=1", PROBLEM.metrics)
    observations = Observations(SPACE, problem)
    observations.add(
        SPACE.from_codes(np.arange(2)),
        Evaluation(
            {"analog_drift_2592000": np.array([80.0, 90.0]), "params": np.array([5.0, 6.0])}
        ),
    )
    means = {"analog_drift_2592000": [99, 10, 50], "params": [9, 2, 3]}
    assert chosen(observations, problem, means, 2) == [1, 2]


def test_infeasible_worlds_come_after_feasible_ones():
    problem = Problem.of(PROBLEM.metrics, "analog_drift_2592000>=85", PROBLEM.metrics)
    observations = Observations(SPACE, problem)
    observations.add(
        SPACE.from_codes(np.arange(2)),
        Evaluation(
            {"analog_drift_2592000": np.array([86.0, 90.0]), "params": np.array([1.0, 2.0])}
        ),
    )
    # The first would gain most, but breaks the bound.
    means = {"analog_drift_2592000": [84.9, 91, 86], "params": [0.1, 2, 3]}
    assert chosen(observations, problem, means, 1) == [1]


def test_it_searches_and_beats_chance():
    settings = {"objectives": PROBLEM.metrics, "runs": 1, "budget": 80, "seed": 3}
    scale = {"ideal": [90, 73306], "nadir": [78.39, 802426]}
    guided = Worker(optimizer=PredictorGuided(), **settings).search().hypervolume(**scale)
    random = Worker(optimizer="random_search", **settings).search().hypervolume(**scale)
    assert guided.shape == random.shape == (1, 80)
    assert guided[0, -1] > random[0, -1]


def test_only_acquisitions_of_draws_take_several():
    for acquisition in ("ei", "pi", "ucb"):
        with pytest.raises(
            InvalidArgumentError,
            match="must be one of best_of_class, thompson, but",
        ):
            PredictorGuided(acquisition=acquisition).check(PROBLEM)
        PredictorGuided(acquisition=acquisition).check(Problem(("avm",)))
