"""Searches that learn from the results of another metric."""

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, ResumeError, UnknownNameError
from analognas.optimizers.prior import Prior, prior_weights
from analognas.search import Search
from analognas.spaces import NASBench201Space, encode_features
from analognas.tables import AnalogNASBench

SPACE = NASBench201Space()


def encode(population):
    return encode_features(SPACE, population, "canonical")


def finals(prior, *, budget=25, runs=8, metric="analog_drift_2592000"):
    settings = {"runs": runs, "budget": budget, "objectives": metric, "prior": prior}
    return np.mean(Search(settings).run().finals())


def shuffled(metric):
    table = AnalogNASBench()
    rows = table.space.every()[::3]
    values = np.random.default_rng(1).permutation(table.query(rows, metric)[metric])
    return {"genotypes": rows.tolist(), "values": {metric: values.tolist()}}


def test_a_related_prior_helps_and_an_unrelated_one_does_no_harm():
    without = finals(None)
    assert finals("analognasbench:analog_drift_86400") > without + 0.5
    assert finals(shuffled("analog_drift_86400")) > without - 0.5


def test_weights_are_learnt():
    generator = np.random.default_rng(0)
    columns = generator.standard_normal((200, 2))
    noise = generator.standard_normal(200)
    # Errors of weights have a standard deviation of 1 / sqrt(200).
    weights = prior_weights(columns, columns @ [1.0, -0.5] + noise)
    assert np.abs(weights - [1.0, -0.5]).max() < 5 / np.sqrt(200)
    assert np.abs(prior_weights(columns, noise)).max() < 2 / np.sqrt(200)


def test_architectures_without_a_result_are_predicted():
    rows = SPACE.every()
    scores = SPACE.params(rows).astype(float)
    chosen = np.random.default_rng(0).permutation(len(rows))[:300]
    prior = Prior(rows[chosen], scores[chosen])
    model = prior.model(SPACE, encode)
    others = np.setdiff1d(np.arange(len(rows)), chosen)[::7]
    columns = model.columns(rows[others])
    assert np.corrcoef(columns[:, 0], scores[others])[0, 1] > 0.7
    assert not columns[:, 1].any()
    listed = prior.model(SPACE, encode, listed=True)
    assert np.allclose(listed.columns(rows[others]), columns, atol=1e-3)


def test_a_resumed_search_gives_equal_bytes(tmp_path):
    settings = {"runs": 1, "budget": 30, "prior": shuffled("avm")}
    Search(settings).run(tmp_path / "a")
    before = (tmp_path / "a" / "best.json").read_bytes()
    Search.resume(tmp_path / "a").run()
    assert (tmp_path / "a" / "best.json").read_bytes() == before
    with pytest.raises(ResumeError, match="prior"):
        Search({"runs": 1, "budget": 30}).run(tmp_path / "a", resume=True)


def test_a_search_as_prior(tmp_path):
    Search({"runs": 1, "budget": 30, "optimizer": "random_search"}).run(tmp_path / "a")
    settings = {"runs": 1, "budget": 20, "objectives": "baseline_accuracy"}
    run = Search(settings | {"prior": f"{tmp_path / 'a'}:analog_drift_2592000"}).run().runs[0]
    assert run.n_distinct == 20


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"prior": "analognasbench:nothing"}, UnknownNameError, "nothing"),
        (
            {"prior": "analognasbench:avm", "optimizer": "random_search"},
            InvalidArgumentError,
            "bayesian",
        ),
        (
            {"prior": {"genotypes": [[1] * 6], "values": {"avm": [1.0]}}},
            InvalidArgumentError,
            "at least 6 different results",
        ),
    ],
)
def test_bad_priors(settings, error, text):
    with pytest.raises(error, match=text):
        Search({"runs": 1, "budget": 5, **settings})
