"""Working through tensors in blocks that fit the cache, and one random generator for each chip.

The laws of a device are chains of cheap element-wise steps. Run on whole tensors of millions of
devices, each step is a trip to main memory and each intermediate result a device-sized temporary;
run block by block they stay in the cache and the only large tensors are the results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..core import InvalidArgumentError, check_int

Generators = torch.Generator | Sequence[torch.Generator]
"""One generator, or a sequence of them: one for each chip of the leading dimension."""

CPU_BLOCK = 32000
"""Elements of a block on the CPU.

Half a dozen float32 blocks fit a second-level cache of 1 MB. Steps below torch's threshold of
32,768 elements run on one thread, which is meant: the draws are serial anyway, and on a busy
machine waking a second thread for ten microseconds of work can cost a whole time slice.
"""
ACCELERATOR_BLOCK = 1 << 24
"""Elements of a block on an accelerator: enough to hide the launches."""


def blocks(n: int, device: torch.device) -> Iterator[slice]:
    """Yield the slices that cover ``range(n)``, sized for ``device``."""
    size = CPU_BLOCK if device.type == "cpu" else ACCELERATOR_BLOCK
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def split_generator(generator: torch.Generator, n: int) -> list[torch.Generator]:
    """Derive ``n`` generators from one: how a chip dimension draws its random numbers.

    Every method that takes a generator and a number of chips first calls this, then draws all
    numbers of chip ``i`` from child ``i`` alone. Programming 25 chips in one call and looping over
    the 25 children therefore give the same chips, and chip ``i`` does not depend on how many chips
    follow it.

    Args:
        generator: Parent; it moves on by one draw of ``n`` integers.
        n: Number of children, at least 1.

    Returns:
        The children, on the parent's device, in an order that only the parent's state decides.
        Their seeds differ in the 32 bits that torch's CPU generator looks at.

    Raises:
        InvalidArgumentError: If ``n`` is no positive integer, or ``generator`` no generator.

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
        InvalidArgumentError: If there are several generators and the leading dimension differs from
            their number.
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
        like: Targets, any shape: the result has this shape, type and device.
        generator: One generator, or one for each chip of a leading dimension of the result.
        out: The tensor to use; newly allocated if None.

    Raises:
        InvalidArgumentError: If ``out`` does not fit.
    """
    lead = () if isinstance(generator, torch.Generator) else (len(generator),)
    result = result_tensor((*lead, *like.shape), like, out)
    return result, result.view(*(lead or (1,)), like.numel())


def result_tensor(shape: tuple[int, ...], like: Tensor, out: Tensor | None) -> Tensor:
    """Return ``out`` if it fits, or a new tensor of that shape and the type of ``like``.

    Raises:
        InvalidArgumentError: If ``out`` does not fit.
    """
    if out is None:
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    given = (tuple(out.shape), out.dtype, str(out.device))
    expected = (shape, like.dtype, str(like.device))
    if given != expected or not out.is_contiguous():
        raise InvalidArgumentError(f"`out` must be contiguous and {expected}, but got {given}.")
    return out
