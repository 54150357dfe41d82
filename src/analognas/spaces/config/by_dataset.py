"""Spaces that the name of a data set stands for: ``ConfigSpace("CIFAR-10")`` is AnalogNAS's space for it."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from ...core import Registry, check_choice

FAMILY = "resnet-like"
"""What AnalogNAS calls its kind of space."""

DATASETS: Registry[Any] = Registry(
    "data set",
    dict.fromkeys(("CIFAR-10", "VWW", "KWS"), "analognas.spaces.resnet:ResNetSpace"),
)
"""Classes of the spaces by data set, each derived from :class:`.ConfigSpace`."""


class ByDataset(ABCMeta):
    """Metaclass by which ``ConfigSpace``, called with a data set, makes the space of that data set.

    Besides ``ConfigSpace("CIFAR-10")`` it takes ``ConfigSpace("resnet-like", "CIFAR-10")`` and
    ``ConfigSpace(search_space="resnet-like", dataset="CIFAR-10")``, as AnalogNAS's notebooks have them. Classes
    derived from ``ConfigSpace`` are called with their own arguments.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a space; an empty one where no data set is named.

        Raises:
            UnknownNameError: If the data set, or the kind of space before it, is not known.
        """
        if cls.__dict__.get("_of_dataset", False):
            if "search_space" in kwargs:
                args = (kwargs.pop("search_space"), *args)
            if len(args) == 2 or (args and "dataset" in kwargs):
                check_choice("search space", args[0], [FAMILY])
                args = args[1:]
            dataset = args[0] if args else kwargs.get("dataset")
            if dataset is not None:
                cls = DATASETS.get(_spelling(dataset))
        return type.__call__(cls, *args, **kwargs)


def dataset_key(name: object) -> str:
    """Return what spellings of a data set's name have in common: ``cifar10`` for ``CIFAR-10``."""
    return "".join(filter(str.isalnum, str(name))).lower()


def _spelling(dataset: object) -> Any:
    """A data set's name as the registry has it, where it knows it."""
    return {dataset_key(name): name for name in DATASETS}.get(dataset_key(dataset), dataset)
