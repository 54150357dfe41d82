"""Recipes: all that decides how a network is trained, as frozen values that a YAML file holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar

from ..core import InvalidArgumentError, Registry, check_choice, check_float, check_int
from ..core.config_files import check_mapping, is_config_file, read_mapping, write_mapping
from ..nn import (
    AnalogConfig,
    WeightModifier,
    config_from_dict,
    config_to_dict,
    find_config,
    get_config,
)
from ..nn.quantize.quantizers import Quantization
from .settings import (
    Distillation,
    EarlyAbort,
    OptimizerSettings,
    Saving,
    Schedule,
    check_bool,
)

PRECISIONS = ("fp32", "bf16")
KEPT = ("last", "best")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every recipe says.

    Attributes:
        kind: Its name.
        batch_size: Examples of a batch.
        precision: ``"fp32"``, or ``"bf16"`` for autocast of forward and loss.
        compile: Whether the network runs through :func:`torch.compile`.
    """

    kind: ClassVar[str]
    needs_digital: ClassVar[bool] = False

    batch_size: int = 128
    precision: str = "fp32"
    compile: bool = False

    def __post_init__(self) -> None:
        check_int("batch_size", self.batch_size, minimum=1)
        check_choice("precision", self.precision, PRECISIONS)
        check_bool("compile", self.compile)
        for entry in fields(self):
            if is_dataclass(default := _default(entry)) and not isinstance(
                getattr(self, entry.name), type(default)
            ):
                raise InvalidArgumentError(
                    f"`{entry.name}` must be an instance of {type(default).__name__}, but got "
                    f"{getattr(self, entry.name)!r}."
                )

    def replace(self, **changes: Any) -> Any:
        """Return a copy with some fields changed.

        Example:
            >>> DigitalRecipe().replace(epochs=3).epochs
            3
        """
        for name in changes:
            check_choice(f"{self.kind} recipe entry", name, [entry.name for entry in fields(self)])
        return replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe(Recipe):
    """What every recipe that trains says.

    Attributes:
        epochs: Times that all training examples are seen.
        optimizer: What moves the weights.
        schedule: Learning rate through training.
        label_smoothing: Share of each target that is spread evenly over all classes.
        clip_norm: Largest norm of all gradients together; 0: no limit.
        ema: Decay a step of the moving average of the weights that is evaluated and kept; 0: none.
        augment: Whether training inputs are changed at random, where the data set says how.
        keep: Which weights are kept: those of the ``"last"`` epoch, or of the ``"best"`` on validation.
        abort: When a run is hopeless.
        saving: How often a run is saved.
    """

    epochs: int = 10
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    schedule: Schedule = field(default_factory=lambda: Schedule(warmup=0.5))
    label_smoothing: float = 0.0
    clip_norm: float = 0.0
    ema: float = 0.0
    augment: bool = True
    keep: str = "last"
    abort: EarlyAbort = field(default_factory=EarlyAbort)
    saving: Saving = field(default_factory=Saving)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("epochs", self.epochs, minimum=1)
        check_float("label_smoothing", self.label_smoothing, minimum=0.0, maximum=0.99)
        check_float("clip_norm", self.clip_norm, minimum=0.0)
        check_float("ema", self.ema, minimum=0.0, maximum=0.999999)
        check_bool("augment", self.augment)
        check_choice("keep", self.keep, KEPT)


@dataclass(frozen=True, kw_only=True)
class DigitalRecipe(TrainingRecipe):
    """Training in floating point."""

    kind = "digital"


@dataclass(frozen=True, kw_only=True)
class PTQRecipe(Recipe):
    """Post-training quantisation: 8-bit integers, ranges from data, no training.

    Attributes:
        quantization: How.
    """

    kind = "ptq"
    needs_digital = True

    quantization: Quantization = field(default_factory=Quantization)


@dataclass(frozen=True, kw_only=True)
class QATRecipe(TrainingRecipe):
    """Quantisation-aware training: from the digital weights, through the roundings.

    Attributes:
        quantization: How; its ``ranges`` say whether those of the activations are learned.
    """

    kind = "qat"
    needs_digital = True

    epochs: int = 3
    optimizer: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(lr=0.01))
    quantization: Quantization = field(default_factory=lambda: Quantization(ranges="learned"))


