import numpy as np
import pytest

from analognas.core import DataNotFoundError, InvalidArgumentError, UnknownNameError
from analognas.evaluators import (
    ChipCostEvaluator,
    CombinedEvaluator,
    CostPredictor,
    CountEvaluator,
    DeviceCostEvaluator,
    Evaluation,
    NoisyTableEvaluator,
    StochasticCombinedEvaluator,
    TableEvaluator,
    default_evaluator,
    definition_of,
    evaluator_from_definition,
)
from analognas.hardware import CHIPS, population_costs
from analognas.search import Worker
from analognas.spaces import ConfigSpace, FBNetSpace, NASBench201Space, ResNetSpace
from analognas.spaces.nasbench201 import DATASETS
from analognas.tables import HWNASBench
from analognas.tables.hardware_table import CELL_DATASETS, CELL_METRICS, CellCosts

CHIP_METRICS = ["aimc_latency", "aimc_energy", "aimc_area", "aimc_tiles"]


@pytest.fixture(scope="module")
def devices():
    """A table in which every value tells its row, data set and metric."""
    shape = (15_625, len(CELL_DATASETS), len(CELL_METRICS))
    values = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    values[7, 0, :] = np.nan
    provenance = np.where(np.isnan(values), 0, 1).astype(np.uint8)
    return HWNASBench(CellCosts(values, provenance))


@pytest.fixture
def rows(space):
    return space.sample(20, generator=np.random.default_rng(0))


def test_each_metric_comes_from_the_first_that_knows_it(space, rows, bench):
    class Fixed(CountEvaluator):
        metrics = ("avm", "macs")
        metrics_with_sem = ("avm",)

        def evaluate(self, population, metrics):
            ones = np.ones(len(population))
            sems = {"avm": ones} if "avm" in metrics else {}
            return Evaluation(dict.fromkeys(metrics, ones), sems)

        def report(self, row):
            return {"metrics": {"avm": 1.0, "macs": 1.0}, "note": "fixed"}

    both = CombinedEvaluator([Fixed(space), TableEvaluator(bench)])
    names = ["params", "avm", "analog_drift_60", "macs"]
    found = both.evaluate(rows, names)
    assert list(found.means) == names
    assert (found.means["avm"] == 1).all()
    assert (found.means["macs"] == 1).all()
    direct = TableEvaluator(bench).evaluate(rows, ["params", "analog_drift_60"])
    for name, values in direct.means.items():
        np.testing.assert_array_equal(found.means[name], values)
    assert set(found.sems) == {"avm", "analog_drift_60"}
    assert {"avm", "analog_drift_60"} <= set(both.metrics_with_sem)
    assert "params" not in both.metrics_with_sem
    report = both.report(rows[0])
    assert report["metrics"]["avm"] == 1.0
    assert report["metrics"]["params"] == direct.means["params"][0]
    assert report["note"] == "fixed"
    assert "isomorphism_class" in report
    assert [*both.identity()] == ["sources"]
    with pytest.raises(UnknownNameError, match="Unknown metric 'aimc_tiles'"):
        both.evaluate(rows, ["aimc_tiles"])


def test_predictions_of_several_sources_keep_their_errors(space, bench):
    cells = space.sample(30, generator=np.random.default_rng(0), unique=True)
    generator = np.random.default_rng(1)

    def fitted(*names):
        noisy = (cells == 2).sum(axis=1) + generator.normal(9, 1, 30)
        return CostPredictor(encoding="operations").fit(cells, dict.fromkeys(names, noisy))

    one = fitted("raspi4_latency", "pixel3_latency")
    other = fitted("edgetpu_latency", "pixel3_latency")
    both = CombinedEvaluator([TableEvaluator(bench), one, other])
    report = both.report(cells[0])
    names = ["raspi4_latency", "pixel3_latency", "edgetpu_latency"]
    evaluation = both.evaluate(cells[:1], names)
    assert report["standard_errors"] == {name: evaluation.sems[name][0] for name in names}
    assert sorted(report["predicted"]) == sorted(names)
    # What a table knows is not predicted, whoever else would.
    whole = CombinedEvaluator([fitted("edgetpu_latency"), one, other]).report(cells[0])
    known = CombinedEvaluator([_Known(space), one]).report(cells[0])
    assert set(whole["standard_errors"]) == set(names)
    assert known["metrics"]["raspi4_latency"] == 1.0
    assert known["predicted"] == ["pixel3_latency"]
    assert set(known["standard_errors"]) == {"pixel3_latency"}


