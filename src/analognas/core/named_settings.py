"""Settings of one of several classes, which their entry ``model`` names: ``{model: PCM, g_max: 25.0}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import (
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from .checks import check_choice
from .errors import InvalidArgumentError
from .registry import Registry
from .settings import Settings

__all__ = ["NamedSettings"]


class NamedSettings(Settings):
    """Settings whose class is chosen by name in files.

    A base class states :attr:`classes`. Files, and fields that are annotated with
    ``pydantic.SerializeAsAny[Base]``, then hold the name of a class as ``model`` and the entries of that class.

    Attributes:
        classes: The classes by name.
    """

    classes: ClassVar[Registry[Any]]

    @classmethod
    def class_for(cls, entries: Mapping[str, Any]) -> type[Settings]:
        """Return the class that ``model`` names.

        Raises:
            InvalidArgumentError: If ``model`` is missing, or names a class that is not a subclass of this one.
            UnknownNameError: If there is no such class.
        """
        if "model" not in entries:
            if cls.__abstractmethods__:
                raise InvalidArgumentError(
                    f"A {cls.settings_name} must name its `model`, but has no such entry. "
                    f"Choices: {', '.join(cls.classes.names())}."
                )
            return cls
        chosen: type[Settings] = cls.classes.get(entries["model"])
        if not issubclass(chosen, cls):
            raise InvalidArgumentError(
                f"`model` must be {cls.__name__!r}, but got {entries['model']!r}."
            )
        return chosen

    @model_validator(mode="wrap")  # type: ignore[misc]
    @classmethod
    def _read(cls, entries: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Check entries by the class that they name."""
        if isinstance(entries, Mapping):
            chosen = cls.class_for(entries)
            entries = {name: value for name, value in entries.items() if name != "model"}
            if chosen is not cls:
                return chosen.model_validate(entries)
        return cls._read_own(entries, handler)

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the name of the class and the entries.

        Raises:
            UnknownNameError: If the class is not registered, so that it could not be read again.
        """
        name = type(self).__name__
        check_choice(f"{self.settings_name} model", name, self.classes)
        return {"model": name, **handler(self)}
