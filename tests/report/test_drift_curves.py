import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analognas.core.times import time_name
from analognas.drift import DriftResult, Sensitivity
from analognas.drift.sensitivity import WHOLE
from analognas.report import save_figure
from analognas.report.drift_curves import drift_curves
from analognas.report.sensitivity import sensitivity_figure
from analognas.training import get_task


def made(mean, tolerance=None, chips=20, task="classification", reference=0.93):
    scores = mean + 0.01 * np.random.default_rng(0).normal(size=(chips, 2))
    return DriftResult(
        times=(1.0, 86400.0), chip_scores=scores, digital_score=0.93, reference_score=reference,
        example_covariance=0.1 * np.ones((3, 3)), sampling_variance=np.zeros(2), n_examples=100,
        chance_score=0.1, task=get_task(task), confidence=0.95, tolerance=tolerance, n_scored=1,
    )  # fmt: skip


def test_means_bars_bands_and_lines_are_those_of_the_results():
    hwa, direct = made(0.9), made(0.8)
    before = dict(mpl.rcParams)
    (axes,) = drift_curves({"hwa": hwa, "direct": direct}, lines={"PTQ": 92.0}).axes
    assert dict(mpl.rcParams) == before
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1 s", "1 day"]
    for container, result in zip(axes.containers, (hwa, direct), strict=True):
        line, _, (bars,) = container
        np.testing.assert_allclose(line.get_ydata(), [result.at(t).value for t in result.times])
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends[:, 0], [result.at(t).low for t in result.times])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    low, high = np.quantile(hwa.chips_at(1.0), [0.05, 0.95])
    assert min(band) <= low + 1e-9
    assert max(band) >= high - 1e-9
    levels = [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1]
    assert 93.0 in np.round(levels, 9)
    assert 92.0 in levels
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"digital, FP32", "hardware-aware training", "direct mapping", "PTQ"} == set(labels)


@pytest.mark.parametrize("result", [made(0.9, tolerance=0.25), made(0.9, chips=1)])
def test_adaptive_results_and_single_chips_can_be_drawn(result, tmp_path):
    save_figure(drift_curves({"hwa": result}), tmp_path / "a.png")


def test_every_reference_has_its_line():
    hwa, direct = made(0.9), made(0.8, reference=0.85)
    (axes,) = drift_curves({"hwa": hwa, "direct": direct, "other": made(0.7)}).axes
    lines = {line.get_label(): line.get_ydata()[0] for line in axes.lines}
    assert lines["digital, FP32, of hardware-aware training, other"] == pytest.approx(93.0)
    assert lines["digital, FP32, of direct mapping"] == pytest.approx(85.0)


def test_one_chip_has_no_interval_in_figures():
    (axes,) = drift_curves({"hwa": made(0.9, chips=1)}).axes
    assert axes.get_title().splitlines()[1] == "One chip: no interval"
    assert axes.get_title().startswith("After ")
    assert "interval, and the band" in drift_curves({"hwa": made(0.9)}).axes[0].get_title()
    names = ("first", WHOLE)
    task = get_task("classification")
    costs = np.array([[0.1, 4.0]])
    alone = Sensitivity(names, costs, (10, 10), "alone", 60.0, 90.0, task)
    assert "one chip: no interval" in sensitivity_figure(alone).axes[0].get_xlabel()
    both = Sensitivity(names, np.vstack([costs, costs]), (10, 10), "alone", 60.0, 90.0, task)
    assert "95 % interval" in sensitivity_figure(both).axes[0].get_xlabel()


def test_perplexity_is_on_a_logarithmic_axis():
    (axes,) = drift_curves({"lstm": made(4.0, task="language_model")}).axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "perplexity"


@pytest.mark.parametrize(
    ("t", "name"),
    [(0.5, "0.5 s"), (60, "1 min"), (7200, "2 h"), (172800, "2 days"), (31536000, "1 year")],
)
def test_times_as_people_say_them(t, name):
    assert time_name(t) == name


@pytest.mark.parametrize("kind", ["alone", "spared"])
def test_sensitivity_figure(kind):
    costs = np.array([[0.1, 3.0, 4.0], [0.3, 4.0, 5.0]])
    result = Sensitivity(
        ("first", "second", WHOLE),
        costs,
        (10, 100, 110),
        kind,
        86400.0,
        90.0,
        get_task("classification"),
    )
    axes, sizes = sensitivity_figure(result).axes
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], costs.mean(0))
    np.testing.assert_allclose([bar.get_width() for bar in sizes.patches], (10, 100, 110))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second", WHOLE]
    # The layer that matters most has a colour of its own: spared, that is where most is gained.
    colours = [bar.get_facecolor()[:3] for bar in axes.patches]
    marked = 1 if kind == "alone" else 0
    assert colours[marked] != colours[1 - marked]
    assert "1 day" in axes.get_title()


def test_the_heading_says_the_finding_and_the_legend_covers_no_data():
    figure = drift_curves({"hwa": made(0.9), "direct": made(0.8)})
    (axes,) = figure.axes
    last = made(0.9).times[-1]
    values = [made(quality).at(last).value for quality in (0.9, 0.8)]
    first, _ = axes.get_title().splitlines()
    assert first.endswith(
        f"hardware-aware training {values[0]:.1f} %, direct mapping {values[1]:.1f} %"
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    assert axes.get_legend().get_window_extent(renderer).y1 < axes.get_window_extent(renderer).y0


def test_long_headings_are_not_wider_than_the_figure():
    results = {name: made(0.9) for name in ("hwa", "direct", "direct_uncompensated")}
    lines = drift_curves(results).axes[0].get_title().splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
