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
        """Return the normalisation to mean 0 and deviation 1 over ``images``, ``uint8`` ``(n, c, h, w)``.

        Moments are exact sums over the 256 grey levels.
        """
        levels = torch.arange(256, dtype=torch.float64) / 255
        means, stds = [], []
        for channel in images.unbind(1):
            # bincount is exact, and casts to 64 bits: blocks keep that copy small.
            counts = torch.zeros(256, dtype=torch.float64)
            for block in torch.split(channel, 4096):
                counts += torch.bincount(block.flatten(), minlength=256)
            weights = counts / counts.sum()
            mean = (weights * levels).sum()
            means.append(float(mean))
            stds.append(float((weights * (levels - mean) ** 2).sum().sqrt()) or 1.0)
        return cls(tuple(means), tuple(stds))

    @cached_property
    def _affine(self) -> tuple[Tensor, Tensor]:
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return (1 / (255 * std)).view(-1, 1, 1), (-mean / std).view(-1, 1, 1)

    def __call__(self, raw: Tensor) -> Tensor:
        """Map ``uint8`` ``(n, c, h, w)`` to ``float32`` of the same shape."""
        scale, shift = self._affine
        return torch.addcmul(shift.to(raw.device), raw.to(torch.float32), scale.to(raw.device))
