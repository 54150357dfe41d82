"""Names and files of AnalogNAS's evaluators."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas import EAOptimizer, MLPEvaluator, Worker
from analognas.core import (
    InvalidArgumentError,
    NotFittedError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.evaluators import XGBoostEvaluator, definition_of, evaluator_from_definition
from analognas.spaces import ResNetSpace, encode_features

DAY = "analog_drift_86400"
SPACE = ResNetSpace()
ROWS = SPACE.sample(60, generator=np.random.default_rng(0), unique=True)
VALUES = {DAY: 30 + 5 * np.log10(SPACE.macs(ROWS)), "avm": 1.0 + ROWS[:, 0]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A ranker and a regressor on the 22 columns, saved as AnalogNAS saves them."""
    from xgboost import XGBRanker, XGBRegressor

    folder = tmp_path_factory.mktemp("weights")
    columns = encode_features(SPACE, ROWS, "published")
    ranker = XGBRanker(n_estimators=10, max_depth=3, objective="rank:pairwise")
    ranker.fit(columns, np.argsort(np.argsort(VALUES[DAY])), group=[len(ROWS)])
    ranker.save_model(folder / "ranker.json")
    XGBRegressor(n_estimators=10).fit(columns, VALUES["avm"]).save_model(folder / "avm.json")
    XGBRegressor(n_estimators=2).fit(columns[:, :5], VALUES["avm"]).save_model(folder / "5.json")
    return folder, ranker.predict(columns)


def test_files_of_analognas(files):
    folder, scores = files
    with pytest.warns(UserWarning, match="apparently random numbers") as said:
        surrogate = XGBoostEvaluator(
            ranker_path=folder / "ranker.json", avm_predictor_path=folder / "avm.json"
        )
    assert len(said) == 2
    assert surrogate.space.name == "resnet"
    assert not surrogate.bound
    found = surrogate.evaluate(ROWS, [DAY, "avm"]).means
    np.testing.assert_allclose(found[DAY], scores, atol=1e-6)  # unchanged, also below 0
    assert (found[DAY] < 0).any()
    assert surrogate.metrics == [DAY, "avm", "params", "macs"]
    again = evaluator_from_definition(json.loads(json.dumps(definition_of(surrogate))), SPACE)
    assert again.identity() == surrogate.identity()
    optimizer = EAOptimizer(surrogate, population_size=4, nb_iter=2, T_AVM=None)
    worker = Worker("resnet_kws", optimizer=optimizer, runs=1)
    worker.search()
    assert surrogate.space.name == "resnet_kws"
    with pytest.raises(NotFittedError):
        XGBoostEvaluator(SPACE, load_weight=False).ranker.predict(ROWS)


def test_files_that_cannot_be_used(files, tmp_path):
    folder, _ = files
    (tmp_path / "x.bst").write_bytes(b"binf\x00\x00")
    (tmp_path / "y.json").write_text("{}")
    (tmp_path / "z.json").write_text('{"learner": ')
    for name, message in (
        ("x.bst", r"old binary format.*xgboost==2\.1\.4.*save_model"),
        ("y.json", "not a model that XGBoost reads"),
        ("z.json", "not sound JSON"),
        ("none.json", "does not exist"),
    ):
        with pytest.raises(TableIntegrityError, match=message):
            XGBoostEvaluator(ranker_path=tmp_path / name)
    with pytest.raises(TableIntegrityError, match="fitted to 5 columns, but .* has 22"):
        XGBoostEvaluator(avm_predictor_path=folder / "5.json")


