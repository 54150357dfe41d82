import gzip
import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.core import (
    Metric,
    NotFittedError,
    OutputFolderError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.evaluators import XGBoostEvaluator
from analognas.evaluators.shipped_weights import content_checksum, shipped_weights
from analognas.evaluators.xgboost_evaluator import DEFAULT_METRICS

DAY = "analog_drift_86400"


@pytest.fixture(scope="module")
def fitted(bench, every_cell):
    rows = np.random.default_rng(0).permutation(len(every_cell))[:300]
    return XGBoostEvaluator(load_weight=False).fit(every_cell[rows], bench)


def test_shipped_models(bench, every_cell):
    surrogate = XGBoostEvaluator(model_type="XGBRanker", load_weight=True)
    assert surrogate.metrics == [*DEFAULT_METRICS, "params", "macs"]
    evaluation = surrogate.evaluate(every_cell, DEFAULT_METRICS)
    measured = bench.query(every_cell, DEFAULT_METRICS)
    # Fitted to these very cells: above the ceiling that label noise sets for others, 0.81 and 0.67.
    assert kendalltau(evaluation.means[DAY], measured[DAY]).statistic > 0.81
    assert kendalltau(evaluation.means["avm"], measured["avm"]).statistic > 0.67
    path, checksum = shipped_weights("xgboost", "nasbench201")
    assert surrogate.identity()["checksum"] == f"sha256:{checksum}"
    assert path.stat().st_size < 600_000


def test_query_as_before(fitted, bench):
    cells = [(2, 2, 0, 4, 2, 1), (1, 1, 1, 1, 1, 1)]
    accuracies, avms = fitted.query_pop(cells)
    evaluation = fitted.evaluate(bench.space.population(cells), [DAY, "avm"])
    np.testing.assert_array_equal(accuracies, evaluation.means[DAY])
    np.testing.assert_array_equal(avms, evaluation.means["avm"])
    accuracy, avm = fitted.query("No.5780")
    assert (accuracy, avm) == (accuracies[0], avms[0])
    assert accuracies[0] > 50 > accuracies[1]


def test_accuracies_have_the_distribution_of_the_training_set(fitted, bench, every_cell):
    rows = np.random.default_rng(0).permutation(len(every_cell))[:300]
    predicted = fitted.evaluate(every_cell[rows], [DAY]).means[DAY]
    measured = bench.query(every_cell[rows], DAY)[DAY]
    shares = [0.1, 0.25, 0.5, 0.75, 0.9]
    # Isomorphic cells share a score, so quantiles are met to within a few of 300 ranks.
    steps = np.quantile(measured, np.add(shares, 0.02)) - np.quantile(
        measured, np.subtract(shares, 0.02)
    )
    assert (np.abs(np.quantile(predicted, shares) - np.quantile(measured, shares)) <= steps).all()


@pytest.mark.parametrize("model_type", ["XGBRanker", "XGBRegressor"])
def test_model_types_rank(bench, every_cell, model_type):
    order = np.random.default_rng(1).permutation(len(every_cell))
    rows, others = every_cell[order[:300]], every_cell[order[300:]]
    surrogate = XGBoostEvaluator(model_type=model_type, load_weight=False).fit(rows, bench, DAY)
    tau = kendalltau(
        surrogate.evaluate(others, [DAY]).means[DAY], bench.query(others, DAY)[DAY]
    ).statistic
    # One-hot features with five hundred rows come to 0.61.
    assert tau > 0.7


@pytest.mark.parametrize("name", ["surrogate.json", "surrogate.json.gz"])
def test_save_and_load(fitted, every_cell, tmp_path, name):
    path = tmp_path / name
    checksum = fitted.save(path)
    again = XGBoostEvaluator(load_weight=False).load(path, checksum=checksum)
    assert again.identity() == fitted.identity()
    one, other = (each.evaluate(every_cell[::50], DEFAULT_METRICS) for each in (fitted, again))
    for metric in DEFAULT_METRICS:
        np.testing.assert_array_equal(one.means[metric], other.means[metric])
    before = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == before


def test_models_are_in_the_format_of_xgboost(fitted, tmp_path):
    import xgboost

    fitted.save(tmp_path / "all.json")
    model = json.loads((tmp_path / "all.json").read_text())["models"]["avm"]
    (tmp_path / "avm.json").write_text(json.dumps(model))
    booster = xgboost.Booster()
    booster.load_model(tmp_path / "avm.json")
    assert booster.num_features() == 88


def test_damaged_and_foreign_files(fitted, tmp_path):
    path = tmp_path / "s.json"
    fitted.save(path)
    text = path.read_text()
    surrogate = XGBoostEvaluator(load_weight=False)

    def refused(content, message, name="s.json"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TableIntegrityError, match=message):
            surrogate.load(tmp_path / name)
        with pytest.raises(NotFittedError):
            surrogate.evaluate(np.zeros((1, 6), dtype=np.int8), [DAY])

    refused(
        text.replace('"seed":"0"', '"seed":"7"').replace('"avm"', '"noisy_accuracy"').encode(),
        "is damaged",
    )
    refused(text[: len(text) // 2].encode(), "is not sound JSON")
    refused(b'{"a":' * 100_000, "nested 100,000 deep; the limit is 100")
    refused(b'{"learner": {}}', "was not written by XGBoostEvaluator.save")
    refused(b"[]", "was not written by")
    refused(json.dumps({**json.loads(text), "format_version": 99}).encode(), "newer analognas")
    refused(json.dumps({**json.loads(text), "format_version": "x"}).encode(), "newer analognas")
    refused(gzip.compress(text.encode())[:-20], "is damaged or truncated", "s.json.gz")
    refused(gzip.compress(bytes(300 << 20), 1), "unpacks to more; the limit is .* MiB", "s.json.gz")
    refused(text.encode(), "is damaged or truncated", "s.json.gz")
    with pytest.raises(TableIntegrityError, match="does not exist"):
        surrogate.load(tmp_path / "none.json")
    path.write_text(text)
    with pytest.raises(TableIntegrityError, match="expected sha256:0000"):
        surrogate.load(path, checksum="0000")


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (lambda content: content.pop("space"), "'space'"),
        (lambda content: content.update(space=3), "'space'"),
        (lambda content: content.pop("models"), "'models'"),
        (lambda content: content.update(features="abc"), "'features'"),
        (lambda content: content["targets"].pop("avm"), "targets of 'avm'"),
        (lambda content: content["targets"]["avm"].pop("scores"), "targets of 'avm'"),
    ],
)
def test_incomplete_files_whose_checksum_is_right(fitted, tmp_path, change, missing):
    path = tmp_path / "s.json"
    fitted.save(path)
    content = json.loads(path.read_text())
    del content["checksum"]
    change(content)
    path.write_text(json.dumps({**content, "checksum": content_checksum(content)}))
    with pytest.raises(TableIntegrityError, match=f"is incomplete: it has no {missing}"):
        XGBoostEvaluator(load_weight=False).load(path)


def test_models_of_another_space(fitted, tmp_path):
    fitted.save(tmp_path / "s.json")
    with pytest.raises(
        TableIntegrityError, match="of the space 'nasbench201', but the evaluator is of 'fbnet'"
    ):
        XGBoostEvaluator("fbnet").load(tmp_path / "s.json")


def test_saving_needs_a_fit_and_a_folder(fitted, tmp_path):
    with pytest.raises(NotFittedError):
        XGBoostEvaluator(load_weight=False).save(tmp_path / "s.json")
    with pytest.raises(OutputFolderError):
        fitted.save(tmp_path / "absent" / "s.json")
    assert not list(tmp_path.iterdir())


def test_without_shipped_models():
    with pytest.raises(NotFittedError, match="'nasbench201'"):
        XGBoostEvaluator(load_weight=False).query((0, 0, 0, 0, 0, 0))
    with pytest.raises(NotFittedError):
        XGBoostEvaluator(encoding="one_hot").query((0, 0, 0, 0, 0, 0))
    with pytest.raises(UnknownNameError, match="Unknown model type 'XGB'"):
        XGBoostEvaluator(model_type="XGB")


def test_query_needs_both_metrics(bench, every_cell):
    surrogate = XGBoostEvaluator().fit(every_cell[::500], bench, "avm")
    with pytest.raises(UnknownNameError, match="analog_drift_86400"):
        surrogate.query((0, 0, 0, 0, 0, 0))


def test_own_metrics_are_declared_and_kept(every_cell, tmp_path):
    cells, declared = every_cell[:300], Metric("naswot", "", True)
    scores = cells.sum(axis=1) + 0.0
    with pytest.raises(UnknownNameError, match="definitions="):
        XGBoostEvaluator().fit(cells, {"naswot": scores})
    own = XGBoostEvaluator().fit(cells, {"naswot": scores}, definitions=[declared])
    own.save(tmp_path / "own.json")
    loaded = XGBoostEvaluator(load_weight=False).load(tmp_path / "own.json")
    for one in (own, loaded):
        assert one.metric_definitions[0] == declared
        np.testing.assert_array_equal(
            one.evaluate(cells, ["naswot"]).means["naswot"],
            own.evaluate(cells, ["naswot"]).means["naswot"],
        )
