"""Surrogates that come with the package: what they rest on, and where they end."""

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from analognas import ConfigSpace, EAOptimizer, Worker
from analognas.core import InvalidArgumentError, NotFittedError, TableIntegrityError
from analognas.evaluators import (
    GraphEnsembleEvaluator,
    MeasuredRegion,
    Provenance,
    XGBoostEvaluator,
    definition_of,
    evaluator_from_definition,
    fit_default_weights,
)
from analognas.evaluators.shipped_weights import SPECIFICATIONS, shipped_weights
from analognas.spaces import NASBench201Space, ResNetSpace
from analognas.tables import MeasuredTable

DAY, MONTH = "analog_drift_86400", "analog_drift_2592000"
TABLES = Path(__file__).parents[2] / "experiments" / "tables"
SPACE = ResNetSpace()


@pytest.fixture(scope="module")
def table():
    return fit_default_weights.find_tables(TABLES)["resnet"]


@pytest.fixture(scope="module")
def pretrained():
    return GraphEnsembleEvaluator.pretrained("resnet")


def test_the_first_example_of_analognas_runs_as_printed(capsys):
    CS = ConfigSpace("CIFAR-10")  # noqa: N806
    evaluator = XGBoostEvaluator()
    optimizer = EAOptimizer(evaluator, population_size=20, nb_iter=10)
    worker = Worker(CS, optimizer=optimizer, runs=2)
    worker.search()
    worker.result_summary()
    printed = capsys.readouterr().out
    assert worker.result.feasible
    assert evaluator.space.name == "resnet"
    assert "rests on" in printed
    assert "label noise" in printed
    best = CS.population([worker.best_config])
    assert CS.params(best)[0] <= 1e6
    assert evaluator.region.extrapolation(CS, best)[0] == 0


def test_an_evaluator_without_a_space_takes_that_of_the_first_search():
    surrogate = XGBoostEvaluator()
    before = surrogate.query((2, 2, 0, 4, 2, 1))
    assert before == XGBoostEvaluator("nasbench201").query((2, 2, 0, 4, 2, 1))
    assert "until it is used with another space" in repr(surrogate)
    options = {"optimizer": "random_search", "objectives": DAY, "runs": 1, "budget": 5}
    Worker(SPACE, evaluator=surrogate, **options).search()
    assert surrogate.bound
    assert surrogate.provenance.table == "resnet-cifar10"
    with pytest.raises(InvalidArgumentError, match="scores the space 'resnet'"):
        Worker("nasbench201", evaluator=surrogate, **options)
    chosen = XGBoostEvaluator("nasbench201")
    with pytest.raises(InvalidArgumentError, match="scores the space 'nasbench201'"):
        Worker(SPACE, evaluator=chosen, **options)


def test_shipped_files_follow_from_their_tables(table, pretrained):
    for space, name in SPECIFICATIONS.items():
        for kind in ("xgboost", "graph_ensemble"):
            assert (shipped_weights(kind, space) is None) == (
                shipped_weights("xgboost", space) is None
            )
        if shipped_weights("xgboost", space) is not None:
            made = XGBoostEvaluator(space)
            made.check_fitted()
            assert made.provenance.table == name
            assert made.provenance.command == fit_default_weights.COMMAND
    facts = pretrained.provenance
    assert facts.sha256 == table.checksum
    assert (facts.n_networks, facts.n_rows) == (len(table), len(table.rows))
    noise = {entry.metric: entry.pooled_std for entry in table.quality().noise}
    assert facts.label_noise == noise
    assert f"{noise[DAY]:.1f} points" in facts.text
    assert "6 + 3 epochs on 4,000 examples of 16 x 16" in facts.text
    measured = table.query(table.population, [MONTH])[MONTH]
    predicted = pretrained.evaluate(table.population, [MONTH]).means[MONTH]
    assert np.corrcoef(measured, predicted)[0, 1] > 0.8


def test_provenance_is_shown_with_results(tmp_path, pretrained):
    worker = Worker(
        evaluator=pretrained, objectives=MONTH, optimizer="random_search", runs=1, budget=30
    )
    result = worker.search()
    assert any("rests on" in line for line in result.remarks)
    assert any("keeps to the region" in line for line in result.remarks)
    assert "rests on" in result.summary()
    assert result.to_json()["remarks"] == list(result.remarks)
    assert "extrapolation<=0" in result.to_json()["constraints"]
    assert "rests on" in repr(pretrained)


