"""From raw batches to what networks take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..core import InvalidArgumentError


@dataclass(frozen=True)
class Normalise:
    """Images as ``(x / 255 - mean) / std`` in ``float32``.

    Args:
        mean: Mean of each channel, on the scale from 0 to 1.
        std: Standard deviation of each channel, likewise.

    Raises:
        InvalidArgumentError: If they differ in length, or a deviation is not positive.

    Example:
        >>> Normalise((0.0,), (0.5,))(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
        tensor([[[[0., 2.]]]])
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(value > 0 for value in self.std):
            raise InvalidArgumentError(
                "`std` must have a positive number for each of `mean`, but got "
                f"{self.std} for {self.mean}."
            )

    @classmethod
    def fitted(cls, images: Tensor) -> Normalise:
        """Return the normalisation to mean 0 and deviation 1 over ``images``, 0 to 255, ``(n, c, h, w)``."""
        sums, squares = torch.zeros(2, images.shape[1], dtype=torch.float64)
        # Squares of grey levels are exact in single precision, their sums in double; blocks fit the cache.
        for block in torch.split(images, 256):
            grey = block.to(torch.float32)
            sums += grey.sum((0, 2, 3), dtype=torch.float64)
            squares += grey.square().sum((0, 2, 3), dtype=torch.float64)
        n = images.numel() // images.shape[1]
        means = sums / n
        stds = (squares / n - means**2).clamp(min=0).sqrt()
        # A channel that never changes has nothing to be scaled.
        stds[stds == 0] = 255
        return cls(tuple((means / 255).tolist()), tuple((stds / 255).tolist()))

    @cached_property
    def _affine(self) -> tuple[Tensor, Tensor]:
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return (1 / (255 * std)).view(-1, 1, 1), (-mean / std).view(-1, 1, 1)

    def __call__(self, raw: Tensor) -> Tensor:
        """Map images ``(n, c, h, w)`` of levels from 0 to 255 to ``float32`` of the same shape."""
        scale, shift = self._affine
        return torch.addcmul(shift.to(raw.device), raw.to(torch.float32), scale.to(raw.device))


@dataclass(frozen=True)
class Standardise:
    """Features as ``(x - mean) / std`` in ``float32``.

    Args:
        mean: Mean of all features.
        std: Their standard deviation.

    Raises:
        InvalidArgumentError: If ``std`` is not positive.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise InvalidArgumentError(f"`std` must be positive, but got {self.std}.")

    @classmethod
    def fitted(cls, features: Tensor) -> Standardise:
        """Return the one that gives ``features``, ``(n, *)``, mean 0 and deviation 1."""
        sums = squares = 0.0
        for block in torch.split(features, 256):
            values = block.double()
            sums += float(values.sum())
            squares += float(values.square().sum())
        mean = sums / features.numel()
        return cls(mean, max(squares / features.numel() - mean**2, 0.0) ** 0.5 or 1.0)

    def __call__(self, raw: Tensor) -> Tensor:
        """Map features of any shape and type to ``float32``."""
        return (raw.to(torch.float32) - self.mean).div_(self.std)


@dataclass(frozen=True)
class TrimPadding:
    """Token ids as ``int64``, without the columns at the end where every text of the batch is over.

    Args:
        pad_id: Token id of padding.
        multiple: Widths are multiples of it, where the texts are long enough, so that there are few of them.

    Example:
        >>> TrimPadding(0, multiple=1)(torch.tensor([[5, 6, 0, 0], [7, 0, 0, 0]]))
        tensor([[5, 6],
                [7, 0]])
    """

    pad_id: int
    multiple: int = 8

    def __call__(self, raw: Tensor) -> Tensor:
        """Map ids ``(n, T)`` to ``(n, T')`` with ``T' <= T``.

        Raises:
            InvalidArgumentError: If they are not integers.
        """
        used = (raw != self.pad_id).any(0).nonzero()
        length = int(used[-1]) + 1 if len(used) else 1
        width = -(-length // self.multiple) * self.multiple
        return as_ids(raw[:, :width])


def as_ids(raw: Tensor) -> Tensor:
    """Return token ids of any integer type as ``int64``.

    Raises:
        InvalidArgumentError: If they are not integers.
    """
    if raw.is_floating_point() or raw.is_complex() or raw.dtype == torch.bool:
        raise InvalidArgumentError(
            f"Token ids must be integers, but are {raw.dtype}; convert them first."
        )
    return raw.to(torch.int64)
