"""Trainings of another experiment that are used again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..core import InvalidArgumentError
from .settings import ExperimentSettings, TaskSettings

__all__ = ["EXPERIMENT_FILE", "take_trainings"]

EXPERIMENT_FILE = "experiment.yaml"
"""Settings of an experiment, in its folder."""


def take_trainings(settings: ExperimentSettings, folder: Path, sources: Sequence[Path]) -> None:
    """Copy finished trainings of other experiments, so that their tasks are not trained again.

    Args:
        settings: The experiment that needs trainings.
        folder: Its folder. Nothing is copied if any training cannot be used.
        sources: Folders of experiments; tasks of the same name are taken.

    Raises:
        InvalidArgumentError: If a folder is not of an experiment, a task has other settings there, or its
            training is not finished.
    """
    found: dict[str, Path] = {}
    for source in sources:
        wanted = [task for task in settings.tasks if task.name not in found]
        found |= _usable_trainings(settings, wanted, source)
    for name, trained in found.items():
        target = folder / name / "hwa"
        if target.exists():
            continue
        partial = folder / name / "hwa.copying"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(trained, partial)
        partial.rename(target)


def _usable_trainings(
    settings: ExperimentSettings, tasks: Sequence[TaskSettings], source: Path
) -> dict[str, Path]:
    """Return the folders of an experiment's trainings for some tasks, by the names of the tasks."""
    if not (source / EXPERIMENT_FILE).is_file():
        raise InvalidArgumentError(
            f"`trainings` must be folders of `analognas reproduce`, but {str(source)!r} has no "
            f"{EXPERIMENT_FILE}."
        )
    other = ExperimentSettings.load(source / EXPERIMENT_FILE)
    known = {task.name: task.scaled(other.scale).training for task in other.tasks}
    found = {}
    for task in tasks:
        if task.name not in known:
            continue
        same = known[task.name] == task.scaled(settings.scale).training
        if not same or other.seed != settings.seed:
            raise InvalidArgumentError(
                f"The task {task.name!r} in {str(source)!r} was trained with other settings; omit the "
                "folder, or give one with the same size and seed."
            )
        trained = source / task.name / "hwa"
        if not (trained / "result.json").is_file():
            raise InvalidArgumentError(
                f"The training of {task.name!r} in {str(source)!r} is not finished; continue it first."
            )
        found[task.name] = trained
    return found
