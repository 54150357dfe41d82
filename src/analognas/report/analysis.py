"""Figures of an analysis of a table: what makes networks robust, and what tells it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import LevelEffect, RobustnessAnalysis
from ..core import get_metric
from ..core.metric_words import head_of, name_of
from ..core.metrics import DRIFT_TIME_NAMES
from ..tables.true_values import LEVEL
from .style import COLOURS, GREY, clean_axes, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "genes_figure",
    "networks_figure",
    "predictors_figure",
    "traits_figure",
    "write_analysis_report",
]

_PANEL = 2.0
_HEIGHT = 3.4


def traits_figure(result: RobustnessAnalysis) -> Figure | None:
    """Draw the effect of each value of the traits, with intervals; None where no trait has few values.

    Args:
        result: The analysis.
    """
    words = {slope.trait.name: slope.trait.words for slope in result.slopes}
    names = list(dict.fromkeys(level.of for level in result.levels))
    if not names:
        return None
    figure, panels = new_figure(max(_PANEL * len(names), 5.0), _HEIGHT, panels=[1] * len(names))
    shown = [[level for level in result.levels if level.of == name] for name in names]
    for axes, name, levels in zip(panels, names, shown, strict=True):
        own = [level for level in levels if level.metric == result.target]
        _points(axes, own)
        axes.set_xlabel(words[name].replace(" on ", "\non ").replace(" that ", "\nthat "))
        axes.sharey(panels[0])
        if axes is not panels[0]:
            axes.tick_params(labelleft=False)
    panels[0].set_ylabel("points, against the mean network")
    target = name_of(get_metric(result.target))
    finding = _extremes([level for level in result.levels if level.metric == result.target], words)
    figure.suptitle(
        f"{finding}\nChange of {target}, at equal digital accuracy and other traits, with "
        f"{100 * result.confidence:g} % intervals",
        fontsize=10,
    )
    return figure


def _extremes(levels: Sequence[LevelEffect], words: Mapping[str, str]) -> str:
    """Return the values that raise and lower the target most, in words."""
    best = max(levels, key=lambda level: level.effect.value)
    worst = min(levels, key=lambda level: level.effect.value)
    of = [words.get(level.of, level.of) for level in (best, worst)]
    said = [f"{of[0]}: {best.value}", worst.value if of[0] == of[1] else f"{of[1]}: {worst.value}"]
    return (
        f"Highest with {said[0]} ({best.effect.value:+.1f} points), lowest with {said[1]} "
        f"({worst.effect.value:+.1f})"
    )


def _points(axes: Axes, levels: Sequence[LevelEffect]) -> None:
    """Draw values with intervals."""
    at = np.arange(len(levels))
    values = np.array([level.effect.value for level in levels])
    bounds = np.array([[level.effect.low, level.effect.high] for level in levels])
    axes.axhline(0.0, color=GREY, lw=0.8)
    axes.errorbar(at, values, yerr=np.abs(bounds - values[:, None]).T, color=COLOURS[0], fmt="o", ms=4,
                  capsize=2.5, lw=1.2)  # fmt: skip
    axes.set_xticks(at, [level.value.replace(" or ", "\nor ") for level in levels])
    axes.set_xlim(-0.5, len(levels) - 0.5)


def genes_figure(result: RobustnessAnalysis) -> Figure | None:
    """Draw the effect of each choice of each gene as a table of colours; None where genes were not analysed.

    Args:
        result: The analysis.
    """
    own = [level for level in result.genes if level.metric == result.target]
    if not own:
        return None
    genes = list(dict.fromkeys(level.of for level in own))
    choices = list(dict.fromkeys(level.value for level in own))
    effects = np.full((len(choices), len(genes)), np.nan)
    for level in own:
        effects[choices.index(level.value), genes.index(level.of)] = level.effect.value
    order = np.argsort(-np.nanmean(effects, axis=1), kind="stable")
    figure, (axes,) = new_figure(1.9 + 0.9 * len(genes), 1.4 + 0.42 * len(choices))
    largest = float(np.nanmax(np.abs(effects)))
    axes.grid(False)
    image = axes.imshow(effects[order], cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
    for row, choice in enumerate(order):
        for column in range(len(genes)):
            value = effects[choice, column]
            dark = abs(value) > 0.65 * largest
            axes.text(
                column, row, f"{value:+.1f}", ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
            )  # fmt: skip
    axes.set_xticks(range(len(genes)), list(map(_edge, genes)))
    axes.set_yticks(range(len(choices)), [choices[i].replace("_", " ") for i in order])
    axes.set_xlabel("edge")
    figure.colorbar(image, ax=axes, label="points, against the mean network")
    named = [
        replace(level, of=_edge(level.of), value=level.value.replace("_", " ")) for level in own
    ]
    finding = _extremes(named, {level.of: f"edge {level.of}" for level in named})
    figure.suptitle(
        f"{finding}\n{name_of(get_metric(result.target)).capitalize()} by operation of each edge, at "
        "equal digital accuracy",
        fontsize=10,
    )
    return figure


def _edge(gene: str) -> str:
    return gene.replace("edge_", "").replace("_", " to ")


def predictors_figure(result: RobustnessAnalysis) -> Figure:
    """Draw how well other metrics tell the ranking on chips, beside the ceiling that label noise sets.

    Args:
        result: The analysis.
    """
    groups = [
        ("all compared networks", [one for one in result.predictions if not one.equal_digital]),
        ("at equal digital accuracy", [one for one in result.predictions if one.equal_digital]),
    ]
    names = list(dict.fromkeys(one.predictor for one in result.predictions))
    figure, panels = new_figure(9.2, 1.6 + 0.3 * len(names), panels=(1, 1))
    for axes, (title, group) in zip(panels, groups, strict=True):
        for one in group:
            row, tau = names.index(one.predictor), one.agreement.tau
            axes.barh(row, tau.value, color=COLOURS[0], alpha=0.55, height=0.65)
            reach = np.array([[tau.value - tau.low], [tau.high - tau.value]])
            axes.errorbar(tau.value, row, xerr=reach, color="black", capsize=2.5, lw=1.2)
        ceiling = group[0].agreement.ceiling if group else None
        if ceiling is not None:
            axes.axvline(ceiling.value, color=COLOURS[1], lw=1.4)
            axes.axvspan(ceiling.low, ceiling.high, color=COLOURS[1], alpha=0.2, lw=0)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(min(0.0, *axes.get_xlim()), 1.0)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("Kendall tau-b; line: ceiling set by label noise")
    panels[0].set_yticks(
        range(len(names)), [name_of(get_metric(name)) for name in names], fontsize=8
    )
    panels[1].set_yticks(range(len(names)), [])
    group = groups[-1][1] or groups[0][1]
    best = max(group, key=lambda one: one.agreement.tau.value)
    limit = best.agreement.ceiling
    at_most = "" if limit is None else f" of at most {limit.value:.2f}"
    at_most += " at equal digital accuracy" if best.equal_digital else ""
    figure.suptitle(
        f"{name_of(get_metric(best.predictor)).capitalize()} predicts the ranking by "
        f"{name_of(get_metric(result.target))} best: tau {best.agreement.tau.value:.2f}{at_most}",
        fontsize=10,
    )
    return figure


def networks_figure(result: RobustnessAnalysis) -> Figure | None:
    """Draw true values over drift time of the networks that are compared; None where there are none.

    Args:
        result: The analysis.
    """
    from matplotlib.figure import Figure

    shown = [network for network in result.networks if network.limit is None]
    if not shown:
        return None
    metrics = list(shown[0].values)
    figure = Figure(figsize=(8.4, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    clean_axes(axes)
    colours = (*COLOURS, GREY)
    for i, network in enumerate(shown):
        at = np.arange(len(metrics)) + 0.07 * (i - (len(shown) - 1) / 2)
        values = np.array([network.values[name].value for name in metrics])
        bounds = np.array(
            [[network.values[name].low, network.values[name].high] for name in metrics]
        )
        label = f"{network.role}, {network.params / 1e6:.2f} M parameters"
        axes.errorbar(at, values, yerr=np.abs(bounds - values[:, None]).T, color=colours[i % len(colours)],
                      fmt="o-", ms=4, lw=1.6, elinewidth=0.9, capsize=2, label=label)  # fmt: skip
    axes.set_xticks(range(len(metrics)), [_stage(name) for name in metrics])
    axes.set_ylabel(f"accuracy (%), {100 * LEVEL:g} % interval of the true value")
    figure.legend(loc="outside right center", frameon=False, fontsize=8)
    last = metrics[-1]
    ranked = sorted(shown, key=lambda network: -network.values[last].value)
    figure.suptitle(
        f"{name_of(get_metric(last)).capitalize()}: {ranked[0].role} {ranked[0].values[last].value:.1f} %, "
        f"{ranked[-1].role} {ranked[-1].values[last].value:.1f} %\n"
        "True values: the mean over many trainings, estimated from all readings of a network",
        fontsize=10,
    )
    return figure


def _stage(name: str) -> str:
    kind, _, time = name.rpartition("_drift_")
    if kind:
        return DRIFT_TIME_NAMES.get(int(time), head_of(get_metric(name)))
    return {"baseline_accuracy": "digital", "analog_accuracy": "trained\nfor chips"}.get(name, name)


def write_analysis_report(result: RobustnessAnalysis, folder: str | os.PathLike[str]) -> list[Path]:
    """Write the figures of an analysis into its folder, atomically.

    Returns:
        The files written.

    Raises:
        OutputFolderError: If one cannot be written.
    """
    figures = {
        "traits.png": traits_figure(result),
        "genes.png": genes_figure(result),
        "predictors.png": predictors_figure(result),
        "networks.png": networks_figure(result),
    }
    written = []
    for name, figure in figures.items():
        if figure is not None:
            save_figure(figure, Path(folder) / name)
            written.append(Path(folder) / name)
    return written
