"""Memory that the passes of analog layers use again and again, and memory as the compiled passes see it.

On the CPU a large temporary costs more than the arithmetic on it, since its pages are new each time.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LARGEST = 1 << 24  # elements kept for reuse; larger temporaries are given back at once


class _Scratch(threading.local):
    """One flat tensor for each use and type, of this thread."""

    def __init__(self) -> None:
        self.flat: dict[tuple[str, torch.dtype], Tensor] = {}


_SCRATCH = _Scratch()


def eager_on_cpu(tensor: Tensor) -> bool:
    """Whether looking at a value costs nothing."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def is_dense(x: Tensor) -> bool:
    """Whether elements fill the memory without gaps, in any memory format."""
    if x.is_contiguous():
        return True
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.ndim in formats and x.is_contiguous(memory_format=formats[x.ndim])


def flat_view(y: Tensor) -> Tensor:
    """View a dense tensor of any memory format as one row, in the order of its memory."""
    return y.view(-1) if y.is_contiguous() else y.as_strided((y.numel(),), (1,))


def takes_kernels(x: Tensor, *others: Tensor) -> bool:
    """Whether :mod:`.kernels` can go through the memory of tensors of one shape: float32, on the CPU, alike."""
    return (
        x.dtype == torch.float32
        and eager_on_cpu(x)
        and is_dense(x)
        and all(other.dtype == x.dtype and other.stride() == x.stride() for other in others)
    )


class _Memory:
    """The memory of a dense tensor, as numpy takes it.

    Not by ``Tensor.numpy``, after which the tensor could not give its memory back: sharded weights must.
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
    """Return the memory of a dense tensor on the CPU as an array of one dimension; float32 or bool."""
    return np.asarray(_Memory(x))


def scratch_like(x: Tensor, use: str, dtype: torch.dtype | None = None) -> Tensor:
    """Return a tensor shaped and laid out like ``x``, with any values.

    Its memory belongs to ``use`` and holds only until the next call for the same use in this thread: never
    return it from a layer, nor save it for a backward.
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
