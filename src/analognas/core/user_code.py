"""Python code of the user's own, which files name as ``module:name``.

A log, a settings file or a saved model may come from somebody else, so a name in a file imports nothing. Only
modules that the user has named in this process or its parents are looked into: by an option such as
``--import MODULE`` or ``--space module:name``, or by the environment variable ``ANALOGNAS_IMPORT``.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from importlib import import_module
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeVar

from .errors import AnalogNASError, InvalidArgumentError, UnknownNameError
from .limits import shown

__all__ = [
    "CODE_VARIABLE",
    "call_code",
    "find_code",
    "import_code",
    "import_named_code",
    "is_reference",
    "named_modules",
]

CODE_VARIABLE = "ANALOGNAS_IMPORT"
"""Environment variable: modules to import before a command, separated by commas."""

T = TypeVar("T")

_REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def is_reference(text: Any) -> bool:
    """Whether a text names an object in a module.

    Example:
        >>> is_reference("mine:perceptrons"), is_reference("nasbench201"), is_reference("C:/space.yaml")
        (True, False, False)
    """
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def import_code(module: str) -> None:
    """Import a module that the user has named, also from the current folder.

    Child processes may look into it, too.

    Args:
        module: Its name, or the name of an object in it as ``module:name``.

    Raises:
        InvalidArgumentError: If it cannot be imported.
    """
    name = module.partition(":")[0]
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        import_module(name)
    except AnalogNASError:
        raise
    except Exception as error:  # whatever is in it
        raise InvalidArgumentError(
            f"Cannot import {shown(name)!r}: {type(error).__name__}: {shown(error)}. It must be a module in "
            "the current folder, or an installed one."
        ) from None
    named = named_modules()
    if name not in named:
        os.environ[CODE_VARIABLE] = ",".join([*named, name])


def import_named_code() -> None:
    """Import the modules of ``ANALOGNAS_IMPORT``.

    Raises:
        InvalidArgumentError: If one cannot be imported.
    """
    for name in named_modules():
        import_code(name)


def find_code(reference: str) -> Any:
    """Return the object that a reference names, from a module that the user has named.

    Args:
        reference: ``module:name``; the object must be defined in that module, or be data.

    Raises:
        InvalidArgumentError: If the user has not named the module.
        UnknownNameError: If the module does not define the object.
    """
    module, _, name = reference.partition(":")
    if module not in named_modules():
        raise InvalidArgumentError(
            f"{shown(reference)!r} is Python code, which only runs if you name its module: analognas --import "
            f"{shown(module)} COMMAND, or set {CODE_VARIABLE}={shown(module)}."
        )
    import_code(module)
    found = vars(sys.modules[module]).get(name)
    # What a module has imported is not the user's to run.
    imported = isinstance(found, type | FunctionType | BuiltinFunctionType | ModuleType)
    if found is None or (imported and getattr(found, "__module__", None) != module):
        raise UnknownNameError(f"The module {module!r} does not define {name!r}.")
    return found


def call_code(reference: str, kind: type[T], *arguments: Any, **options: Any) -> T:
    """Call a function of the user's and return what it makes.

    Args:
        reference: ``module:name``; an object that is already of the class is returned as it is.
        kind: Class of the result.
        arguments: Arguments of the function.
        options: Further ones by name.

    Raises:
        InvalidArgumentError: If the function fails or returns something else; as :func:`find_code`.
        UnknownNameError: As :func:`find_code`.
    """
    found = find_code(reference)
    if isinstance(found, kind):
        return found
    try:
        made = found(*arguments, **options)
    except AnalogNASError:
        raise
    except Exception as error:  # whatever is in it
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise InvalidArgumentError(
            f"{reference!r} failed with {type(error).__name__}: {shown(error)} ({place.filename!r}, line "
            f"{place.lineno})."
        ) from None
    if not isinstance(made, kind):
        raise InvalidArgumentError(
            f"{reference!r} must return a {kind.__name__}, but returns {type(made).__name__}."
        )
    return made


def named_modules() -> list[str]:
    """Return the modules that the user has named in this process or its parents."""
    return [name for name in os.environ.get(CODE_VARIABLE, "").split(",") if name]
