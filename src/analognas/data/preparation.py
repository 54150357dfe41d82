"""Preparation of raw batches as inputs of networks."""

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
        std: Standard deviation of each channel, on the same scale.

    Raises:
        InvalidArgumentError: If lengths differ, or a deviation is not positive.

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
        """Return the normalisation to mean 0 and deviation 1 of ``images``, ``(n, c, h, w)``, from 0 to 255."""
        sums, squares = torch.zeros(2, images.shape[1], dtype=torch.float64)
        # Squares of levels are exact in single precision, their sums in double; blocks fit in the cache.
        for block in torch.split(images, 256):
            grey = block.to(torch.float32)
            sums += grey.sum((0, 2, 3), dtype=torch.float64)
            squares += grey.square().sum((0, 2, 3), dtype=torch.float64)
        n = images.numel() // images.shape[1]
        means = sums / n
        stds = (squares / n - means**2).clamp(min=0).sqrt()
        # Constant channels are not scaled.
        stds[stds == 0] = 255
        return cls(tuple((means / 255).tolist()), tuple((stds / 255).tolist()))

    @cached_property
    def _affine(self) -> tuple[Tensor, Tensor]:
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return (1 / (255 * std)).view(-1, 1, 1), (-mean / std).view(-1, 1, 1)

    def __call__(self, raw: Tensor) -> Tensor:
        """Normalise images ``(n, c, h, w)`` with levels from 0 to 255, to ``float32``."""
        scale, shift = self._affine
        return torch.addcmul(shift.to(raw.device), raw.to(torch.float32), scale.to(raw.device))


@dataclass(frozen=True)
class Standardise:
    """Features as ``(x - mean) / std`` in ``float32``.

    Args:
        mean: Mean of all features.
        std: Standard deviation of all features.

    Raises:
        InvalidArgumentError: If ``std`` is not positive.

    Example:
        >>> prepare = Standardise.fitted(torch.tensor([[1.0, 3.0], [5.0, 7.0]]))
        >>> prepare.mean, prepare(torch.tensor([4.0]))
        (4.0, tensor([0.]))
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise InvalidArgumentError(f"`std` must be positive, but got {self.std}.")

    @classmethod
    def fitted(cls, features: Tensor) -> Standardise:
        """Return the standardisation of ``features``, ``(n, *)``, to mean 0 and deviation 1."""
        sums = squares = 0.0
        for block in torch.split(features, 256):
            values = block.double()
            sums += float(values.sum())
            squares += float(values.square().sum())
        mean = sums / features.numel()
        return cls(mean, max(squares / features.numel() - mean**2, 0.0) ** 0.5 or 1.0)

    def __call__(self, raw: Tensor) -> Tensor:
        """Standardise features of any shape and type, to ``float32``."""
        return (raw.to(torch.float32) - self.mean).div_(self.std)


@dataclass(frozen=True)
class TrimPadding:
    """Token ids as ``int64``, without final columns that only contain padding.

    Args:
        pad_id: Token id of padding.
        multiple: Widths are multiples of it (if texts are long enough), which limits the number of distinct
            widths.

    Example:
        >>> TrimPadding(0, multiple=1)(torch.tensor([[5, 6, 0, 0], [7, 0, 0, 0]]))
        tensor([[5, 6],
                [7, 0]])
    """

    pad_id: int
    multiple: int = 8

    def __call__(self, raw: Tensor) -> Tensor:
        """Trim ids ``(n, T)`` to ``(n, T')`` with ``T' <= T``.

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
