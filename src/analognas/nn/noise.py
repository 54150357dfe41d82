"""Normal random numbers for training and evaluation.

Exact draws are the larger part of what hardware-aware training costs beyond plain training. A bank holds
numbers that were drawn once, and is read from a random place: cheaper, but it repeats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

BANK_SIZE = 1 << 22
"""Numbers in a bank."""
_BANK_SEED = 20_230_914
_MIN_PIECE = 1 << 16


class NoiseSource(ABC):
    """Where normal numbers come from."""

    @abstractmethod
    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """Return a new tensor of normal numbers with mean 0."""

    @abstractmethod
    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """Add normal numbers to ``y`` in place and return it."""


class ExactNoise(NoiseSource):
    """Independent draws.

    Args:
        generators: None: torch's default generator, which gradient checkpointing restores. Otherwise one
            generator, or one for each chip of the leading dimension.
    """

    def __init__(self, generators: Sequence[torch.Generator] | None = None) -> None:
        self.generators = generators

    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.normal`."""
        noise = torch.empty_like(like)
        if self.generators is None:
            noise.normal_()
        elif len(self.generators) == 1:
            noise.normal_(generator=self.generators[0])
        else:
            for row, generator in zip(noise, self.generators, strict=True):
                row.normal_(generator=generator)
        return noise.mul_(std)

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.add`."""
        return y.add_(self.normal(y, std))


class BankNoise(NoiseSource):
    """Numbers drawn once, read from a place drawn anew each time."""

    def __init__(self) -> None:
        self._banks: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.normal`."""
        return self.add(torch.zeros_like(like), std)

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.add`."""
        bank = self._bank(y)
        flat = y.view(-1) if y.is_contiguous() else y.reshape(-1)
        for start in range(0, flat.numel(), BANK_SIZE // 2):
            piece = flat[start : start + BANK_SIZE // 2]
            offset = int(torch.randint(BANK_SIZE - piece.numel(), ()))
            noise = bank[offset : offset + piece.numel()]
            if isinstance(std, float):
                piece.add_(noise, alpha=std)
            else:
                piece.addcmul_(noise, std)
        if not y.is_contiguous():
            y.copy_(flat.view(y.shape))
        return y

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
