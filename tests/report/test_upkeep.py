import pytest

from analognas.drift.intervals import Estimate
from analognas.hardware import (
    UpkeepPolicy,
    UpkeepResult,
    UpkeepSettings,
    find_chip,
    programming_cost,
    recalibration_cost,
)
from analognas.hardware.cost import cost_of_layers
from analognas.hardware.policy_comparison import PolicyResult
from analognas.report.upkeep import upkeep_figure
from analognas.spaces import Layers, NamedLayers

DAY = 86400.0


def accuracy(value):
    return Estimate(value, 0.5, value - 1.0, value + 1.0, 9.0)


def policy(name, period, times, values, energies, spent):
    means = tuple(map(accuracy, values))
    n = 1 if period is None else 2
    return PolicyResult(
        UpkeepPolicy(name=name, reprogram_every=period), times, means, energies, energies, energies, n, 0,
        dict(zip(("programming", "recalibration", "inferences"), spent, strict=True)), means[0],
    )  # fmt: skip


@pytest.fixture
def result():
    cost = cost_of_layers([NamedLayers("a", "Linear", Layers(64, 64, 1, 1))], find_chip("hermes"))
    return UpkeepResult(
        settings=UpkeepSettings(duration=4 * DAY),
        chip="hermes",
        metric="accuracy",
        unit="%",
        digital=98.0,
        programming=programming_cost(cost),
        recalibration=recalibration_cost(cost),
        inference_energy=0.01,
        noise_scale=1.0,
        policies=(
            policy("never", None, (60.0, DAY, 4 * DAY), (90, 80, 60), (1.0, 2.0, 5.0), (1.0, 0.0, 4.0)),
            policy(
                "again", 2 * DAY, (60.0, DAY, 2 * DAY, 2 * DAY + 60.0, 3 * DAY, 4 * DAY),
                (90, 80, 70, 90, 80, 70), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (2.0, 0.0, 4.0),
            ),
        ),
    )  # fmt: skip


def test_lines_are_accuracy_against_energy(result):
    figure = upkeep_figure(result)
    assert " over time for " in figure.get_suptitle().splitlines()[0]
    curves, bars = figure.axes
    lines = {line.get_label(): line for line in curves.lines}
    assert list(lines["never"].get_xdata()) == [1.0, 2.0, 5.0]
    # The first day after a programming is thin, so that the thick line has a gap there.
    assert [v == v for v in lines["again"].get_ydata()] == [False, True, True, False, True, True]
    assert lines["digital, FP32"].get_ydata()[0] == 98.0
    assert curves.get_xlabel().endswith("(mJ)")
    assert curves.get_ylabel() == "accuracy (%)"
    # No marker of a time that was not reached.
    assert "1 year" not in lines
    assert [patch.get_width() for patch in bars.patches] == [4.0, 4.0, 0.0, 0.0, 1.0, 2.0]
    assert [patch.get_x() for patch in bars.patches][4:] == [4.0, 4.0]
    assert bars.texts[1].get_text() == "again: 90.0 % over time"
    assert any("thin" in text.get_text() for text in curves.texts)