def _hwa_config() -> AnalogConfig:
    config = get_config("analognasbench")
    return config.replace(modifier=WeightModifier(kind="additive", std=0.06, drop_connect=0.01))


@dataclass(frozen=True, kw_only=True)
class HWARecipe(TrainingRecipe):
    """Hardware-aware training: from the digital weights, through converters, noise and clipping.

    What is done to the weights (noise, drop-connect, clipping, remapping) and to the inputs (learned ranges) is
    said by the analog configuration.

    Attributes:
        analog: The hardware, and how training prepares for it.
        ramp: Epochs, or part of one, over which the weight noise rises evenly to its full size.
        calibration_batches: Batches from which the input ranges start before they are learned; 0: they start
            as the configuration says.
        distillation: What is learned from the digital network.

    Source: Rasch et al., Nat. Commun. 14:5282, 2023.
    """

    kind = "hwa"
    needs_digital = True

    optimizer: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(lr=0.02))
    analog: AnalogConfig = field(default_factory=_hwa_config)
    ramp: float = 1.0
    calibration_batches: int = 8
    distillation: Distillation = field(default_factory=Distillation)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_float("ramp", self.ramp, minimum=0.0)
        check_int("calibration_batches", self.calibration_batches, minimum=0)


RECIPES: Registry[type[Recipe]] = Registry(
    "recipe", {kind.kind: kind for kind in (DigitalRecipe, PTQRecipe, QATRecipe, HWARecipe)}
)
"""Classes of recipes by name."""


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain values.

    Example:
        >>> recipe_to_dict(PTQRecipe())["quantization"]["weight_bits"]
        8
    """
    payload: dict[str, Any] = {"kind": recipe.kind}
    for entry in fields(recipe):
        payload[entry.name] = _plain(getattr(recipe, entry.name))
    return payload


def recipe_from_dict(payload: Mapping[str, Any]) -> Recipe:
    """Make a recipe from what :func:`recipe_to_dict` returned, or a part of it.

    ``analog`` may also be the name of a preset, or of a file.

    Raises:
        InvalidArgumentError: If something has the wrong form or is outside its range.
        UnknownNameError: If a key or choice is unknown; names the nearest.

    Example:
        >>> recipe_from_dict({"kind": "digital", "schedule": {"kind": "step"}}).schedule.gamma
        0.1
    """
    values = dict(check_mapping("recipe", payload))
    kind = RECIPES.get(values.pop("kind", "digital"))
    made: Recipe = _made(f"{kind.kind} recipe", kind(), values)
    return made


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name with its defaults, or read it where ``name`` is that of a file.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.
    """
    if is_config_file(name):
        return recipe_from_dict(read_mapping(name, "recipe"))
    return RECIPES.get(name)()


def save_recipe(recipe: Recipe, path: str | os.PathLike[str]) -> None:
    """Write a recipe to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one.
        OutputFolderError: If it cannot be written.
    """
    write_mapping(path, recipe_to_dict(recipe), "recipe")


def _default(entry: Any) -> Any:
    return None if entry.default_factory is MISSING else entry.default_factory()


def _plain(value: Any) -> Any:
    if isinstance(value, AnalogConfig):
        return config_to_dict(value)
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    return list(value) if isinstance(value, tuple) else value


def _made(kind: str, default: Any, values: Mapping[str, Any]) -> Any:
    """Return ``default`` with what ``values`` say; parts are mappings of their own."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        check_choice(f"{kind} entry", name, [entry.name for entry in fields(default)])
        present = getattr(default, name)
        if isinstance(present, AnalogConfig):
            named = isinstance(value, str)
            changes[name] = find_config(value) if named else config_from_dict(value)
        elif is_dataclass(present):
            changes[name] = _made(name, present, check_mapping(name, value))
        else:
            changes[name] = tuple(value) if isinstance(value, list) else value
    return replace(default, **changes)
