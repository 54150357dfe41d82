"""Error messages of settings: one line with the place, the expected and the given value."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from .checks import check_choice, value_text
from .errors import AnalogNASError, InvalidArgumentError, UnknownNameError

_NOUNS = {int: "an integer", float: "a finite number", bool: "true or false", str: "a text"}
_BOUNDS = {
    "ge": "of at least",
    "gt": "greater than",
    "le": "of at most",
    "lt": "less than",
    "multiple_of": "that is a multiple of",
    "min_length": "with a length of at least",
    "max_length": "with a length of at most",
}
_OUT_OF_RANGE = (
    "finite_number",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
)
_Path = tuple[str | int, ...]


def settings_error(
    cls: type[BaseModel],
    payload: Mapping[str, Any],
    error: ValidationError,
    file: str = "",
    lines: Mapping[_Path, int] | None = None,
) -> AnalogNASError:
    """Return the error of analognas for an error of pydantic.

    Args:
        cls: The class of settings.
        payload: The given entries.
        error: The error of pydantic.
        file: The file that was read; empty if none.
        lines: Line of each entry in it.
    """
    found = error.errors(include_url=False)
    # A misspelt entry often explains why others are missing.
    found.sort(key=lambda entry: entry["type"] != "extra_forbidden")
    first = found[0]
    path = _path(first["loc"], payload, first["type"])
    paths = {_path(entry["loc"], payload, entry["type"]) for entry in found}
    # A wrong entry can make its list wrong as well.
    others = sum(other != path[: len(other)] for other in paths)
    more = f" Another {others} entries are wrong as well." if others > 1 else ""
    more = " Another entry is wrong as well." if others == 1 else more
    made = _one_error(cls, payload, path, first)
    where = _place(path, file, lines or {}, str(made))
    result = type(made)(f"{str(made).removesuffix('.')}{where}.{more}")
    result.parameter, result.value = _name(path), first["input"]
    return result


def field_of(cls: type[BaseModel], name: str) -> Any:
    """Return the field with a name, or with a name in files; None if there is none."""
    fields = cls.model_fields
    if name in fields:
        return fields[name]
    return next((field for field in fields.values() if field.validation_alias == name), None)


def without_none(annotation: Any) -> Any:
    """Return an annotation without ``None`` as a choice, and without ``Annotated``."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
            continue
        if origin in (Union, types.UnionType):
            rest = [part for part in get_args(annotation) if part is not type(None)]
            if len(rest) == 1:
                annotation = rest[0]
                continue
        return annotation


def _one_error(cls: type[BaseModel], payload: Any, path: _Path, found: Any) -> AnalogNASError:
    """Return the error of one entry, without the place in a file."""
    name, value = _name(path), found["input"]
    if found["type"] == "extra_forbidden":
        owner: Any = without_none(_declared(cls, payload, path[:-1])[0])
        kind = f"`{_name(path[:-1])}` entry" if len(path) > 1 else f"{owner.settings_name} entry"
        return _unknown(kind, path[-1], list(owner.model_fields))
    if found["type"] == "missing":
        return InvalidArgumentError(f"`{name}` must be given, but is missing.")
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, AnalogNASError):
        text = str(cause)
        return type(cause)(f"`{name}`: {text}" if path else text)
    annotation, field = _declared(cls, payload, path)
    choices = _choices(annotation)
    if found["type"] == "literal_error" and all(isinstance(choice, str) for choice in choices):
        return _unknown(f"`{name}`", value, choices)
    expected = _expected(annotation, field) or found["msg"][:1].lower() + found["msg"][1:]
    raised: type[AnalogNASError] = InvalidArgumentError
    if found["type"] in _OUT_OF_RANGE:
        owners = (
            without_none(_declared(cls, payload, path[:n])[0]) for n in range(len(path), -1, -1)
        )
        raised = next(x.out_of_range for x in owners if hasattr(x, "out_of_range"))
    return raised(f"`{name}` must be {expected}, but got {value_text(value)}.")


def _unknown(kind: str, value: Any, choices: list[Any]) -> AnalogNASError:
    try:
        check_choice(kind, value, choices)
    except UnknownNameError as error:
        return error
    return UnknownNameError(f"Unknown {kind} {value!r}.")


def _path(location: tuple[str | int, ...], payload: Any, kind: str) -> _Path:
    """Return the path of an entry, without the names that pydantic gives to alternatives."""
    path: list[str | int] = []
    place = payload
    for i, part in enumerate(location):
        if isinstance(place, BaseModel):
            place = dict(place)
        inside = (isinstance(place, Mapping) and part in place) or (
            isinstance(place, list | tuple) and isinstance(part, int) and part < len(place)
        )
        if inside:
            place = place[part]
            path.append(part)
        elif kind == "missing" and i == len(location) - 1:
            path.append(part)
    return tuple(path)


