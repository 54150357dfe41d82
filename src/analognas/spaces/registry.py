"""Spaces by name, file or definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..core import InvalidArgumentError, Registry
from ..core.config_files import is_config_file
from ..core.user_code import call_code, is_reference
from .base import Space
from .config import ConfigSpace
from .fbnet import FBNetSpace
from .nasbench201 import NASBench201Space
from .resnet import ResNetSpace

__all__ = [
    "SPACES",
    "equal_spaces",
    "find_space",
    "is_registered_space",
    "made_space",
    "space_entry",
]

SPACES: Registry[Callable[[], Space]] = Registry(
    "space",
    {
        "nasbench201": NASBench201Space,
        "resnet": ResNetSpace,
        "resnet_vww": partial(ResNetSpace, "VWW"),
        "resnet_kws": partial(ResNetSpace, "KWS"),
        "fbnet": FBNetSpace,
        "fbnet_imagenet": partial(FBNetSpace, "ImageNet"),
    },
)
"""Spaces by name, as in ``analognas search --space``."""


def find_space(entry: Any) -> Space:
    """Return the space of an entry: a name, a file, a definition, or Python code.

    Args:
        entry: A name in :data:`SPACES`, a YAML file of a configuration space, its definition, or
            ``module:name`` of a space or a function that returns one, see :mod:`analognas.core.user_code`.

    Raises:
        UnknownNameError: If there is no space of that name.
        InvalidArgumentError: If it is none of these, or the definition is invalid.

    Example:
        >>> find_space("nasbench201").size
        15625
    """
    if isinstance(entry, Mapping):
        return ConfigSpace.from_definition(entry)
    if not isinstance(entry, str):
        raise InvalidArgumentError(
            f"`space` must be a name, a YAML file or the definition of a space, but got {entry!r}."
        )
    if entry not in SPACES and is_config_file(entry):
        return ConfigSpace.load(entry)
    if entry not in SPACES and is_reference(entry):
        return _space_of_code(entry)
    made: Space = SPACES.get(entry)()
    return made


def made_space(space: Space | str) -> Space:
    """Return a space that is given as an object or by its name in :data:`SPACES`.

    Example:
        >>> made_space("nasbench201").size
        15625
    """
    made: Space = SPACES.get(space)() if isinstance(space, str) else space
    return made


def _space_of_code(reference: str) -> Space:
    made = call_code(reference, Space)  # type: ignore[type-abstract]
    made.reference = reference
    return made


def space_entry(space: Space) -> str | dict[str, Any]:
    """Return the entry of a space for :func:`find_space`.

    Raises:
        InvalidArgumentError: If the space is not registered and has no definition.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> space_entry(NASBench201Space())
        'nasbench201'
    """
    if space.name in SPACES:
        registered: Space = SPACES.get(space.name)()
        if registered.fingerprint() == space.fingerprint() and type(registered) is type(space):
            return space.name
    if space.reference is not None:
        return space.reference
    if isinstance(space, ConfigSpace):
        return space.definition()
    raise InvalidArgumentError(
        f"The space {space.name!r} is not registered, so a file cannot name it; add it to "
        "analognas.spaces.SPACES."
    )


def equal_spaces(one: Space, other: Space) -> bool:
    """Return whether two spaces have the same name and definition; restrictions do not count.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> equal_spaces(NASBench201Space(), NASBench201Space())
        True
    """
    return (one.name, one.fingerprint()) == (other.name, other.fingerprint())


def is_registered_space(space: Space) -> bool:
    """Return whether a space is the one that :data:`SPACES` makes by its name.

    Example:
        >>> is_registered_space(ResNetSpace()), is_registered_space(ResNetSpace(kernels=(3, 5)))
        (True, False)
    """
    return space.name in SPACES and equal_spaces(SPACES.get(space.name)(), space)
