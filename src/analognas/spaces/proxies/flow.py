"""Synflow and log-synflow: proxies from gradients, without data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError
from .probe import as_evaluated, copies, matrix_names, ones, run, without_batch_norms


def synflow(model: nn.Module, input_shape: Any = (3, 32, 32)) -> float:
    r"""Return the synaptic flow of a network; larger is better.

    .. math:: s = \sum_l |\theta_l| \cdot \frac{\partial R}{\partial |\theta_l|}

    where :math:`R` is the sum of the outputs for an input of ones if all parameters are replaced by their
    absolute values and batch norms are bypassed; the sum runs over matrices and kernels. Computed in float64;
    the model is not changed.

    Args:
        model: The network, newly initialised.
        input_shape: Shape of one input, without the batch.

    Raises:
        InvalidArgumentError: If ``model`` is not a torch module, has no matrix, or does not return one tensor.

    Source: Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow",
    NeurIPS 2020; batch norms are bypassed and scores summed as in Abdelfattah et al., "Zero-Cost Proxies for
    Lightweight NAS", ICLR 2021.

    Example:
        >>> net = nn.Linear(2, 2, bias=False)
        >>> _ = net.weight.data.copy_(torch.tensor([[1.0, -2.0], [3.0, 0.0]]))
        >>> synflow(net, (2,))
        6.0
    """
    return sum(float((weight * slope).sum()) for weight, slope in _flow(model, input_shape))


def log_synflow(model: nn.Module, input_shape: Any = (3, 32, 32)) -> float:
    r"""Return the synaptic flow with gradients on a logarithmic scale; larger is better.

    .. math:: s = \sum_l |\theta_l| \cdot \log\left(1 + \frac{\partial R}{\partial |\theta_l|}\right)

    with the terms of :func:`synflow`. Gradients grow exponentially with depth; with logarithms, no layer
    dominates.

    Args:
        model: The network, newly initialised.
        input_shape: Shape of one input, without the batch.

    Raises:
        InvalidArgumentError: If ``model`` is not a torch module, has no matrix, or does not return one tensor.

    Source: Cavagnero et al., "FreeREA: Training-Free Evolution-based Architecture Search", WACV 2023.
    """
    return sum(
        float((weight * torch.log1p(slope)).sum()) for weight, slope in _flow(model, input_shape)
    )


def _flow(model: nn.Module, input_shape: Any) -> list[tuple[Tensor, Tensor]]:
    """Return absolute weights of every matrix, and the gradients of the summed outputs."""
    x = ones(model, input_shape, torch.float64)
    names = matrix_names(model)
    if not names:
        raise InvalidArgumentError("`model` must have a matrix or kernel, but it has none.")
    state = copies(model, torch.float64)
    for name, _ in model.named_parameters():
        state[name].abs_()
    weights = [state[name].requires_grad_() for name in names]
    with torch.enable_grad(), as_evaluated(model, batch_norms=False), without_batch_norms(model):
        total = run(model, state, x).sum()
        if not total.requires_grad:
            return []
        slopes = torch.autograd.grad(total, weights, allow_unused=True)
    return [
        (weight.detach(), slope)
        for weight, slope in zip(weights, slopes, strict=True)
        if slope is not None
    ]
