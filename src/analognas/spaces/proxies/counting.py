"""Parameters and multiply-accumulates of a built network, counted in a traced pass."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count, mm_flop

from .probe import as_evaluated, check_model, copies, ones, run

_aten = torch.ops.aten


def trainable_params(model: nn.Module) -> int:
    """Return the number of trainable parameters; shared parameters count once.

    Raises:
        InvalidArgumentError: If ``model`` is not a torch module.

    Example:
        >>> trainable_params(nn.Linear(10, 3))
        33
    """
    return sum(p.numel() for p in check_model(model).parameters() if p.requires_grad)


def traced_macs(model: nn.Module, input_shape: Any = (3, 32, 32)) -> int:
    """Return the multiply-accumulates of one inference, counted in a traced forward pass.

    Convolutions and matrix products count, and one for each output with a bias; normalisation, pooling and
    activations do not. The spaces' closed forms count in the same way.

    Args:
        model: The network.
        input_shape: Shape of one input, without the batch.

    Raises:
        InvalidArgumentError: If ``model`` is not a torch module or does not return one tensor.

    Example:
        >>> traced_macs(nn.Conv2d(3, 8, 3, padding=1, bias=False), (3, 4, 4)) == 3 * 8 * 9 * 16
        True
    """
    x = ones(model, input_shape)
    counter = FlopCounterMode(
        display=False,
        custom_mapping={
            _aten.addmm: _addmm,
            _aten.baddbmm: _baddbmm,
            _aten.convolution: _convolution,
        },
    )
    with torch.no_grad(), as_evaluated(model, batch_norms=False), counter:
        run(model, copies(model), x)
    return int(counter.get_total_flops()) // 2


def _addmm(added: Any, one: Any, other: Any, **settings: Any) -> int:
    return int(mm_flop(one, other)) + 2 * int(one[0]) * int(other[1])


def _baddbmm(added: Any, one: Any, other: Any, **settings: Any) -> int:
    batch, rows, inner = one
    return 2 * int(batch) * int(rows) * (int(inner) + 1) * int(other[-1])


def _convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    *settings: Any,
    out_shape: Any = None,
    **others: Any,
) -> int:
    products = conv_flop_count(x, weight, out_shape, transposed=transposed)
    return int(products) + (0 if bias is None else 2 * math.prod(out_shape))
