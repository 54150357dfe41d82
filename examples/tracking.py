"""Send the numbers of searches and trainings to Weights & Biases or MLflow.

Neither is a dependency of analognas: a tracker is any function that takes a mapping of numbers and a step.

    import wandb
    run = wandb.init(project="analog")
    Worker(optimizer="random_search", callbacks=[track_search(run.log)]).search()

    import mlflow
    train_run(config, folder, listen=track_training(mlflow.log_metrics))
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Log = Callable[..., Any]
"""``wandb``'s ``run.log`` or ``mlflow.log_metrics``: called with a mapping of numbers, and ``step=``."""


def track_search(log: Log) -> Callable[[Any], None]:
    """Return a callback of a search that logs its progress after every batch.

    Args:
        log: The function of the tracker.
    """

    def after_batch(view: Any) -> None:
        if view.replaying:  # these were logged before the interruption
            return
        numbers = {"evaluations": float(view.n_distinct), "seconds": view.seconds}
        if view.best == view.best:  # NaN before the first architecture that meets the constraints
            numbers["best"] = view.best
        log(numbers, step=view.n_trials)

    return after_batch


def track_training(log: Log) -> Callable[[str, Path], Callable[[Any], None]]:
    """Return what ``train_run(..., listen=)`` takes; it logs each epoch of each stage.

    Args:
        log: The function of the tracker.
    """

    def begin(stage: str, folder: Path) -> Callable[[Any], None]:
        def after_step(progress: Any) -> None:
            if progress.row is not None:
                numbers = {f"{stage}/{name}": value for name, value in progress.row.items()}
                log(numbers, step=progress.epoch)

        return after_step

    return begin
