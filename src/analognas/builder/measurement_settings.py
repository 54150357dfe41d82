"""Settings of a measurement: data, trainings, chips and times, and thus its fidelity."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ..core import (
    DRIFT_TIMES,
    AnalogNASError,
    InvalidArgumentError,
    RandomStreams,
    UnknownNameError,
    check_choice,
)
from ..core.settings import Options, Settings
from ..data import DATASETS
from ..nn import AnalogConfig, config_from_dict, config_to_dict, find_config
from ..spaces import Space
from ..training import HWARecipe, Recipe, TrainingRecipe

__all__ = ["CONDITIONS", "ChipSettings", "ExampleCounts", "MeasurementSettings"]

Condition = Literal["digital", "ptq", "qat", "noisy", "hwa"]
CONDITIONS: tuple[Condition, ...] = ("digital", "ptq", "qat", "noisy", "hwa")
"""What a network can be measured under, in the order in which that can be done."""

_Count = Annotated[int, Field(ge=2)]
_Side = Annotated[int, Field(ge=4)]


class ExampleCounts(Settings):
    """Number of examples of each split; chosen once, with classes in proportion.

    Example:
        >>> ExampleCounts(train=5000, test=2000).validation
        0
    """

    settings_name = "examples"

    train: _Count | None = Field(default=None, description="Training examples; null: all.")
    validation: int = Field(
        default=0, ge=0, description="Training examples set aside for validation; 0: none."
    )
    test: _Count | None = Field(default=None, description="Test examples off chips; null: all.")


class ChipSettings(Settings):
    """How networks are measured on simulated chips.

    Example:
        >>> ChipSettings().__class__.settings_name
        'chips'
    """

    settings_name = "chips"

    n: int = Field(
        default=25, ge=1, description="Chips; each is programmed once and followed through time."
    )
    times: tuple[int, ...] = Field(
        default=DRIFT_TIMES,
        min_length=1,
        description="Times since programming ended, ascending; that of programming itself is always added.",
        json_schema_extra={"unit": "s"},
    )
    examples: _Count | None = Field(
        default=None, description="Test examples on each chip; null: those off chips."
    )
    batch_size: int = Field(
        default=250, ge=1, description="Examples of a chip that a network sees at once."
    )
    calibration: int = Field(
        default=1024,
        ge=1,
        description="Training examples that input ranges of digital weights come from.",
    )

    @model_validator(mode="after")
    def _check(self) -> ChipSettings:
        if sorted(set(self.times)) != list(self.times) or self.times[0] < 1:
            raise InvalidArgumentError(
                f"`times` must be positive, different and ascending (s), but got {list(self.times)}."
            )
        return self


class MeasurementSettings(Settings):
    """How one network is measured, and with which fidelity.

    Recipes are mappings for :class:`~analognas.training.Recipe`, without ``kind``; omitted entries have the
    defaults of the recipe.

    Example:
        >>> settings = MeasurementSettings(conditions=["digital", "hwa"], digital={"epochs": 2})
        >>> settings.recipe("digital").epochs, settings.metrics("hwa")[:2]
        (2, ('analog_accuracy', 'analog_drift_60'))
    """

    settings_name = "measurement"

    data: str = Field(default="digits", description="Name of the data set.")
    root: str | None = Field(
        default=None, description="Folder or file of the data; null: that of ANALOGNAS_DATA."
    )
    data_options: Options = Field(default_factory=dict, description="Options of the data's reader.")
    image_size: _Side | tuple[_Side, _Side] | None = Field(
        default=None,
        description="Height and width to which images are resized once, one number for both; null: as stored.",
        json_schema_extra={"unit": "pixels"},
    )
    examples: ExampleCounts = Field(default=ExampleCounts(), description="Examples of each split.")
    split: Literal["test", "validation"] = Field(
        default="test", description="Split that networks are scored on."
    )
    network: Options = Field(
        default_factory=dict, description="Options of the space's build(), such as cells."
    )
    conditions: tuple[Condition, ...] = Field(
        default=CONDITIONS, min_length=1, description="What a network is measured under."
    )
    digital: Options = Field(default_factory=dict, description="Recipe of the digital training.")
    ptq: Options = Field(default_factory=dict, description="Recipe of post-training quantization.")
    qat: Options = Field(default_factory=dict, description="Recipe of quantization-aware training.")
    hwa: Options = Field(default_factory=dict, description="Recipe of hardware-aware training.")
    augment: bool = Field(
        default=True, description="Whether training examples are changed at random."
    )
    analog: str | Options = Field(
        default="analognasbench", description="Analog hardware: a preset, a file, or a mapping."
    )
    chips: ChipSettings = Field(default=ChipSettings(), description="Simulated chips.")
    device: str = Field(default="cpu", description="Where networks run, as torch names devices.")
    fast_norms: bool = Field(
        default=True,
        description="Run batch norm by compiled passes, and images with the channels last, on the CPU: numbers "
        "differ from torch's by rounding.",
    )

    @field_validator("data")
    @classmethod
    def _check_data(cls, data: str) -> str:
        return check_choice("data set", data, DATASETS.names())

    @field_validator("data_options")
    @classmethod
    def _check_data_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        for name in ("validation", "split"):
            if name in options:
                raise InvalidArgumentError(
                    f"it must not hold {name!r}; use examples.validation and split instead."
                )
        return options

    @field_validator("conditions")
    @classmethod
    def _check_conditions(cls, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        if len(set(conditions)) < len(conditions):
            raise InvalidArgumentError(
                f"they must differ from each other, but got {list(conditions)}."
            )
        return conditions

    @field_validator("analog")
    @classmethod
    def _check_analog(cls, analog: str | dict[str, Any]) -> str | dict[str, Any]:
        _analog_config(analog)
        return analog

    @field_validator("digital", "ptq", "qat", "hwa")
    @classmethod
    def _check_recipe(cls, values: dict[str, Any], field: ValidationInfo) -> dict[str, Any]:
        """Name the recipe that an unknown entry is in, so that an error names its line."""
        for name in ("kind", "compile"):
            if name in values:
                raise InvalidArgumentError(f"`{field.field_name}` must not hold {name!r}.")
        Recipe.from_dict({"kind": field.field_name} | values)
        return values

    @model_validator(mode="after")
    def _check(self) -> MeasurementSettings:
        needs = "a validation split: set examples.validation to its size"
        if self.split == "validation" and not self.examples.validation:
            raise InvalidArgumentError(f"`split` is 'validation', which needs {needs}.")
        for name in _RECIPES:
            recipe = self.recipe(name)
            if name in self.units and looks_at_validation(recipe) and not self.examples.validation:
                raise InvalidArgumentError(
                    f"`{name}` keeps the best epoch or aborts early, which needs {needs}."
                )
        if any(name in self.conditions for name in ("noisy", "hwa")):
            for t in self.chips.times:
                self.analog_config.device.check_time(float(t))
        return self

    @property
    def units(self) -> tuple[Condition, ...]:
        """Conditions in the order in which they can be measured; ``digital`` is always the first."""
        return tuple(name for name in CONDITIONS if name in self.conditions or name == "digital")

    @property
    def analog_config(self) -> AnalogConfig:
        """The analog hardware."""
        return _analog_config(self.analog)

    def recipe(self, condition: str) -> Recipe:
        """Return the recipe of a condition.

        Raises:
            UnknownNameError: If the condition has none.
        """
        values: dict[str, Any] = dict(getattr(self, check_choice("recipe", condition, _RECIPES)))
        payload: dict[str, Any] = {"kind": condition}
        if condition != "ptq":
            payload["augment"] = self.augment
        if condition == "hwa":
            payload["analog"] = self._training_config()
        return Recipe.from_dict(payload | values)

    def _training_config(self) -> dict[str, Any]:
        """The hardware with noise on the weights: that of the recipe where the hardware names none."""
        config = self.analog_config
        if config.modifier.kind == "none":
            default = HWARecipe.from_dict({"kind": "hwa"})
            config = config.replace(modifier=default.analog.modifier)
        return config_to_dict(config)

    def metrics(self, unit: str) -> tuple[str, ...]:
        """Return the names of the metrics that a unit measures."""
        if unit == "digital":
            return ("baseline_accuracy",)
        if unit in ("ptq", "qat"):
            return (f"{unit}_accuracy",)
        name = {"noisy": "noisy", "hwa": "analog"}[check_choice("unit", unit, CONDITIONS)]
        times = self.chips.times
        found = [f"{name}_accuracy", *(f"{name}_drift_{t}" for t in times)]
        return (*found, "avm") if unit == "hwa" and _MONTH in times[1:] else tuple(found)

    def at_fidelity(self, scale: float) -> MeasurementSettings:
        """Return settings whose trainings have ``scale`` times as many epochs, at least one."""
        if scale == 1.0:
            return self
        if not 0.0 < scale < math.inf:
            raise InvalidArgumentError(f"`scale` must be a positive number, but got {scale!r}.")
        changes: dict[str, Any] = {}
        for name in _TRAININGS:
            recipe: Any = self.recipe(name)
            epochs = max(1, round(scale * recipe.epochs))
            changes[name] = {**getattr(self, name), "epochs": epochs}
        return self.replace(**changes)

    def identity(self, unit: str | None = None) -> dict[str, Any]:
        """Return the settings that results depend on, as plain values; without places of files and savings.

        Args:
            unit: Only settings that this unit depends on; None: all.
        """
        payload = self.to_dict()
        for name in ("root", "conditions", "device", "augment", "chips", "analog", *_RECIPES):
            del payload[name]
        wanted = self.units if unit is None else ("digital", unit)
        for name in _RECIPES:
            if name in wanted:
                recipe = self.recipe(name).to_dict()
                payload[name] = {key: x for key, x in recipe.items() if key != "saving"}
        if "noisy" in wanted or "hwa" in wanted:
            payload["analog"] = config_to_dict(self.analog_config)
            payload["chips"] = self.chips.to_dict()
        return payload


def completed_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measurement of a table, with the defaults of entries that were added after it was made.

    The default of a new entry leaves results unchanged, so the completed settings describe the table.

    Args:
        identity: What :meth:`MeasurementSettings.identity` returned, perhaps in an earlier version.

    Example:
        >>> identity = MeasurementSettings(conditions=["digital"]).identity()
        >>> older = {key: value for key, value in identity.items() if key != "fast_norms"}
        >>> completed_identity(older) == identity
        True
    """
    payload = dict(identity)
    measured = [name for name in _RECIPES if name in payload]
    if "analog" in payload and "hwa" not in measured:
        measured.append("noisy")
    for name in measured:
        if name in _RECIPES:
            recipe = dict(payload[name])
            payload[name] = {key: x for key, x in recipe.items() if key not in ("kind", "compile")}
    try:
        return MeasurementSettings.from_dict({**payload, "conditions": measured}).identity()
    except AnalogNASError:
        return dict(identity)  # of a later version, or damaged: compared as it is


