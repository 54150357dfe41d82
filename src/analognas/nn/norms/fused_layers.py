"""Torch's batch norms and sequences with the compiled passes: what :func:`~.fuse.fuse_norms` puts in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from .autograd import Norm, normalized, takes_passes


class FusedNorm(nn.modules.batchnorm._BatchNorm):
    """What the fused batch norms share."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what the torch layer returns, up to rounding."""
        return self._fused(input, False)

    def rectified(self, x: Tensor) -> Tensor:
        """Return ReLU of the batch norm of ``x``; in two passes where hooks ask for what is between."""
        return self._fused(x, True) if is_plain(self) else torch.relu(self(x))

    def _fused(self, x: Tensor, rectifies: bool) -> Tensor:
        self._check_input_dim(x)  # type: ignore[no-untyped-call]
        own, buffers = self._parameters, self._buffers  # faster than attributes of a module
        if "weight" not in own:  # parametrized
            return self._by_torch(x, rectifies)
        weight, bias = own["weight"], own["bias"]
        mean, var = buffers["running_mean"], buffers["running_var"]
        training, tracks = self.training, self.track_running_stats
        trains = training or (mean is None and var is None)
        if (
            not takes_passes(x, weight, bias, mean, var)
            or x.shape[1] != self.num_features
            or x.numel() <= (x.shape[1] if trains else 0)
            or (mean is None) != (var is None)
        ):
            return self._by_torch(x, rectifies)
        share = 0.0 if self.momentum is None else self.momentum
        if training and tracks:
            count = buffers["num_batches_tracked"]
            if count is not None:
                count.add_(1)
                if self.momentum is None:
                    share = 1.0 / float(count)
        elif training:
            mean = var = None
        return normalized(x, weight, bias, Norm(mean, var, share, self.eps, trains, rectifies))

    def _by_torch(self, x: Tensor, rectifies: bool) -> Tensor:
        y = super().forward(x)
        return torch.relu(y) if rectifies else y


class FusedBatchNorm1d(FusedNorm, nn.BatchNorm1d):
    """A :class:`torch.nn.BatchNorm1d` by compiled passes."""


class FusedBatchNorm2d(FusedNorm, nn.BatchNorm2d):
    """A :class:`torch.nn.BatchNorm2d` by compiled passes."""


class FusedBatchNorm3d(FusedNorm, nn.BatchNorm3d):
    """A :class:`torch.nn.BatchNorm3d` by compiled passes."""


class FusedSequential(nn.Sequential):
    """A sequence in which a fused batch norm and a ReLU that follows are one pass.

    Sequences inside it count as parts of it. Modules with hooks are called one by one.
    """

    def forward(self, input: Any) -> Any:
        """Run the modules in order."""
        if torch.compiler.is_compiling():
            return super().forward(input)  # type: ignore[no-untyped-call]
        steps = list(_steps(self))
        i, last = 0, len(steps) - 1
        while i <= last:
            step = steps[i]
            if i < last and isinstance(step, FusedNorm) and _joins(steps[i + 1]):
                input = step.rectified(input)
                i += 1
            else:
                input = step(input)
            i += 1
        return input


def _steps(sequence: nn.Sequential) -> Iterator[nn.Module]:
    """Yield the modules of a sequence, those of sequences inside it in their places."""
    for module in sequence:
        if type(module) is FusedSequential and is_plain(module):
            yield from _steps(module)
        else:
            yield module


def _joins(module: nn.Module) -> bool:
    return type(module) is nn.ReLU and is_plain(module)


def is_plain(module: nn.Module) -> bool:
    """Whether calling a module is nothing but its class's ``forward``."""
    return not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or module._compiled_call_impl is not None
        or "forward" in module.__dict__
        or torch_module._has_any_global_hook()  # type: ignore[no-untyped-call]
    )
