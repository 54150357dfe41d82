"""Measured tables: what is in the file, several seeds of one architecture, and what is made of them."""

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import pytest

from analognas.core import (
    InvalidArgumentError,
    OutOfSpaceError,
    ResumeError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.evaluators import (
    CountEvaluator,
    GraphEnsembleEvaluator,
    TableEvaluator,
    XGBoostEvaluator,
    default_evaluator,
)
from analognas.hardware import network_cost
from analognas.optimizers import OPTIMIZERS
from analognas.search import Worker
from analognas.spaces import NASBench201Space, ResNetSpace
from analognas.tables import (
    SHIPPED_TABLE,
    MeasuredTable,
    TableRows,
    find_table,
    measured_rows,
    write_rows,
)
from analognas.tables.table_file import read_table, write_table

METRICS = ("baseline_accuracy", "analog_drift_60", "analog_drift_2592000", "avm")
OF_SEVERAL_OBJECTIVES, OF_NOISE = "nsga3", "noise_aware"


def write(
    path, space, population, seeds, values, errors=None, *, entry=None, fidelity=None, **more
):
    fidelity = fidelity or {"epochs": 3}
    rows = TableRows(population, np.asarray(seeds), values, fidelity, errors or [""] * len(seeds))
    metadata = {
        "name": "test",
        "kind": "measured",
        "space": entry or space.name,
        "space_fingerprint": space.fingerprint(),
        "provenance": {"dataset": "none"},
        "licence": "",
        "notes": "",
        **more,
    }
    write_rows(path, rows, metadata)
    return path


@pytest.fixture
def made(tmp_path):
    """40 ResNets, the first of them with three seeds, the last without values after a month."""
    space = ResNetSpace()
    rows = space.sample(40, generator=np.random.default_rng(0), unique=True)
    population = np.concatenate([rows[:1], rows[:1], rows])
    seeds = [1, 2, *([0] * 40)]
    generator = np.random.default_rng(1)
    truth = np.log(space.params(population).astype(float))
    values = {}
    for n, name in enumerate(METRICS):
        values[name] = 40.0 + truth - n + generator.normal(size=42) * 0.1
        values[f"{name}_sem"] = np.full(42, 0.3)
    values["avm"] = generator.random(42)
    values["analog_drift_60_std"] = np.full(42, 0.5)
    values["analog_drift_2592000"][-1] = math.nan
    errors = [""] * 41 + ["hwa: no luck"]
    path = write(tmp_path / "t.parquet", space, population, seeds, values, errors)
    return space, rows, values, path


@pytest.mark.parametrize("options", [{}, {"channels": 4, "cells": 1}])
def test_counts_are_those_of_the_networks_that_were_measured(tmp_path, options):
    space = NASBench201Space()
    rows = space.sample(3, generator=np.random.default_rng(0), unique=True)
    shape = {"input_channels": 1, "input_height": 12, "input_width": 9, "n_classes": 7}
    values = {"analog_drift_5": np.array([30.0, 40.0, 50.0])}
    path = write(
        tmp_path / "t.parquet", space, rows, [0, 0, 0], values, fidelity=shape,
        measurement={"network": options},
    )  # fmt: skip
    table = MeasuredTable(path)
    counts = table.query(rows, ["params", "macs"])
    for row, params in zip(rows, counts["params"], strict=True):
        network = space.build(row, (1, 12, 9), 7, **options)
        assert sum(x.numel() for x in network.parameters()) == params
    evaluator = default_evaluator(
        table.space, ["analog_drift_5", "aimc_energy"], own=[TableEvaluator(table)]
    )
    assert (
        evaluator.evaluate_cheaply(rows, ["params"]).means["params"].tolist()
        == counts["params"].tolist()
    )
    energy = evaluator.evaluate(rows[-1:], ["aimc_energy"]).means["aimc_energy"]
    assert energy == network_cost(network, "hermes", input_shape=(1, 12, 9)).energy
    drift = next(metric for metric in table.metric_definitions if metric.name == "analog_drift_5")
    assert drift.unit == "%"
    assert drift.description.endswith("5 s after programming")


def test_networks_with_options_that_the_space_does_not_count_have_no_counts(made, tmp_path):
    space, rows, *_ = made
    options = {"network": {"n": 3}}
    values = {"avm": np.ones(2)}
    path = write(tmp_path / "o.parquet", space, rows[:2], [0, 0], values, measurement=options)
    assert MeasuredTable(path).metrics == ["avm"]


def test_a_table_of_one_architecture_can_be_read_but_not_searched(tmp_path):
    space = NASBench201Space()
    rows = space.population([[2, 2, 0, 4, 2, 1]])
    table = MeasuredTable(write(tmp_path / "t.parquet", space, rows, [0], {"avm": np.ones(1)}))
    assert (len(table), table.query_metric(rows[0], "avm")) == (1, 1.0)
    with pytest.raises(InvalidArgumentError, match="at least 2 architectures"):
        TableEvaluator(table)


def test_accuracies_as_fractions_are_an_error(tmp_path, monkeypatch):
    space = ResNetSpace()
    rows = space.sample(10, generator=np.random.default_rng(0), unique=True)
    accuracies = {"analog_accuracy": np.linspace(0.6, 0.9, 10)}
    message = "0.6 and 0.9, as fractions do; multiply them by 100"
    with pytest.raises(TableIntegrityError, match=message):
        write(tmp_path / "t.parquet", space, rows, [0] * 10, accuracies)
    with monkeypatch.context() as patch:
        patch.setattr(measured_rows, "measured", lambda name, values, *rest, **options: values)
        path = write(tmp_path / "t.parquet", space, rows, [0] * 10, accuracies)
    with pytest.raises(TableIntegrityError, match=message):
        MeasuredTable(path)
    few = write(
        tmp_path / "few.parquet",
        space,
        rows[:2],
        [0] * 2,
        {"analog_accuracy": np.array([0.8, 0.9])},
    )
    assert len(MeasuredTable(few)) == 2  # two networks that hardly learned, of 120 classes


def test_a_table_holds_what_was_written(made):
    space, rows, values, path = made
    table = MeasuredTable(path)
    assert len(table) == 40
    assert table.seeds(rows[0]) == (0, 1, 2)
    assert table.seeds(rows[1]) == (0,)
    column = table.query(rows, "baseline_accuracy")["baseline_accuracy"]
    assert column[0] == pytest.approx(values["baseline_accuracy"][:3].mean())
    assert column[1:] == pytest.approx(values["baseline_accuracy"][3:], abs=0)
    assert table.query(rows, ["params", "macs"])["params"].tolist() == space.params(rows).tolist()
    assert math.isnan(table.query_metric(rows[-1], "analog_drift_2592000"))
    assert table.rows.errors[-1] == "hwa: no luck"
    assert table.metadata["fidelity"] == {"epochs": 3}
    assert space.decode(rows[3]) in table
    assert {space.decode(row) for row in rows} == set(table)


def test_the_standard_error_of_several_seeds_is_that_of_their_mean(made):
    _, rows, values, path = made
    table = MeasuredTable(path)
    sems = table.standard_errors(rows, ["baseline_accuracy"])["baseline_accuracy"]
    between = values["baseline_accuracy"][:3].std(ddof=1) / 3**0.5
    assert sems[0] == pytest.approx(max(between, 0.3 / 3**0.5))
    assert sems[1] == pytest.approx(0.3)


def test_seeds_that_differ_more_than_chips_count(tmp_path):
    space = NASBench201Space()
    population = space.population([3, 3, 5])
    values = {
        "analog_accuracy": np.array([50.0, 60.0, 70.0]),
        "analog_accuracy_sem": np.full(3, 0.1),
    }
    path = write(tmp_path / "t.parquet", space, population, [0, 1, 0], values)
    table = MeasuredTable(path)
    assert table.query_metric(3, "analog_accuracy") == 55.0
    assert table.query_metric(3, "analog_accuracy_sem") == pytest.approx(
        5.0
    )  # std 7.07 over sqrt 2
    assert table.query_metric(5, "analog_accuracy_sem") == pytest.approx(0.1)


def test_the_best_is_found_by_the_metrics_direction(made):
    space, rows, _, path = made
    table = MeasuredTable(path)
    best, value = table.find_best("analog_drift_60")
    column = table.query(rows, "analog_drift_60")["analog_drift_60"]
    assert value == column.max()
    assert space.encode(best).tolist() == rows[column.argmax()].tolist()
    limited, _ = table.find_best("analog_drift_60", "params<=1e5")
    assert space.params(space.encode(limited)[None])[0] <= 1e5
    assert table.find_best("params")[1] == space.params(rows).min()
    with pytest.raises(InvalidArgumentError, match="params<=1"):
        table.find_best("analog_drift_60", "params<=1")


def test_what_is_not_in_the_table_is_named(made):
    space, rows, _, path = made
    table = MeasuredTable(path)
    other = next(
        row
        for row in space.sample(50, generator=np.random.default_rng(9))
        if not (rows == row).all(axis=1).any()
    )
    with pytest.raises(OutOfSpaceError, match="not among the 40"):
        table.query_metric(other, "analog_drift_60")
    with pytest.raises(UnknownNameError, match="analog_drift_60"):
        table.query(rows, "analog_drift_61")


def test_quality_counts_failures_and_estimates_noise(tmp_path):
    space = NASBench201Space()
    generator = np.random.default_rng(0)
    rows = space.sample(200, generator=generator, unique=True)
    population, seeds = rows.repeat(3, axis=0), np.tile([0, 1, 2], 200)
    truth = generator.normal(50.0, 4.0, size=200).repeat(3)
    values = {
        "analog_drift_60": truth + generator.normal(size=600) * 2.0,
        "analog_drift_60_sem": np.full(600, 0.1),
        "analog_drift_3600": truth - 1.0,
        "analog_drift_3600_sem": np.full(600, 0.1),
    }
    values["analog_drift_3600"][:3] += 20.0
    path = write(tmp_path / "t.parquet", space, population, seeds, values)
    report = MeasuredTable(path).quality()
    noise = {entry.metric: entry for entry in report.noise}
    # 5 standard errors of a standard deviation from 400 degrees of freedom.
    assert noise["analog_drift_60"].pooled_std == pytest.approx(2.0, abs=5 * 2.0 / 800**0.5)
    assert 0.5 < noise["analog_drift_60"].ceiling_tau < 0.9
    assert noise["analog_drift_3600"].pooled_std == pytest.approx(0.0, abs=1e-9)
    assert noise["analog_drift_3600"].ceiling_tau == pytest.approx(1.0, abs=0.01)
    assert space.decode(rows[0]) in report.rising
    assert "pooled std" in str(report)
    assert (report.n_architectures, report.n_rows, report.n_repeated) == (200, 600, 200)


def test_a_table_with_few_repeats_says_so(made):
    *_, path = made
    report = MeasuredTable(path).quality()
    assert report.noise == ()
    assert report.n_failed == 1
    assert "too few" in str(report)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(OPTIMIZERS.names()) - {"optuna", OF_SEVERAL_OBJECTIVES, OF_NOISE, "successive_halving"}
    ),
)
def test_every_optimizer_searches_a_table_to_its_end(made, name):
    space, rows, _, path = made
    evaluator = TableEvaluator(MeasuredTable(path))
    optimizer = OPTIMIZERS.get(name)()
    result = Worker(
        evaluator=evaluator,
        optimizer=optimizer,
        objectives="analog_drift_60",
        constraints=(),
        budget=39,
        runs=1,
    ).search()
    known = set(space.codes(rows).tolist())
    found = space.codes(result.runs[0].population).tolist()
    assert set(found) <= known
    assert len(set(found)) == 39


