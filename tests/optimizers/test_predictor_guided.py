import numpy as np
import pytest

from analognas import Worker
from analognas.core import AnalogNASError, UnknownNameError
from analognas.optimizers import PredictorGuided
from analognas.spaces import encode_features


@pytest.mark.parametrize("acquisition", PredictorGuided.acquisitions)
def test_every_acquisition_beats_chance(acquisition):
    settings = {"runs": 2, "budget": 60, "seed": 1000}
    if acquisition == "ei_per_cost":
        settings["cost_metric"] = "params"
    guided = Worker(optimizer=PredictorGuided(acquisition=acquisition), **settings).search()
    random = Worker(optimizer="random_search", **settings).search()
    assert sum(guided.finals()) > sum(random.finals())


def test_half_of_a_batch_at_most_is_of_one_class(space):
    worker = Worker(optimizer=PredictorGuided(batch_size=10), runs=1, budget=150, seed=1000)
    result = worker.search()
    features = encode_features(space, result.runs[0].population)
    most = [
        np.unique(features[start : start + 10], axis=0, return_counts=True)[1].max()
        for start in range(10, 150, 10)
    ]
    assert max(most) <= 5
    assert max(most) > 1  # isomorphic cells may share a batch


def test_bad_settings_are_named():
    with pytest.raises(UnknownNameError, match="best_of_class"):
        PredictorGuided(acquisition="mean")
    with pytest.raises(AnalogNASError, match="`temperature` must be"):
        PredictorGuided(temperature=-0.1)


def test_hyperparameters_make_an_equal_optimizer():
    settings = PredictorGuided(temperature=0.2, acquisition="ucb").hyperparameters()
    assert settings["temperature"] == 0.2
    assert PredictorGuided(**settings).hyperparameters() == settings


def test_equal_seeds_give_equal_proposals():
    settings = {"runs": 1, "budget": 40, "seed": 5}
    one, other = (Worker(optimizer=PredictorGuided(), **settings).search() for _ in range(2))
    assert (one.runs[0].population == other.runs[0].population).all()
