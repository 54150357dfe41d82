"""Faster batch norm of digital layers on the CPU, fused with a ReLU that follows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core import InvalidArgumentError

__all__ = ["fuse_norms", "rectified", "register_fused", "unfuse_norms"]

_BLOCKS: dict[type[nn.Module], type[nn.Module]] = {}


def register_fused(kind: type[nn.Module], fused: type[nn.Module]) -> None:
    """Register a class that :func:`fuse_norms` replaces.

    Args:
        kind: Modules of exactly this class are replaced.
        fused: Class with the same state and another forward, which may use
            :func:`~.fused_layers.fork` and :func:`~.fused_layers.add_branch`.

    Example:
        >>> class Residual(nn.Module):
        ...     def forward(self, x):
        ...         return x + x.relu()
        >>> class FusedResidual(Residual):
        ...     def forward(self, x):
        ...         return x.relu().add_(x)
        >>> register_fused(Residual, FusedResidual)
        >>> type(fuse_norms(nn.Sequential(Residual()))[0]).__name__
        'FusedResidual'
    """
    _BLOCKS[kind] = fused


def fuse_norms(model: nn.Module) -> nn.Module:
    """Run the batch norms of a model by compiled passes, together with a ReLU that follows.

    The passes process float32 tensors on the CPU, contiguous or with channels last. torch handles all other
    tensors, compilation, tracing and functional transformations. Results differ from torch's by rounding only
    and do not depend on the number of threads. Parameters, buffers, hooks and names do not change, so state
    dicts of both forms are compatible. Copies and pickles keep the passes. You can convert a model to analog
    before or after.

    A ReLU is fused with the norm before it within ``nn.Sequential``, and where a network calls
    :func:`rectified`.

    Args:
        model: Any module; modified, not copied. Subclasses of torch's batch norms, such as
            ``nn.SyncBatchNorm``, are not replaced.

    Returns:
        The model.

    Raises:
        InvalidArgumentError: If it is not a module.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        >>> fuse_norms(net)(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 8, 6, 6])
    """
    return _replace_classes(model, _fused_kinds())


def unfuse_norms(model: nn.Module) -> nn.Module:
    """Undo :func:`fuse_norms` and return the model.

    Raises:
        InvalidArgumentError: If it is not a module.

    Example:
        >>> import torch
        >>> from analognas.nn import fuse_norms
        >>> net = fuse_norms(torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.ReLU()))
        >>> type(unfuse_norms(net)[0]).__name__
        'BatchNorm2d'
    """
    return _replace_classes(model, {fused: plain for plain, fused in _fused_kinds().items()})


def rectified(norm: nn.Module, x: Tensor) -> Tensor:
    """Return the ReLU of ``norm(x)``, in one pass if the norm is fused and has no hooks.

    Example:
        >>> rectified(nn.BatchNorm1d(2).eval(), torch.tensor([[-1.0, 0.0]]))
        tensor([[0., 0.]], grad_fn=<ReluBackward0>)
    """
    join = getattr(type(norm), "rectified", None)
    return torch.relu(norm(x)) if join is None else join(norm, x)


def _fused_kinds() -> dict[type[nn.Module], type[nn.Module]]:
    # Imported here because compiling the passes takes seconds, and most programs do not need them.
    from . import fused_layers

    return {
        nn.BatchNorm1d: fused_layers.FusedBatchNorm1d,
        nn.BatchNorm2d: fused_layers.FusedBatchNorm2d,
        nn.BatchNorm3d: fused_layers.FusedBatchNorm3d,
        nn.Sequential: fused_layers.FusedSequential,
        **_BLOCKS,
    }


def _replace_classes(model: nn.Module, kinds: dict[type[nn.Module], type[nn.Module]]) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    for module in model.modules():
        kind = kinds.get(type(module))
        if kind is not None:
            module.__class__ = kind
    return model