def test_a_search_without_an_evaluator_uses_the_shipped_one():
    worker = Worker(
        "resnet", optimizer="random_search", constraints="params<=5e5", runs=1, budget=20
    )
    assert isinstance(worker.evaluator, GraphEnsembleEvaluator)
    assert worker.search().winners[0]["metrics"]["params"] <= 5e5


@pytest.mark.parametrize("space", [n for n in SPECIFICATIONS if not shipped_weights("xgboost", n)])
def test_spaces_without_a_table_say_how_to_build_one(space):
    command = f"analognas bench build {SPECIFICATIONS[space]}"
    with pytest.raises(NotFittedError, match=command):
        GraphEnsembleEvaluator.pretrained(space)
    with pytest.raises(NotFittedError, match=command):
        XGBoostEvaluator(space).check_fitted()
    with pytest.raises(InvalidArgumentError, match=command):
        Worker(space)


def test_a_changed_space_has_no_shipped_models():
    changed = ResNetSpace(kernels=(3, 5))
    with pytest.raises(NotFittedError, match="'resnet'"):
        XGBoostEvaluator(changed).check_fitted()
    with pytest.raises(NotFittedError):
        GraphEnsembleEvaluator.pretrained(changed)


def test_predictions_outside_of_the_measured_region(pretrained):
    rows = SPACE.sample(400, generator=np.random.default_rng(0))
    found = pretrained.evaluate(rows, [MONTH, "extrapolation"])
    beyond = found.means["extrapolation"]
    params = SPACE.params(rows)
    limit = pretrained.region.describe()["params"]
    outside = (params > limit[1] * 1.001) | (params < limit[0] * 0.999)
    assert outside.any()
    assert not outside.all()
    assert (beyond[outside] > 0).all()
    plain = GraphEnsembleEvaluator(SPACE, encoding=pretrained.encoding)
    definition = {k: v for k, v in pretrained.definition().items() if k != "provenance"}
    plain._fit_definition(definition)
    assert "extrapolation" not in plain.metrics
    ratio = found.sems[MONTH] / plain.evaluate(rows, [MONTH]).sems[MONTH]
    np.testing.assert_allclose(ratio, 1.0 + beyond, rtol=1e-9)
    huge = rows[np.argmax(beyond)]
    assert pretrained.report(huge)["extrapolated"]
    inside = rows[np.flatnonzero(beyond == 0)[0]]
    assert "extrapolated" not in pretrained.report(inside)


def test_the_region_contains_what_was_measured(table):
    region = MeasuredRegion.of(SPACE, table.population)
    assert (region.extrapolation(SPACE, table.population) == 0).all()
    # One measured network less: the extreme one is then outside.
    largest = int(np.argmax(SPACE.params(table.population)))
    others = np.delete(table.population, largest, axis=0)
    without = MeasuredRegion.of(SPACE, others)
    assert without.extrapolation(SPACE, table.population[[largest]])[0] > 0
    cells = NASBench201Space().sample(50, generator=np.random.default_rng(0))
    assert (
        MeasuredRegion.of(NASBench201Space(), cells).extrapolation(NASBench201Space(), cells) == 0
    ).all()


def test_extrapolate_lifts_the_bound_and_is_resumed(tmp_path):
    options = {"optimizer": "random_search", "runs": 1, "budget": 40}
    free = Worker("resnet", extrapolate=True, out=tmp_path / "a", **options)
    result = free.search()
    assert not any("keeps to the region" in line for line in result.remarks)
    assert "extrapolation<=0" not in result.to_json()["constraints"]
    outside = sum(cell["metrics"]["extrapolation"] > 0 for cell in result.winners)
    said = [line for line in result.remarks if "are extrapolated" in line]
    assert said == ([] if not outside else [said[0]])
    assert not said or said[0].startswith(f"{outside} of the best 5")
    again = Worker.resume(tmp_path / "a", budget=50)
    assert again.settings.extrapolate
    assert again.search().runs[0].n_distinct == 50
    kept = Worker("resnet", out=tmp_path / "b", **options)
    kept.search()
    assert Worker.resume(tmp_path / "b", budget=50).search().runs[0].n_distinct == 50
    with pytest.raises(InvalidArgumentError, match="start another search"):
        Worker.resume(tmp_path / "b", extrapolate=True)


