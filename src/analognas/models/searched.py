"""Networks of architectures of search spaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ..core.user_code import call_code
from ..spaces import find_space


def searched(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    space: str | Mapping[str, Any] = "nasbench201",
    architecture: Any,
    network: str | None = None,
    **options: Any,
) -> nn.Module:
    """Build the network of an architecture; called by :func:`~analognas.models.build_model`.

    Args:
        input_shape: Channels, height and width of the input.
        n_classes: Number of classes.
        space: The space as :func:`.find_space` accepts it; register your own with ``SPACES.add(name, make)``.
        architecture: The architecture in any form of the space, for example from a search's ``best.json``.
        network: Function ``(architecture, input_shape, n_classes)`` that returns the network, as
            ``module:name`` (see :mod:`analognas.core.user_code`); None: the space builds it.
        options: Further arguments of the space's ``build``, such as ``cells`` for NAS-Bench-201.

    Raises:
        UnknownNameError: If there is no such space.
        InvalidArgumentError: If the network is Python code whose module is not imported, or is not a network.
        OutOfSpaceError: If the architecture is not in the space.

    Example:
        >>> net = searched(input_shape=(1, 32, 32), n_classes=10, architecture=[2, 2, 0, 4, 2, 1], cells=1)
        >>> sum(parameter.numel() for parameter in net.parameters())
        218842
    """
    made: Any = find_space(space)  # its `build` may take further options
    shape = tuple(input_shape)
    if network is not None:
        arch = made.decode(made.encode(architecture))
        return call_code(network, nn.Module, arch, shape, n_classes, **options)
    built: nn.Module = made.build(architecture, shape, n_classes, **options)
    return built