class _Known(CountEvaluator):
    metrics = ("raspi4_latency",)

    def report(self, row):
        return {"metrics": {"raspi4_latency": 1.0}}


@pytest.mark.parametrize("space", [NASBench201Space(), ResNetSpace(), FBNetSpace()])
def test_chip_costs_are_those_of_the_model(space):
    rows = space.sample(10, generator=np.random.default_rng(0))
    evaluator = ChipCostEvaluator(space, "hermes-core")
    direct = population_costs(space, rows, CHIPS.get("hermes-core"))
    found = evaluator.evaluate(rows, CHIP_METRICS).means
    for name in CHIP_METRICS:
        np.testing.assert_array_equal(found[name], direct[name])
    assert evaluator.report(rows[0])["metrics"]["aimc_tiles"] == direct["aimc_tiles"][0]


def test_networks_that_do_not_fit_have_no_latency(space):
    row = space.population([[2, 2, 0, 4, 2, 1]])
    evaluator = ChipCostEvaluator(space, "hermes")
    means = evaluator.evaluate(row, CHIP_METRICS).means
    assert np.isnan(means["aimc_latency"][0])
    assert means["aimc_tiles"][0] == 102
    assert evaluator.report(row[0])["metrics"]["aimc_latency"] is None


def test_a_chip_that_says_little_has_few_metrics(space, rows):
    chip = CHIPS.get("ambrogio2023").replace(mvm_latency=None)
    evaluator = ChipCostEvaluator(space, chip)
    assert evaluator.metrics == ["aimc_energy", "aimc_tiles"]
    with pytest.raises(UnknownNameError, match="Unknown metric 'aimc_latency'"):
        evaluator.evaluate(rows, ["aimc_latency"])


def test_device_costs_are_those_of_the_table(space, rows, devices):
    for dataset, expected in ((None, "cifar10"), ("cifar100", "cifar100")):
        evaluator = DeviceCostEvaluator(space, devices, dataset)
        found = evaluator.evaluate(rows, ["raspi4_latency", "fpga_energy"]).means
        direct = devices.query(rows, ["raspi4_latency", "fpga_energy"], expected)
        for name, values in direct.items():
            np.testing.assert_array_equal(found[name], values)
    missing = devices.space.from_indices(np.array([7]))
    assert (
        DeviceCostEvaluator(space, devices).report(missing[0])["metrics"]["raspi4_latency"] is None
    )


def test_a_device_table_is_known_by_one_checksum(space, devices, tmp_path):
    table = CellCosts(
        np.ones((15_625, len(CELL_DATASETS), len(CELL_METRICS))),
        np.ones((15_625, len(CELL_DATASETS), len(CELL_METRICS)), dtype=np.uint8),
    )
    checksum = table.save(tmp_path / "cells.parquet")
    kept = DeviceCostEvaluator(space, HWNASBench(tmp_path / "cells.parquet"))
    assert kept.identity() == {
        "device_table": "HW-NAS-Bench",
        "dataset": "cifar10",
        "checksum": f"sha256:{checksum}",
    }
    assert DeviceCostEvaluator(space, devices).identity()["checksum"] is None


def test_counts(space, rows):
    means = CountEvaluator(space).evaluate(rows, ["params", "macs"]).means
    np.testing.assert_array_equal(means["params"], space.params(rows))
    np.testing.assert_array_equal(means["macs"], space.macs(rows))


