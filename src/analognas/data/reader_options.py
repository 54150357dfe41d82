"""Options of readers as settings: types, bounds and choices are those of the reader's signature."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import create_model

from ..core.settings import Settings

__all__ = ["checked_options"]

_PLAIN = (bool, int, float, str, type(None))


def checked_options(
    name: str, loader: Callable[..., Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return options of a reader after a check against its signature.

    Plain types, ``Literal`` and bounds (``Annotated[int, Field(ge=1)]``) are checked; options of other types
    are passed as they are.

    Args:
        name: Name of the data set, for messages.
        loader: The reader, ``loader(root, **options)``.
        options: The options.

    Raises:
        UnknownNameError: If an option or a choice is unknown; names the nearest.
        InvalidArgumentError: If an option is missing, has the wrong type or is out of range.

    Example:
        >>> def load(root, *, size: int = 8): ...
        >>> checked_options("mine", load, {"size": "large"})
        Traceback (most recent call last):
        analognas.core.errors.InvalidArgumentError: `size` must be an integer, but got 'large'.
    """
    parameters = list(inspect.signature(loader).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(options)
    hints = _hints(loader)
    plain = {p.name: hint for p in parameters if _is_plain(hint := hints.get(p.name))}
    fields: dict[str, Any] = {
        p.name: (plain.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in parameters
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an option may be called like a method of the settings
        made = create_model(f"{name} options", __base__=Settings, **fields)
    made.settings_name = f"data set {name!r}"
    checked = dict(made.from_dict(options))
    return {key: checked[key] if key in plain else value for key, value in options.items()}


def _hints(loader: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(loader, include_extras=True)
    except (NameError, TypeError):  # imported for type checkers alone, or not a function
        return {}


def _is_plain(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Annotated:
        return _is_plain(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return all(_is_plain(part) for part in get_args(hint))
    return origin is Literal or hint in _PLAIN
