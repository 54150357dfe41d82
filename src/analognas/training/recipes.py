"""Recipes: how a network is trained, as settings that a YAML file can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator

from ..core import Registry
from ..core.config_files import is_config_file
from ..core.settings import Settings
from ..nn import (
    AnalogConfig,
    WeightModifier,
    config_from_dict,
    config_to_dict,
    find_config,
    get_config,
)
from ..nn.quantize.quantizers import Quantization
from .settings import Distillation, EarlyAbort, OptimizerSettings, Saving, Schedule

_SMALL = 5000  # training examples below which batches are small


def _read_analog(value: Any) -> AnalogConfig:
    if isinstance(value, AnalogConfig):
        return value
    return find_config(value) if isinstance(value, str) else config_from_dict(value)


def _read_quantization(value: Any) -> Quantization:
    return value if isinstance(value, Quantization) else Quantization.from_dict(value)


_Analog = Annotated[
    AnalogConfig,
    PlainValidator(_read_analog),
    PlainSerializer(config_to_dict),
    WithJsonSchema({"type": ["object", "string"]}),
]
_Quantization = Annotated[
    Quantization,
    PlainValidator(_read_quantization),
    PlainSerializer(Quantization.to_dict),
    WithJsonSchema({"type": "object"}),
]


class Recipe(Settings):
    """What every recipe says.

    A mapping without ``kind`` is a :class:`DigitalRecipe`.

    Example:
        >>> Recipe.from_dict({"kind": "digital", "schedule": {"kind": "step"}}).schedule.gamma
        0.1
        >>> DigitalRecipe().replace(epochs=3).epochs
        3
    """

    settings_name = "recipe"
    needs_digital: ClassVar[bool] = False
    """Whether the recipe starts from a digital network."""

    kind: str = Field(description="Name of the recipe.")
    batch_size: int = Field(default=128, ge=1, description="Examples of a batch.")
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32", description="fp32, or bf16 for autocast of forward pass and loss."
    )
    compile: bool = Field(
        default=False, description="Whether the network runs through torch.compile."
    )

    @classmethod
    def class_for(cls, entries: Mapping[str, Any]) -> type[Settings]:
        """Return the class of the recipe that ``kind`` names."""
        return RECIPES.get(entries.get("kind", "digital")) if cls is Recipe else cls


class TrainingRecipe(Recipe):
    """What every recipe that trains says.

    Example:
        >>> from analognas.training import DigitalRecipe, HWARecipe
        >>> recipes = [DigitalRecipe(epochs=5, batch_size=64), HWARecipe(epochs=5, batch_size=64)]
        >>> [isinstance(recipe, TrainingRecipe) for recipe in recipes]
        [True, True]
    """

    epochs: int = Field(default=10, ge=1, description="Passes over all training examples.")
    optimizer: OptimizerSettings = Field(default=OptimizerSettings(), description="Optimizer.")
    schedule: Schedule = Field(default=Schedule(warmup=0.5), description="Learning rate schedule.")
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        le=0.99,
        description="Part of each target that is spread over all classes.",
    )
    clip_norm: float = Field(
        default=0.0, ge=0, description="Largest norm of all gradients together; 0: no limit."
    )
    ema: float = Field(
        default=0.0,
        ge=0,
        le=0.999999,
        description="Decay of the moving average of the weights, which is evaluated and kept; 0: none.",
    )
    augment: bool = Field(
        default=True,
        description="Whether training inputs are augmented, where the data set says how.",
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="Which weights are kept: of the last epoch, or of the best on validation.",
    )
    abort: EarlyAbort = Field(
        default=EarlyAbort(), description="When a training ends because it is hopeless."
    )
    saving: Saving = Field(default=Saving(), description="How often a checkpoint is written.")


class DigitalRecipe(TrainingRecipe):
    """Training in floating point.

    Example:
        >>> DigitalRecipe(epochs=5).epochs
        5
    """

    settings_name = "digital recipe"

    kind: Literal["digital"] = Field(default="digital", description="Name of the recipe.")


class PTQRecipe(Recipe):
    """Post-training quantisation to 8-bit integers: ranges come from data, nothing is trained.

    Example:
        >>> PTQRecipe().kind
        'ptq'
    """

    settings_name = "ptq recipe"
    needs_digital = True

    kind: Literal["ptq"] = Field(default="ptq", description="Name of the recipe.")
    quantization: _Quantization = Field(default=Quantization(), description="Quantisation.")


class QATRecipe(TrainingRecipe):
    """Quantisation-aware training, from the digital weights, with straight-through gradients.

    Example:
        >>> QATRecipe(epochs=5).kind
        'qat'
    """

    settings_name = "qat recipe"
    needs_digital = True

    kind: Literal["qat"] = Field(default="qat", description="Name of the recipe.")
    epochs: int = Field(default=3, ge=1, description="Passes over all training examples.")
    optimizer: OptimizerSettings = Field(
        default=OptimizerSettings(lr=0.01), description="Optimizer."
    )
    quantization: _Quantization = Field(
        default=Quantization(ranges="learned"),
        description="Quantisation; its `ranges` say whether those of the activations are learned.",
    )

    @field_validator("quantization", mode="before")
    @classmethod
    def _learn_ranges(cls, quantization: Any) -> Any:
        """Learn ranges unless a mapping says otherwise."""
        if isinstance(quantization, Mapping):
            return {"ranges": "learned", **quantization}
        return quantization


def _hwa_config() -> AnalogConfig:
    config = get_config("analognasbench")
    return config.replace(modifier=WeightModifier(kind="additive", std=0.06, drop_connect=0.01))


class HWARecipe(TrainingRecipe):
    """Hardware-aware training, from the digital weights, with converters, weight noise and clipping.

    The analog configuration says what happens to the weights (noise, drop-connect, clipping, remapping) and to
    the inputs (learned ranges).

    Source: Rasch et al., Nat. Commun. 14:5282, 2023.

    Example:
        >>> HWARecipe(epochs=5).kind
        'hwa'
    """

    settings_name = "hwa recipe"
    needs_digital = True

    kind: Literal["hwa"] = Field(default="hwa", description="Name of the recipe.")
    epochs: int = Field(default=15, ge=1, description="Passes over all training examples.")
    optimizer: OptimizerSettings = Field(
        default=OptimizerSettings(lr=0.02), description="Optimizer."
    )
    analog: _Analog = Field(
        default_factory=_hwa_config,
        description="Hardware, and how training prepares for it: a preset, a file, or a mapping.",
    )
    ramp: float = Field(
        default=1.0,
        ge=0,
        description="Epochs, possibly a fraction, over which the weight noise rises to its full size.",
    )
    calibration_batches: int = Field(
        default=8,
        ge=0,
        description="Batches from which the input ranges start before they are learned; 0: they start as the "
        "configuration says.",
    )
    distillation: Distillation = Field(
        default=Distillation(), description="What is learned from the digital network."
    )


RECIPES: Registry[type[Recipe]] = Registry(
    "recipe", {"digital": DigitalRecipe, "ptq": PTQRecipe, "qat": QATRecipe, "hwa": HWARecipe}
)
"""Classes of recipes by name."""


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name with its defaults, or read it from a file of that name.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.

    Example:
        >>> find_recipe("hwa").kind
        'hwa'
    """
    if is_config_file(name):
        return Recipe.load(name)
    kind: Callable[[], Recipe] = RECIPES.get(name)
    return kind()


def adapted(recipe: Recipe, task: str, n_examples: int) -> Recipe:
    """Return a recipe whose defaults suit the data; entries that differ from their defaults stay.

    Small data sets get small batches. Networks for text are trained with AdamW and clipped gradients,
    language models in 20 streams.

    Args:
        recipe: The recipe.
        task: Name of the task.
        n_examples: Training examples.

    Example:
        >>> adapted(DigitalRecipe(epochs=3), "language_model", 40_000).optimizer.kind
        'adamw'
    """
    kind: Callable[[], Recipe] = type(recipe)
    default = kind()
    suited: dict[str, Any] = {"batch_size": 20 if task == "language_model" else 64}
    if task == "classification":
        suited["batch_size"] = default.batch_size if n_examples >= _SMALL else 32
    elif isinstance(recipe, TrainingRecipe):
        lr = 1e-3 if recipe.kind == "digital" else 3e-4
        suited["optimizer"] = OptimizerSettings(kind="adamw", lr=lr, weight_decay=0.01)
        suited["clip_norm"] = 0.5
    return recipe.replace(
        **{
            name: value
            for name, value in suited.items()
            if getattr(recipe, name) == getattr(default, name)
        }
    )
