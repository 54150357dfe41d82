"""Normal random numbers for training and evaluation.

Exact draws are the larger part of what hardware-aware training costs beyond plain training. A bank holds
numbers that were drawn once, and is read from a random place: cheaper, but it repeats.
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
from ..kernels.buffers import flat_array, takes_kernels
from ..kernels.quantile_draws import QUANTILES
from ..kernels.threads import run_all, slices

BANK_SIZE = 1 << 22
"""Numbers in a bank."""
_BANK_SEED = 20_230_914
_NO_KEY: Key = (np.uint32(0), np.uint32(0), np.uint32(0), np.uint32(0))  # of a bank
_NO_NUMBERS = np.empty(0, dtype=np.float32)


class Recipe(NamedTuple):
    """What the noise of one part of a tensor is made of: the arguments of :func:`.kernels.add_noise`.

    Attributes:
        part: The part, in the order of its memory.
        kind: Draws or the bank, or nothing.
        numbers: A table, or the bank's numbers.
        std: Multiplies them.
        key: The stream of draws.
        first: The block of the stream that the part begins with.
    """

    part: slice
    kind: int
    numbers: NDArray[np.float32]
    std: float
    key: Key
    first: int = 0

    def cut(self) -> list[Recipe]:
        """Return recipes of parts that threads can share; together they give the same noise."""
        start, numbers = self.part.start, self.numbers
        return [
            self._replace(
                part=slice(start + own.start, start + own.stop),
                numbers=numbers[own] if self.kind == kernels.BANK else numbers,
                first=own.start // kernels.BLOCK,
            )
            for own in slices(self.part.stop - start)
        ]


def no_recipe(n: int) -> Recipe:
    """Return the recipe of no noise for ``n`` numbers."""
    return Recipe(slice(0, n), kernels.NO_NOISE, _NO_NUMBERS, 0.0, _NO_KEY)


class NoiseSource(ABC):
    """Where normal numbers come from."""

    def recipes(self, y: Tensor, std: float) -> list[Recipe]:
        """Return what compiled passes add to the parts of a tensor that they can take: drawn anew."""
        return [part for recipe in self._recipes(y, std) for part in recipe.cut()]

    @abstractmethod
    def _recipes(self, y: Tensor, std: float) -> Iterator[Recipe]:
        """Yield a recipe for each stream of numbers."""

    @abstractmethod
    def _drawn(self, like: Tensor) -> Tensor:
        """Return a new tensor of unit normal numbers where the compiled passes take none."""

    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """Return a new contiguous tensor of normal numbers with mean 0."""
        if not takes_kernels(like):
            return self._drawn(like).mul_(std)
        zeros = torch.zeros_like(like, memory_format=torch.contiguous_format)
        if isinstance(std, Tensor):
            return self._add_to(zeros, zeros, 1.0).mul_(std)
        return self._add_to(zeros, zeros, std)

    def added(self, x: Tensor, std: Tensor | float) -> Tensor:
        """Return ``x`` plus normal numbers; a new tensor."""
        if isinstance(std, Tensor) or not takes_kernels(x):
            return self.normal(x, std).add_(x)
        return self._add_to(torch.empty_like(x), x, std)

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """Add normal numbers to ``y`` in place and return it."""
        if isinstance(std, Tensor) or not takes_kernels(y):
            return y.add_(self.normal(y, std))
        return self._add_to(y, y, std)

    def _add_to(self, out: Tensor, x: Tensor, std: float) -> Tensor:
        sums, given = flat_array(out), flat_array(x)

        def run(recipe: Recipe) -> int:
            kernels.add_noise(given[recipe.part], sums[recipe.part], *recipe[1:])
            return 0

        run_all(run, self.recipes(x, std), x.numel())
        return out


class ExactNoise(NoiseSource):
    """Independent draws: of :mod:`.quantile_draws` in float32 on the CPU, torch's own elsewhere.

    Args:
        generators: None: torch's default generator, which gradient checkpointing restores. Otherwise one
            generator, or one for each chip of the leading dimension.
    """

    def __init__(self, generators: Sequence[torch.Generator] | None = None) -> None:
        self.generators: Sequence[torch.Generator | None] = generators or [None]

    def _recipes(self, y: Tensor, std: float) -> Iterator[Recipe]:
        n = y.numel() // len(self.generators)
        for i, generator in enumerate(self.generators):
            part = slice(i * n, (i + 1) * n)
            yield Recipe(part, kernels.DRAWS, QUANTILES, std, draw_key(generator))

    def _drawn(self, like: Tensor) -> Tensor:
        noise = torch.empty_like(like, memory_format=torch.contiguous_format)
        rows = [noise] if len(self.generators) == 1 else noise
        for row, generator in zip(rows, self.generators, strict=True):
            row.normal_(generator=generator)
        return noise


class BankNoise(NoiseSource):
    """Numbers drawn once, read from a place drawn anew each time."""

    def __init__(self) -> None:
        self._banks: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def _recipes(self, y: Tensor, std: float) -> Iterator[Recipe]:
        for start in range(0, y.numel(), BANK_SIZE // 2):
            n = min(BANK_SIZE // 2, y.numel() - start)
            numbers: Any = self._piece(y, n).numpy()
            yield Recipe(slice(start, start + n), kernels.BANK, numbers, std, _NO_KEY)

    def _drawn(self, like: Tensor) -> Tensor:
        rows = torch.split(like.reshape(-1), BANK_SIZE // 2)
        return torch.cat([self._piece(row, row.numel()) for row in rows]).view(like.shape)

    def _piece(self, like: Tensor, n: int) -> Tensor:
        """Return ``n`` numbers from a random place of the bank of a type and device."""
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
"""The bank of this process."""


def training_source(name: str) -> NoiseSource:
    """Return the source called ``"exact"`` or ``"bank"``."""
    return BANK if name == "bank" else EXACT