def test_the_default_takes_only_what_is_needed(space):
    assert isinstance(default_evaluator(space, "avm", "params<=1e6"), TableEvaluator)
    with_chip = default_evaluator(space, ["avm", "aimc_energy"], "aimc_tiles<=64", chip="puma")
    assert [type(source) for source in with_chip.sources] == [TableEvaluator, ChipCostEvaluator]
    assert with_chip.sources[1].chip == CHIPS.get("puma")
    elsewhere = default_evaluator(ResNetSpace(), ["aimc_energy"], "params<=1e6")
    assert [type(source) for source in elsewhere.sources] == [CountEvaluator, ChipCostEvaluator]
    assert isinstance(default_evaluator(ResNetSpace(), "macs"), CountEvaluator)


@pytest.mark.parametrize(
    ("space", "objectives", "error", "message"),
    [
        (FBNetSpace(), "avm", InvalidArgumentError, "Nothing is measured in the space 'fbnet'"),
        (ResNetSpace(), "raspi4_latency", InvalidArgumentError, "measures devices in the spaces"),
        (NASBench201Space(), "raspi3_latency", UnknownNameError, "Did you mean 'raspi4_latency'"),
    ],
)
def test_what_is_missing_is_named(space, objectives, error, message):
    with pytest.raises(error, match=message):
        default_evaluator(space, objectives)


def test_what_a_chip_does_not_tell_is_named(space):
    chip = CHIPS.get("ambrogio2023").replace(mvm_latency=None)
    message = "'ambrogio2023' does not suffice for 'aimc_latency', only for aimc_energy, aimc_tiles; .* 'mvm_latency'"
    for objectives, bounds in (("aimc_latency", ()), ("avm", "aimc_latency<=1")):
        with pytest.raises(InvalidArgumentError, match=message):
            default_evaluator(space, objectives, bounds, chip=chip)


@pytest.mark.parametrize("space", [NASBench201Space(), FBNetSpace()])
def test_without_the_device_table_the_download_is_named(space, monkeypatch, tmp_path):
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path))
    with pytest.raises(DataNotFoundError, match=r"Download HW-NAS-Bench-v1_0\.pickle from https"):
        default_evaluator(space, "raspi4_latency")


@pytest.mark.parametrize("dataset", ["cifar100", "ImageNet16-120"])
def test_all_costs_of_a_search_are_of_one_network(space, rows, devices, monkeypatch, dataset):
    monkeypatch.setattr("analognas.evaluators.costs.HWNASBench", lambda search_space: devices)
    names = ["params", "macs", *CHIP_METRICS, "raspi4_latency"]
    evaluator = default_evaluator(space, ["avm", *names], chip="hermes-core", dataset=dataset)
    found = evaluator.evaluate(rows, names).means
    shape, classes = DATASETS[dataset]
    direct = {
        "params": space.params(rows, dataset),
        "macs": space.macs(rows, dataset),
        **population_costs(
            space, rows, CHIPS.get("hermes-core"), input_shape=shape, n_classes=classes
        ),
        **devices.query(rows, ["raspi4_latency"], dataset),
    }
    for name in names:
        np.testing.assert_array_equal(found[name], direct[name])
    assert evaluator.report(rows[0])["metrics"]["macs"] == direct["macs"][0]
    sources = evaluator.identity()["sources"]
    assert [source["dataset"] for source in sources if "dataset" in source] == [dataset] * 3


def test_the_data_set_of_the_space_changes_nothing(space):
    plain = default_evaluator(space, ["macs", "aimc_energy"])
    assert default_evaluator(space, ["macs", "aimc_energy"], dataset="cifar10").identity() == (
        plain.identity()
    )


@pytest.mark.parametrize(
    ("space", "dataset", "error", "message"),
    [
        (FBNetSpace(), "ImageNet", InvalidArgumentError, "search the space 'fbnet_imagenet'"),
        (FBNetSpace("ImageNet"), "cifar100", InvalidArgumentError, "search the space 'fbnet'"),
        (FBNetSpace(), "cifar10", UnknownNameError, "Unknown data set 'cifar10'"),
        (ResNetSpace(), "cifar10", InvalidArgumentError, "`dataset` must be left out"),
        (NASBench201Space(), "ImageNet", UnknownNameError, "Did you mean 'ImageNet16-120'"),
    ],
)
@pytest.mark.parametrize("metric", ["aimc_energy", "macs"])
def test_networks_of_another_data_set_are_refused(space, dataset, error, message, metric):
    with pytest.raises(error, match=message):
        default_evaluator(space, metric, dataset=dataset)


