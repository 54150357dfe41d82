"""The notations of a NAS-Bench-201 cell: six-tuple, ``arch_str``, published index No.i, mixed-radix code."""

from __future__ import annotations

import operator
import random
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import OutOfSpaceError
from .operations import EDGES, OPERATIONS, PUBLISHED_OPERATIONS, STRING_ORDER

N_CELLS = len(OPERATIONS) ** len(EDGES)

_TEMPLATE = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
_STRING_PATTERN = re.compile(re.escape(_TEMPLATE).replace(r"\{\}", r"([^|~+]+)"))
_OPERATION_NUMBER = {name: number for number, name in enumerate(OPERATIONS)}
_CHOICES = ", ".join(f"{number} {name}" for number, name in enumerate(OPERATIONS))


def to_arch_str(cell: Sequence[int]) -> str:
    """Return the NAS-Bench-201 ``arch_str`` of a six-tuple.

    Example:
        >>> to_arch_str((0, 0, 0, 4, 3, 2))
        '|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|'
    """
    return _TEMPLATE.format(*(OPERATIONS[cell[gene]] for gene in STRING_ORDER))


def from_arch_str(arch_str: str) -> tuple[int, ...]:
    """Return the six-tuple of an ``arch_str``.

    Raises:
        OutOfSpaceError: If the text is malformed or has an unknown operation.

    Example:
        >>> from_arch_str("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
        (1, 1, 0, 1, 1, 1)
    """
    match = _STRING_PATTERN.fullmatch(arch_str.strip())
    if match is None:
        raise OutOfSpaceError(
            f"Malformed arch_str {arch_str!r}: expected {_TEMPLATE.format(*['OP'] * len(EDGES))} with OP "
            f"one of {', '.join(OPERATIONS)}."
        )
    cell = [0] * len(EDGES)
    for gene, operation in zip(STRING_ORDER, match.groups(), strict=True):
        if operation not in _OPERATION_NUMBER:
            raise OutOfSpaceError(
                f"Unknown operation {operation!r} in {arch_str!r}: operations are "
                f"{', '.join(OPERATIONS)}."
            )
        cell[gene] = _OPERATION_NUMBER[operation]
    return tuple(cell)


def check_cell(cell: Sequence[Any]) -> tuple[int, ...]:
    """Check a six-tuple, and return it as plain integers.

    Raises:
        OutOfSpaceError: If the length is not six, or an entry is not an operation.
    """
    entries = list(cell)
    if len(entries) != len(EDGES):
        raise OutOfSpaceError(
            f"A cell has {len(EDGES)} operations, but got {len(entries)}: {tuple(entries)!r}."
        )
    for position, entry in enumerate(entries):
        source, target = EDGES[position]
        place = f"at position {position} (edge {source}->{target}) of {tuple(entries)!r}"
        try:
            entries[position] = number = operator.index(entry)
        except TypeError:
            raise OutOfSpaceError(
                f"Operations are integers, but got {entry!r} {place}: operations are {_CHOICES}."
            ) from None
        if not 0 <= number < len(OPERATIONS):
            raise OutOfSpaceError(f"Unknown operation {number} {place}: operations are {_CHOICES}.")
    return tuple(entries)


def parse(text: str) -> tuple[int, ...]:
    """Parse a cell: ``arch_str``, ``No.123`` or ``123``, or ``0,0,0,4,3,2``.

    Raises:
        OutOfSpaceError: If the text has none of these forms, or is not in the space.

    Example:
        >>> parse("(0, 0, 0, 4, 3, 2)")
        (0, 0, 0, 4, 3, 2)
    """
    stripped = text.strip()
    if stripped.startswith("|"):
        return from_arch_str(stripped)
    index = re.fullmatch(r"(?:No\.?\s*)?(-?\d{1,9})", stripped, flags=re.IGNORECASE)
    if index:
        return from_index(int(index[1]))
    entries = re.split(r"\s*,\s*|\s+", stripped.strip("()[]").strip(" ,"))
    if len(entries) > 1:
        try:
            return check_cell([int(entry) for entry in entries])
        except ValueError as error:
            if isinstance(error, OutOfSpaceError):
                raise
            raise OutOfSpaceError(
                f"Operations are integers, but got {stripped!r}: operations are {_CHOICES}."
            ) from None
    raise OutOfSpaceError(
        f"Cannot read the architecture {text!r}: expected six operations such as 0,0,0,4,3,2, an index "
        "such as No.1835, or an arch_str such as '|nor_conv_3x3~0|+|...|'."
    )


def from_index(index: int) -> tuple[int, ...]:
    """Return the six-tuple of NAS-Bench-201's architecture No.``index``.

    Raises:
        OutOfSpaceError: If the index is outside 0..15624.
    """
    if not 0 <= index < N_CELLS:
        raise OutOfSpaceError(f"A NAS-Bench-201 index lies in 0..{N_CELLS - 1}, but got {index}.")
    code = int(codes_in_published_order()[index])
    base = len(OPERATIONS)
    return tuple(code // base**power % base for power in reversed(range(len(EDGES))))


@lru_cache(maxsize=1)
def codes_in_published_order() -> NDArray[np.int64]:
    """Return the mixed-radix code of each architecture No.i, shape ``(15625,)``.

    The published order is the product of NAS-Bench-201's operations over its edges, shuffled by Python's
    ``random.Random(88)``; shuffling the positions gives the same permutation.
    """
    positions = list(range(N_CELLS))
    # The published order is not a secret.
    random.Random(88).shuffle(positions)  # nosec B311
    shuffled = np.array(positions, dtype=np.int64)
    base = len(OPERATIONS)
    renumber = np.array([_OPERATION_NUMBER[name] for name in PUBLISHED_OPERATIONS])
    codes = np.zeros(N_CELLS, dtype=np.int64)
    for place, gene in enumerate(STRING_ORDER):
        digits = shuffled // base ** (len(EDGES) - 1 - place) % base
        codes += renumber[digits] * base ** (len(EDGES) - 1 - gene)
    codes.flags.writeable = False
    return codes


@lru_cache(maxsize=1)
def index_of_code() -> NDArray[np.int64]:
    """Return the published index of each mixed-radix code, shape ``(15625,)``."""
    order = codes_in_published_order()
    result = np.empty_like(order)
    result[order] = np.arange(N_CELLS)
    result.flags.writeable = False
    return result
