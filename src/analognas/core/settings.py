"""The base class of everything that can be configured.

A settings class declares type, bounds, choices, unit and meaning of each entry once. Strict checks, YAML and
JSON files, changes by text, and a JSON schema for editors follow from it. Error messages have one line with the
entry, its line in the file, the value, and what was expected.
"""

from __future__ import annotations

import json
import os
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import PydanticSerializationError

from .config_files import (
    check_mapping,
    entry_lines,
    parse_value,
    read_mapping_text,
    write_mapping,
)
from .errors import AnalogNASError, InvalidArgumentError
from .settings_errors import field_of, settings_error, without_none
from .times import parse_time

__all__ = ["Options", "Settings", "Time", "changed_entries", "parse_setting", "quantity"]

_Self = TypeVar("_Self", bound="Settings")


def _check_options(values: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f"it must hold plain values (texts, finite numbers, lists, mappings), but got {values!r}: {error}"
        ) from None
    return values


Options = Annotated[dict[str, Any], AfterValidator(_check_options)]
"""Type of an entry with options of another component: plain values by name."""


Time = Annotated[
    float,
    BeforeValidator(lambda given: parse_time(given) if isinstance(given, str) else given),
    Field(ge=0),
]
"""Type of an entry with a time in s, at least 0, which files may also give in words such as ``1 month``."""


def quantity(default: Any, unit: str, description: str, **bounds: Any) -> Any:
    """Return a field for a physical quantity with a unit and bounds."""
    return Field(
        default=default, description=description, json_schema_extra={"unit": unit}, **bounds
    )


