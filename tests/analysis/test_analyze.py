"""The analysis of whole tables, and the page that shows that of AnalogNAS-Bench."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from analognas.analysis import AnalysisSettings, RobustnessAnalysis, analyze, run_analysis
from analognas.analysis.comparison import BEST_DIGITAL, BEST_ON_CHIPS, HAND_MADE
from analognas.cli.main import main
from analognas.core import InvalidArgumentError, TableIntegrityError
from analognas.report.analysis import (
    genes_figure,
    networks_figure,
    predictors_figure,
    traits_figure,
)
from analognas.spaces import NASBench201Space
from analognas.tables import AnalogNASBench

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "experiments" / "tables" / "resnet-cifar10-partial.parquet"
PAGE = ROOT / "docs" / "robust_cells.md"
STORED = ROOT / "experiments" / "robust_cells" / "analysis.json"
_NUMBER = r"-?\d+\.\d\d"
_INTERVAL = re.compile(rf"({_NUMBER}) \[({_NUMBER}), ({_NUMBER})\]")
MONTH = "analog_drift_2592000"


@pytest.fixture(scope="module")
def published():
    return analyze()


def test_depth_costs_most_and_skips_help(published):
    slopes = {(one.trait.name, one.metric, one.equal): one.effect for one in published.slopes}
    equal = "digital accuracy"
    assert slopes["depth", MONTH, equal].value == pytest.approx(-5.41, abs=0.01)
    assert slopes["depth", MONTH, equal].high < -4.9
    assert slopes["skips", MONTH, equal].low > 1.5
    assert slopes["skips", "avm", equal].high < -0.6
    assert slopes["width", MONTH, equal].low > 0
    assert slopes["width", MONTH, f"{equal} and the other traits"].high < 0


def test_depth_is_seen_without_any_model():
    # Cells of nearly equal digital accuracy, by the number of convolutions in a row: plain means.
    bench = AnalogNASBench()
    space = NASBench201Space()
    chains = {1: (2, 1, 0, 1, 2, 0), 3: (2, 1, 0, 2, 1, 2)}  # one and three convolutions in a row
    values = bench.query(list(chains.values()), ["baseline_accuracy", MONTH])
    assert np.ptp(values["baseline_accuracy"]) < 1.5
    classes = space.isomorphism_class(space.every())
    columns = bench.query(space.every(), [MONTH])[MONTH]
    means = [columns[classes == space.isomorphism_class(space.encode(cell)[None])[0]].mean()
             for cell in chains.values()]  # fmt: skip
    assert means[0] - means[1] > 3


def test_quantization_tells_nothing_at_equal_digital_accuracy(published):
    found = {(one.predictor, one.equal_digital): one for one in published.predictions}
    ptq = found["ptq_accuracy", True].agreement
    assert ptq.between_trainings
    assert ptq.tau.high < 0.1 < 0.5 < ptq.ceiling.low
    day = found["analog_drift_86400", True].agreement
    assert day.tau.high >= day.ceiling.low
    assert found["analog_drift_60", False].best_kept > 0.7


def test_networks_are_compared_by_true_values_at_equal_size(published):
    by_role = {(one.role, one.limit): one for one in published.networks}
    best, digital = by_role[BEST_ON_CHIPS, None], by_role[BEST_DIGITAL, None]
    assert best.values[MONTH].value > digital.values[MONTH].value
    assert best.values["baseline_accuracy"].value < digital.values["baseline_accuracy"].value
    assert best.values[MONTH].value < AnalogNASBench().find_best(MONTH)[1]  # the lucky reading
    for name in HAND_MADE:
        hand_made = by_role[name, None]
        for role in (BEST_ON_CHIPS, BEST_DIGITAL):
            assert by_role[role, name].params <= hand_made.params
        assert by_role[BEST_ON_CHIPS, name].values[MONTH].value >= hand_made.values[MONTH].value


def test_levels_and_genes_average_to_zero(published):
    for group in (published.levels, published.genes):
        own = [one for one in group if one.metric == MONTH]
        for name in {one.of for one in own}:
            values = [one.effect.value for one in own if one.of == name]
            assert min(values) < 0 < max(values)
    depth = [one for one in published.levels if (one.of, one.metric) == ("depth", MONTH)]
    assert [one.value for one in depth] == ["1", "2", "3"]
    assert sum(one.n_networks for one in depth) == published.n_compared
    assert len([one for one in published.genes if one.metric == MONTH]) == 30


def test_the_three_published_insights_are_judged(published):
    verdicts = [text for text in published.findings if text.startswith("Published")]
    assert [". Confirmed:" in text for text in verdicts] == [True, False, True]
    assert "Confirmed by itself only" in verdicts[1]


def test_json_and_figures_are_those_of_the_analysis(published):
    again = RobustnessAnalysis.from_dict(json.loads(json.dumps(published.to_dict())))
    assert json.dumps(again.to_dict()) == json.dumps(published.to_dict())
    assert str(again) == str(published)
    for figure in (traits_figure, genes_figure, predictors_figure, networks_figure):
        assert figure(again) is not None
    with pytest.raises(InvalidArgumentError, match="analognas analyze"):
        RobustnessAnalysis.from_dict({"format": "analognas analysis 0"})


def test_a_measured_table_of_another_space():
    found = analyze(AnalysisSettings(table=str(MEASURED), margin=40.0))
    assert found.n_compared >= 30
    assert {slope.trait.name for slope in found.slopes} >= {"depth", "branches", "width"}
    assert not found.genes
    assert not any(one.agreement.between_trainings for one in found.predictions)
    assert all(np.isfinite(slope.effect.value) for slope in found.slopes)
    assert genes_figure(found) is None
    assert predictors_figure(found) is not None


def test_too_few_networks_or_no_table():
    with pytest.raises(InvalidArgumentError, match="at least 20 networks"):
        analyze(AnalysisSettings(table=str(MEASURED), margin=1.0))
    with pytest.raises(InvalidArgumentError, match="margin"):
        AnalysisSettings(margin=0.0)
    with pytest.raises(TableIntegrityError):
        analyze(AnalysisSettings(table="missing.parquet"))


def test_the_command(tmp_path, capsys):
    out = tmp_path / "found"
    words = ["analyze", str(MEASURED), "--margin", "40", "--out", str(out)]
    assert main(words) == 0
    assert "layers on the longest path" in capsys.readouterr().out
    stored = json.loads((out / "analysis.json").read_text())
    assert stored["table"] == "resnet-cifar10"
    assert (out / "predictors.png").stat().st_size > 10_000
    assert main(words) == 2
    assert "not empty" in capsys.readouterr().err
    assert main(["analyze", "missing.parquet", "--out", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
    run_analysis(AnalysisSettings(table=str(MEASURED), margin=40.0), tmp_path)
    assert (tmp_path / "analysis.json").read_bytes() == (out / "analysis.json").read_bytes()


def intervals(entry):
    """All numbers with intervals of a JSON tree, as texts with two digits."""
    if isinstance(entry, dict):
        if {"value", "low", "high"} <= entry.keys():
            yield tuple(f"{entry[name]:.2f}" for name in ("value", "low", "high"))
        for part in entry.values():
            yield from intervals(part)
    elif isinstance(entry, list):
        for part in entry:
            yield from intervals(part)


def test_the_page_has_the_numbers_of_the_result():
    stored = set(intervals(json.loads(STORED.read_text())))
    shown = _INTERVAL.findall(PAGE.read_text())
    assert len(shown) > 60
    assert [one for one in shown if one not in stored] == []


def test_shares_of_the_best_tenth():
    stored = json.loads(STORED.read_text())["predictions"]
    kept = [f"{one['best_kept']:.2f}" for one in stored if one["best_kept"] is not None]
    rows = [
        line.split("|")[4].strip() for line in PAGE.read_text().splitlines() if line.count("|") == 5
    ]
    assert [cell for cell in rows if re.fullmatch(r"0\.\d\d", cell)] == kept


def test_the_stored_result_is_repeatable(published):
    stored = json.loads(STORED.read_text())
    again = json.loads(json.dumps(published.to_dict()))
    assert again["findings"] == stored["findings"]
    flat, flat_again = list(intervals(stored)), list(intervals(again))
    assert len(flat) == len(flat_again)
    numbers = [[float(number) for one in found for number in one] for found in (flat, flat_again)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.011)
