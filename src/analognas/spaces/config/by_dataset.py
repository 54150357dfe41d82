"""Spaces named by a data set: ``ConfigSpace("CIFAR-10")`` is AnalogNAS's space for CIFAR-10."""

from __future__ import annotations

from typing import Any

from ...core import Registry, check_choice

FAMILY = "resnet-like"
"""AnalogNAS's name of its type of space."""

DATASETS: Registry[Any] = Registry(
    "data set",
    dict.fromkeys(("CIFAR-10", "VWW", "KWS"), "analognas.spaces.resnet:ResNetSpace"),
)
"""Classes of spaces by data set, all derived from :class:`.ConfigSpace`."""


def named_dataset(
    *names: Any, dataset: Any = None, search_space: Any = None, **options: Any
) -> str | None:
    """Return the registered name of the data set in the arguments of a constructor; None if there is none.

    AnalogNAS's notebooks use ``("resnet-like", "CIFAR-10")``, or ``search_space="resnet-like"`` and
    ``dataset="CIFAR-10"``; the data set alone is enough.

    Raises:
        UnknownNameError: If the data set or the type of space is unknown.

    Example:
        >>> named_dataset("cifar10"), named_dataset(search_space="resnet-like", dataset="KWS")
        ('CIFAR-10', 'KWS')
    """
    given = [name for name in (search_space, *names, dataset) if name is not None]
    if len(given) > 1:
        check_choice("search space", given[0], [FAMILY])
        given = given[1:]
    if not given:
        return None
    spelled = {_key(name): name for name in DATASETS}.get(_key(given[0]), given[0])
    return check_choice("data set", spelled, DATASETS)


def _key(name: object) -> str:
    """Return a name in lower case without punctuation: ``cifar10`` for ``CIFAR-10``."""
    return "".join(filter(str.isalnum, str(name))).lower()
