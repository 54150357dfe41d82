"""Comparison of tables: correlations against scipy, intervals that cover, and the ceiling of noise."""

import math

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from analognas.builder import compare_tables
from analognas.builder.compare import ceiling_tau
from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.report import comparison_figure, save_figure
from analognas.spaces import NASBench201Space, ResNetSpace
from analognas.tables import AnalogNASBench, MeasuredTable, TableRows, write_rows


def table(path, rows, values, seeds=None, space=None, name="a"):
    space = space or NASBench201Space()
    seeds = np.zeros(len(rows), int) if seeds is None else np.asarray(seeds)
    metadata = {
        "name": name,
        "kind": "measured",
        "space": space.name,
        "space_fingerprint": space.fingerprint(),
        "provenance": {"dataset": "none"},
        "licence": "",
        "notes": "",
        "complete": name != "part",
    }
    write_rows(path, TableRows(rows, seeds, values, {"epochs": 1}, [""] * len(rows)), metadata)
    return MeasuredTable(path)


@pytest.fixture
def rows():
    return NASBench201Space().sample(80, generator=np.random.default_rng(0), unique=True)


def test_correlations_are_those_of_scipy_on_common_architectures(rows, tmp_path):
    generator = np.random.default_rng(1)
    truth = generator.normal(60.0, 5.0, size=80)
    x, y = truth + generator.normal(size=80), truth + 2.0 + generator.normal(size=80)
    one = table(tmp_path / "a", rows[:70], {"analog_accuracy": x[:70]})
    other = table(
        tmp_path / "b", rows[10:][::-1], {"analog_accuracy": y[10:][::-1], "avm": y[10:]}, name="b"
    )
    found = compare_tables(one, other)
    assert found.n_common == 60
    (metric,) = found.metrics
    assert metric.kendall_tau.value == pytest.approx(kendalltau(x[10:70], y[10:70]).statistic)
    assert metric.spearman_rho.value == pytest.approx(spearmanr(x[10:70], y[10:70]).statistic)
    assert metric.difference.value == pytest.approx(np.mean(y[10:70] - x[10:70]))
    assert metric.ceiling_tau is None
    assert metric.kendall_tau.low < metric.kendall_tau.value < metric.kendall_tau.high
    # The standard error of a mean of 60 differences of variance 2; 1.96 of them on either side.
    half = 1.96 * math.sqrt(2.0 / 60)
    assert metric.difference.high - metric.difference.low == pytest.approx(2 * half, rel=0.35)


def test_equal_seeds_make_equal_intervals(rows, tmp_path):
    values = {"analog_accuracy": np.random.default_rng(2).normal(60, 5, size=80)}
    one, other = table(tmp_path / "a", rows, values), table(tmp_path / "b", rows, values, name="b")
    twice = [compare_tables(one, other, n_resamples=50).to_dict() for _ in range(2)]
    assert twice[0] == twice[1]
    assert compare_tables(one, other, n_resamples=50).metrics[0].kendall_tau.value == pytest.approx(
        1.0
    )


def test_the_ceiling_is_the_tau_of_two_noisy_readings_of_one_truth():
    generator = np.random.default_rng(3)
    truth = generator.normal(0.0, 4.0, size=4000)
    x, y = truth + generator.normal(size=4000) * 2.0, truth + generator.normal(size=4000) * 1.0
    expected = ceiling_tau(np.stack([x, y]), (2.0, 1.0))
    # Standard error of tau for n normal pairs is below 2 / 3 / sqrt(n) * sqrt(1 - rho^2): 0.007.
    assert kendalltau(x, y).statistic == pytest.approx(expected, abs=5 * 0.007)
    assert ceiling_tau(np.stack([x, y]), (2.0, None)) > expected
    assert ceiling_tau(np.stack([x, y]), (100.0, 1.0)) == 0.0