def test_optuna_searches_a_table(made):
    pytest.importorskip("optuna")
    space, rows, _, path = made
    evaluator = TableEvaluator(MeasuredTable(path))
    names = [n for n in OPTIMIZERS.names() if "optuna" in n]
    for name in names:
        result = Worker(
            evaluator=evaluator, optimizer=name, objectives="analog_drift_60", budget=30, runs=1
        ).search()
        found = space.codes(result.runs[0].population).tolist()
        assert set(found) <= set(space.codes(rows).tolist())
        assert len(set(found)) == 30


def test_a_search_finds_the_best_network_sooner_than_chance(made):
    _space, _rows, _, path = made
    evaluator = TableEvaluator(MeasuredTable(path))
    best = evaluator.table.find_best("analog_drift_60")[1]
    worker = Worker(
        evaluator=evaluator,
        optimizer="predictor_guided",
        objectives="analog_drift_60",
        budget=25,
        runs=5,
    )
    values = [run.evaluation.means["analog_drift_60"].max() for run in worker.search().runs]
    assert (
        sum(value == best for value in values) >= 4
    )  # chance: 25 of 40, so 4 of 5 or more in 38 %


def test_a_search_over_the_whole_space_proposes_what_the_table_holds(made):
    _space, _rows, _, path = made
    evaluator = TableEvaluator(MeasuredTable(path))
    result = Worker(
        "resnet",
        evaluator=evaluator,
        optimizer="random_search",
        objectives="analog_drift_60",
        budget=60,
        runs=1,
    ).search()
    assert len(result.runs[0].population) == 40  # all there are


