"""Cost predictors on made and on published measurements."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from analognas.core import (
    METRICS,
    InvalidArgumentError,
    Metric,
    NotFittedError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.evaluators import CostPredictor, distinct_rows
from analognas.evaluators.cost_validation import errors
from analognas.search import Worker
from analognas.spaces import FBNetSpace, NASBench201Space, ResNetSpace
from analognas.tables import read_table, write_table


@pytest.fixture(autouse=True)
def unchanged_vocabulary():
    """Metrics of devices are known to their predictor alone."""
    before = dict(METRICS)
    yield
    assert before == METRICS


@pytest.fixture(scope="session")
def devices(shared):
    with np.load(shared / "data/hwnas_nb201.npz", allow_pickle=False) as file:
        return dict(zip(file["metrics"].tolist(), file["values"][:, 0].T, strict=True))


def noisy(cells, generator):
    """A made device: sums of operations, a term that is not linear, and 2 % of noise."""
    convolutions, pools = (cells == 2).sum(axis=1), (cells == 4).sum(axis=1)
    cost = 3.0 + convolutions + 0.4 * pools + 0.5 * (cells[:, 0] == 2) * (cells[:, 5] == 2)
    return cost * (1 + 0.02 * generator.standard_normal(len(cells)))


def test_errors_are_what_their_names_say():
    values, predictions = np.array([1.0, 2.0, 4.0, 5.0]), np.array([1.0, 3.0, 2.0, 5.0])
    found = errors(values, predictions)
    assert found["rmse"] == pytest.approx((5 / 4) ** 0.5)
    assert found["mape"] == pytest.approx(25.0)
    assert found["median_ape"] == pytest.approx(25.0)
    assert found["kendall_tau"] == pytest.approx(kendalltau(values, predictions).statistic)
    assert np.isnan(errors(np.array([0.0, 1.0]), np.array([0.0, 1.0]))["mape"])
    assert np.isnan(errors(np.ones(3), np.ones(3))["kendall_tau"])


def test_noisy_costs(space):
    generator = np.random.default_rng(3)
    cells = space.sample(400, generator=generator)
    costs = noisy(cells, generator)
    predictor = CostPredictor().fit(cells[:150], {"mine_latency": costs[:150]})
    found = predictor.cross_validation["mine_latency"]
    assert found.n == 150
    assert found.rmse == min(found.tried.values())
    assert set(found.tried) >= {"ridge on operations", "ensemble on operations+one_hot+canonical"}
    evaluation = predictor.evaluate(cells[150:], ["mine_latency", "params"])
    off = evaluation.means["mine_latency"] - costs[150:]
    # Held-out errors of 150 tell those of 250 others to (1/sqrt(300) + 1/sqrt(500)) x 5 standard errors.
    assert np.sqrt(np.mean(off**2)) == pytest.approx(found.rmse, rel=0.5)
    assert found.kendall_tau > 0.85
    # Standard errors are those of new measurements: mean square of the ratio is 1.
    ratio = off / evaluation.sems["mine_latency"]
    assert 0.5 < np.mean(ratio**2) < 2.0
    assert predictor.formula("mine_latency") is None
    assert predictor.metrics == ["mine_latency", "params", "macs"]
    assert predictor.metric_definitions[0] == Metric(
        "mine_latency", "ms", False, "time of one inference on mine"
    )


def test_same_seed_same_predictor_and_files_keep_it(space, tmp_path):
    generator = np.random.default_rng(5)
    cells = space.sample(40, generator=generator)
    costs = {"mine_latency": noisy(cells, generator), "mine_energy": (cells == 2).sum(axis=1) + 1.0}
    one, other = (CostPredictor(seed=7).fit(cells, costs) for _ in range(2))
    assert one.identity() == other.identity()
    one.save(tmp_path / "mine.parquet")
    loaded = CostPredictor.load(tmp_path / "mine.parquet")
    every = space.every()[::7]
    for predictor in (other, loaded):
        for name in costs:
            ours, theirs = (p.evaluate(every, [name]) for p in (one, predictor))
            np.testing.assert_array_equal(ours.means[name], theirs.means[name])
            np.testing.assert_array_equal(ours.sems[name], theirs.sems[name])
    assert loaded.identity() == one.identity()
    assert loaded.cross_validation == one.cross_validation
    assert loaded.formula("mine_energy") == "1 + 1 nor_conv_3x3"
    assert loaded.report(every[0])["predicted"] == list(costs)


def test_files_of_others_are_refused(space, tmp_path):
    cells = space.sample(20, generator=np.random.default_rng(0))
    path = tmp_path / "mine.parquet"
    CostPredictor().fit(cells, {"mine_latency": (cells == 2).sum(axis=1) + 1.0}).save(path)
    with pytest.raises(TableIntegrityError, match="that differs from 'fbnet'"):
        CostPredictor.load(path, space=FBNetSpace())
    table = read_table(path)
    for key in ("space", "encoding", "chosen"):
        described = {
            name: value for name, value in table.metadata.items() if name not in (key, "checksum")
        }
        write_table(tmp_path / f"{key}.parquet", table.columns, described)
        with pytest.raises(TableIntegrityError, match=f"is incomplete: it has no '{key}'"):
            CostPredictor.load(tmp_path / f"{key}.parquet")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(TableIntegrityError, match="damaged or truncated"):
        CostPredictor.load(path)
    with pytest.raises(TableIntegrityError, match="does not exist"):
        CostPredictor.load(tmp_path / "none.parquet")


def test_bad_measurements(space):
    cells = space.sample(20, generator=np.random.default_rng(0))
    ones = np.ones(20)
    with pytest.raises(
        InvalidArgumentError, match="at least 10 different architectures, but got 9"
    ):
        CostPredictor().fit(cells[:9], {"mine_latency": ones[:9]})
    with pytest.raises(InvalidArgumentError, match="different architectures, but got 1"):
        CostPredictor().fit(cells[[0] * 20], {"mine_latency": 1 + np.arange(20.0)})
    with pytest.raises(InvalidArgumentError, match="must be finite, but got inf at position 3"):
        CostPredictor().fit(cells, {"mine_latency": np.where(np.arange(20) == 3, np.inf, 1.0)})
    costs = {"mine_latency": ones, "mine_energy": np.where(np.arange(20) < 9, 1.0, np.nan)}
    with pytest.raises(InvalidArgumentError, match="but got 9 of 'mine_energy'"):
        CostPredictor().fit(cells, costs)
    with pytest.raises(
        UnknownNameError, match="Unknown metric 'speed'. Call a cost of your own <device>_latency"
    ):
        CostPredictor().fit(cells, {"speed": ones})
    with pytest.raises(InvalidArgumentError, match="at least one metric"):
        CostPredictor().fit(cells, {})
    with pytest.raises(NotFittedError, match=r"call fit\(architectures, {'mine_latency': millis"):
        CostPredictor().evaluate(cells, ["mine_latency"])
    with pytest.raises(NotFittedError):
        CostPredictor().save("never.parquet")


def test_nothing_is_free(space):
    cells = space.sample(60, generator=np.random.default_rng(0), unique=True)
    n = (cells == 2).sum(axis=1)
    costs = np.maximum(4.0 * n - 3, 0.5) * np.random.default_rng(1).normal(1, 0.02, 60)
    predictor = CostPredictor(encoding="operations").fit(cells, {"mine_latency": costs})
    rows = space.every()
    found = predictor.evaluate(rows, ["mine_latency"])
    lowest, means = costs.min(), found.means["mine_latency"]
    found_by_model = predictor._models["mine_latency"].predict(
        distinct_rows(predictor._features(rows))[0]
    )[0]
    assert found_by_model.min() < 0  # what a line makes of it
    assert means.min() > lowest / 4
    # Order stays, and what lies above half of the lowest stays as it is.
    raw = found_by_model[distinct_rows(predictor._features(rows))[1]]
    order = np.argsort(raw, kind="stable")
    assert (np.diff(means[order]) >= 0).all()
    high = raw >= lowest / 2
    assert 0 < high.sum() < len(raw)
    np.testing.assert_array_equal(means[high], raw[high])
    assert (means[~high] < lowest / 2).all()


def test_a_measured_device_predicts_no_free_network(devices, space):
    index = np.random.default_rng(0).permutation(15_625)[:100]
    values = devices["raspi4_latency"][index]
    predictor = CostPredictor().fit(space.from_indices(index), {"raspi4_latency": values})
    means = predictor.evaluate(space.every(), ["raspi4_latency"]).means["raspi4_latency"]
    assert (means > values.min() / 4).all()


def test_measured_zeros_may_be_predicted(space):
    cells = space.sample(60, generator=np.random.default_rng(0), unique=True)
    costs = 1.0 * (cells == 2).sum(axis=1)
    # A count may be zero, the latency of a network may not.
    count = Metric("bank_conflicts", "", False)
    predictor = CostPredictor().fit(cells, {"bank_conflicts": costs}, definitions=[count])
    assert predictor.formula("bank_conflicts") == "0 + 1 nor_conv_3x3"
    found = predictor.evaluate([(1, 1, 1, 1, 1, 1)], ["bank_conflicts"]).means["bank_conflicts"]
    assert (found == 0).all()
    with pytest.raises(InvalidArgumentError, match="positive numbers"):
        CostPredictor().fit(cells, {"mine_latency": costs})


def test_devices_measured_on_different_cells_share_a_table(space, tmp_path):
    generator = np.random.default_rng(5)
    cells = space.sample(50, generator=generator, unique=True)
    noisy_costs, exact = noisy(cells, generator), 1.0 + (cells == 2).sum(axis=1)
    left, right = np.arange(50) < 30, np.arange(50) >= 20
    both = CostPredictor().fit(
        cells,
        {
            "mine_latency": np.where(left, noisy_costs, np.nan),
            "other_latency": np.where(right, exact, np.nan),
        },
    )
    both.save(tmp_path / "both.parquet")
    alone = [
        CostPredictor().fit(cells[left], {"mine_latency": noisy_costs[left]}),
        CostPredictor().fit(cells[right], {"other_latency": exact[right]}),
    ]
    every = space.every()[::50]
    for one, name in zip(alone, both.cross_validation, strict=True):
        expected = one.evaluate(every, [name])
        for predictor in (both, CostPredictor.load(tmp_path / "both.parquet")):
            found = predictor.evaluate(every, [name])
            np.testing.assert_array_equal(found.means[name], expected.means[name])
            np.testing.assert_array_equal(found.sems[name], expected.sems[name])
        assert both.cross_validation[name] == one.cross_validation[name]


def test_a_constant_cost(space):
    cells = space.sample(60, generator=np.random.default_rng(0))
    predictor = CostPredictor().fit(cells, {"mine_latency": np.full(60, 4.0)})
    assert predictor.formula("mine_latency") == "4"
    assert predictor.evaluate(cells, ["mine_latency"]).means["mine_latency"].tolist() == [4.0] * 60


@pytest.mark.parametrize("other", [ResNetSpace(), FBNetSpace()])
def test_other_spaces(other):
    generator = np.random.default_rng(1)
    rows = other.sample(90, generator=generator)
    macs = other.macs(rows) / 1e6
    costs = 1.0 + macs * (1 + 0.01 * generator.standard_normal(90))
    predictor = CostPredictor(other).fit(rows[:60], {"mine_energy": costs[:60]})
    found = predictor.evaluate(rows[60:], ["mine_energy"]).means["mine_energy"]
    assert kendalltau(found, costs[60:]).statistic > 0.7


@pytest.mark.parametrize(
    ("metric", "formula"),
    [
        (
            "eyeriss_latency",
            "1.67954 + 1.47456 nor_conv_3x3 + 0.24576 nor_conv_1x1 + 1.47456 avg_pool_3x3",
        ),
        ("fpga_latency", None),
        ("eyeriss_energy", None),
    ],
)
def test_published_costs_that_are_linear(devices, space, metric, formula):
    values = devices[metric]
    index = np.random.default_rng(0).permutation(15_625)
    cells = space.from_indices(index[:50])
    predictor = CostPredictor().fit(cells, {metric: values[index[:50]]})
    assert predictor.cross_validation[metric].model == "closed form"
    if formula:
        assert predictor.formula(metric) == formula
    found = predictor.evaluate(space.from_indices(np.arange(15_625)), [metric]).means[metric]
    # 15,575 published values from 50 measurements: to twelve digits.
    np.testing.assert_allclose(found, values, rtol=1e-11)


def test_sums_over_layers_are_exact(shared):
    with np.load(shared / "data/help_fbnet_latency.npz", allow_pickle=False) as file:
        devices = file["devices"].tolist()
        arch, values = file["arch"].tolist(), file["latency_ms"][:, devices.index("pixel3")]
    fbnet = FBNetSpace()
    rows = fbnet.population(arch)
    # 22 layers of 9 choices and a constant: 177 coefficients.
    predictor = CostPredictor(fbnet).fit(rows[:300], {"pixel3_latency": values[:300]})
    found = predictor.cross_validation["pixel3_latency"]
    assert (found.model, found.encoding) == ("closed form", "one_hot")
    prediction = predictor.evaluate(rows[300:], ["pixel3_latency"])
    np.testing.assert_allclose(prediction.means["pixel3_latency"], values[300:], rtol=1e-11)


def test_published_costs_that_are_measured(devices, space):
    values = devices["edgetpu_latency"]
    index = np.random.default_rng(0).permutation(np.flatnonzero(~np.isnan(values)))
    fitted, others = index[:80], index[80:]
    predictor = CostPredictor().fit(space.from_indices(fitted), {"edgetpu_latency": values[fitted]})
    found = predictor.cross_validation["edgetpu_latency"]
    prediction = predictor.evaluate(space.from_indices(others), ["edgetpu_latency"])
    tau = kendalltau(prediction.means["edgetpu_latency"], values[others]).statistic
    assert tau > 0.88
    # 5 standard errors of a tau of about 0.9 from 80 rows, and the choice among eight models.
    assert found.kendall_tau == pytest.approx(tau, abs=0.06)


def test_costs_of_any_name_are_declared(space, tmp_path):
    cells = space.sample(30, generator=np.random.default_rng(0))
    declared = [Metric("cycles", "", False), Metric("frames", "1/s", True)]
    values = {"cycles": 100.0 + (cells == 2).sum(axis=1), "frames": 5.0 + (cells == 3).sum(axis=1)}
    predictor = CostPredictor().fit(cells, values, definitions=declared)
    predictor.save(tmp_path / "own.parquet")
    for one in (predictor, CostPredictor.load(tmp_path / "own.parquet")):
        assert one.metric_definitions[:2] == tuple(declared)
        assert {metric.name for metric in one.metric_definitions} == {*one.metrics}
    found = Worker(evaluator=one, objectives="frames", runs=1, budget=20).search()
    assert found.problem.sign == 1
    # Fitted again, it forgets them.
    one.fit(cells, {"mine_energy": values["cycles"]})
    assert one.metric_definitions[0].unit == "mJ"


@pytest.mark.parametrize(
    "change",
    [
        lambda columns, about: columns.pop("gene0"),
        lambda columns, about: about.update(chosen=[1]),
        lambda columns, about: about.update(metrics=3),
    ],
)
def test_a_file_with_checksums_and_wrong_content(change, tmp_path):
    rows = NASBench201Space().sample(30, generator=np.random.default_rng(0))
    fitted = CostPredictor(space=NASBench201Space())
    fitted.fit(rows, {"mine_latency": 1.5 + (rows == 3).sum(axis=1)}).save(tmp_path / "c.parquet")
    table = read_table(tmp_path / "c.parquet")
    columns, about = dict(table.columns), dict(table.metadata)
    about.pop("checksum", None)
    change(columns, about)
    write_table(tmp_path / "c.parquet", columns, about)
    with pytest.raises(TableIntegrityError):
        CostPredictor.load(tmp_path / "c.parquet")