class Settings(BaseModel):
    """Frozen, strictly checked settings.

    A subclass annotates its entries, with ``pydantic.Field(default=..., description=..., ge=..., le=...)``, or
    :func:`quantity` where they have a unit. Types are strict: no text is read as a number. Lists become
    tuples where tuples are declared, and numbers of numpy become plain ones. Entries may be settings too: a
    mapping that gives some of their entries keeps the others of the default; a base may have several
    subclasses, see :meth:`class_for`.

    Attributes:
        settings_name: Name of the configured thing, for messages ("search").
        out_of_range: Error for a number that is outside its bounds.

    Raises:
        UnknownNameError: If an entry or a choice is unknown; names the nearest.
        InvalidArgumentError: If a value has the wrong type or is out of range.

    Example:
        >>> from pydantic import Field
        >>> class Tile(Settings):
        ...     settings_name = "tile"
        ...     rows: int = Field(default=256, ge=1, description="Rows of a crossbar.")
        >>> Tile(rows=0)
        Traceback (most recent call last):
        analognas.core.errors.InvalidArgumentError: `rows` must be an integer of at least 1, but got 0.
        >>> Tile().with_settings(["rows=64"]).to_dict()
        {'rows': 64}
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        defer_build=True,  # what checks entries is compiled when it is first used
        populate_by_name=True,  # a field may have another name in files
    )

    settings_name: ClassVar[str] = "settings"
    out_of_range: ClassVar[type[AnalogNASError]] = InvalidArgumentError

    def __init__(self, **entries: Any) -> None:
        try:
            super().__init__(**entries)
        except ValidationError as error:
            raise settings_error(type(self), entries, error) from None

    __str__ = BaseModel.__repr__

    # With it, pydantic builds nested settings itself and reports the place of an error.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def class_for(cls, entries: Mapping[str, Any]) -> type[Settings]:
        """Return the class for these entries; by default this class.

        A base class overrides it if an entry selects the subclass. Fields annotated with
        ``pydantic.SerializeAsAny[Base]`` then read, check and write settings of the right class.
        """
        return cls

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, entries: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Check entries by the right class, with lists as tuples and numbers of numpy as plain ones."""
        if not isinstance(entries, Mapping):
            return handler(entries)
        chosen = cls.class_for(entries)
        return cls._read_own(entries, handler) if chosen is cls else chosen.model_validate(entries)

    @classmethod
    def _read_own(cls, entries: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Check entries of this class."""
        if not isinstance(entries, Mapping):
            return handler(entries)
        return handler(
            {
                name: value
                if (field := field_of(cls, name)) is None
                else _completed(_plain(value, field.annotation), field.default)
                for name, value in entries.items()
            }
        )

    @classmethod
    def from_dict(cls: type[_Self], payload: Mapping[str, Any]) -> _Self:
        """Return settings from the result of :meth:`to_dict`, or a part of it.

        Raises:
            UnknownNameError: If an entry or a choice is unknown; names the nearest.
            InvalidArgumentError: If a value has the wrong type or is out of range.
        """
        return cls._checked(check_mapping(cls.settings_name, payload))

    @classmethod
    def load(cls: type[_Self], path: str | os.PathLike[str]) -> _Self:
        """Read a ``.yaml``, ``.yml`` or ``.json`` file.

        Raises:
            UnknownNameError: If the ending, an entry or a choice is unknown.
            InvalidArgumentError: If the file cannot be read, or a value has the wrong type or is out of range;
                names its line.
        """
        payload, text = read_mapping_text(path, cls.settings_name)
        return cls._checked(payload, str(path), text)

    @classmethod
    def coerce(
        cls: type[_Self], given: _Self | Mapping[str, Any] | str | os.PathLike[str] | None
    ) -> _Self:
        """Return settings that are given as an object, a mapping, or a YAML or JSON file; None: the defaults.

        Raises:
            UnknownNameError: If an entry or a choice is unknown.
            InvalidArgumentError: If the file cannot be read, or a value is wrong.
        """
        if isinstance(given, cls):
            return given
        if given is None or isinstance(given, Mapping):
            return cls.from_dict(given or {})
        path: Any = given
        return cls.load(path)

    @classmethod
    def _checked(
        cls: type[_Self], payload: Mapping[str, Any], path: str = "", text: str = ""
    ) -> _Self:
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            lines = entry_lines(text) if text else {}
            raise settings_error(cls, payload, error, path, lines) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

        Raises:
            UnknownNameError: If the ending is another one.
            OutputFolderError: If it cannot be written.
        """
        write_mapping(path, self.to_dict(), self.settings_name)

    def to_dict(self) -> dict[str, Any]:
        """Return all entries as JSON types."""
        try:
            return self.model_dump(mode="json", by_alias=True)
        except PydanticSerializationError as error:
            if isinstance(error.__cause__, AnalogNASError):
                raise error.__cause__ from None
            raise

    def replace(self: _Self, **changes: Any) -> _Self:
        """Return a copy with some entries changed and everything checked again."""
        return type(self)(
            **({name: getattr(self, name) for name in type(self).model_fields} | changes)
        )

    def with_settings(self: _Self, settings: Iterable[str]) -> _Self:
        """Return a copy with entries changed by texts ``KEY.KEY=VALUE``.

        Values are YAML, so lists, mappings, truth values and ``null`` can be given.

        Args:
            settings: The texts, such as ``"digital.epochs=3"`` or ``"times=[60, 3600]"``.

        Raises:
            InvalidArgumentError: If a text has another form, or its key leads through a plain value.
            UnknownNameError: If an entry is unknown.
        """
        return self.from_dict(changed_entries(self.to_dict(), settings))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of such settings, for editors: types, bounds, choices, units, meanings."""
        return cls.model_json_schema()


def changed_entries(payload: Mapping[str, Any], texts: Iterable[str]) -> dict[str, Any]:
    """Return plain values with entries changed by texts ``KEY.KEY=VALUE``; see :meth:`Settings.with_settings`.

    Raises:
        InvalidArgumentError: If a text has another form, or its key leads through a plain value.

    Example:
        >>> changed_entries({"recipe": {"kind": "hwa"}}, ["recipe.ramp=2", "data=digits"])
        {'recipe': {'kind': 'hwa', 'ramp': 2}, 'data': 'digits'}
    """
    changed: dict[str, Any] = json.loads(json.dumps(payload))
    for text in texts:
        _set(changed, text)
    return changed


def parse_setting(text: str) -> tuple[str, Any]:
    """Return path and value of a text ``KEY.KEY=VALUE``; the value is YAML.

    Raises:
        InvalidArgumentError: If the text has another form.

    Example:
        >>> parse_setting("times=[60, 3600]")
        ('times', [60, 3600])
    """
    path, found, value = text.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not found or not all(keys):
        raise InvalidArgumentError(
            f"A setting must be KEY=VALUE, for example digital.epochs=3, but got {text!r}."
        )
    return ".".join(keys), parse_value(value)


def _set(payload: dict[str, Any], text: str) -> None:
    """Change one entry of plain values by a text ``KEY.KEY=VALUE``."""
    path, value = parse_setting(text)
    keys = path.split(".")
    place = payload
    for key in keys[:-1]:
        inner = place.setdefault(key, {})
        if inner is None:
            inner = place[key] = {}
        if not isinstance(inner, dict):
            raise InvalidArgumentError(
                f"The setting {text!r} leads through {key!r}, which is {inner!r} and holds no settings."
            )
        place = inner
    place[keys[-1]] = value


def _completed(value: Any, default: Any) -> Any:
    """Return a mapping completed by the entry's default settings, unless it selects another class."""
    if not isinstance(value, Mapping) or not isinstance(default, Settings):
        return value
    kept = {name: getattr(default, name) for name in default.model_fields_set}
    return kept | dict(value) if type(default).class_for(value) is type(default) else value


def _plain(value: Any, annotation: Any) -> Any:
    """Return a value with lists as tuples where the annotation says so, and numbers of numpy as plain ones."""
    if isinstance(value, np.generic) or (
        getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    ):
        return value.item()  # numbers of numpy and torch
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        return value
    declared = without_none(annotation)
    if get_origin(declared) in (Union, types.UnionType):
        tuples = [part for part in get_args(declared) if get_origin(without_none(part)) is tuple]
        declared = without_none(tuples[0]) if tuples else None
    if get_origin(declared) is not tuple:
        return [_plain(entry, None) for entry in value] if isinstance(value, list) else value
    parts = [part for part in get_args(declared) if part is not Ellipsis]
    inner = parts[0] if parts else None
    return tuple(_plain(entry, inner) for entry in value)
