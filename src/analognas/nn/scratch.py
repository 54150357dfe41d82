"""Memory that the passes of analog layers use again and again, and the blocks in which they run.

On the CPU a large temporary costs more than the arithmetic on it, since its pages are new each time; and a
pass over a small tensor costs less in pieces than the start of a parallel region.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import torch
from torch import Tensor

_LARGEST = 1 << 24  # elements kept for reuse; larger temporaries are given back at once
_PIECE = 1 << 15  # below this many elements torch starts no parallel region
_IN_PIECES = 1 << 20  # longer tensors gain more from several threads


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


def pieces(*tensors: Tensor, rows: bool = False) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors into the pieces in which a chain of passes costs least.

    Args:
        tensors: Tensors with the same first dimension, the largest first.
        rows: Cut along the first dimension, so that what broadcasts with the tensors broadcasts with their
            pieces; otherwise tensors of one shape and layout are cut in the order of their memory.
    """
    first = tensors[0]
    n = first.numel()
    if not eager_on_cpu(first) or not _PIECE < n <= _IN_PIECES:
        yield tensors
        return
    alike = all(x.shape == first.shape and x.stride() == first.stride() for x in tensors[1:])
    if not rows and alike and is_dense(first):
        cut = [torch.split(flat_view(x), _PIECE) for x in tensors]
    else:
        count = _PIECE * first.shape[0] // n
        cut = [torch.split(x, count // 4 * 4 or max(count, 1)) for x in tensors]
    yield from zip(*cut, strict=True)
