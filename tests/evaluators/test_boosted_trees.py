import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.evaluators.boosted_trees import (
    fit_trees,
    predict_trees,
    relevances,
    trees_from_json,
    trees_to_json,
)


@pytest.fixture(scope="module")
def data():
    features = np.random.default_rng(0).integers(0, 4, (300, 6)).astype(np.float32)
    return features, features[:, 1] * 2 + features[:, 4]


def test_fits_repeat_and_follow_the_seed(data):
    one, same, other = (predict_trees(fit_trees(*data, seed=seed), data[0]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    # Without noise, nearest among the nine different targets; columns are drawn, so not to the last row.
    assert (np.rint(one) == data[1]).mean() > 0.98


def test_relevances_name_the_features_that_matter(data):
    shares = relevances(fit_trees(*data, seed=0), 6)
    assert shares.sum() == pytest.approx(1)
    assert shares.argsort()[-2:].tolist() == [4, 1]
    # Splits on the other four only fit what little is left over.
    assert shares[[0, 2, 3, 5]].sum() < shares[4]


def test_trees_without_a_split_find_all_features_alike(data):
    model = fit_trees(data[0], np.zeros(300), seed=0)
    np.testing.assert_allclose(relevances(model, 6), np.full(6, 1 / 6))


def test_ranking_objective_learns_the_order(data):
    model = fit_trees(
        *data, seed=0, settings={"objective": "rank:pairwise", "lambdarank_pair_method": "mean"}
    )
    assert kendalltau(predict_trees(model, data[0]), data[1]).statistic > 0.9


def test_json_round_trip(data):
    model = fit_trees(*data, seed=0, settings={"rounds": 10})
    text = json.dumps(trees_to_json(model))
    again = trees_from_json(json.loads(text))
    np.testing.assert_array_equal(predict_trees(model, data[0]), predict_trees(again, data[0]))
    assert len(json.loads(text)["learner"]["gradient_booster"]["model"]["trees"]) == 10
