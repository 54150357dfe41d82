"""Which data are used: name, place, options of the reader, and number of examples."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from ..core.settings import Options, Settings
from .dataset import DataSet
from .registry import load_data

__all__ = ["DataSettings", "Subset"]

_Count = Annotated[int, Field(ge=1)]


class Subset(Settings):
    """How many examples of each split are used; files hold only what is given.

    Example:
        >>> Subset(train=100).to_dict()
        {'train': 100}
    """

    settings_name = "subset"

    train: _Count | None = Field(default=None, description="Training examples; null: all.")
    validation: _Count | None = Field(default=None, description="Validation examples; null: all.")
    test: _Count | None = Field(default=None, description="Test examples; null: all.")
    seed: int = Field(default=0, ge=0, description="Which examples are drawn.")

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key in self.model_fields_set}


class DataSettings(Settings):
    """A data set as it is used.

    Example:
        >>> data = DataSettings(name="digits", options={"size": 8}, subset={"train": 100}).load_data()
        >>> len(data.train), data.input_shape
        (100, (1, 8, 8))
    """

    settings_name = "data"

    name: str = Field(default="digits", description="Name of the data set.")
    root: str | None = Field(
        default=None, description="Folder or file of the data; null: that of ANALOGNAS_DATA."
    )
    options: Options = Field(
        default_factory=dict, description="Options of the reader, and `validation`."
    )
    subset: Subset = Field(default=Subset(), description="Examples that are used.")
    fingerprint: str | None = Field(
        default=None, description="Of a data set that was given in Python; files hold it only then."
    )

    def load_data(self, given: DataSet | None = None) -> DataSet:
        """Load the data set; see :func:`.load_data` and :meth:`.DataSet.subset`.

        Args:
            given: The data set, where it was given in Python.

        Raises:
            AnalogNASError: As by these.
        """
        data = load_data(self.name, root=self.root, **self.options) if given is None else given
        return data.subset(**dict(self.subset))

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        entries: dict[str, Any] = handler(self)
        return {key: value for key, value in entries.items() if value is not None or key == "root"}
