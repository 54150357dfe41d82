"""Normal random numbers for training and evaluation.

Exact draws are the larger part of what hardware-aware training costs beyond plain training. A bank holds
numbers that were drawn once, and is read from a random place: cheaper, but it repeats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from .quantile_draws import add_draws, in_one_stream, set_draws, start_draws
from .scratch import eager_on_cpu, flat_view, is_dense, pieces

BANK_SIZE = 1 << 22
"""Numbers in a bank."""
_BANK_SEED = 20_230_914


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

    def adder(
        self, y: Tensor, std: float, parts: Sequence[Tensor]
    ) -> Callable[[Tensor], None] | None:
        """Return what adds normal numbers to the parts of ``y`` in turn; None if it has been done for all."""
        self.add(y, std)
        return None


class ExactNoise(NoiseSource):
    """Independent draws: of :mod:`.quantile_draws` in float32 on the CPU, torch's own elsewhere.

    Args:
        generators: None: torch's default generator, which gradient checkpointing restores. Otherwise one
            generator, or one for each chip of the leading dimension.
    """

    def __init__(self, generators: Sequence[torch.Generator] | None = None) -> None:
        self.generators = generators

    def normal(self, like: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.normal`."""
        noise = torch.empty_like(like, memory_format=torch.contiguous_format)
        for row, generator in self._rows(noise):
            if _quick(row):
                start_draws(generator)
                set_draws(row.view(-1))
            else:
                row.normal_(generator=generator)
        return noise if isinstance(std, float) and std == 1.0 else noise.mul_(std)

    def added(self, x: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.added`."""
        if not isinstance(std, float) or not _quick(x) or not x.is_contiguous():
            return super().added(x, std)
        result = self.normal(x, 1.0)
        for part, target in pieces(x, result):
            torch.add(part, target, alpha=std, out=target)
        return result

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.add`."""
        if not isinstance(std, float) or not _quick(y) or not is_dense(y):
            return y.add_(self.normal(y, std))
        for row, generator in self._rows(y):
            start_draws(generator)
            add_draws(flat_view(row), std)
        return y

    def adder(
        self, y: Tensor, std: float, parts: Sequence[Tensor]
    ) -> Callable[[Tensor], None] | None:
        """See :meth:`NoiseSource.adder`: one stream of numbers, the same whatever the parts."""
        if not self._single or not _quick(y) or not in_one_stream(parts):
            return super().adder(y, std, parts)
        start_draws(self.generators[0] if self.generators else None)
        return lambda part: add_draws(flat_view(part), std)

    @property
    def _single(self) -> bool:
        return self.generators is None or len(self.generators) == 1

    def _rows(self, y: Tensor) -> Iterator[tuple[Tensor, torch.Generator | None]]:
        """Yield what each generator draws for."""
        if self.generators is None:
            yield y, None
        elif len(self.generators) == 1:
            yield y, self.generators[0]
        else:
            yield from zip(y, self.generators, strict=True)


def _quick(y: Tensor) -> bool:
    return y.dtype == torch.float32 and eager_on_cpu(y)


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
        result = torch.empty_like(x)
        numbers = self._piece(x).view(x.shape)
        for part, noise, target in pieces(x, numbers, result):
            torch.add(part, noise, alpha=std, out=target)
        return result

    def add(self, y: Tensor, std: Tensor | float) -> Tensor:
        """See :meth:`NoiseSource.add`."""
        if isinstance(std, Tensor):
            return y.addcmul_(self.add(torch.zeros_like(y), 1.0), std)
        for row in torch.split(flat_view(y), BANK_SIZE // 2):
            for part, noise in pieces(row, self._piece(row)):
                part.add_(noise, alpha=std)
        return y

    def adder(
        self, y: Tensor, std: float, parts: Sequence[Tensor]
    ) -> Callable[[Tensor], None] | None:
        """See :meth:`NoiseSource.adder`: one place of the bank, the same whatever the parts."""
        if y.numel() > BANK_SIZE // 2 or not is_dense(y):
            return super().adder(y, std, parts)
        rest = self._piece(y)

        def add(part: Tensor) -> None:
            nonlocal rest
            flat = flat_view(part)
            flat.add_(rest[: flat.numel()], alpha=std)
            rest = rest[flat.numel() :]

        return add

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


EXACT = ExactNoise()
"""Draws from torch's default generator."""
BANK = BankNoise()
"""The bank of this process."""


def training_source(name: str) -> NoiseSource:
    """Return the source called ``"exact"`` or ``"bank"``."""
    return BANK if name == "bank" else EXACT
