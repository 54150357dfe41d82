import re

import matplotlib as mpl
import pytest
from matplotlib.image import imread

from analognas.core import InvalidArgumentError, OutputFolderError
from analognas.physics import DEVICES, PCM
from analognas.report import save_figure
from analognas.report.device import device_figure


@pytest.mark.parametrize("name", DEVICES.names())
def test_every_device_can_be_drawn(name):
    figure = device_figure(DEVICES.get(name), title=name, n_devices=50)
    assert len(figure.axes) == 3
    assert re.match(rf"{name}: \S+ µS become \S+ µS after \d+ \w+", figure.get_suptitle())
    programming, coefficient, time = figure.axes
    assert programming.get_title() == "Programming spread"
    assert time.get_xscale() == "log"
    assert "ν" in coefficient.get_ylabel() or "change" in coefficient.get_ylabel()


def test_bands_are_one_sigma_of_the_simulated_devices():
    """The mean of readings at 1 s of a device of 25 µS: 24.94 +- 1.40 (physics check values)."""
    n = 10_000
    axes = device_figure(PCM(), n_devices=n).axes[2]
    line = max(axes.lines, key=lambda line: max(line.get_ydata(), default=0.0))
    solid = [x for x in axes.lines if x.get_linestyle() == "-" and len(x.get_ydata())]
    line = max(solid, key=lambda line: line.get_ydata()[0])
    assert line.get_xdata()[0] == 1.0
    assert abs(line.get_ydata()[0] - 24.94) < 5.0 * 1.40 / n**0.5 + 0.005
    band = max(
        axes.collections,
        key=lambda c: max((p.vertices[:, 1].max() for p in c.get_paths()), default=0.0),
    )
    first = [y for x, y in band.get_paths()[0].vertices if x == 1.0]
    assert abs((max(first) - min(first)) / 2.0 - 1.40) < 5.0 * 1.40 / (2 * n) ** 0.5 + 0.005


def test_the_same_seed_draws_the_same_figure(tmp_path):
    for name in ("a.png", "b.png"):
        save_figure(device_figure(PCM()), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    height, width, _ = imread(tmp_path / "a.png").shape
    assert (width, height) == (1800, 630)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_no_global_state_of_matplotlib_is_touched():
    before = dict(mpl.rcParams)
    device_figure(PCM(), n_devices=20)
    assert dict(mpl.rcParams) == before


def test_bad_places(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"must end in \.png, but got"):
        save_figure(device_figure(PCM()), tmp_path / "figure.pdf")
    with pytest.raises(OutputFolderError):
        save_figure(device_figure(PCM()), tmp_path / "nowhere" / "figure.png")
    with pytest.raises(InvalidArgumentError, match="`n_devices` must be an integer of at least 2"):
        device_figure(PCM(), n_devices=1)
