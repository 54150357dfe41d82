"""Tables of values of hyperparameters for networks of the AnalogNAS space, checked and cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError
from ..config import Hyperparameter
from .design import BASIC, BOTTLENECK, MAX_BLOCKS

__all__ = ["ValueTables", "stem_of"]


def stem_of(name: str) -> str:
    """Return the name of a hyperparameter without the number of its main block: ``R`` for ``R3``.

    Example:
        >>> stem_of("widenfact5"), stem_of("out_channel0"), stem_of("M")
        ('widenfact', 'out_channel0', 'M')
    """
    number = name[-1:]
    return name[:-1] if number.isdecimal() and 1 <= int(number) <= MAX_BLOCKS else name


def _whole(values: NDArray[Any]) -> Any:
    return values == np.round(values)


_MEANING: dict[str, tuple[str, Callable[[NDArray[Any]], Any]]] = {
    "out_channel0": ("integers of at least 2", lambda v: _whole(v) & (v >= 2)),
    "M": (f"integers from 1 to {MAX_BLOCKS}", lambda v: _whole(v) & (v >= 1) & (v <= MAX_BLOCKS)),
    "R": ("integers of at least 1", lambda v: _whole(v) & (v >= 1)),
    "convblock": ("1 (basic) or 2 (bottleneck)", lambda v: (v == BASIC) | (v == BOTTLENECK)),
    # Above 1, widths would shrink from block to block, down to 0.
    "widenfact": ("numbers above 0 and at most 1", lambda v: (v > 0) & (v <= 1)),
    "B": ("integers of at least 1", lambda v: _whole(v) & (v >= 1)),
    "kernel": ("odd integers of at least 1", lambda v: _whole(v) & (v >= 1) & (v % 2 == 1)),
}


class ValueTables:
    """Values of hyperparameters by index, as numbers; tables are created on demand."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[Hyperparameter, NDArray[Any]]] = {}

    def of(self, hyperparameter: Hyperparameter) -> NDArray[Any]:
        """Return all values of a hyperparameter, shape ``(n_choices,)``; positions if they are not numbers.

        Raises:
            InvalidArgumentError: If networks use it and a value is invalid for them.
        """
        name = hyperparameter.name
        known = self._tables.get(name)
        if known is not None and known[0] is hyperparameter:
            return known[1]
        values = np.array(hyperparameter.values(np.arange(hyperparameter.n_choices)).tolist())
        numbers = values.dtype.kind in "iuf"
        expected, holds = _MEANING.get(stem_of(name), ("", None))
        if holds is not None and not (numbers and np.all(holds(values))):
            raise InvalidArgumentError(
                f"The values of `{name}` must be {expected}, but it is {hyperparameter.range_text()}; remove "
                "it, and add it with other values or another name."
            )
        table = values if numbers else np.arange(len(values))
        self._tables[name] = (hyperparameter, table)
        return table
