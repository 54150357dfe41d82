"""Networks of the configurations that HW-NAS-Bench returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError, check_choice
from ..spaces import FBNetSpace, NASBench201Space

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "CELLS",
    "CHANNELS",
    "config_entries",
    "config_entry",
    "get_cell_based_tiny_net",
    "get_fbnet",
]

_FBNET_DATASETS = ("cifar100", "ImageNet")
CHANNELS, CELLS = 16, 5
"""Channels of the first stage and cells per stage of the published networks."""


def get_cell_based_tiny_net(config: Any) -> nn.Module:
    """Build a NAS-Bench-201 network from what :meth:`HWNASBench.get_net_config` returned.

    Args:
        config: A mapping, or an object with attributes: ``arch_str`` (or ``genotype``), ``num_classes``, ``C``
            channels of the first stage and ``N`` cells per stage.

    Raises:
        InvalidArgumentError: If an entry is missing, or it names another kind of network.
        OutOfSpaceError: If there is no such cell.

    Example:
        >>> cell = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
        >>> net = get_cell_based_tiny_net({"arch_str": cell, "num_classes": 10, "C": 16, "N": 5})
        >>> sum(parameter.numel() for parameter in net.parameters())
        73306
    """
    entries = config_entries(config)
    if entries.get("name", "infer.tiny") != "infer.tiny":
        raise InvalidArgumentError(
            f"`config['name']` must be 'infer.tiny', but got {entries['name']!r}."
        )
    cell = entries.get("arch_str", entries.get("genotype"))
    if cell is None:
        raise InvalidArgumentError("`config` must have 'arch_str', but it is missing.")
    return NASBench201Space().build(
        cell,
        n_classes=config_entry(entries, "num_classes"),
        channels=entries.get("C", CHANNELS),
        cells=entries.get("N", CELLS),
    )


def get_fbnet(config: Any) -> nn.Module:
    """Build an FBNet network from what :meth:`HWNASBench.get_net_config` returned.

    Args:
        config: A mapping, or an object with attributes: ``dataset``, ``op_idx_list`` and ``num_classes``.

    Raises:
        InvalidArgumentError: If an entry is missing or of the wrong kind.
        UnknownNameError: If there is no such data set.
        OutOfSpaceError: If there is no such network.

    Example:
        >>> net = get_fbnet({"dataset": "cifar100", "op_idx_list": [8] * 22, "num_classes": 100})
        >>> net.classifier.out_features
        100
    """
    entries = config_entries(config)
    space = FBNetSpace(check_choice("data set", config_entry(entries, "dataset"), _FBNET_DATASETS))
    return space.build(config_entry(entries, "op_idx_list"), n_classes=entries.get("num_classes"))


def config_entries(config: Any) -> Mapping[str, Any]:
    """Return the entries of a configuration: a mapping, a named tuple, or an object with attributes."""
    if isinstance(config, Mapping):
        return config
    # Named tuples, which the original makes of its configurations, have no __dict__.
    return config._asdict() if hasattr(config, "_asdict") else getattr(config, "__dict__", {})


def config_entry(entries: Mapping[str, Any], name: str) -> Any:
    """Return one entry.

    Raises:
        InvalidArgumentError: If it is missing.
    """
    if name not in entries:
        raise InvalidArgumentError(f"`config` must have {name!r}, but it is missing.")
    return entries[name]
