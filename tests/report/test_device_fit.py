"""The figure of a fitted device: legends beside the data, and words where there is nothing to draw."""

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analognas.physics import PCM, ReRAMWan2022
from analognas.physics.fitting import fit_device, simulate_measurements
from analognas.report.device_fit import device_fit_figure

CASES = {
    "power law": (PCM(), (0.0, 2.5, 10.0, 25.0), (1.0, 60.0, 3600.0, 86400.0)),
    "one target": (PCM(), (2.5,), (1.0, 60.0, 3600.0, 86400.0)),
    "two times": (PCM(), (2.5, 25.0), (1.0, 86400.0)),
    "relaxation": (ReRAMWan2022(), (4.0, 10.0, 20.0, 40.0), (1.0, 60.0, 3600.0, 86400.0)),
}


def drawn(case):
    device, targets, times = CASES[case]
    generator = torch.Generator().manual_seed(0)
    data = simulate_measurements(device, targets, times, 30, generator=generator)
    figure = device_fit_figure(fit_device(data, bootstrap=20))
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize("case", CASES)
def test_legends_lie_in_their_panel_and_on_no_point(case):
    figure = drawn(case)
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        legend = axes.get_legend()
        if legend is None:
            continue
        box, panel = legend.get_window_extent(renderer), axes.get_window_extent(renderer)
        assert box.x0 >= panel.x0 - 2
        assert box.y0 >= panel.y0
        assert box.y1 <= panel.y1 + 2
        for line in axes.lines:
            points = axes.transData.transform(np.column_stack(line.get_data()).astype(float))
            hidden = [box.contains(x, y) for x, y in points if np.isfinite([x, y]).all()]
            assert not any(hidden), (axes.get_title(), line.get_label())


def test_unknown_and_absent_read_noise_are_said():
    def words(case):
        return [text.get_text() for text in drawn(case).axes[2].texts]

    assert words("two times") == ["too few readings to know the read noise"]
    assert words("relaxation") == ["no read noise in the measurements"]
    assert words("one target") == []
