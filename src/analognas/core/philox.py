"""Random bits from a counter: Philox4x32 with ten rounds, the generator of JAX and of torch on a GPU.

A word depends on the key and its position only, so a stream can be read from any position and in any pieces.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, doi 10.1145/2063384.2063405.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

if TYPE_CHECKING:
    import torch

Key = tuple[np.uint32, np.uint32, np.uint32, np.uint32]
"""Name of a stream: two words of the key and the two high words of the counter."""

_ROUNDS = 10
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_LARGEST_SEED = 2**63 - 1
_WORD = 0xFFFFFFFF


def draw_key(generator: torch.Generator | None) -> Key:
    """Draw the name of a stream.

    Args:
        generator: Advances by two numbers; None: torch's default generator.
    """
    import torch

    key, place = torch.randint(_LARGEST_SEED, (2,), generator=generator).tolist()
    return (
        np.uint32(key & _WORD),
        np.uint32(key >> 32),
        np.uint32(place & _WORD),
        np.uint32(place >> 32),
    )


@compiled("void(uint32[::1], UniTuple(uint32, 4), int64)")
def fill_words(words: NDArray[np.uint32], key: Key, first: int) -> None:
    """Fill a block with the words of the counters from ``first`` on, four of each.

    Args:
        words: Shape ``(4 n,)``: the first words of n counters, then their second ones and so on.
        key: The stream.
        first: First counter, below 2^63.
    """
    n = len(words) // 4
    m0, m1 = _MULTIPLIERS
    w0, w1 = _WEYL
    half = np.uint64(32)
    low_first, high_first = np.uint32(first), np.uint32(np.uint64(first) >> half)
    for i in range(n):
        c0, c1 = np.uint32(low_first + np.uint32(i)), high_first
        c2, c3 = key[2], key[3]
        k0, k1 = key[0], key[1]
        for _ in range(_ROUNDS):
            low, high = np.uint64(c0) * m0, np.uint64(c2) * m1
            c0, c1, c2, c3 = (
                np.uint32(high >> half) ^ c1 ^ k0,
                np.uint32(high),
                np.uint32(low >> half) ^ c3 ^ k1,
                np.uint32(low),
            )
            k0 = np.uint32(k0 + w0)
            k1 = np.uint32(k1 + w1)
        words[i] = c0
        words[n + i] = c1
        words[2 * n + i] = c2
        words[3 * n + i] = c3
