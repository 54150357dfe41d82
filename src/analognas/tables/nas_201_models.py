"""Networks under the names of HW-NAS-Bench's ``hw_nas_bench_api.nas_201_models``.

They return what the published networks return, ``(features, logits)``, and load their state dicts. For the rest
of this package, which expects logits, build networks with :meth:`.NASBench201Space.build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..core import InvalidArgumentError, check_int
from ..spaces import NASBench201Space
from ..spaces.nasbench201.network import NASBench201Network
from ..spaces.nasbench201.operations import PUBLISHED_OPERATIONS
from .net_configs import CELLS, CHANNELS, config_entries, config_entry

__all__ = ["TinyNetwork", "get_cell_based_tiny_net", "get_search_spaces"]

_SUPERNETS = ("DARTS-V1", "DARTS-V2", "GDAS", "SETN", "ENAS", "RANDOM", "generic")
_SIZES = {"candidates": [8, 16, 24, 32, 40, 48, 56, 64], "numbers": 5}


class TinyNetwork(NASBench201Network):
    """A NAS-Bench-201 network that returns ``(features, logits)``; arguments as for its base class.

    Example:
        >>> import torch
        >>> net = TinyNetwork((2, 2, 0, 4, 2, 1), channels=4, cells=1)
        >>> features, logits = net(torch.zeros(2, 3, 8, 8))
        >>> tuple(features.shape), tuple(logits.shape)
        ((2, 16), (2, 10))
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Map images ``(batch, in, h, w)`` to features ``(batch, 4C)`` and logits ``(batch, n_classes)``."""
        features = self.head(self.body(self.stem(x)))
        return features, self.classifier(features)


def get_cell_based_tiny_net(config: Any) -> nn.Module:
    """Build the network of a configuration.

    Args:
        config: A mapping, or an object with attributes. With the name ``"infer.tiny"``: ``arch_str`` or
            ``genotype``, ``num_classes``, ``C`` and ``N``. With ``"infer.shape.tiny"``, the networks of
            NATS-Bench's size space: ``genotype``, ``num_classes`` and ``channels``, 3N + 2 numbers as a list or
            as in ``"64:32:16:8:8"``.

    Raises:
        InvalidArgumentError: If an entry is missing or invalid, or it names a supernet, which is not offered:
            networks of this package have their own weights.
        OutOfSpaceError: If there is no such cell.

    Example:
        >>> import torch
        >>> cell = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
        >>> net = get_cell_based_tiny_net({"name": "infer.shape.tiny", "genotype": cell,
        ...     "channels": "8:16:16:32:32", "num_classes": 10})
        >>> [tuple(part.shape) for part in net(torch.zeros(1, 3, 8, 8))]
        [(1, 32), (1, 10)]
    """
    entries = config_entries(config)
    name = entries.get("name", "infer.tiny")
    if name in _SUPERNETS:
        raise InvalidArgumentError(
            f"`config['name']` is the supernet {name!r}, but networks do not share weights here: search with a "
            "table, a surrogate or training, for example `analognas search`, and build the cell that it finds."
        )
    if name not in ("infer.tiny", "infer.shape.tiny"):
        raise InvalidArgumentError(
            f"`config['name']` must be 'infer.tiny' or 'infer.shape.tiny', but got {name!r}."
        )
    cell = entries.get("genotype", entries.get("arch_str"))
    if cell is None:
        raise InvalidArgumentError("`config` must have 'arch_str', but it is missing.")
    space = NASBench201Space()
    # CellStructure, which the published scripts may pass, has the text.
    arch = space.decode(space.encode(cell.tostr() if hasattr(cell, "tostr") else cell))
    n_classes = check_int("num_classes", config_entry(entries, "num_classes"), minimum=1)
    if name == "infer.shape.tiny":
        return TinyNetwork(arch, n_classes=n_classes, widths=_widths(entries))
    return TinyNetwork(
        arch,
        n_classes=n_classes,
        channels=check_int("C", entries.get("C", CHANNELS), minimum=1),
        cells=check_int("N", entries.get("N", CELLS), minimum=1),
    )


def get_search_spaces(xtype: str, name: str) -> Any:
    """Return the operations of the topology space, or the channels of the size space of NATS-Bench.

    Args:
        xtype: ``"cell"`` or ``"tss"`` for operations, ``"sss"`` for channels.
        name: ``"nas-bench-201"`` or ``"nats-bench"``; ``"nats-bench-size"`` for channels.

    Raises:
        InvalidArgumentError: If there is no such space.

    Example:
        >>> get_search_spaces("cell", "nas-bench-201")[0]
        'none'
    """
    if xtype in ("cell", "tss") and name in ("nas-bench-201", "nats-bench"):
        return list(PUBLISHED_OPERATIONS)
    if xtype == "sss" and name in ("nats-bench", "nats-bench-size"):
        return {key: value if key == "numbers" else list(value) for key, value in _SIZES.items()}  # type: ignore[call-overload]
    raise InvalidArgumentError(
        "The space must be ('cell', 'nas-bench-201') or ('sss', 'nats-bench-size'), but got "
        f"{(xtype, name)!r}."
    )


def _widths(entries: Any) -> list[int]:
    given = config_entry(entries, "channels")
    if isinstance(given, str):
        given = [int(part) if part.isdecimal() else part for part in given.split(":")]
    if not isinstance(given, Sequence) or len(given) < 5 or len(given) % 3 != 2:
        raise InvalidArgumentError(
            f"`channels` must be 3N + 2 numbers, such as '16:16:32:32:64', but got {entries['channels']!r}."
        )
    return [check_int("channels", width, minimum=1) for width in given]