def test_bad_sources(space, devices):
    own = ConfigSpace(name="own")
    own.add_hyperparameter("depth", "discrete", 1, 3)
    for sources, message in [
        ([], "there is none"),
        ([3], "must be evaluators, but got 3"),
        ([TableEvaluator(), CountEvaluator(ResNetSpace())], "one space, but got 'nasbench201' and"),
    ]:
        with pytest.raises(InvalidArgumentError, match=message):
            CombinedEvaluator(sources)
    with pytest.raises(InvalidArgumentError, match="does not list the layers"):
        ChipCostEvaluator(own)
    with pytest.raises(InvalidArgumentError, match="must be about 'fbnet'"):
        DeviceCostEvaluator(FBNetSpace(), devices)
    with pytest.raises(UnknownNameError, match="data set"):
        DeviceCostEvaluator(space, devices, "mnist")


def test_readings_beside_what_has_no_error(space, rows):
    noisy = NoisyTableEvaluator()
    both = default_evaluator(space, ["analog_drift_60", "aimc_tiles"], "params<=1e6", noise=1)
    assert isinstance(both, CombinedEvaluator)
    assert both.stochastic
    names, seeds = ["aimc_tiles", "analog_drift_60"], np.arange(20, dtype=np.uint64)
    found = both.measure(rows, names, seeds=seeds)
    assert list(found.means) == names
    alone = noisy.measure(rows, ["analog_drift_60"], seeds=seeds)
    for part, of_alone in ((found.means, alone.means), (found.sems, alone.sems)):
        np.testing.assert_array_equal(part["analog_drift_60"], of_alone["analog_drift_60"])
    again = both.measure(rows, names, seeds=seeds + np.uint64(20)).means
    np.testing.assert_array_equal(again["aimc_tiles"], found.means["aimc_tiles"])
    assert (again["analog_drift_60"] != found.means["analog_drift_60"]).any()
    assert both.metrics_with_sem == noisy.metrics_with_sem
    quieter = default_evaluator(space, "analog_drift_60", noise=4)
    assert isinstance(quieter, NoisyTableEvaluator)
    halved = quieter.measure(rows, ["analog_drift_60"], seeds=seeds).sems["analog_drift_60"]
    np.testing.assert_allclose(halved, alone.sems["analog_drift_60"] / 2, rtol=1e-12)


def test_readings_are_not_hidden(space, rows):
    noisy = CombinedEvaluator([NoisyTableEvaluator(), CountEvaluator(space)])
    plain = CombinedEvaluator([TableEvaluator(), CountEvaluator(space)])
    assert (noisy.stochastic, plain.stochastic) == (True, False)
    assert CombinedEvaluator([CountEvaluator(space), noisy]).stochastic
    assert StochasticCombinedEvaluator is CombinedEvaluator  # its former name
    names, twice = ["analog_drift_60", "params"], np.repeat(rows[:3], 2, axis=0)
    first = noisy.evaluate(twice, names)
    alone = NoisyTableEvaluator().evaluate(twice, ["analog_drift_60"])
    for found, expected in ((first.means, alone.means), (first.sems, alone.sems)):
        np.testing.assert_array_equal(found["analog_drift_60"], expected["analog_drift_60"])
    assert (first.means["analog_drift_60"][::2] != first.means["analog_drift_60"][1::2]).all()
    seeds = np.arange(6, dtype=np.uint64)
    for evaluator in (plain, CountEvaluator(space)):
        values = evaluator.measure(twice, ["params"], seeds=seeds).means["params"]
        np.testing.assert_array_equal(values, space.params(twice))
    worker = Worker(
        evaluator=noisy, objectives="analog_drift_60", optimizer="random_search", runs=1, budget=20
    )
    assert worker.problem.stochastic
    assert definition_of(noisy)["kind"] == "combined"
    former = {**definition_of(noisy), "kind": "stochastic_combined"}
    assert evaluator_from_definition(former, space).identity() == noisy.identity()
