"""One training run as settings: network, data, recipe, seed. A file of them repeats the run."""

from __future__ import annotations

from pydantic import Field, SerializeAsAny, model_validator

from ..core import InvalidArgumentError
from ..core.settings import Options, Settings
from ..data.settings import DataSettings, Subset
from .recipes import DigitalRecipe, Recipe

DEFAULT_MODELS = {
    "classification": "cnn-16",
    "language_model": "lstm",
    "text_classification": "text-classifier",
}
"""Networks by task, where none is named."""

DEFAULT_DATA, DEFAULT_DATA_OPTIONS = "digits", {"size": 16}
"""The data set where none is named, small enough for a first try."""


class RunConfig(Settings):
    """Settings of a training run.

    Example:
        >>> config = RunConfig.from_dict({"recipe": {"kind": "qat"}})
        >>> config.digital.kind
        'digital'
        >>> config.with_settings(["recipe.optimizer.lr=0.1", "data=digits"]).recipe.optimizer.lr
        0.1
        >>> RunConfig().data_settings.options
        {'size': 16}
    """

    settings_name = "run"

    model: str | None = Field(
        default=None,
        description="Name of the network for build_model; null: one that fits the task.",
    )
    model_options: Options = Field(default_factory=dict, description="Options of the network.")
    data: str | None = Field(
        default=None,
        description="Name of the data set for load_data; null: that of `start`, otherwise the digits at "
        "16 x 16 pixels.",
    )
    data_fingerprint: str | None = Field(
        default=None,
        description="Written by a run whose data set was given in Python; `data` is its name then. It must be "
        "given again to resume.",
    )
    root: str | None = Field(default=None, description="Folder or file of the data.")
    data_options: Options = Field(
        default_factory=dict, description="Options of the data set, such as `validation`."
    )
    subset: Subset = Field(
        default=Subset(),
        description="Examples of `train`, `validation` and `test` that are used; all by default.",
    )
    recipe: SerializeAsAny[Recipe] = Field(default=DigitalRecipe(), description="Recipe.")
    digital: DigitalRecipe | None = Field(
        default=None,
        description="Recipe of the digital network that other recipes start from; null where `start` names a "
        "network, or the recipe itself is digital.",
    )
    start: str | None = Field(
        default=None,
        description="Saved digital network to start from: a file, or the folder of a run.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything random.")
    device: str = Field(default="cpu", description="Where to train, as torch names devices.")

    @property
    def data_settings(self) -> DataSettings:
        """Entries of the data, as a saved model stores them."""
        name, options = self.data, self.data_options
        if name is None:
            name, options = DEFAULT_DATA, DEFAULT_DATA_OPTIONS | options
        return DataSettings(
            name=name,
            root=self.root,
            options=options,
            subset=self.subset,
            fingerprint=self.data_fingerprint,
        )

    @model_validator(mode="after")
    def _complete(self) -> RunConfig:
        if self.start is not None and not self.recipe.needs_digital:
            raise InvalidArgumentError(
                f"`start` must be omitted with the recipe {self.recipe.kind!r}, which starts from random "
                f"weights, but got {self.start!r}."
            )
        needs_stage = self.recipe.needs_digital and self.start is None
        digital = (self.digital or DigitalRecipe()) if needs_stage else None
        object.__setattr__(self, "digital", digital)
        return self
