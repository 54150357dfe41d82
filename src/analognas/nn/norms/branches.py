"""Sums of branches that begin with ReLU: one ReLU for all of them, and sums in the pass of the last norm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from torch import Tensor, nn

from .autograd import forked, takes_passes
from .fused_layers import FusedSequential, is_plain

__all__ = ["add_branch", "fork", "is_plain"]


def fork(x: Tensor, branches: Iterable[nn.Module]) -> tuple[Tensor, Tensor | None]:
    """Return the input of some branches and, where one of them can use it, its ReLU.

    The first value stands for ``x`` in all that follows, so that gradients are added in one pass.
    """
    wanted = any(_is_fused(branch) and branch.begins_with_relu for branch in branches)
    return forked(x) if wanted and takes_passes(x) else (x, None)


def add_branch(branch: nn.Module, x: Tensor, active: Tensor | None, total: Tensor | None) -> Tensor:
    """Return ``total`` plus the output of a branch.

    Args:
        branch: The branch.
        x: Its input.
        active: What :func:`fork` returned beside it.
        total: The sum so far; None: there is none.
    """
    if _is_fused(branch):
        result: Tensor = branch.run(x, active, total)
        return result
    y: Tensor = branch(x)
    return y if total is None else total + y


def _is_fused(branch: nn.Module) -> TypeGuard[FusedSequential]:
    return type(branch) is FusedSequential and is_plain(branch)
