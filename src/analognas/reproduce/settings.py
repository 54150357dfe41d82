"""Settings of experiments: tasks, each with a network, data, recipes and chips."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from ..core import InvalidArgumentError, check_choice
from ..core.settings import Options, Settings, Time
from ..core.shipped_settings import find_settings, shipped_names
from ..drift import DriftSettings
from ..nn import AnalogConfig, find_config
from ..physics import find_device
from ..training import HWARecipe, RunConfig

__all__ = [
    "SCALES",
    "ExperimentSettings",
    "TableSettings",
    "TaskSettings",
    "VariantSettings",
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
            f"a name must have lower-case letters, digits and '-', such as 'images', but got {name!r}"
        )
    return name


_Name: TypeAlias = Annotated[str, AfterValidator(_check_name)]
_Network: TypeAlias = Literal["hwa", "direct"]


class VariantSettings(Settings):
    """One changed network of a task: trained in another way, or on other hardware. All else is shared."""

    settings_name = "variant"

    name: _Name = Field(description="Name of its folder, such as adc-6-bits.")
    title: str = Field(description="What is different, for tables and figures.")
    network: _Network | None = Field(
        default=None,
        description="hwa: the hardware-aware network. direct: the digital network, mapped directly. Null: that "
        "of the table.",
    )
    training: Options = Field(
        default_factory=dict,
        description="What changes in the hardware-aware training, by path. The network is trained again, from "
        "the same digital network.",
    )
    hardware: str | Options = Field(
        default_factory=dict,
        description="The hardware of the chips: what changes in the configuration, by path, or a preset. "
        "Nothing is trained for it.",
    )
    drift: Options = Field(
        default_factory=dict, description="What changes in the drift evaluation, by path."
    )
    oracle: bool = Field(
        default=False,
        description="Whether each conductance is multiplied by the inverse of its own drift, in place of a "
        "measured compensation.",
    )

    @model_validator(mode="after")
    def _check_changes(self) -> VariantSettings:
        if self.training and self.network == "direct":
            raise InvalidArgumentError(
                f"`training` must be omitted for directly mapped networks, but {self.name!r} has it; use "
                "`hardware`, or network: hwa."
            )
        return self

    def on_chips(self, config: AnalogConfig) -> AnalogConfig:
        """Return the hardware of the chips.

        Args:
            config: The hardware of the network that is changed.
        """
        if isinstance(self.hardware, str):
            config = find_config(self.hardware)
        elif self.hardware:
            config = AnalogConfig.from_dict(changed(config.to_dict(), self.hardware))
        if not self.oracle:
            return config
        return config.replace(
            device=config.device.replace(drift_scale=0.0), compensation={"kind": "none"}
        )


class TableSettings(Settings):
    """A table of variants beside one network of a task, with differences from it."""

    settings_name = "table"

    name: _Name = Field(description="Name of the table, such as adc-bits.")
    title: str = Field(description="What is compared.")
    published: str = Field(default="", description="What was published, as text.")
    base: _Network = Field(
        default="hwa", description="The network that variants are compared with."
    )
    base_title: str = Field(default="", description="What the base has, such as 8 bits.")
    variants: tuple[VariantSettings, ...] = Field(min_length=1, description="The variants.")


ORACLE_ROWS = (
    VariantSettings(
        name="hwa-oracle",
        title="hardware-aware training, oracle compensation",
        network="hwa",
        oracle=True,
    ),
    VariantSettings(
        name="replication",
        title="replication: hardware-aware training",
        network="hwa",
        training={"recipe.analog": "replication"},
    ),
    VariantSettings(
        name="replication-oracle",
        title="replication: hardware-aware training, oracle compensation",
        network="hwa",
        training={"recipe.analog": "replication"},
        oracle=True,
    ),
)
"""Rows that show what multiplying the drift by its exact inverse hides."""


class TaskSettings(Settings):
    """One task of an experiment."""

    settings_name = "task"

    name: _Name = Field(description="Name of its folder, such as images.")
    like: str | None = Field(
        default=None,
        description="Experiment whose task of this name has all entries that are omitted here.",
    )
    title: str = Field(description="Network and data, for tables and figures.")
    published: str = Field(default="", description="What was published, as text.")
    training: Options = Field(
        description="Settings of the hardware-aware training, with those of the digital one under `digital`."
    )
    ptq: Options | None = Field(
        default_factory=dict,
        description="Entries of the recipe for post-training quantisation; null: no such row.",
    )
    drift: Options = Field(
        default_factory=dict, description="Entries of the drift evaluation, such as examples."
    )
    oracle: bool = Field(
        default=False,
        description="Whether the table has rows with oracle compensation, and with the replication's devices.",
    )
    tables: tuple[TableSettings, ...] = Field(default=(), description="Tables of variants.")
    generate: int = Field(
        default=0,
        ge=0,
        description="Tokens by which a language model continues a text, digitally and on a chip; 0: none.",
    )
    quick: Options = Field(
        default_factory=dict, description="What changes in the quick size, by path."
    )
    full: Options = Field(
        default_factory=dict, description="What changes in the full size, by path."
    )

    @model_validator(mode="before")
    @classmethod
    def _take_entries(cls, entries: Any) -> Any:
        """Take the omitted entries from the task of the experiment that ``like`` names."""
        if not isinstance(entries, Mapping) or entries.get("like") is None:
            return entries
        name = entries.get("name")
        (task,) = find_experiment(entries["like"]).chosen((str(name),)).tasks
        return {**dict(task), **entries, "like": None}

    def scaled(self, scale: str) -> TaskSettings:
        """Return the task in one of :data:`SCALES`.

        Raises:
            UnknownNameError: If there is no such size.
        """
        check_choice("scale", scale, SCALES)
        changes = {"quick": self.quick, "full": self.full}.get(scale, {})
        entries = changed(self.to_dict(), changes)
        return type(self).from_dict({**entries, "quick": {}, "full": {}})

    def run_config(
        self, root: str | None, seed: int, changes: Mapping[str, Any] | None = None
    ) -> RunConfig:
        """Return the settings of the training.

        Args:
            root: Folder of the data; the name of a file in the task is looked up there.
            seed: Seed of everything random.
            changes: What changes in the training, by path.
        """
        entries = changed({"seed": seed, **self.training}, changes or {})
        file = entries.get("root")
        if root is not None:
            entries["root"] = root if file is None else str(Path(root) / file)
        return RunConfig.from_dict(entries)

    def drift_settings(
        self,
        experiment: ExperimentSettings,
        checkpoint: Path,
        digital: Path,
        changes: Mapping[str, Any] | None = None,
    ) -> DriftSettings:
        """Return the settings of the drift evaluation of a trained network."""
        return DriftSettings.from_dict(
            {
                "times": list(experiment.times),
                "chips": experiment.chips,
                "seed": experiment.seed,
                **changed(self.drift, changes or {}),
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
    normalised: bool = Field(
        default=False, description="Whether the normalised metric is shown at all times."
    )
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


def changed(entries: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return entries of which some have another value.

    Presets and names of devices on a path become their entries, so that one of them can change.

    Args:
        entries: Nested mappings.
        changes: New values by path, such as ``{"recipe.analog.adc.bits": 6}``.

    Example:
        >>> changed({"recipe": {"epochs": 2, "analog": "rasch2023"}}, {"recipe.epochs": 3})
        {'recipe': {'epochs': 3, 'analog': 'rasch2023'}}
        >>> found = changed({"analog": "rasch2023"}, {"analog.adc.bits": 6})["analog"]
        >>> found["adc"]["bits"], found["ir_drop"]
        (6, 1.0)
    """
    result = dict(entries)
    for path, value in changes.items():
        names = path.split(".")
        inner = result
        for name in names[:-1]:
            inner[name] = _entries_of(name, inner.get(name), inner)
            inner = inner[name]
        inner[names[-1]] = value
        if names[-1] == "device" and "dac" in inner and isinstance(value, str):
            inner["device"] = find_device(value).to_dict()
    return result


def _entries_of(name: str, given: Any, beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of an entry as a mapping; a preset, or the default of a recipe, with all its entries."""
    if name == "analog" and isinstance(given, str):
        return find_config(given).to_dict()
    if name == "analog" and given is None and beside.get("kind") == "hwa":
        return HWARecipe().analog.to_dict()
    if name == "device" and isinstance(given, str):
        return find_device(given).to_dict()
    return dict(given) if isinstance(given, Mapping) else {}


def builtin_experiments() -> list[str]:
    """Return the names of the experiments that come with the package.

    Example:
        >>> builtin_experiments()
        ['ablations', 'language-models', 'rasch2023', 'robustness']
    """
    return shipped_names(EXPERIMENTS)


def find_experiment(name: str) -> ExperimentSettings:
    """Return an experiment by name, or from a YAML or JSON file.

    Raises:
        UnknownNameError: If it is neither.
        InvalidArgumentError: If the file cannot be read or an entry is wrong; names its line.
    """
    return find_settings(ExperimentSettings, EXPERIMENTS, name)