def test_predictors_take_architectures_and_columns():
    surrogate = XGBoostEvaluator("resnet", load_weight=False).fit(ROWS, VALUES)
    columns = encode_features(SPACE, ROWS, "published").astype(np.float64).round(5)
    direct = surrogate.evaluate(ROWS, [DAY, "avm"]).means
    np.testing.assert_array_equal(surrogate.ranker.predict(ROWS), direct[DAY])
    listed = [SPACE.decode(row) for row in ROWS[:3]]
    np.testing.assert_array_equal(surrogate.avm_predictor.predict(listed), direct["avm"][:3])
    np.testing.assert_allclose(surrogate.ranker.predict(columns), direct[DAY], rtol=1e-3)
    tau = kendalltau(direct[DAY], VALUES[DAY]).statistic
    assert surrogate.get_correlation(ROWS, VALUES[DAY]) == pytest.approx(tau)
    assert tau > 0.5
    with pytest.raises(InvalidArgumentError, match="22 columns out_channel0"):
        surrogate.ranker.predict(np.zeros((3, 5)))
    with pytest.raises(InvalidArgumentError, match="each of the 60"):
        surrogate.get_correlation(ROWS, VALUES[DAY][:5])
    assert not surrogate.get_evaluator_stat()["requires_retraining"]
    assert surrogate.get_hyperparams()["model_type"] == "XGBRanker"
    surrogate.pre_process()
    shipped = XGBoostEvaluator("resnet")
    assert (shipped.std_predictor.predict(ROWS[:5]) >= 0).all()
    assert "analog_drift_86400_std" in repr(shipped.std_predictor)


def test_mlp_learns_and_is_repeatable():
    train, test = slice(0, 45), slice(45, 60)
    training = {name: column[train] for name, column in VALUES.items()}
    surrogate = MLPEvaluator(encoding="published", epochs=200, n_networks=2).fit(
        ROWS[train], training, space=SPACE
    )
    predicted = surrogate.evaluate(ROWS[test], [DAY]).means[DAY]
    assert kendalltau(predicted, VALUES[DAY][test]).statistic > 0.4
    assert surrogate.metrics_with_sem == []
    again = evaluator_from_definition(json.loads(json.dumps(definition_of(surrogate))), SPACE)
    assert again.identity() == surrogate.identity()
    np.testing.assert_array_equal(again.ranker.predict(ROWS), surrogate.ranker.predict(ROWS))
    other = MLPEvaluator(SPACE, layer_width=4, epochs=3, n_networks=1).fit(ROWS, VALUES)
    assert other.identity() != surrogate.identity()
    with pytest.raises(InvalidArgumentError, match="`lr` must be"):
        MLPEvaluator(lr=-1.0)
    with pytest.raises(InvalidArgumentError, match="`epochs` must be"):
        MLPEvaluator(epochs=0)
    with pytest.raises(NotFittedError):
        MLPEvaluator("resnet").query(SPACE.decode(ROWS[0]))


def test_hyperparameters_are_set_by_name_and_need_a_new_fit():
    surrogate = MLPEvaluator(SPACE, epochs=2, n_networks=1).fit(ROWS, VALUES)
    surrogate.set_hyperparams({"num_layers": 1, "seed": 4})
    assert surrogate.get_hyperparams()["num_layers"] == 1
    assert (surrogate.epochs, surrogate.seed, surrogate.space.name) == (2, 4, "resnet")
    with pytest.raises(NotFittedError):
        surrogate.query(ROWS[0])
    again = MLPEvaluator(SPACE, epochs=2, n_networks=1, num_layers=1, seed=4).fit(ROWS, VALUES)
    assert again.query(ROWS[0]) == surrogate.fit(ROWS, VALUES).query(ROWS[0])


def test_wrong_hyperparameters_change_nothing():
    surrogate = XGBoostEvaluator(seed=3)
    before = surrogate.get_hyperparams()
    with pytest.raises(UnknownNameError, match="model_type"):
        surrogate.set_hyperparams({"modeltype": "XGBRanker"})
    with pytest.raises(UnknownNameError):
        surrogate.set_hyperparams({"seed": 1, "model_type": "forest"})
    assert surrogate.get_hyperparams() == before
    assert not surrogate.bound
