"""Loss and metric of a training, epoch by epoch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .drift_curves import write_drift_report
from .style import COLOURS, GREY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..search import FinalTraining
    from ..training import TrainingResult

TRAINING_FILE = "training.png"
_SIDES = {"train": (COLOURS[1], "training"), "validation": (COLOURS[0], "validation")}


def training_figure(
    result: TrainingResult, *, title: str | None = None, reference: float | None = None
) -> Figure:
    """Draw loss and metric against epochs, with the learning rate and the final test value.

    Args:
        result: A training with at least one epoch.
        title: Heading; recipe and network if None.
        reference: Metric of the digital network that the training started from, as a line.

    Returns:
        The figure; no global state of matplotlib is touched.

    Example:
        >>> import torch
        >>> from analognas.data import DataSet, Split
        >>> from analognas.training import DigitalRecipe, Trainer
        >>> part = Split(torch.randn(32, 4), torch.arange(32) % 2)
        >>> data = DataSet("toy", "classification", part, part, part, (4,), 2)
        >>> result = Trainer(torch.nn.Linear(4, 2), data, DigitalRecipe(epochs=2), seed=0).fit()
        >>> len(training_figure(result).axes)
        3
    """
    from matplotlib.ticker import MaxNLocator

    from ..training import get_task

    task = get_task(result.record.task)
    name = task.metric_name
    figure, (losses, metrics) = new_figure(10.0, 4.2, panels=(1, 1))
    epochs = [row["epoch"] for row in result.history]
    for side, (colour, label) in _SIDES.items():
        for axes, key in ((losses, f"{side}_loss"), (metrics, f"{side}_{name}")):
            if key in result.history[0]:
                values = [row[key] for row in result.history]
                taught = key == "train_loss" and result.record.recipe["kind"] == "hwa"
                shown = f"{label}, with the teacher's share" if taught else label
                axes.plot(epochs, values, "o-", color=colour, ms=3.5, lw=1.6, label=shown)
    losses.set_title("Loss", fontsize=10)
    losses.set_ylabel("loss (nats)")
    _draw_rate(losses, epochs, [row["lr"] for row in result.history])
    metrics.set_title(name.capitalize(), fontsize=10)
    metrics.set_ylabel(name + (f" ({task.unit})" if task.unit else ""))
    if not task.higher_is_better:
        metrics.set_yscale("log")
    test = result.metrics[f"test_{name}"]
    metrics.axhline(test, color=COLOURS[2], lw=1.2, label=f"test, kept weights: {test:.4g}")
    if reference is not None:
        metrics.axhline(
            reference, color=GREY, lw=1.2, ls="--", label=f"test, digital: {reference:.4g}"
        )
    for axes in (losses, metrics):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(epochs) == 1:  # a point, not an axis of fractions
            axes.set_xticks(epochs)
        axes.legend(
            frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2
        )
    ended = f" (aborted after epoch {len(epochs)})" if result.status == "aborted" else ""
    unit = f" {task.unit}" if task.unit else ""
    heading = title or (
        f"{result.record.recipe['kind']}: {result.record.model or 'network'}, test {name} {test:.4g}{unit}"
    )
    figure.suptitle(heading + ended, fontsize=11)
    return figure


def write_training_report(
    results: Sequence[TrainingResult], folder: str | os.PathLike[str]
) -> list[Path]:
    """Write ``training.png`` for each stage of a run that trained; the digital stage's beside its files.

    Args:
        results: The stages, the last being that of the recipe.
        folder: Folder of the run.

    Returns:
        The files written.

    Raises:
        OutputFolderError: If one cannot be written.

    Example:
        >>> import torch
        >>> from analognas.data import DataSet, Split
        >>> from analognas.training import DigitalRecipe, Trainer
        >>> part = Split(torch.randn(32, 4), torch.arange(32) % 2)
        >>> data = DataSet("toy", "classification", part, part, part, (4,), 2)
        >>> result = Trainer(torch.nn.Linear(4, 2), data, DigitalRecipe(epochs=2), out="toy").fit()
        >>> [file.name for file in write_training_report([result], "toy")]
        ['training.png']
    """
    files = []
    for result in results:
        if not result.history:
            continue
        first = results[0]
        key = next(
            name for name in first.metrics if name.startswith("test_") and "loss" not in name
        )
        reference = first.metrics[key] if result is not first else None
        files.append((result.out or Path(folder)) / TRAINING_FILE)
        save_figure(training_figure(result, reference=reference), files[-1])
    return files


def _draw_rate(axes: Axes, epochs: Sequence[float], rates: Sequence[float]) -> None:
    twin = axes.twinx()
    twin.plot(epochs, rates, color=GREY, lw=1.0, ls=":", label="learning rate")
    twin.set_ylabel("learning rate", color=GREY, fontsize=8)
    twin.tick_params(labelsize=7, labelcolor=GREY)
    twin.set_ylim(0.0, 1.1 * max(*rates, 1e-12))
    twin.spines[["top"]].set_visible(False)
    axes.plot([], [], color=GREY, lw=1.0, ls=":", label="learning rate")


def write_final_report(final: FinalTraining) -> list[Path]:
    """Write the figures of both parts beside their numbers, and return their paths.

    Args:
        final: What :meth:`.Worker.train_best` returned.

    Example:
        >>> from analognas.drift import read_drift
        >>> from analognas.search import FinalTraining
        >>> from analognas.training import resume_run
        >>> folder = Path("my-training")
        >>> (folder / "drift").mkdir()
        >>> final = FinalTraining(folder, tuple(resume_run(folder)), read_drift(Path("my-drift")))
        >>> [file.name for file in write_final_report(final)]
        ['training.png', 'training.png', 'drift.png']
    """
    return [
        *write_training_report(list(final.training), final.folder),
        write_drift_report(final.drift, final.folder / "drift"),
    ]
