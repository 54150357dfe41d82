"""Networks of architectures of search spaces."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..spaces import SPACES


def searched(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    space: str = "nasbench201",
    architecture: Any,
    **options: Any,
) -> nn.Module:
    """Build the network of an architecture; called by :func:`~analognas.models.build_model`.

    Args:
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        space: Name of the space; register your own with ``SPACES.add(name, make)``.
        architecture: The architecture in any form of the space, for example from a search's ``best.json``.
        options: Further arguments of the space's ``build``, such as ``cells`` for NAS-Bench-201.

    Raises:
        UnknownNameError: If there is no such space.
        OutOfSpaceError: If the architecture is not in the space.

    Example:
        >>> net = searched(input_shape=(1, 32, 32), n_classes=10, architecture=[2, 2, 0, 4, 2, 1], cells=1)
        >>> sum(parameter.numel() for parameter in net.parameters())
        218842
    """
    made = SPACES.get(space)()
    shape = tuple(input_shape)
    return made.build(architecture, shape, n_classes, **options)  # type: ignore[arg-type]
