"""Random changes of whole batches: crop, flip, cutout, masks of time and frequency."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Augmentation(Protocol):
    """A random change of a batch that leaves its shape and type as they are."""

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return changed ``inputs``, shape ``(n, *)``; every draw comes from ``generator``."""
        ...
