import dataclasses
import struct

import numpy as np
import pytest

from analognas.core import OutputFolderError
from analognas.evaluators import TableEvaluator
from analognas.report import (
    convergence_figure,
    drift_figure,
    remove_search_report,
    summary_markdown,
    write_search_report,
)
from analognas.search import Worker


@pytest.fixture(scope="module")
def result(bench):
    optimizer = "regularized_evolution"
    return Worker(optimizer=optimizer, evaluator=TableEvaluator(bench), runs=3, budget=80).search()


def test_files(result, tmp_path):
    files = write_search_report(result, tmp_path)
    assert sorted(file.name for file in files) == ["convergence.png", "drift.png", "summary.md"]
    for file in files:
        if file.suffix == ".png":
            header = file.read_bytes()[:24]
            assert header.startswith(b"\x89PNG")
            width, height = struct.unpack(">II", header[16:])
            assert min(width, height) >= 600
    with pytest.raises(OutputFolderError):
        write_search_report(result, tmp_path / "missing")


def test_equal_results_give_equal_files(result, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for left, right in zip(
        write_search_report(result, tmp_path / "a"),
        write_search_report(result, tmp_path / "b"),
        strict=True,
    ):
        assert left.read_bytes() == right.read_bytes()


def test_drift_figure_shows_the_numbers(result):
    figure = drift_figure(result.winners)
    axes, contrast = figure.axes
    assert axes.get_xscale() == contrast.get_xscale() == "log"
    assert len(axes.containers) == len(result.winners)
    metrics = result.winners[0]["metrics"]
    times = (60, 3600, 86400, 2592000)
    line, _, (bars,) = axes.containers[0]
    np.testing.assert_allclose(
        np.array(line.get_ydata(), float), [metrics[f"analog_drift_{time}"] for time in times]
    )
    np.testing.assert_allclose(
        np.array(line.get_xdata(), float), times, rtol=0.25
    )  # moved apart, never swapped
    heights = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(heights, [2 * metrics[f"analog_drift_{time}_std"] for time in times])
    noisy = contrast.containers[1][0]
    np.testing.assert_allclose(
        np.array(noisy.get_ydata(), float), [metrics[f"noisy_drift_{time}"] for time in times]
    )


def test_drift_figure_of_architectures_with_names(result):
    named = [
        {**cell, "architecture": {f"width{i}": 8 * rank for i in range(22)}}
        for rank, cell in enumerate(result.winners)
    ]
    legend = drift_figure(named).axes[0].get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[1].startswith("2.  width=8/8/8")
    assert len(set(labels)) == len(labels)
    assert max(len(line) for label in labels for line in label.splitlines()) <= 46


def test_convergence_figure_shows_every_run(result):
    curves = result.convergence()
    (axes,) = convergence_figure(curves, "analog_drift_2592000").axes
    drawn = [line.get_ydata() for line in axes.lines]
    for curve in curves:
        assert any(np.array_equal(curve, line) for line in drawn)
    assert any(np.allclose(curves.mean(axis=0), line) for line in drawn)
    low, high = axes.get_ylim()
    assert low < curves[:, -1].min() <= curves.max() < high


@pytest.mark.parametrize(
    "curves", [np.full((2, 5), np.nan), np.array([[np.nan, 1.0, 1.0]]), np.array([[3.0]])]
)
def test_convergence_figure_with_little_to_show(curves):
    figure = convergence_figure(curves, "avm")
    assert figure.axes


def test_summary(result, bench):
    text = summary_markdown(result)
    best = result.winners[0]
    assert str(tuple(best["architecture"])) in text
    known = best["estimate"]
    assert (
        f"| 1 | {tuple(best['architecture'])} | {known['estimate']:.2f} ({known['low']:.2f} to "
        f"{known['high']:.2f}) | {best['metrics']['analog_drift_2592000']:.2f} ± "
    ) in text
    assert bench.checksum in text
    for number, run in enumerate(result.runs):
        row = tuple(run.population[run.best].tolist())
        assert f"| {number} | {row} | {run.best_value(result.problem):.2f} | 80 | budget |" in text
    if best["isomorphism_class"]["members"] > 1:
        assert (
            f"mean analog_drift_2592000 is {best['isomorphism_class']['means']['analog_drift_2592000']:.2f}"
            in text
        )


def test_infeasible_summary_says_so(bench):
    result = Worker(
        evaluator=TableEvaluator(bench), runs=1, budget=20, constraints="params<=5"
    ).search()
    text = summary_markdown(result)
    assert "No architecture met params<=5" in text
    assert "(breaks a constraint)" in text
    assert "## Nearest architectures: all of them break a constraint" in text
    assert "better estimate" not in text


def test_predictions_show_their_standard_errors(result):
    cell = dict(result.winners[0])
    cell["metrics"] = {name: cell["metrics"][name] for name in ("params", "analog_drift_2592000")}
    cell["standard_errors"] = {"analog_drift_2592000": 0.217, "params": 0.0}
    changed = dataclasses.replace(result, winners=(cell, *result.winners[1:]))
    text = summary_markdown(changed)
    value = f"{cell['metrics']['analog_drift_2592000']:.2f}"
    assert f"| {value} ± 0.22 | {cell['metrics']['params']:,} |" in text
    assert "`analog_drift_2592000` is predicted, `±` one standard error of the prediction" in text
    assert "is predicted" not in summary_markdown(result)


def test_only_cells_with_all_drift_readings_are_drawn(result, tmp_path):
    bare = [
        {**cell, "metrics": {k: v for k, v in cell["metrics"].items() if k != "noisy_drift_60_std"}}
        for cell in result.winners
    ]
    files = write_search_report(dataclasses.replace(result, winners=tuple(bare)), tmp_path)
    assert sorted(file.name for file in files) == ["convergence.png", "summary.md"]
    write_search_report(result, tmp_path)
    remove_search_report(tmp_path)
    assert list(tmp_path.iterdir()) == []
