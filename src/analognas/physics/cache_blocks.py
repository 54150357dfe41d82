"""Blocks of tensors that fit the cache, and one random generator for each chip.

The laws of a device are sequences of cheap element-wise operations. On tensors of millions of devices, each
operation would read and write main memory and each intermediate result would be a large temporary. Block by
block they stay in the cache, and only the results are large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..core import InvalidArgumentError, check_int

Generators = torch.Generator | Sequence[torch.Generator]
"""One generator, or one for each chip of the leading dimension."""

CPU_BLOCK = 32000
"""Elements of a block on the CPU.

Six float32 blocks fit a second-level cache of 1 MB. torch uses one thread below 32,768 elements, which is
intended: the draws are serial anyway, and on a busy machine waking a second thread for ten microseconds of work
can cost a whole time slice.
"""
ACCELERATOR_BLOCK = 1 << 24
"""Elements of a block on an accelerator: enough to hide the launch time of kernels."""


def blocks(n: int, device: torch.device) -> Iterator[slice]:
    """Yield slices that cover ``range(n)``, in a size that suits ``device``."""
    size = CPU_BLOCK if device.type == "cpu" else ACCELERATOR_BLOCK
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def split_generator(generator: torch.Generator, n: int) -> list[torch.Generator]:
    """Derive ``n`` generators from one, one for each chip.

    Methods with a generator and a number of chips use this function, and draw all numbers of chip ``i`` from
    child ``i``. Programming 25 chips in one call therefore gives the same chips as a loop over the 25 children,
    and chip ``i`` does not depend on the number of chips.

    Args:
        generator: The parent. Its state advances by one draw of ``n`` integers.
        n: Number of children, at least 1.

    Returns:
        The children, on the device of the parent. They depend on the state of the parent only. Their seeds
        differ in the 32 bits that torch's CPU generator uses.

    Raises:
        InvalidArgumentError: If ``n`` is not a positive integer, or ``generator`` is not a generator.

    Example:
        >>> children = split_generator(torch.Generator().manual_seed(0), 3)
        >>> len({child.initial_seed() for child in children})
        3
    """
    check_int("n", n, minimum=1)
    if not isinstance(generator, torch.Generator):
        raise InvalidArgumentError(
            f"`generator` must be a torch.Generator, but got {generator!r}: "
            "give torch.Generator().manual_seed(seed)."
        )
    seeds: list[int] = []
    words: set[int] = set()
    while len(seeds) < n:
        drawn = torch.randint(
            0, 2**63 - 1, (n - len(seeds),), generator=generator, device=generator.device
        )
        for seed in drawn.tolist():
            if seed & 0xFFFFFFFF not in words:
                words.add(seed & 0xFFFFFFFF)
                seeds.append(seed)
    return [torch.Generator(generator.device).manual_seed(seed) for seed in seeds]


def chip_rows(name: str, tensor: Tensor, generators: list[torch.Generator], single: bool) -> Tensor:
    """View ``tensor`` as one row for each generator, shape ``(n_generators, -1)``.

    Raises:
        InvalidArgumentError: If the leading dimension differs from the number of generators.
    """
    if single:
        return tensor.reshape(1, -1)
    if tensor.ndim == 0 or tensor.shape[0] != len(generators):
        raise InvalidArgumentError(
            f"`{name}` must have one leading entry for each of the {len(generators)} generators, "
            f"but got the shape {tuple(tensor.shape)}."
        )
    return tensor.reshape(len(generators), -1)


def result_rows(like: Tensor, generator: Generators, out: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the tensor for a result, and its view as one row for each generator.

    Args:
        like: Targets, any shape. The result has the same shape, type and device.
        generator: One generator, or one for each chip of a leading dimension of the result.
        out: Tensor for the result; allocated if None.

    Raises:
        InvalidArgumentError: If ``out`` has the wrong shape, type or device, or is not contiguous.
    """
    lead = () if isinstance(generator, torch.Generator) else (len(generator),)
    result = result_tensor((*lead, *like.shape), like, out)
    return result, result.view(*(lead or (1,)), like.numel())


def result_tensor(shape: tuple[int, ...], like: Tensor, out: Tensor | None) -> Tensor:
    """Return ``out`` after checking it, or a new tensor of the shape and of the type of ``like``.

    Raises:
        InvalidArgumentError: If ``out`` has the wrong shape, type or device, or is not contiguous.
    """
    if out is None:
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    given = (tuple(out.shape), out.dtype, str(out.device))
    expected = (shape, like.dtype, str(like.device))
    if given != expected or not out.is_contiguous():
        raise InvalidArgumentError(f"`out` must be contiguous and {expected}, but got {given}.")
    return out
