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
_BLOCK = 1 << 15  # numbers drawn at once: a block stays in the cache


class NoiseSource(ABC):
    """Where normal numbers come from."""

    @abstractmethod
    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """Return a new tensor of normal numbers with mean 0."""

    def added(self, x: Tensor, std: Tensor | float) -> Tensor:
        """Return ``x`` plus normal numbers; a new tensor."""
        return self.normal(x, std).add_(x)

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
        if self.generators is None and isinstance(std, float):
            return noise.normal_(0.0, std)
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
        if not isinstance(std, float) or y.device.type != "cpu" or torch.compiler.is_compiling():
            return y.add_(self.normal(y, std))
        rows = [flat_view(y)] if self._single else [flat_view(row) for row in y]
        sources: Sequence[torch.Generator | None] = self.generators or [None]
        buffer = torch.empty(min(_BLOCK, rows[0].numel()), dtype=y.dtype)
        for row, generator in zip(rows, sources, strict=True):
            for part in torch.split(row, _BLOCK):
                part.add_(buffer[: part.numel()].normal_(0.0, std, generator=generator))
        return y

    @property
    def _single(self) -> bool:
        return self.generators is None or len(self.generators) == 1


class BankNoise(NoiseSource):
    """Numbers drawn once, read from a place drawn anew each time."""

    def __init__(self) -> None:
        self._banks: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.normal`."""
        return self.add(torch.zeros_like(like), std)

    def added(self, x: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.added`: one pass where the bank is long enough."""
        if not isinstance(std, float) or not x.is_contiguous() or x.numel() > BANK_SIZE // 2:
            return super().added(x, std)
        return torch.add(x, self._piece(x.view(-1)).view(x.shape), alpha=std)

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.add`."""
        flat = flat_view(y)
        for start in range(0, flat.numel(), BANK_SIZE // 2):
            piece = flat[start : start + BANK_SIZE // 2]
            noise = self._piece(piece)
            if isinstance(std, float):
                piece.add_(noise, alpha=std)
            else:
                piece.addcmul_(noise, std)
        return y

    def _piece(self, like: Tensor) -> Tensor:
        """Return as many numbers as ``like`` has, from a random place of the bank."""
        offset = int(torch.randint(BANK_SIZE - like.numel(), ()))
        return self._bank(like)[offset : offset + like.numel()]

    def _bank(self, like: Tensor) -> Tensor:
        key = (like.device, like.dtype)
        if key not in self._banks:
            generator = torch.Generator().manual_seed(_BANK_SEED)
            self._banks[key] = torch.randn(BANK_SIZE, generator=generator).to(*key)
        return self._banks[key]


def flat_view(y: Tensor) -> Tensor:
    """View a dense tensor of any memory format as one row, in the order of its memory."""
    return y.view(-1) if y.is_contiguous() else y.as_strided((y.numel(),), (1,))


EXACT = ExactNoise()
"""Draws from torch's default generator."""
BANK = BankNoise()
"""The bank of this process."""


def training_source(name: str) -> NoiseSource:
    """Return the source called ``"exact"`` or ``"bank"``."""
    return BANK if name == "bank" else EXACT