def test_repeated_seeds_give_the_noise_and_lower_it(rows, tmp_path):
    generator = np.random.default_rng(4)
    truth = generator.normal(60.0, 5.0, size=80).repeat(3)
    population, seeds = rows.repeat(3, axis=0), np.tile([0, 1, 2], 80)
    values = {"analog_accuracy": truth + generator.normal(size=240) * 3.0}
    one = table(tmp_path / "a", population, values, seeds)
    other = table(tmp_path / "b", rows, {"analog_accuracy": truth[::3]}, name="b")
    (metric,) = compare_tables(one, other, n_resamples=50).metrics
    # 5 standard errors of a standard deviation from 160 degrees of freedom, of means of three.
    assert metric.noise[0] == pytest.approx(3.0 / 3**0.5, abs=5 * 3.0 / 3**0.5 / 320**0.5)
    assert metric.noise[1] is None
    assert metric.kendall_tau.value == pytest.approx(metric.ceiling_tau, abs=0.12)


def test_the_published_table_has_its_noise_from_isomorphic_cells(rows, tmp_path):
    bench = AnalogNASBench()
    values = bench.query(rows, ["analog_drift_2592000"])
    mine = table(tmp_path / "a", rows, dict(values))
    (metric,) = compare_tables(mine, bench, ["analog_drift_2592000"], n_resamples=50).metrics
    noise = {entry.metric: entry.pooled_std for entry in bench.quality().noise}
    assert metric.noise == (None, pytest.approx(noise["analog_drift_2592000"]))
    assert metric.kendall_tau.value == pytest.approx(1.0)
    assert 0.3 < metric.ceiling_tau < 1.0


def test_missing_values_are_left_out_and_incomplete_tables_named(rows, tmp_path):
    values = np.random.default_rng(5).normal(size=80)
    holes = values.copy()
    holes[:7] = math.nan
    one = table(tmp_path / "a", rows, {"analog_accuracy": values + 50})
    other = table(tmp_path / "b", rows, {"analog_accuracy": holes + 50}, name="part")
    found = compare_tables(one, other, n_resamples=50)
    assert found.metrics[0].n == 73
    assert any("incomplete" in note for note in found.notes)
    assert "Kendall" in str(found)


def test_tables_that_cannot_be_compared_are_named(rows, tmp_path):
    values = {"analog_accuracy": np.full(80, 50.0)}
    one = table(tmp_path / "a", rows, values)
    resnet = ResNetSpace()
    nets = resnet.sample(5, generator=np.random.default_rng(0), unique=True)
    other = table(tmp_path / "b", nets, {"analog_accuracy": np.zeros(5)}, space=resnet, name="b")
    with pytest.raises(InvalidArgumentError, match="different spaces"):
        compare_tables(one, other)
    few = table(tmp_path / "c", rows[:3], {"analog_accuracy": np.zeros(3)}, name="c")
    with pytest.raises(InvalidArgumentError, match="3 architectures in common"):
        compare_tables(one, few)
    with pytest.raises(UnknownNameError, match="analog_accuracy"):
        compare_tables(one, one, ["avm"])
    strange = table(tmp_path / "d", rows, {"avm": np.zeros(80)}, name="d")
    with pytest.raises(InvalidArgumentError, match="no metric in common"):
        compare_tables(one, strange)


def test_the_figure_has_a_panel_for_each_metric(rows, tmp_path):
    generator = np.random.default_rng(6)
    names = ("baseline_accuracy", "analog_accuracy", "analog_drift_60", "analog_drift_3600", "avm")
    values = {name: generator.normal(60, 5, size=80) for name in names}
    one, other = table(tmp_path / "a", rows, values), table(tmp_path / "b", rows, values, name="b")
    figure = comparison_figure(compare_tables(one, other, n_resamples=50))
    assert len(figure.axes) == 5
    assert all("τ 1.00" in axes.texts[0].get_text() for axes in figure.axes)
    save_figure(figure, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000
