"""One run as plain values: network, data, recipe, seed; a file of them repeats the run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..core import InvalidArgumentError, check_choice, check_int
from ..core.config_files import check_mapping, parse_value, read_mapping, write_mapping
from ..core.limits import shown
from .recipes import DigitalRecipe, Recipe, TrainingRecipe, recipe_from_dict, recipe_to_dict
from .settings import OptimizerSettings

DEFAULT_MODELS = {
    "classification": "cnn-16",
    "language_model": "lstm",
    "text_classification": "text-classifier",
}
"""Networks by task, where none is asked for."""

_SMALL = 5000  # training examples below which batches are small
_MAPPINGS = ("model_options", "data_options", "subset")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What a run is.

    Attributes:
        model: Name of the network for :func:`~analognas.models.build_model`; None for one that fits the task.
        model_options: Its options.
        data: Name of the data set for :func:`~analognas.data.load_data`.
        root: Folder or file of the data.
        data_options: Its options, ``validation`` among them.
        subset: How many examples of ``train``, ``validation`` and ``test`` are used; all where not said.
        recipe: The recipe.
        digital: How the digital network is trained that other recipes start from; None where ``start`` names
            one, or the recipe is itself digital.
        start: Saved digital network to start from, a file or the folder of a run.
        seed: Everything random follows from it.
        device: Where to train, as torch names devices.

    Example:
        >>> config = RunConfig.from_dict({"recipe": {"kind": "qat"}})
        >>> config.digital.kind
        'digital'
    """

    model: str | None = None
    model_options: dict[str, Any] = field(default_factory=dict)
    data: str = "digits"
    root: str | None = None
    data_options: dict[str, Any] = field(default_factory=dict)
    subset: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=DigitalRecipe)
    digital: DigitalRecipe | None = None
    start: str | None = None
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_int("seed", self.seed, minimum=0)
        for name in _MAPPINGS:
            check_mapping(name, getattr(self, name))
        for name in ("model", "root", "start"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InvalidArgumentError(f"`{name}` must be a text, but got {value!r}.")
        if self.start is not None and not self.recipe.needs_digital:
            raise InvalidArgumentError(
                f"`start` must be left out for the recipe {self.recipe.kind!r}, which starts from random "
                f"weights, but got {self.start!r}."
            )
        needs_stage = self.recipe.needs_digital and self.start is None
        if not needs_stage:
            object.__setattr__(self, "digital", None)
        elif self.digital is None:
            object.__setattr__(self, "digital", DigitalRecipe())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        payload: dict[str, Any] = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            payload[entry.name] = recipe_to_dict(value) if isinstance(value, Recipe) else value
        return payload

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> RunConfig:
        """Make it from what :meth:`to_dict` returned, or a part of it.

        Raises:
            InvalidArgumentError: If something has the wrong form or is outside its range.
            UnknownNameError: If a key or choice is unknown; names the nearest.
        """
        values = dict(check_mapping("run", payload))
        for name in values:
            check_choice("run entry", name, [entry.name for entry in fields(cls)])
        for name in ("recipe", "digital"):
            if values.get(name) is not None:
                values[name] = recipe_from_dict(values[name])
        digital = values.get("digital")
        if digital is not None and not isinstance(digital, DigitalRecipe):
            raise InvalidArgumentError(
                f"`digital` must be a digital recipe, but got one of the kind {digital.kind!r}."
            )
        return cls(**values)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RunConfig:
        """Read it from a ``.yaml``, ``.yml`` or ``.json`` file.

        Raises:
            InvalidArgumentError: If the file cannot be read or holds something else.
            UnknownNameError: If the ending, a key or a choice is unknown.
        """
        return cls.from_dict(read_mapping(path, "run"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

        Raises:
            OutputFolderError: If it cannot be written.
        """
        write_mapping(path, self.to_dict(), "run")


def with_settings(payload: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a run as plain values with some of them changed by texts ``KEY.KEY=VALUE``.

    Values are JSON, lists and mappings also YAML; what is neither is a text.

    Raises:
        InvalidArgumentError: If a text has another form, its key leads through a plain value, or its list or
            mapping cannot be read.

    Example:
        >>> with_settings({"recipe": {"kind": "hwa"}}, ["recipe.ramp=2", "data=digits"])
        {'recipe': {'kind': 'hwa', 'ramp': 2}, 'data': 'digits'}
        >>> with_settings({}, ["model_options.architecture={depth: 3}"])
        {'model_options': {'architecture': {'depth': 3}}}
    """
    changed: dict[str, Any] = json.loads(json.dumps(payload))
    for text in settings:
        path, found, value = text.partition("=")
        if not found or not all(path.split(".")):
            raise InvalidArgumentError(
                "A setting must be KEY=VALUE, for example recipe.optimizer.lr=0.1, but got "
                f"{shown(text)!r}."
            )
        *parents, last = path.split(".")
        place = changed
        for key in parents:
            inner = place.setdefault(key, {})
            if inner is None:
                inner = place[key] = {}
            if not isinstance(inner, dict):
                raise InvalidArgumentError(
                    f"The setting {shown(text)!r} leads through {shown(key)!r}, which is "
                    f"{shown(repr(inner))} and holds no settings."
                )
            place = inner
        if value.lstrip()[:1] in ("[", "{"):
            place[last] = parse_value(value)
            continue
        try:
            place[last] = json.loads(value)
        except ValueError:
            place[last] = value
    return changed


def adapted(recipe: Recipe, task: str, n_examples: int) -> Recipe:
    """Return a recipe with its defaults changed to what suits the data; what was chosen stays.

    Small data sets have small batches. Networks for text are trained with AdamW and clipped gradients,
    language models in 20 streams.

    Args:
        recipe: The recipe.
        task: Name of the task.
        n_examples: Training examples.

    Example:
        >>> adapted(DigitalRecipe(epochs=3), "language_model", 40_000).optimizer.kind
        'adamw'
    """
    default = type(recipe)()
    suited: dict[str, Any] = {"batch_size": 20 if task == "language_model" else 64}
    if task == "classification":
        suited["batch_size"] = default.batch_size if n_examples >= _SMALL else 32
    elif isinstance(recipe, TrainingRecipe):
        lr = 1e-3 if recipe.kind == "digital" else 3e-4
        suited["optimizer"] = OptimizerSettings(kind="adamw", lr=lr, weight_decay=0.01)
        suited["clip_norm"] = 0.5
    chosen = {
        name: value
        for name, value in suited.items()
        if getattr(recipe, name) == getattr(default, name)
    }
    return replace(recipe, **chosen)