_MONTH = DRIFT_TIMES[-1]
_TRAININGS = ("digital", "qat", "hwa")
_RECIPES = ("digital", "ptq", "qat", "hwa")


def _analog_config(analog: str | dict[str, Any]) -> AnalogConfig:
    return find_config(analog) if isinstance(analog, str) else config_from_dict(analog)


def check_network_options(space: Space, options: Collection[str]) -> None:
    """Make sure that a space builds networks with some options.

    Raises:
        UnknownNameError: If it does not know one of them.
    """
    known = list(inspect.signature(space.build).parameters)[3:]
    if options and not known:
        raise UnknownNameError(
            f"Networks of the space {space.name!r} have no options, but got {', '.join(map(repr, options))}."
        )
    for option in options:
        check_choice(f"network option of the space {space.name!r}:", option, known)


def looks_at_validation(recipe: Recipe) -> bool:
    """Whether a training keeps its best epoch or aborts early."""
    if not isinstance(recipe, TrainingRecipe):
        return False
    return recipe.keep == "best" or recipe.abort.after > 0 or bool(recipe.abort.curve)


def derived_seed(seed: int, *name: str | int) -> int:
    """Return the seed of something by name, so that it depends on nothing else.

    Example:
        >>> derived_seed(0, "weights") == derived_seed(0, "weights") != derived_seed(0, "batches")
        True
    """
    return RandomStreams(seed).torch(*name).initial_seed()
