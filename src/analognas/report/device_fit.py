"""A figure of a fitted device: measurements, model and residuals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from ..core import RandomStreams
from ..physics import FittedPowerLaw, FittedRelaxation, ProgrammedDevices
from ..physics.fitting import DeviceFit, Quantity
from ..physics.fitting.residuals import standardised, standardised_deviations
from ..physics.laws import accumulated_noise
from .style import COLOURS, GREY, clean_axes, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

FIT_FIGURE = "fit.png"
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY = COLOURS
_SHOWN_TARGETS = 4
_SIMULATED = 4000
_MOST_POINTS = 400
_LEGEND_ROW = 0.075
"""Height of a row of a legend, part of the panel."""
_INVISIBLE = 1e-4
"""Read noise below this part of g_max is drawn as none."""


def device_fit_figure(fit: DeviceFit, *, title: str | None = None, seed: int = 0) -> Figure:
    """Draw what was measured, what the fitted model says, and what is left.

    Points are measurements with intervals, lines and bands are the model. The bands of conductance over time
    are quantiles of simulated devices.

    Args:
        fit: A fitted device.
        title: Heading.
        seed: Seed of the simulated devices.

    Returns:
        The figure; no global state of matplotlib is touched.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 7.4), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 3)
    axes = [figure.add_subplot(grid[i // 3, i % 3]) for i in range(6)]
    for panel in axes:
        clean_axes(panel)
    if isinstance(fit.device, FittedPowerLaw):
        _draw_power_law(axes, fit, fit.device)
    else:
        assert isinstance(fit.device, FittedRelaxation)
        _draw_relaxation(axes, fit, fit.device)
    _draw_time(axes[3], fit, seed)
    n = len(fit.data.target)
    level = f"{100 * fit.settings.confidence:g} %"
    figure.suptitle(
        title
        or f"Fit of a {fit.model.replace('-', ' ')} to {n:,} devices at {len(fit.data.targets)} "
        f"{'target' if len(fit.data.targets) == 1 else 'targets'}; bars are {level} bootstrap intervals",
        fontsize=11,
    )
    return figure


def write_device_fit_report(fit: DeviceFit, folder: str | os.PathLike[str]) -> Path:
    """Write the figure of a fit into its folder, atomically.

    Returns:
        The file written.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    path = Path(folder) / FIT_FIGURE
    save_figure(device_fit_figure(fit), path)
    return path


def _draw_power_law(axes: list[Axes], fit: DeviceFit, device: FittedPowerLaw) -> None:
    programming, exponent, reading, _, normality, time = axes
    _draw_spread(
        programming,
        fit,
        "programming_std_of_target",
        "programming_std",
        None,
        BLUE,
        ("each target", "polynomial"),
    )
    programming.set_ylim(bottom=0.0)
    programming.set_title("Programming noise", fontsize=10)
    programming.set_ylabel("standard deviation (µS)")
    _legend(programming)

    mean = fit.select("nu_means")
    g = np.array([quantity.target for quantity in mean])
    centre = np.array([quantity.value for quantity in mean])
    spread = np.array([quantity.value for quantity in fit.select("nu_stds")])
    line = _line(g)
    low, high = (np.resize(centre + side * spread, len(line)) for side in (-1.0, 1.0))
    exponent.fill_between(line, low, high, color=ORANGE, alpha=0.2, lw=0, label="± 1σ of devices")
    exponent.plot(line, np.resize(centre, len(line)), color=ORANGE, lw=1.2)
    _bars(exponent, mean, ORANGE, "mean")
    exponent.set_ylim(bottom=min(0.0, float((centre - spread).min())))
    exponent.set_title("Drift exponent", fontsize=10)
    exponent.set_ylabel("ν")
    _legend(exponent)

    _draw_reading(reading, fit.select("read_qs"), "Read noise Q", "% of the conductance", 100.0)
    if fit.select("read_qs"):
        fine = torch.linspace(float(line[0]), float(line[-1]), 200, dtype=torch.float64)
        q = torch.as_tensor(device.read_q(fine)).expand(len(fine)).numpy()
        reading.plot(fine.numpy(), 100.0 * q, color=GREEN, lw=1.2, label="model")
        _legend(reading)

    assert fit.estimates is not None
    _draw_normality(normality, standardised(fit.data, fit.estimates, device))
    _draw_residuals(time, fit)


def _draw_relaxation(axes: list[Axes], fit: DeviceFit, device: FittedRelaxation) -> None:
    spread, shift, reading, _, normality, growth = axes
    shown = sorted({0, len(device.times) // 2, len(device.times) - 1})
    for j, colour in zip(shown, (SKY, BLUE, ORANGE), strict=False):
        t = device.times[j]
        _draw_spread(spread, fit, "spread_of_target", "spread", t, colour, (_time_text(t), None))
    spread.set_ylim(bottom=0.0)
    spread.set_title("Spread around the target: points, and polynomial", fontsize=10)
    spread.set_ylabel("standard deviation (µS)")
    _legend(spread, ncols=len(shown))

    for target, colour in _shown_targets(fit):
        for panel, name, model in (
            (shift, "shifts", "shifts"),
            (growth, "spread_of_target", "spread"),
        ):
            points = [quantity for quantity in fit.select(name) if quantity.target == target]
            line = [quantity.value for quantity in fit.select(model) if quantity.target == target]
            _bars(panel, points, colour, f"{target:.3g} µS", over_time=True)
            panel.plot(device.times, line, color=colour, lw=1.2)
    for panel, name, label in (
        (shift, "Mean shift", "conductance − target (µS)"),
        (growth, "Growth of the spread", "standard deviation (µS)"),
    ):
        panel.set_xscale("log")
        panel.set_xlabel("time since programming (s)")
        panel.set_title(name, fontsize=10)
        panel.set_ylabel(label)
    shift.axhline(0.0, color=GREY, lw=0.6)
    growth.set_ylim(bottom=0.0)
    for panel in (shift, growth):
        _legend(panel, ncols=2)

    last = device.times[-1]
    growth_at_last = accumulated_noise(last + device.t_0, device.t_read)
    measured = [q for q in fit.select("read_stds") if q.value > _INVISIBLE * device.g_max]
    _draw_reading(
        reading,
        measured,
        f"Read noise at {_time_text(last)}",
        "standard deviation (µS)",
        growth_at_last,
        none=bool(fit.select("read_stds")),
    )
    if measured:
        reading.plot(
            _line(device.g_points),
            growth_at_last * np.resize(device.read_stds, len(_line(device.g_points))),
            color=GREEN,
            lw=1.2,
            label="model",
        )
        _legend(reading)
    _draw_normality(normality, standardised_deviations(fit.data, device))


def _line(points: Sequence[float] | Floats) -> Floats:
    """Return the abscissae of a line through points; around a single one, where the model is constant."""
    x = np.asarray(points, dtype=np.float64)
    return x if len(x) > 1 else x[0] * np.array([0.97, 1.03])


def _draw_reading(
    axes: Axes,
    quantities: list[Quantity],
    title: str,
    label: str,
    scale: float,
    *,
    none: bool = False,
) -> None:
    """Draw read noise, or say that there is none or that it is not known."""
    axes.set_title(title, fontsize=10)
    if quantities:
        _bars(axes, quantities, GREEN, "measured", scale=scale)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel(label)
        return
    text = (
        "no read noise in the measurements" if none else "too few readings to know the read noise"
    )
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=9, transform=axes.transAxes)
    axes.set_axis_off()


def _legend(
    axes: Axes, *, ncols: int = 1, loc: Literal["upper left", "upper right"] = "upper right"
) -> None:
    """Draw a legend in a strip above the data, which are moved down by as much as it takes."""
    _, labels = axes.get_legend_handles_labels()
    low, high = axes.get_ylim()
    n_rows = -(-len(labels) // ncols)
    axes.set_ylim(low, low + (high - low) / (1.0 - min(_LEGEND_ROW * n_rows + 0.03, 0.6)))
    axes.legend(frameon=False, fontsize=8, ncols=ncols, loc=loc, borderaxespad=0.2)


def _draw_spread(
    axes: Axes,
    fit: DeviceFit,
    points: str,
    line: str,
    t: float | None,
    colour: str,
    labels: tuple[str, str | None],
) -> None:
    """Draw standard deviations at each target, and their polynomial with its interval."""
    _bars(axes, _at(fit.select(points), t), colour, labels[0])
    model = _at(fit.select(line), t)
    g = _line([quantity.target or 0.0 for quantity in model])
    low, high = (np.array([getattr(q, end) for q in model]) for end in ("low", "high"))
    axes.fill_between(
        g, np.resize(low, len(g)), np.resize(high, len(g)), color=colour, alpha=0.2, lw=0
    )
    coeffs = [q.value for q in _at(fit.select("prog_coeffs" if t is None else "spread_coeffs"), t)]
    fine = np.linspace(g[0], g[-1], 101)
    curve = np.polynomial.polynomial.polyval(fine / fit.device.g_max, coeffs)
    axes.plot(fine, curve, color=colour, lw=1.2, label=labels[1])
    axes.set_xlabel("target conductance (µS)")


def _bars(
    axes: Axes,
    quantities: list[Quantity],
    colour: str,
    label: str,
    *,
    scale: float = 1.0,
    over_time: bool = False,
) -> None:
    """Draw numbers with their intervals over the target or the time."""
    x = [(q.time if over_time else q.target) or 0.0 for q in quantities]
    value = np.array([q.value for q in quantities])
    low, high = (np.array([getattr(q, end) for q in quantities]) for end in ("low", "high"))
    reach = np.nan_to_num(np.clip(np.stack([value - low, high - value]), 0.0, None))
    axes.errorbar(
        x,
        scale * value,
        yerr=scale * reach,
        fmt="o",
        ms=4,
        capsize=2.5,
        lw=1.0,
        color=colour,
        label=label,
    )
    if not over_time:
        axes.set_xlabel("target conductance (µS)")


def _draw_time(axes: Axes, fit: DeviceFit, seed: int) -> None:
    """Draw quantiles of the readings of four targets, and of simulated devices."""
    data = fit.data.averaged()
    times = data.common_times
    for target, colour in _shown_targets(fit):
        own = data.target == target
        if times is None:
            seen = np.isfinite(data.conductance[own])
            axes.plot(
                data.time[own][seen][:_MOST_POINTS],
                data.conductance[own][seen][:_MOST_POINTS],
                ".",
                ms=2,
                alpha=0.4,
                color=colour,
            )
        else:
            low, middle, high = np.nanquantile(data.conductance[own], [0.05, 0.5, 0.95], axis=0)
            axes.errorbar(
                times,
                middle,
                yerr=[middle - low, high - middle],
                fmt="o",
                ms=4,
                capsize=2.5,
                lw=1.0,
                color=colour,
            )
    everywhere = data.time[np.isfinite(data.time)]
    first, last = max(float(everywhere[everywhere > 0.0].min()), 1e-6), float(everywhere.max())
    fine = np.geomspace(first, last, 41).clip(first, last)
    generator = RandomStreams(seed).torch("device_fit_figure")
    for target, colour in _shown_targets(fit):
        g = torch.full((_SIMULATED,), target, dtype=torch.float64)
        chip = ProgrammedDevices.program(fit.device, g, generator=generator)
        read = chip.read(fine.tolist(), generator=generator).numpy()
        low, middle, high = np.quantile(read, [0.05, 0.5, 0.95], axis=1)
        axes.fill_between(fine, low, high, color=colour, alpha=0.18, lw=0)
        axes.plot(fine, middle, color=colour, lw=1.2, label=f"{target:.3g} µS")
    axes.plot([], [], "o", color=GREY, ms=4, label="measured: median, 5 to 95 %")
    axes.fill_between([], [], [], color=GREY, alpha=0.3, lw=0, label="model: median, 5 to 95 %")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0.0)
    axes.set_title("Conductance over time", fontsize=10)
    axes.set_xlabel("time since programming (s)")
    axes.set_ylabel("conductance (µS)")
    _legend(axes, ncols=2 if len(fit.data.targets) > 2 else 1)


def _draw_normality(axes: Axes, residuals: dict[str, Floats]) -> None:
    """Draw quantiles of standardised residuals against those of a normal distribution."""
    reach = 0.0
    for (name, values), colour in zip(residuals.items(), COLOURS, strict=False):
        n = min(len(values), _MOST_POINTS)
        share = (np.arange(n) + 0.5) / n
        expected = stats.norm.ppf(share)
        axes.plot(expected, np.quantile(values, share), ".", ms=3.5, color=colour, label=name)
        reach = max(reach, float(expected[-1]))
    axes.plot([-reach, reach], [-reach, reach], color=GREY, lw=0.8, zorder=0.5)
    axes.set_title("Are the residuals normal?", fontsize=10)
    axes.set_xlabel("quantile of a normal distribution")
    axes.set_ylabel("quantile of the residuals (σ)")
    _legend(axes, loc="upper left")


def _draw_residuals(axes: Axes, fit: DeviceFit) -> None:
    """Draw mean residuals from the power law against time."""
    assert fit.estimates is not None
    data, residuals = fit.data, fit.estimates.residuals
    times = data.common_times
    for target, colour in _shown_targets(fit):
        own = data.target == target
        if times is not None:
            r = 100.0 * residuals[own]
            n = np.maximum(np.isfinite(r).sum(axis=0), 1)
            error = 1.96 * np.nanstd(r, axis=0) / np.sqrt(n)
            axes.errorbar(
                times, np.nanmean(r, axis=0), yerr=error, fmt="o-", ms=3.5, lw=1.0, capsize=2.0, color=colour,
                label=f"{target:.3g} µS",
            )  # fmt: skip
        else:
            seen = np.isfinite(residuals[own])
            axes.plot(data.time[own][seen][:_MOST_POINTS], 100.0 * residuals[own][seen][:_MOST_POINTS], ".",
                      ms=2, alpha=0.4, color=colour, label=f"{target:.3g} µS")  # fmt: skip
    axes.axhline(0.0, color=GREY, lw=0.8)
    axes.set_xscale("log")
    axes.set_title("Is it a power law? Mean residuals", fontsize=10)
    axes.set_xlabel("time since programming (s)")
    axes.set_ylabel("residual (% of the conductance)")
    reach = max(1.0, 1.3 * max(abs(end) for end in axes.get_ylim()))
    axes.set_ylim(-reach, reach)
    _legend(axes, ncols=2)


def _shown_targets(fit: DeviceFit) -> list[tuple[float, str]]:
    targets = fit.data.targets
    places = np.unique(np.linspace(0, len(targets) - 1, _SHOWN_TARGETS).round().astype(int))
    return [
        (float(targets[i]), colour)
        for i, colour in zip(places, (SKY, BLUE, GREEN, ORANGE), strict=False)
    ]


def _at(quantities: list[Quantity], t: float | None) -> list[Quantity]:
    return [quantity for quantity in quantities if quantity.time == t]


def _time_text(t: float) -> str:
    from ..core.times import time_name

    return time_name(t)
