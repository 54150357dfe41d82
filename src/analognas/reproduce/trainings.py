"""Trainings of another experiment that are used again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..core import InvalidArgumentError
from .settings import ExperimentSettings

__all__ = ["EXPERIMENT_FILE", "take_trainings"]

EXPERIMENT_FILE = "experiment.yaml"
"""Settings of an experiment, in its folder."""


def take_trainings(settings: ExperimentSettings, folder: Path, sources: Sequence[Path]) -> None:
    """Copy finished trainings of other experiments, so that their tasks are not trained again.

    Args:
        settings: The experiment that needs trainings.
        folder: Its folder.
        sources: Folders of experiments; tasks of the same name are taken.

    Raises:
        InvalidArgumentError: If a folder is not of an experiment, a task has other settings there, or its
            training is not finished.
    """
    for source in sources:
        if not (source / EXPERIMENT_FILE).is_file():
            raise InvalidArgumentError(
                f"`trainings` must be folders of `analognas reproduce`, but {str(source)!r} has no "
                f"{EXPERIMENT_FILE}."
            )
        other = ExperimentSettings.load(source / EXPERIMENT_FILE)
        known = {task.name: task.scaled(other.scale).training for task in other.tasks}
        for task in settings.tasks:
            target = folder / task.name / "hwa"
            if task.name not in known or target.exists():
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
            partial = folder / task.name / "hwa.copying"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(trained, partial)
            partial.rename(target)
