"""A figure of one device model: what programming, drift and reading do to its conductances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core import RandomStreams, check_int
from ..core.times import time_name
from ..physics import Device, PowerLawDevice, ProgrammedDevices
from .style import COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, _, _, SKY = COLOURS
LEVEL_COLOURS = (SKY, BLUE, GREEN, ORANGE)
LEVELS = (0.1, 0.25, 0.5, 1.0)  # targets shown through time, in units of g_max
TICKS = {
    1.0: "1 s",
    60.0: "1 min",
    3600.0: "1 h",
    86400.0: "1 day",
    2592000.0: "1 mo",
    31536000.0: "1 yr",
    315360000.0: "10 yr",
}
SHOWN = (1.0, 31536000.0)


def device_figure(
    device: Device, *, title: str | None = None, n_devices: int = 10000, seed: int = 0
) -> Figure:
    """Draw programming spread, drift coefficient, and conductance against time with 1-sigma bands.

    Bands and points are statistics of simulated devices, so the figure shows what the model does,
    clamping and all, not what its formulas say.

    Args:
        device: The model.
        title: Heading; the class name if None.
        n_devices: Devices simulated for each point.
        seed: Seed of all draws.

    Returns:
        The figure; no global state of matplotlib is touched.

    Raises:
        InvalidArgumentError: If ``n_devices`` is below 2 or the seed is negative.
    """
    check_int("n_devices", n_devices, minimum=2)
    generator = RandomStreams(seed).torch("device_figure")
    figure, (programming, coefficient, time) = new_figure(12.0, 4.2, panels=(1.0, 1.0, 1.5))
    levels = torch.linspace(device.g_min, device.g_max, 41, dtype=torch.float64)
    chip = ProgrammedDevices.program(device, levels.repeat(n_devices, 1), generator=generator)
    _draw_programming(programming, levels, chip)
    _draw_coefficient(coefficient, levels, chip)
    finding = _draw_time(time, device, n_devices, generator)
    figure.suptitle(f"{title or type(device).__name__}: {finding}\n{device.source}", fontsize=11)
    return figure


def _draw_programming(axes: Axes, levels: torch.Tensor, chip: ProgrammedDevices) -> None:
    error = chip.g_prog - levels
    quantiles = torch.tensor([0.05, 0.5, 0.95], dtype=error.dtype)
    low, middle, high = _array(error.quantile(quantiles, dim=0))
    std, g = _array(error.std(dim=0)), _array(levels)
    mean = _array(error.mean(dim=0))
    axes.fill_between(g, low, high, color=BLUE, alpha=0.15, lw=0, label="5 to 95 %")
    axes.fill_between(g, mean - std, mean + std, color=BLUE, alpha=0.35, lw=0, label="mean ± 1σ")
    axes.plot(g, middle, color=BLUE, label="median")
    axes.axhline(0.0, color=GREY, lw=0.6)
    axes.set_title("Programming spread", fontsize=10)
    axes.set_xlabel("target conductance (µS)")
    axes.set_ylabel("programmed − target (µS)")
    if not std.any():
        axes.set_ylim(-1.0, 1.0)
        _note(axes, "no programming noise")
    else:
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        axes.set_ylim(min(low.min(), -std.max()) * 1.1, max(high.max(), std.max()) * 1.5)


def _draw_coefficient(axes: Axes, levels: torch.Tensor, chip: ProgrammedDevices) -> None:
    exponent = isinstance(chip.device, PowerLawDevice)
    axes.set_xlabel("target conductance (µS)")
    if exponent:
        values = chip.nu * chip.device.drift_scale
        axes.set_title("Drift exponent", fontsize=10)
        axes.set_ylabel("ν")
    else:
        t = min(3600.0, chip.device.t_range[1])
        values = chip.drift(t) - chip.g_prog
        axes.set_title("Relaxation after 1 h (no power law)", fontsize=10)
        axes.set_ylabel("change since programming (µS)")
        axes.axhline(0.0, color=GREY, lw=0.6)
    g, mean, std = _array(levels), _array(values.mean(dim=0)), _array(values.std(dim=0))
    axes.fill_between(g, mean - std, mean + std, color=ORANGE, alpha=0.3, lw=0, label="± 1σ")
    axes.plot(g, mean, color=ORANGE, label="mean")
    axes.margins(y=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    if exponent:
        axes.set_ylim(0.0, max(float((mean + std).max()) * 1.2, 0.01))
        if not mean.any():
            _note(axes, "no drift")


def _draw_time(axes: Axes, device: Device, n_devices: int, generator: torch.Generator) -> str:
    """Draw conductances through time, and return what becomes of the largest one, in words."""
    first, last = max(SHOWN[0], device.t_range[0]), min(SHOWN[1], device.t_range[1])
    times = np.geomspace(first, last, 49).clip(first, last).tolist()
    targets = device.g_min + torch.tensor(LEVELS, dtype=torch.float64) * (
        device.g_max - device.g_min
    )
    chip = ProgrammedDevices.program(device, targets.repeat(n_devices, 1), generator=generator)
    readings = chip.read(times, generator=generator)
    still = chip.drift(times)
    mean, std = _array(readings.mean(dim=1)), _array(readings.std(dim=1))
    for i, colour in enumerate(LEVEL_COLOURS):
        low, high = mean[:, i] - std[:, i], mean[:, i] + std[:, i]
        axes.fill_between(times, low.clip(0.0), high, color=colour, alpha=0.25, lw=0)
        axes.plot(times, mean[:, i], color=colour, lw=1.8)
        axes.plot(times, _array(still[:, 0, i]), color=colour, lw=0.8, ls="--")
        axes.annotate(
            f"{float(targets[i]):.3g} µS",
            (times[-1], mean[-1, i]),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            fontsize=8,
            va="center",
            annotation_clip=False,
        )
    ticks = {t: text for t, text in TICKS.items() if first <= t <= last}
    axes.fill_between([], [], [], color=GREY, alpha=0.25, lw=0, label="± 1σ")
    axes.plot([], [], color=GREY, lw=1.8, label="mean")
    axes.plot([], [], color=GREY, lw=0.8, ls="--", label="one device, no read noise")
    axes.legend(
        frameon=False, fontsize=8, loc="upper right", ncols=3, columnspacing=1.0, handlelength=1.5
    )
    axes.set_xscale("log")
    axes.set_xlim(first, last)
    axes.set_ylim(0.0, 1.12 * axes.get_ylim()[1])
    axes.minorticks_off()
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_title("Conductance through time", fontsize=10)
    axes.set_xlabel("time since programming")
    axes.set_ylabel("conductance (µS)")
    top = int(targets.argmax())
    return f"{mean[0, top]:.3g} µS become {mean[-1, top]:.3g} µS after {time_name(times[-1])}"


def _note(axes: Axes, text: str) -> None:
    axes.text(
        0.5,
        0.6,
        text,
        transform=axes.transAxes,
        ha="center",
        color=GREY,
        fontsize=9,
        style="italic",
    )


def _array(tensor: torch.Tensor) -> Any:
    return tensor.numpy()
