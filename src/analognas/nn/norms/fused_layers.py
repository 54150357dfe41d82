"""Batch norms, sequences and sums of branches on the compiled passes, for :func:`~.fuse.fuse_norms`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from ..kernels.pointwise import is_pointwise
from .autograd import Norm, can_use_kernels, forked, normalized, same_memory


class FusedNorm(nn.modules.batchnorm._BatchNorm):
    """Common base of the fused batch norms."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the output of the torch layer, up to rounding."""
        return self._fused(input, False)

    def rectified(self, x: Tensor) -> Tensor:
        """Return the ReLU of the batch norm of ``x``; in two passes if hooks observe the norm."""
        return self._fused(x, True) if is_plain(self) else torch.relu(self(x))

    def added(self, x: Tensor, other: Tensor) -> Tensor:
        """Return the batch norm of ``x`` plus ``other``; in two passes if hooks observe the norm."""
        if not is_plain(self) or not same_memory(x, other):
            result: Tensor = other + self(x)
            return result
        return self._fused(x, False, other)

    def _fused(self, x: Tensor, rectifies: bool, other: Tensor | None = None) -> Tensor:
        self._check_input_dim(x)  # type: ignore[no-untyped-call]
        own, buffers = self._parameters, self._buffers  # faster than attributes of a module
        if "weight" not in own:  # parametrized
            return self._by_torch(x, rectifies, other)
        weight, bias = own["weight"], own["bias"]
        mean, var = buffers["running_mean"], buffers["running_var"]
        training, tracks = self.training, self.track_running_stats
        trains = training or (mean is None and var is None)
        if (
            not can_use_kernels(x, weight, bias, mean, var)
            or x.shape[1] != self.num_features
            or x.numel() <= (x.shape[1] if trains else 0)
            or (mean is None) != (var is None)
        ):
            return self._by_torch(x, rectifies, other)
        share = 0.0 if self.momentum is None else self.momentum
        if training and tracks:
            count = buffers["num_batches_tracked"]
            if count is not None:
                count.add_(1)
                if self.momentum is None:
                    share = 1.0 / float(count)
        elif training:
            mean = var = None
        norm = Norm(mean, var, share, self.eps, trains, rectifies)
        return normalized(x, weight, bias, other, norm)

    def _by_torch(self, x: Tensor, rectifies: bool, other: Tensor | None) -> Tensor:
        y = super().forward(x)
        if other is not None:
            return other + y
        return torch.relu(y) if rectifies else y


class FusedBatchNorm1d(FusedNorm, nn.BatchNorm1d):
    """A :class:`torch.nn.BatchNorm1d` by compiled passes."""


class FusedBatchNorm2d(FusedNorm, nn.BatchNorm2d):
    """A :class:`torch.nn.BatchNorm2d` by compiled passes."""


class FusedBatchNorm3d(FusedNorm, nn.BatchNorm3d):
    """A :class:`torch.nn.BatchNorm3d` by compiled passes."""


class FusedSequential(nn.Sequential):
    """A sequence that runs a fused batch norm and a following ReLU in one pass.

    Nested sequences are flattened. Modules with hooks are called separately.
    """

    def forward(self, input: Any) -> Any:
        """Run the modules in order."""
        if torch.compiler.is_compiling():
            return super().forward(input)  # type: ignore[no-untyped-call]
        return self.run(input)

    def run(self, x: Any, active: Tensor | None = None, total: Tensor | None = None) -> Any:
        """Run the modules in order, as one branch of a sum.

        Args:
            x: The input.
            active: ReLU of the input, which is used if the sequence begins with a ReLU.
            total: Added to the output.
        """
        steps = list(_steps(self))
        i, last = 0, len(steps) - 1
        if active is not None and last >= 0 and _joins(steps[0]):
            x, i = active, 1
        while i <= last:
            step = steps[i]
            if isinstance(step, FusedNorm):
                if i < last and _joins(steps[i + 1]):
                    x = step.rectified(x)
                    i += 1
                elif i == last and total is not None:
                    return step.added(x, total)
                else:
                    x = step(x)
            else:
                x = _convolved(step, x) if type(step) is nn.Conv2d else step(x)
            i += 1
        return x if total is None else total + x

    @property
    def begins_with_relu(self) -> bool:
        """Whether the first module is a ReLU without hooks."""
        first = next(_steps(self), None)
        return first is not None and _joins(first)


def _convolved(step: nn.Conv2d, x: Any) -> Any:
    """Call a convolution, as a matrix product if that is faster."""
    if not (
        isinstance(x, Tensor)
        and step.kernel_size == (1, 1)
        and is_pointwise(x, step.kernel_size, step.stride, step.padding, step.groups)
        and x.shape[1] == step.in_channels
        and step.weight.dtype is torch.float32
        and not torch.is_autocast_enabled("cpu")
        and is_plain(step)
    ):
        return step(x)
    y = nn.functional.linear(x.permute(0, 2, 3, 1), step.weight.flatten(1), step.bias)
    return y.permute(0, 3, 1, 2)


def _steps(sequence: nn.Sequential) -> Iterator[nn.Module]:
    """Yield the modules of a sequence, with nested sequences flattened."""
    for module in sequence:
        if type(module) is FusedSequential and is_plain(module):
            yield from _steps(module)
        else:
            yield module


def _joins(module: nn.Module) -> bool:
    return type(module) is nn.ReLU and is_plain(module)


def is_plain(module: nn.Module) -> bool:
    """Whether calling a module only calls the ``forward`` of its class."""
    return not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or module._compiled_call_impl is not None
        or "forward" in module.__dict__
        or torch_module._has_any_global_hook()  # type: ignore[no-untyped-call]
    )


def fork(x: Tensor, branches: Iterable[nn.Module]) -> tuple[Tensor, Tensor | None]:
    """Return the input of several branches, and its ReLU if a branch can use it; otherwise None.

    Use the first return value instead of ``x`` afterwards, so that one pass adds the gradients.
    """
    wanted = any(_is_fused(branch) and branch.begins_with_relu for branch in branches)
    return forked(x) if wanted and can_use_kernels(x) else (x, None)


def add_branch(branch: nn.Module, x: Tensor, active: Tensor | None, total: Tensor | None) -> Tensor:
    """Return ``total`` plus the output of a branch.

    Args:
        branch: The branch.
        x: Its input.
        active: Second return value of :func:`fork`.
        total: Sum of the branches before it; None for the first branch.
    """
    if _is_fused(branch):
        result: Tensor = branch.run(x, active, total)
        return result
    y: Tensor = branch(x)
    return y if total is None else total + y


def _is_fused(branch: nn.Module) -> TypeGuard[FusedSequential]:
    return type(branch) is FusedSequential and is_plain(branch)
