"""Settings of experiments: tasks, each with a network, data, recipes and chips."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ..core import InvalidArgumentError, UnknownNameError, check_choice
from ..core.settings import Options, Settings, Time
from ..drift import DriftSettings
from ..training import RunConfig

__all__ = [
    "SCALES",
    "ExperimentSettings",
    "TaskSettings",
    "builtin_experiments",
    "find_experiment",
]

EXPERIMENTS = Path(__file__).with_name("experiments")
SCALES = ("reduced", "quick", "full")
"""Sizes of an experiment: for two cores, for a test of minutes, and as published."""

YEAR = 31536000.0


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise InvalidArgumentError(
            f"a task's name must have lower-case letters, digits and '-', such as 'images', but got {name!r}"
        )
    return name


class TaskSettings(Settings):
    """One task of an experiment."""

    settings_name = "task"

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        description="Name of its folder, such as images."
    )
    title: str = Field(description="Network and data, for tables and figures.")
    training: Options = Field(
        description="Settings of the hardware-aware training, with those of the digital one under `digital`."
    )
    ptq: Options = Field(
        default_factory=dict, description="Entries of the recipe for post-training quantisation."
    )
    drift: Options = Field(
        default_factory=dict, description="Entries of the drift evaluation, such as examples."
    )
    quick: Options = Field(
        default_factory=dict, description="What changes in the quick size, by path."
    )
    full: Options = Field(
        default_factory=dict, description="What changes in the full size, by path."
    )

    def scaled(self, scale: str) -> TaskSettings:
        """Return the task in one of :data:`SCALES`.

        Raises:
            UnknownNameError: If there is no such size.
        """
        check_choice("scale", scale, SCALES)
        changes = {"quick": self.quick, "full": self.full}.get(scale, {})
        entries = self.to_dict()
        for path, value in changes.items():
            _put(entries, path.split("."), value)
        return type(self).from_dict({**entries, "quick": {}, "full": {}})

    def run_config(self, root: str | None, seed: int) -> RunConfig:
        """Return the settings of the training.

        Args:
            root: Folder of the data; the name of a file in the task is looked up there.
            seed: Seed of everything random.
        """
        entries = {"seed": seed, **self.training}
        file = entries.get("root")
        if root is not None:
            entries["root"] = root if file is None else str(Path(root) / file)
        return RunConfig.from_dict(entries)

    def drift_settings(
        self, experiment: ExperimentSettings, checkpoint: Path, digital: Path
    ) -> DriftSettings:
        """Return the settings of the drift evaluation of a trained network."""
        return DriftSettings.from_dict(
            {
                "times": list(experiment.times),
                "chips": experiment.chips,
                "seed": experiment.seed,
                **self.drift,
                "checkpoint": str(checkpoint),
                "direct": str(digital),
            }
        )


class ExperimentSettings(Settings):
    """Settings of an experiment."""

    settings_name = "experiment"

    name: str = Field(description="Name of the experiment.")
    title: str = Field(description="What it shows, one line.")
    tasks: tuple[TaskSettings, ...] = Field(min_length=1, description="The tasks.")
    times: tuple[Time, ...] = Field(
        default=(1.0, 3600.0, 86400.0, 2592000.0, YEAR),
        min_length=2,
        description="Times since programming.",
        json_schema_extra={"unit": "s"},
    )
    chips: int = Field(default=10, ge=2, description="Number of chips of each network.")
    seed: int = Field(default=0, ge=0, description="Everything random follows from it.")
    scale: str = Field(default="reduced", description="reduced, quick or full.")
    root: str | None = Field(default=None, description="Folder of the data.")
    notes: str = Field(default="", description="How it differs from what was published.")

    def chosen(self, names: tuple[str, ...]) -> ExperimentSettings:
        """Return the experiment with some of its tasks.

        Raises:
            UnknownNameError: If there is no such task.
        """
        known = [task.name for task in self.tasks]
        for name in names:
            check_choice("task", name, known)
        return self.replace(tasks=tuple(task for task in self.tasks if task.name in names))


def _put(entries: dict[str, Any], path: list[str], value: Any) -> None:
    """Set one entry of nested mappings."""
    for name in path[:-1]:
        inner = entries.get(name)
        entries[name] = dict(inner) if isinstance(inner, Mapping) else {}
        entries = entries[name]
    entries[path[-1]] = value


def builtin_experiments() -> list[str]:
    """Return the names of the experiments that come with the package.

    Example:
        >>> builtin_experiments()
        ['robustness']
    """
    return sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))


def find_experiment(name: str) -> ExperimentSettings:
    """Return an experiment by name, or from a YAML or JSON file.

    Raises:
        UnknownNameError: If it is neither.
        InvalidArgumentError: If the file cannot be read or an entry is wrong; names its line.
    """
    known = builtin_experiments()
    if name in known:
        return ExperimentSettings.load(EXPERIMENTS / f"{name}.yaml")
    if Path(name).suffix:
        return ExperimentSettings.load(name)
    raise UnknownNameError(
        f"Unknown experiment {name!r}. Give a YAML file, or one of: {', '.join(known)}."
    )
