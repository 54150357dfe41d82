"""Names of weights in published checkpoints, translated while a network loads them.

NAS-Bench-201's ``TinyNetwork`` (Dong and Yang, ICLR 2020) and HW-NAS-Bench's ``FBNet_Infer`` (Li et al., ICLR
2021) are the same networks under other names. A network translates the names of a state dict in which it finds
theirs; own state dicts load as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .fbnet.operations import OPERATIONS
from .nasbench201.operations import STRING_ORDER

__all__ = ["fbnet_names", "rename", "tiny_network_names"]

Rename = Callable[[str], str | None]


def rename(state_dict: dict[str, Any], prefix: str, new_name: Rename) -> None:
    """Rename the published entries of a state dict in place.

    Args:
        state_dict: The state dict; without published names it is unchanged.
        prefix: Name of the network in it, with a dot.
        new_name: Own name of a published one, None for any other.
    """
    for key in [key for key in state_dict if key.startswith(prefix)]:
        name = new_name(key[len(prefix) :])
        if name is not None:
            state_dict[prefix + name] = state_dict.pop(key)


def tiny_network_names(name: str) -> str | None:
    """Return the own name of an entry of ``TinyNetwork``, or None.

    Example:
        >>> tiny_network_names("cells.3.layers.2.op.1.weight"), tiny_network_names("lastact.0.bias")
        ('body.3.edges.3.1.weight', 'head.0.bias')
    """
    parts = name.split(".")
    if parts[0] == "lastact":
        return ".".join(["head", *parts[1:]])
    if parts[0] != "cells" or len(parts) < 5:
        return None
    cell, kind, rest = parts[1], parts[2], parts[3:]
    if kind == "layers" and rest[0].isdecimal() and int(rest[0]) < len(STRING_ORDER):
        # Convolutions are `layers.j.op.1`, their norms `layers.j.op.2`; j follows the arch_str. Where the
        # number of channels changes, a skip has `conv` and `bn`, and a pooling `preprocess.op`.
        edge = ["body", cell, "edges", str(STRING_ORDER[int(rest[0])])]
        if rest[1] == "preprocess":
            return ".".join([*edge, "0", *rest[3:]])
        at = {"op": (), "conv": ("0",), "bn": ("1",)}.get(rest[1])
        return None if at is None else ".".join([*edge, *at, *rest[2:]])
    if kind in ("conv_a", "conv_b"):
        return ".".join(["body", cell, "units", "0" if kind == "conv_a" else "1", *rest[1:]])
    if kind == "downsample":
        return ".".join(["body", cell, "shortcut", *rest])
    return None


def fbnet_names(arch: Sequence[int]) -> Rename:
    """Return the function from names of ``FBNet_Infer`` to own names, for an architecture of 22 numbers."""
    blocks = list(OPERATIONS.values())

    def new_name(name: str) -> str | None:
        parts = name.split(".")
        position = {"conv": "0", "bn": "1"}
        if parts[0] in ("stem", "header") and len(parts) > 2 and parts[1] in position:
            return ".".join([parts[0], position[parts[1]], *parts[2:]])
        if parts[0] == "fc":
            return ".".join(["classifier", *parts[1:]])
        if parts[0] != "cells" or len(parts) < 4 or not parts[1].isdecimal():
            return None
        cell, layer, rest = int(parts[1]), parts[2], parts[3:]
        if layer in position:  # a skip that changes the shape
            return ".".join(["body", parts[1], position[layer], *rest])
        block = blocks[arch[cell]] if cell < len(arch) else None
        if block is None or layer[:-1] not in position or layer[-1:] not in ("1", "2", "3"):
            return None
        # A shuffle follows the first unit where the expansion is grouped.
        first = ("0", "4", "7") if block.groups > 1 else ("0", "3", "6")
        at = int(first[int(layer[-1]) - 1]) + int(position[layer[:-1]])
        return ".".join(["body", parts[1], "units", str(at), *rest])

    return new_name
