"""Sets of indices of a hyperparameter's values, stored as ranges.

A hyperparameter may have 2^31 values, so a mask would take gigabytes; the result of a comparison is one range.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_LARGEST_TABLE = 2**16


class IndexSet:
    """A set of indices from 0 to ``n - 1``.

    Args:
        starts: First indices of its ranges, ascending; ranges neither overlap nor touch.
        stops: Ends of its ranges, exclusive.
        n: Number of possible indices.

    Example:
        >>> found = IndexSet.of([1, 2, 3, 7], 10)
        >>> found.starts.tolist(), found.stops.tolist(), found[[0, 3, 7]].tolist()
        ([1, 7], [4, 8], [False, True, True])
    """

    def __init__(self, starts: NDArray[np.int64], stops: NDArray[np.int64], n: int) -> None:
        self.starts, self.stops, self.n = starts, stops, n

    @classmethod
    def of(cls, indices: Iterable[int], n: int) -> IndexSet:
        """Return the set of indices given in any order."""
        known = np.unique(np.fromiter(indices, dtype=np.int64))
        first = np.flatnonzero(np.diff(known, prepend=-2) > 1)
        last = np.append(first[1:], len(known)) - 1 if len(known) else first
        return cls(known[first], known[last] + 1, n)

    @classmethod
    def of_mask(cls, mask: Mask) -> IndexSet:
        """Return the set of indices at which a mask is true."""
        return cls.of(np.flatnonzero(mask).tolist(), len(mask))

    @classmethod
    def between(cls, start: int, stop: int, n: int) -> IndexSet:
        """Return the range from ``start`` to ``stop``, exclusive; it may be empty."""
        ends = np.array([start, stop] if start < stop else [], dtype=np.int64)
        return cls(ends[:1], ends[1:], n)

    def __getitem__(self, indices: Any) -> Any:
        """Return which of the given indices are in the set, same shape."""
        if self.n <= _LARGEST_TABLE:
            return self._table[indices]
        indices = np.asarray(indices, dtype=np.int64)
        if not len(self.starts):
            return np.zeros(indices.shape, dtype=bool)[()]
        at = self.starts.searchsorted(indices, side="right") - 1
        return (at >= 0) & (indices < self.stops[at])

    @cached_property
    def _table(self) -> Mask:
        table = np.zeros(self.n, dtype=bool)
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            table[start:stop] = True
        return table

    def __and__(self, other: IndexSet) -> IndexSet:
        """Return the intersection of two sets."""
        if self.key == other.key:
            return self
        edges = np.unique(np.concatenate([self.starts, self.stops, other.starts, other.stops]))
        inside = self._within(edges[:-1]) & other._within(edges[:-1])
        # Merge adjacent ranges.
        change = np.diff(inside.astype(np.int8), prepend=0, append=0)
        return IndexSet(edges[change == 1], edges[change == -1], self.n)

    def _within(self, indices: NDArray[np.int64]) -> Mask:
        at = self.starts.searchsorted(indices, side="right") - 1
        stops = np.append(self.stops, 0)  # of position -1
        found: Mask = indices < stops[at]
        return found

    def complement(self) -> IndexSet:
        """Return the complement of the set."""
        edges = np.concatenate([[0], np.stack([self.starts, self.stops], axis=1).ravel(), [self.n]])
        starts, stops = edges[::2], edges[1::2]
        kept = starts < stops
        return IndexSet(starts[kept], stops[kept], self.n)

    def any(self) -> bool:
        """Whether there is any index in the set."""
        return len(self.starts) > 0

    def all(self) -> bool:
        """Whether all indices are in the set."""
        return not self.complement().any()

    def indices(self) -> NDArray[np.int64]:
        """Return all indices in the set, ascending."""
        pieces = [np.arange(*ends) for ends in zip(self.starts, self.stops, strict=True)]
        return np.concatenate([np.empty(0, dtype=np.int64), *pieces])

    @cached_property
    def key(self) -> bytes:
        """Return bytes that are equal for equal sets with the same ``n``."""
        return self.starts.tobytes() + self.stops.tobytes()