def test_costs_can_be_searched_beside_a_table(made):
    from analognas.evaluators import CombinedEvaluator

    space, rows, _, path = made
    table = TableEvaluator(MeasuredTable(path))
    both = CombinedEvaluator([CountEvaluator(space), table])
    assert both.space.restriction == table.space.restriction
    means = both.evaluate(rows[:2], ["macs", "analog_drift_60"]).means
    assert means["macs"].tolist() == space.macs(rows[:2]).tolist()


@pytest.mark.parametrize("kind", [XGBoostEvaluator, GraphEnsembleEvaluator])
def test_surrogates_learn_from_a_table_and_predict_the_whole_space(made, kind):
    space, _rows, _values, path = made
    surrogate = kind().fit(MeasuredTable(path))
    assert surrogate.space.name == "resnet"
    assert surrogate.space.restriction is None
    assert "analog_drift_2592000" in surrogate.metrics
    drawn = space.sample(20, generator=np.random.default_rng(5))
    found = surrogate.evaluate(drawn, ["analog_drift_2592000"]).means["analog_drift_2592000"]
    assert np.isfinite(found).all()
    only = kind().fit(MeasuredTable(path), metrics="baseline_accuracy")
    assert "analog_drift_2592000" not in only.metrics


def test_the_report_of_an_architecture_is_json(made):
    _, rows, _, path = made
    report = TableEvaluator(MeasuredTable(path)).report(rows[-1])
    assert report["metrics"]["analog_drift_2592000"] is None
    assert isinstance(report["metrics"]["params"], int)


