"""Optimizers from their settings."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .settings import OptimizerSettings


def make_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Return an optimizer of all parameters that want gradients; only matrices and kernels decay.

    Example:
        >>> optimizer = make_optimizer(nn.Linear(2, 3), OptimizerSettings(weight_decay=0.1))
        >>> [(group["weight_decay"], len(group["params"])) for group in optimizer.param_groups]
        [(0.1, 1), (0.0, 1)]
    """
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [parameter for parameter in wanted if parameter.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [parameter for parameter in wanted if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.kind == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas)
    nesterov = settings.nesterov and settings.momentum > 0.0
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=nesterov)
