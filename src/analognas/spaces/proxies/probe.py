"""Forward passes for proxies, which do not change the network.

They use copies of parameters and buffers; training flags and hooks are restored. Everything except batch norm
runs in evaluation mode, so the global random generator is not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from ...core import InvalidArgumentError, check_int

State = dict[str, Tensor]


def check_model(model: Any) -> nn.Module:
    """Return ``model`` if it is a torch module.

    Raises:
        InvalidArgumentError: If it is not.
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(
            f"`model` must be a torch module, such as `space.build(arch)`, but got {model!r}."
        )
    return model


def check_batch(x: Any, *, minimum: int = 1) -> Tensor:
    """Return ``x`` if it is a batch of at least ``minimum`` floating-point inputs.

    Raises:
        InvalidArgumentError: If it is not.
    """
    if not isinstance(x, Tensor) or x.ndim < 2 or not x.is_floating_point() or len(x) < minimum:
        got = f"shape {tuple(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else repr(x)
        raise InvalidArgumentError(
            f"`x` must be a floating-point batch of at least {minimum} inputs, shape (batch, ...), but got "
            f"{got}."
        )
    return x


def ones(model: nn.Module, input_shape: Any, dtype: torch.dtype | None = None) -> Tensor:
    """Return one input of ones, shape ``(1, *input_shape)``, on the device of the model.

    Raises:
        InvalidArgumentError: If the shape is not a sequence of positive integers.
    """
    if not isinstance(input_shape, tuple | list | torch.Size) or not input_shape:
        raise InvalidArgumentError(
            f"`input_shape` must be the shape of one input, such as (3, 32, 32), but got {input_shape!r}."
        )
    sizes = [check_int("input_shape", size, minimum=1) for size in input_shape]
    parameter = next(check_model(model).parameters(), torch.empty(0))
    return torch.ones([1, *sizes], dtype=dtype or parameter.dtype, device=parameter.device)


def copies(model: nn.Module, dtype: torch.dtype | None = None) -> State:
    """Return detached copies of parameters and buffers by name; floating-point ones in ``dtype``, if given."""
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        name: value.detach().clone().to(dtype if value.is_floating_point() else None)
        for name, value in state.items()
    }


def matrix_names(model: nn.Module) -> list[str]:
    """Return the names of matrices and kernels, which would be on analog tiles."""
    return [name for name, parameter in model.named_parameters() if parameter.ndim >= 2]


def run(model: nn.Module, state: State, x: Tensor) -> Tensor:
    """Return the model's output with ``state`` in place of its own parameters and buffers.

    Raises:
        InvalidArgumentError: If the output is not a tensor.
    """
    output = functional_call(model, state, (x,))
    if not isinstance(output, Tensor):
        raise InvalidArgumentError(
            f"`model` must return one tensor, but got {type(output).__name__}; wrap it in a module that "
            "returns its logits."
        )
    return output


@contextmanager
def as_evaluated(model: nn.Module, *, batch_norms: bool) -> Iterator[None]:
    """Set the model to evaluation mode within a context, but batch norms to training mode if ``batch_norms``.

    Batch norms in training mode normalise by the batch, and store its statistics as the running ones in the
    state for :func:`run`.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    flags = [(module, module.training) for module in model.modules()]
    momenta = [norm.momentum for norm in norms]
    try:
        model.eval()
        for norm in norms:
            norm.training, norm.momentum = batch_norms, 1.0
        yield
    finally:
        for module, training in flags:
            module.training = training
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


@contextmanager
def without_batch_norms(model: nn.Module) -> Iterator[None]:
    """Bypass batch norms within a context."""
    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                stack.callback(module.register_forward_hook(_hand_on).remove)
        yield


def _hand_on(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return inputs[0]
