"""Named random generators derived from one seed.

A stream depends on the seed and its name only, not on other streams, so a new consumer of random numbers does
not change other results.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .checks import check_int

if TYPE_CHECKING:
    import torch


class RandomStreams:
    """Independent random generators by name, all derived from one seed.

    Args:
        seed: Non-negative integer.

    Raises:
        InvalidArgumentError: If ``seed`` is negative or not an integer.

    Example:
        >>> streams = RandomStreams(0)
        >>> a = streams.numpy("optimizer", 3).integers(100, size=4)
        >>> b = RandomStreams(0).numpy("optimizer", 3).integers(100, size=4)
        >>> bool((a == b).all())
        True
    """

    def __init__(self, seed: int) -> None:
        self.seed = check_int("seed", seed, minimum=0)

    def numpy(self, *name: str | int) -> np.random.Generator:
        """Return a fresh numpy generator (PCG64) for the stream called ``name``."""
        return np.random.default_rng(self._sequence(name))

    def torch(self, *name: str | int, device: Any = "cpu") -> torch.Generator:
        """Return a fresh ``torch.Generator`` on ``device`` for the stream called ``name``."""
        import torch

        state = self._sequence(name).generate_state(1, np.uint64)[0]
        # manual_seed takes a signed 64-bit integer.
        return torch.Generator(device=device).manual_seed(int(state >> np.uint64(1)))

    def _sequence(self, name: tuple[str | int, ...]) -> np.random.SeedSequence:
        digest = hashlib.sha256(repr(name).encode()).digest()
        words = np.frombuffer(digest, dtype="<u4").tolist()
        return np.random.SeedSequence([self.seed, *words])