def test_files_that_are_no_measured_tables_are_named(made, tmp_path):
    *_, path = made
    with pytest.raises(TableIntegrityError, match="does not exist"):
        MeasuredTable(tmp_path / "absent.parquet")
    with pytest.raises(TableIntegrityError, match="not a table of measured networks"):
        MeasuredTable(SHIPPED_TABLE)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 3] ^= 255
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    with pytest.raises(TableIntegrityError, match="damaged"):
        MeasuredTable(tmp_path / "damaged.parquet")


def test_another_definition_of_the_space_is_named(tmp_path):
    space = ResNetSpace()
    rows = space.sample(3, generator=np.random.default_rng(0), unique=True)
    values = {"analog_accuracy": np.zeros(3)}
    path = write(tmp_path / "t.parquet", space, rows, [0] * 3, values, space_fingerprint="another")
    with pytest.raises(TableIntegrityError, match="another definition"):
        MeasuredTable(path)


def test_a_space_of_the_users_own_is_in_the_file(tmp_path):
    from analognas.spaces import ConfigSpace, space_entry

    space = ConfigSpace(name="mlp")
    space.add_hyperparameter("depth", "discrete", 1, 5)
    space.add_hyperparameter_range("width", "discrete", [16, 32, 64])
    rows = space.sample(6, generator=np.random.default_rng(0), unique=True)
    values = {"latency": np.arange(6.0)}
    path = write(tmp_path / "t.parquet", space, rows, [0] * 6, values, entry=space_entry(space))
    table = MeasuredTable(path)
    assert table.full_space.fingerprint() == space.fingerprint()
    assert set(table) == {space.decode(row) for row in rows}


