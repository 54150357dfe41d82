"""All proxies of a network in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ...core import Registry
from .activations import naswot
from .counting import traced_macs, trainable_params
from .flow import log_synflow, synflow
from .noise import noise_sensitivity
from .probe import check_batch

Proxy: TypeAlias = Callable[[nn.Module, Tensor, torch.Generator], float]

PROXIES: Registry[Proxy] = Registry(
    "proxy",
    {
        "params": lambda model, x, generator: trainable_params(model),
        "macs": lambda model, x, generator: traced_macs(model, x.shape[1:]),
        "naswot": lambda model, x, generator: naswot(model, x),
        "synflow": lambda model, x, generator: synflow(model, x.shape[1:]),
        "log_synflow": lambda model, x, generator: log_synflow(model, x.shape[1:]),
        "noise_sensitivity": lambda model, x, generator: noise_sensitivity(
            model, x, generator=generator
        ),
    },
)
"""Proxies by name: functions of a model, a batch of inputs and a generator."""


def proxy_scores(
    model: nn.Module,
    x: Tensor,
    *,
    generator: torch.Generator,
    proxies: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return the proxies of one network by name.

    Args:
        model: The network, newly initialised.
        x: A batch of inputs, shape ``(batch, ...)``.
        generator: Source of randomness.
        proxies: Names, some of :data:`PROXIES`; all by default.

    Raises:
        UnknownNameError: If there is no such proxy.
        InvalidArgumentError: If a proxy cannot be computed for this model.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> generator = torch.Generator().manual_seed(0)
        >>> x = torch.randn(16, 4, generator=generator)
        >>> proxy_scores(net, x, generator=generator, proxies=["params", "macs"])
        {'params': 58, 'macs': 58}
    """
    check_batch(x)
    names = PROXIES.names() if proxies is None else list(proxies)
    return {name: PROXIES.get(name)(model, x, generator) for name in names}