def _name(path: _Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _place(path: _Path, file: str, lines: Mapping[_Path, int], text: str) -> str:
    """Return the line of an entry, or of the inner entry that the error names."""
    if not file:
        return ""
    inside = [
        line
        for other, line in lines.items()
        if len(other) > len(path) > 0 and other[: len(path)] == path and repr(other[-1]) in text
    ]
    if inside:
        return f" (line {inside[0]} of {file!r})"
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return f" (line {lines[path[:length]]} of {file!r})"
    return f" (in {file!r})"


def _declared(cls: type[BaseModel], payload: Any, path: _Path) -> tuple[Any, Any]:
    """Return the annotation at a path, and its field (None inside a list)."""
    annotation: Any = _class_of(cls, payload)
    field: Any = None
    place = payload
    for part in path:
        declared = without_none(annotation)
        if isinstance(declared, type) and issubclass(declared, BaseModel):
            field = field_of(declared, str(part))
            annotation = None if field is None else field.annotation
        else:
            arguments = [x for x in get_args(declared) if x is not Ellipsis]
            annotation = arguments[-1] if arguments else None
            field = None
        place = _inside(place, part)
        annotation = _class_of(annotation, place)
    return annotation, field


def _class_of(annotation: Any, place: Any) -> Any:
    """Return the class of settings that reads a mapping, where the annotation is a base of several."""
    declared = without_none(annotation)
    if isinstance(declared, type) and isinstance(place, Mapping) and hasattr(declared, "class_for"):
        try:
            chosen = declared.class_for(place)
        except AnalogNASError:  # reported where it was raised first
            return annotation
        return annotation if chosen is declared else chosen
    return annotation


def _inside(place: Any, part: str | int) -> Any:
    """Return an entry of a mapping, settings or a list; None where there is none."""
    if isinstance(place, BaseModel):
        place = dict(place)
    if isinstance(place, Mapping):
        return place.get(part)
    return place[part] if isinstance(place, list | tuple) and isinstance(part, int) else None


def _choices(annotation: Any) -> list[Any]:
    declared = without_none(annotation)
    return list(get_args(declared)) if get_origin(declared) is Literal else []


def _expected(annotation: Any, field: Any) -> str:
    """Return the expected type of an entry as text; empty if unknown."""
    declared = without_none(annotation)
    origin = get_origin(declared) or declared
    alternatives = origin in (Union, types.UnionType)  # each says its own bounds
    bounds = _bounds(None if alternatives else annotation, field)
    if choices := _choices(annotation):
        text = f"one of {', '.join(repr(choice) for choice in choices)}"
    elif alternatives:
        parts = [_expected(part, None) for part in get_args(declared) if part is not type(None)]
        text = " or ".join(parts) if all(parts) else ""
    elif isinstance(origin, type) and issubclass(origin, BaseModel):
        text = "a mapping of names to values"
    elif origin in (list, tuple):
        inner = [part for part in get_args(declared) if part is not Ellipsis]
        noun = _NOUNS.get(without_none(inner[0]), "values") if inner else "values"
        plural = noun.split(" ", 1)[-1]
        plural = plural if plural.endswith("s") or plural == "true or false" else f"{plural}s"
        text = f"a list of {plural}"
    elif origin is dict:
        text = "a mapping of names to values"
    else:
        text = _NOUNS.get(origin, "") if isinstance(origin, type) else ""
    optional = type(None) in get_args(annotation)
    return f"{text}{bounds}{' or null' if optional else ''}" if text else ""


def _bounds(annotation: Any, field: Any) -> str:
    described = list(getattr(field, "metadata", ()))
    if get_origin(annotation) is Annotated:
        described += get_args(annotation)[1:]
    for part in get_args(annotation):  # `Annotated[int, Field(ge=1)] | None`
        if get_origin(part) is Annotated:
            described += get_args(part)[1:]
    described += [x for entry in described for x in getattr(entry, "metadata", ())]
    bounds = {
        key: _bound(getattr(entry, key))
        for entry in described
        for key in _BOUNDS
        if getattr(entry, key, None) is not None
    }
    unit = (getattr(field, "json_schema_extra", None) or {}).get("unit", "")
    if {"ge", "le"} <= bounds.keys():
        text = f" in [{bounds.pop('ge')}, {bounds.pop('le')}]"
        return text + _listed(bounds) + (f" ({unit})" if unit else "")
    return _listed(bounds) + (f" ({unit})" if unit else "")


def _bound(value: Any) -> Any:
    """Return a bound as short text: 1e+15, not 1000000000000000.0."""
    return f"{value:g}" if isinstance(value, float) and abs(value) >= 1e6 else value


def _listed(bounds: Mapping[str, Any]) -> str:
    parts = [f"{_BOUNDS[key]} {value}" for key, value in bounds.items()]
    return f" {' and '.join(parts)}" if parts else ""