def test_tables_are_found_by_name(made):
    *_, path = made
    assert find_table(None).metadata["name"] == find_table("analognasbench").metadata["name"]
    assert isinstance(find_table(path), MeasuredTable)


def test_a_search_over_a_table_resumes_from_its_folder(made, tmp_path):
    from analognas.evaluators import CombinedEvaluator

    space, _, _, path = made
    evaluator = CombinedEvaluator([TableEvaluator(MeasuredTable(path)), CountEvaluator(space)])
    settings = {
        "evaluator": evaluator,
        "optimizer": "regularized_evolution",
        "objectives": "analog_drift_60",
        "constraints": "macs<=1e9",
        "runs": 2,
    }
    whole = Worker(**settings, budget=30).search()
    Worker(**settings, budget=12, out=tmp_path / "a").search()
    assert Worker.resume(tmp_path / "a", budget=30).search().to_json() == whole.to_json()
    path.rename(tmp_path / "moved.parquet")
    with pytest.raises(ResumeError, match=r"t\.parquet.*evaluator=\.\.\."):
        Worker.resume(tmp_path / "a")


def test_the_code_of_building_tables_runs(tmp_path, monkeypatch):
    # docs/building_tables.md
    space = ResNetSpace()
    population = space.sample(40, generator=np.random.default_rng(0), unique=True)
    truth = np.log(space.params(population).astype(float)) + 40.0
    values = {}
    for name in ("baseline_accuracy", "analog_drift_86400", "analog_drift_2592000"):
        values[name], values[f"{name}_sem"] = truth, np.full(40, 0.3)
    write(tmp_path / "table.parquet", space, population, [0] * 40, values)
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs/building_tables.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    if importlib.util.find_spec("pandas") is None:
        blocks = [block.replace("table.to_pandas()", "") for block in blocks]
    names = {}
    # Few networks of the table may be within the limit, so that the best one is not looked for.
    exec(
        compile("\n".join(blocks).replace('"params<=3e5"', '"params<=1e9"'), str(page), "exec"),
        names,
    )
    assert names["surrogate"].bound


WRONG = {
    "no seeds": ("columns", lambda columns: columns.pop("seed")),
    "seeds are texts": ("columns", lambda columns: columns.update(seed=columns["architecture"])),
    "no first gene": ("columns", lambda columns: columns.pop("gene_0")),
    "no space": ("metadata", lambda described: described.pop("space")),
    "no fingerprint": ("metadata", lambda described: described.pop("space_fingerprint")),
    "no metrics": ("metadata", lambda described: described.pop("metrics")),
    "metrics are texts": ("metadata", lambda described: described.update(metrics=["avm"])),
    "a metric without name": ("metadata", lambda described: described["metrics"][0].pop("name")),
    "fidelity is a number": ("metadata", lambda described: described.update(fidelity=1.5)),
    "the name is a list": ("metadata", lambda described: described.update(name=[])),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_table_with_checksums_and_wrong_content(what, tmp_path):
    """As another program may write it: its checksums are right, and its content is not that of a measured table."""
    space = NASBench201Space()
    rows = space.sample(3, generator=np.random.default_rng(0))
    path = write(tmp_path / "t.parquet", space, rows, [0] * 3, {"avm": np.ones(3)})
    table = read_table(path)
    parts = {"columns": dict(table.columns), "metadata": dict(table.metadata)}
    parts["metadata"].pop("checksum", None)
    part, change = WRONG[what]
    change(parts[part])
    write_table(path, parts["columns"], parts["metadata"])
    with pytest.raises(TableIntegrityError) as caught:
        MeasuredTable(path)
    assert "\n" not in str(caught.value)
