"""Reused memory for temporary tensors, and tensors as arrays for the compiled passes.

On the CPU a large new temporary costs more than the arithmetic on it, since the system must map its pages
first.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LARGEST = 1 << 24  # elements; larger temporaries are not kept for reuse


class _Scratch(threading.local):
    """One flat tensor for each use and type, separate in each thread."""

    def __init__(self) -> None:
        self.flat: dict[tuple[str, torch.dtype], Tensor] = {}


_SCRATCH = _Scratch()


def eager_on_cpu(tensor: Tensor) -> bool:
    """Whether values can be read at no cost: on the CPU, and not while torch compiles."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def as_float(value: Tensor) -> Tensor | float:
    """Return a tensor without dimensions as a float if :func:`eager_on_cpu`, and other tensors unchanged."""
    return float(value) if value.ndim == 0 and eager_on_cpu(value) else value


def is_dense(x: Tensor) -> bool:
    """Whether the elements are stored without gaps, in any memory format."""
    if x.is_contiguous():
        return True
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.ndim in formats and x.is_contiguous(memory_format=formats[x.ndim])


def flat_view(y: Tensor) -> Tensor:
    """View a dense tensor of any memory format as one dimension, in memory order."""
    return y.view(-1) if y.is_contiguous() else y.as_strided((y.numel(),), (1,))


def can_use_kernels(x: Tensor, *others: Tensor) -> bool:
    """Whether compiled passes can process tensors of one shape: float32, CPU, dense, same memory format."""
    return (
        x.dtype == torch.float32
        and eager_on_cpu(x)
        and is_dense(x)
        and all(other.dtype == x.dtype and other.stride() == x.stride() for other in others)
    )


class _Memory:
    """The memory of a dense tensor in numpy's array interface.

    ``Tensor.numpy`` is not used because it stops the tensor from releasing its memory, as sharded weights must.
    """

    __slots__ = ("__array_interface__", "tensor")

    def __init__(self, x: Tensor) -> None:
        self.tensor = x
        self.__array_interface__ = {
            "data": (x.data_ptr(), False),
            "shape": (x.numel(),),
            "typestr": _TYPES[x.dtype],
            "version": 3,
        }


_TYPES = {torch.float32: np.dtype(np.float32).str, torch.bool: np.dtype(np.bool_).str}


def flat_array(x: Tensor) -> NDArray[Any]:
    """Return the memory of a dense float32 or bool tensor on the CPU as a one-dimensional array."""
    return np.asarray(_Memory(x))


def scratch_like(x: Tensor, use: str, dtype: torch.dtype | None = None) -> Tensor:
    """Return an uninitialised tensor with the shape and memory format of ``x``.

    Its memory is valid until the next call with the same ``use`` in this thread. Do not return it from a layer
    or save it for a backward.
    """
    dtype, n = dtype or x.dtype, x.numel()
    if not eager_on_cpu(x) or n > _LARGEST:
        return torch.empty_like(x, dtype=dtype)
    flat = _SCRATCH.flat.get((use, dtype))
    if flat is None or flat.numel() < n:
        with torch.inference_mode(False):
            flat = _SCRATCH.flat[use, dtype] = torch.empty(n, dtype=dtype)
    if not is_dense(x):
        return flat[:n].view(x.shape)
    return flat.as_strided(x.shape, x.stride())
