"""Sources of normal random numbers for training and evaluation.

On the CPU, a draw is one of 65,536 equally likely numbers: the quantiles of the normal distribution at (k +
1/2) / 65,536, scaled to a variance of exactly 1. Draws are independent. The distribution function is off by at
most 1 / 131,072, the largest number is 4.32, and the kurtosis is 2.9992 instead of 3: all far below the
resolution of an 8-bit ADC. The cost is a quarter of that of the Box-Muller transform. The 16 random bits of a
draw come from :mod:`analognas.core.philox`. The key of each stream is drawn from the torch generator, so seeds,
saved generator states and gradient checkpointing work as with torch's own draws.

Exact draws are most of the extra cost of hardware-aware training over plain training. A bank of numbers that
were drawn once is cheaper to read, but it repeats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.philox import Key, draw_key
from ..kernels import passes as kernels
from ..kernels.buffers import can_use_kernels, flat_array
from ..kernels.threads import run_all, slices

BANK_SIZE = 1 << 22
"""Numbers in a bank."""
_BANK_SEED = 20_230_914
_NO_KEY: Key = (np.uint32(0), np.uint32(0), np.uint32(0), np.uint32(0))  # a bank needs no key
_NO_NUMBERS = np.empty(0, dtype=np.float32)
_LEVELS = 1 << 16


def _quantiles() -> NDArray[np.float32]:
    levels = (torch.arange(_LEVELS, dtype=torch.float64) + 0.5) / _LEVELS
    z = torch.special.ndtri(levels)
    scaled: NDArray[np.float32] = (z / z.square().mean().sqrt()).float().numpy()
    return scaled


QUANTILES = _quantiles()
"""The 65,536 numbers that are drawn, ascending."""


class NoiseBlock(NamedTuple):
    """The noise of one block of a tensor: the arguments of :func:`.kernels.passes.add_noise`.

    Attributes:
        block: The elements of the block, in memory order.
        kind: ``DRAWS``, ``BANK`` or ``NO_NOISE`` of :mod:`.kernels.passes`.
        numbers: The table of quantiles, or numbers of the bank.
        std: Factor on the numbers.
        key: Key of the stream of random bits.
        first: Index of the stream's block that this block starts with.
    """

    block: slice
    kind: int
    numbers: NDArray[np.float32]
    std: float
    key: Key
    first: int = 0

    def split(self) -> list[NoiseBlock]:
        """Split the block for several threads. The noise stays the same."""
        start, numbers = self.block.start, self.numbers
        return [
            self._replace(
                block=slice(start + part.start, start + part.stop),
                numbers=numbers[part] if self.kind == kernels.BANK else numbers,
                first=part.start // kernels.BLOCK,
            )
            for part in slices(self.block.stop - start)
        ]


def no_noise(n: int) -> NoiseBlock:
    """Return a block of ``n`` elements without noise."""
    return NoiseBlock(slice(0, n), kernels.NO_NOISE, _NO_NUMBERS, 0.0, _NO_KEY)


class NoiseSource(ABC):
    """A source of normal random numbers."""

    def blocks(self, y: Tensor, std: float) -> list[NoiseBlock]:
        """Draw the noise that compiled passes add to ``y``, in blocks that threads can share."""
        return [part for block in self._blocks(y, std) for part in block.split()]

    @abstractmethod
    def _blocks(self, y: Tensor, std: float) -> Iterator[NoiseBlock]:
        """Yield one block for each stream of numbers."""

    @abstractmethod
    def _drawn(self, like: Tensor) -> Tensor:
        """Return a new tensor of unit normal numbers. Called where compiled passes cannot be used."""

    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """Return a new contiguous tensor of normal numbers with mean 0."""
        if not can_use_kernels(like):
            return self._drawn(like).mul_(std)
        zeros = torch.zeros_like(like, memory_format=torch.contiguous_format)
        if isinstance(std, Tensor):
            return self._add_to(zeros, zeros, 1.0).mul_(std)
        return self._add_to(zeros, zeros, std)

    def added(self, x: Tensor, std: Tensor | float) -> Tensor:
        """Return ``x`` plus normal numbers, as a new tensor."""
        if isinstance(std, Tensor) or not can_use_kernels(x):
            return self.normal(x, std).add_(x)
        return self._add_to(torch.empty_like(x), x, std)

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """Add normal numbers to ``y`` in place and return it."""
        if isinstance(std, Tensor) or not can_use_kernels(y):
            return y.add_(self.normal(y, std))
        return self._add_to(y, y, std)

    def _add_to(self, out: Tensor, x: Tensor, std: float) -> Tensor:
        sums, given = flat_array(out), flat_array(x)

        def run(noise: NoiseBlock) -> int:
            kernels.add_noise(given[noise.block], sums[noise.block], *noise[1:])
            return 0

        run_all(run, self.blocks(x, std), x.numel())
        return out


class ExactNoise(NoiseSource):
    """Independent draws: :data:`QUANTILES` for float32 on the CPU, torch's own generator otherwise.

    Args:
        generators: One generator, or one for each chip of the leading dimension. None selects torch's default
            generator, which gradient checkpointing restores.
    """

    def __init__(self, generators: Sequence[torch.Generator] | None = None) -> None:
        self.generators: Sequence[torch.Generator | None] = generators or [None]

    def _blocks(self, y: Tensor, std: float) -> Iterator[NoiseBlock]:
        n = y.numel() // len(self.generators)
        for i, generator in enumerate(self.generators):
            block = slice(i * n, (i + 1) * n)
            yield NoiseBlock(block, kernels.DRAWS, QUANTILES, std, draw_key(generator))

    def _drawn(self, like: Tensor) -> Tensor:
        noise = torch.empty_like(like, memory_format=torch.contiguous_format)
        rows = [noise] if len(self.generators) == 1 else noise
        for row, generator in zip(rows, self.generators, strict=True):
            row.normal_(generator=generator)
        return noise


class BankNoise(NoiseSource):
    """Numbers that were drawn once and are read from a random offset each time."""

    def __init__(self) -> None:
        self._banks: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def _blocks(self, y: Tensor, std: float) -> Iterator[NoiseBlock]:
        for start in range(0, y.numel(), BANK_SIZE // 2):
            n = min(BANK_SIZE // 2, y.numel() - start)
            numbers: Any = self._numbers(y, n).numpy()
            yield NoiseBlock(slice(start, start + n), kernels.BANK, numbers, std, _NO_KEY)

    def _drawn(self, like: Tensor) -> Tensor:
        rows = torch.split(like.reshape(-1), BANK_SIZE // 2)
        return torch.cat([self._numbers(row, row.numel()) for row in rows]).view(like.shape)

    def _numbers(self, like: Tensor, n: int) -> Tensor:
        """Return ``n`` numbers from a random offset in the bank of this type and device."""
        offset = int(torch.randint(BANK_SIZE - n, ()))
        return self._bank(like)[offset : offset + n]

    def _bank(self, like: Tensor) -> Tensor:
        key = (like.device, like.dtype)
        if key not in self._banks:
            generator = torch.Generator().manual_seed(_BANK_SEED)
            self._banks[key] = torch.randn(BANK_SIZE, generator=generator).to(*key)
        return self._banks[key]


EXACT = ExactNoise()
"""Draws from torch's default generator."""
BANK = BankNoise()
"""The bank that all layers of a process share: constants of a fixed seed, one bank for each type and device."""


def training_source(name: str) -> NoiseSource:
    """Return the source called ``"exact"`` or ``"bank"``."""
    return BANK if name == "bank" else EXACT