def test_definitions_and_files_keep_everything(pretrained, table, tmp_path):
    ranker = XGBoostEvaluator().fit(table, DAY)
    for surrogate in (pretrained, ranker):
        again = evaluator_from_definition(definition_of(surrogate), SPACE)
        assert again.identity() == surrogate.identity()
        assert again.remarks == surrogate.remarks
    path = tmp_path / "s.json.gz"
    pretrained.save(path)
    loaded = GraphEnsembleEvaluator("resnet").load(path)
    assert loaded.identity() == pretrained.identity()
    ranker.save(tmp_path / "x.json")
    loaded = XGBoostEvaluator().load(tmp_path / "x.json")
    assert loaded.identity() == ranker.identity()
    assert loaded.provenance == ranker.provenance
    assert loaded.region.describe() == ranker.region.describe()


def test_damaged_files(pretrained, tmp_path):
    path = tmp_path / "s.json.gz"
    pretrained.save(path)
    content = json.loads(gzip.decompress(path.read_bytes()))
    content["seed"] = 5
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    with pytest.raises(TableIntegrityError, match="is damaged"):
        GraphEnsembleEvaluator("resnet").load(path)
    with pytest.raises(TableIntegrityError, match=r"not written by GraphEnsembleEvaluator\.save"):
        GraphEnsembleEvaluator().load(shipped_weights("xgboost", "nasbench201")[0])
    pretrained.save(path)
    with pytest.raises(TableIntegrityError, match="of the space 'resnet'.* is of 'resnet_kws'"):
        GraphEnsembleEvaluator("resnet_kws").load(path)
    facts = pretrained.provenance.to_dict()
    for change in ({"n_rows": "many"}, {"unknown": 1}):
        with pytest.raises(TableIntegrityError, match="must have the entries"):
            Provenance.from_dict({**facts, **change}, "a file")
    assert Provenance.from_dict(facts, "a file") == pretrained.provenance
    assert "unknown" in dataclasses.replace(pretrained.provenance, label_noise={}).text


def test_fits_that_make_no_sense(table):
    rows = SPACE.sample(10, generator=np.random.default_rng(0))
    values = np.linspace(20, 40, 10)
    for kind in (XGBoostEvaluator, GraphEnsembleEvaluator):
        with pytest.raises(InvalidArgumentError, match="at least 4 architectures, but got 3"):
            kind(SPACE).fit(rows[:3], {DAY: values[:3]})
        with pytest.raises(InvalidArgumentError, match="All 10 values of 'avm' are 2"):
            kind(SPACE).fit(rows, {DAY: values, "avm": np.full(10, 2.0)})
        with pytest.raises(InvalidArgumentError, match=DAY):
            kind(SPACE).fit(rows, {DAY: np.where(np.arange(10) == 3, np.nan, values)})
        with pytest.raises(InvalidArgumentError, match="'resnet-cifar10' is about 'resnet'"):
            kind("resnet_kws").fit(table)


def test_the_command_writes_weights_and_checksums(tmp_path, monkeypatch, capsys):
    from analognas.evaluators import shipped_weights as shipped

    (tmp_path / "data").mkdir()
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path / "data")
    monkeypatch.setattr(fit_default_weights, "WEIGHTS_FOLDER", tmp_path / "data")
    (tmp_path / "data" / "checksums.json").write_text("{}")
    shipped._checksums.cache_clear()
    try:
        fit_default_weights.main(["--tables", str(TABLES), "--spaces", "resnet", "resnet_vww"])
        printed = capsys.readouterr().out
        known = json.loads((tmp_path / "data" / "checksums.json").read_text())
        assert {*known} >= {"xgboost_resnet.json.gz", "graph_ensemble_resnet.json.gz"}
        assert all(checksum in printed for checksum in known.values())
        if "resnet_vww" not in fit_default_weights.find_tables(TABLES):
            assert "analognas bench build resnet-vww" in printed
    finally:
        shipped._checksums.cache_clear()


def test_tables_are_found_by_name(tmp_path):
    assert fit_default_weights.find_tables(tmp_path) == {}
    found = fit_default_weights.find_tables(TABLES)
    assert isinstance(found["resnet"], MeasuredTable)
    assert "nasbench201" not in found
