"""Numpy arrays of old pickles, rebuilt from their raw bytes without numpy's reconstruction functions.

A pickled array names functions of numpy, and the state of a pickled ``dtype`` may make numpy read foreign
memory. The classes here replace these functions, check their arguments, and build plain numeric arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .errors import TableIntegrityError
from .limits import shown, size_text

_MODULES = ("numpy.core", "numpy._core")
_MOST_AXES = 32
_LONGEST_AXIS = 2**48
_SMALL = 1 << 20
_KINDS = frozenset(
    ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")
)  # fmt: skip


def _refuse(what: str) -> TableIntegrityError:
    return TableIntegrityError(f"it holds {what}, which no plain numeric array has.")


def _text(value: Any) -> str:
    # The text of other types may exceed the memory, as for nested lists that are each used twice.
    if not isinstance(value, str | bytes):
        raise _refuse(f"{type(value).__name__} in place of a text")
    return value.decode("latin1") if isinstance(value, bytes) else value


class DTypeRecord:
    """Replaces ``numpy.dtype``: a plain number type, whose state sets its byte order."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: Any = "", *rest: Any) -> None:
        self._code = _text(code)
        self._order: Literal["<", ">", "="] = "="
        if self._code not in _KINDS:
            raise _refuse(f"values of type {shown(self._code)!r}")

    def __setstate__(self, state: Any) -> None:
        if (
            not isinstance(state, tuple)
            or len(state) < 5
            or any(part is not None for part in state[2:5])
        ):
            raise _refuse("a type with fields")
        order = _text(state[1])
        if order not in ("<", ">", "=", "|"):
            raise _refuse(f"byte order {shown(order)!r}")
        self._order = "<" if order == "<" else ">" if order == ">" else "="

    def build(self) -> np.dtype[Any]:
        """Return the numpy type."""
        return np.dtype(self._code).newbyteorder(self._order)


class ArrayRecord:
    """Replaces ``numpy.ndarray`` until its state is known.

    Args:
        budget: Memory for the arrays of its file.
    """

    __slots__ = ("_array", "_budget")

    def __init__(self, budget: ByteBudget) -> None:
        self._array: np.ndarray[Any, Any] | None = None
        self._budget = budget

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _refuse("an array of unknown state")
        _, shape, dtype, fortran, raw = state
        self._array = _from_raw(self._budget, raw, dtype, shape, "F" if fortran is True else "C")

    def array(self) -> np.ndarray[Any, Any]:
        """Return the array."""
        if self._array is None:
            raise _refuse("an array without values")
        return self._array


class ByteBudget:
    """Limit of the bytes of all arrays of a file, whose parts can be used repeatedly.

    Args:
        n_bytes: Size of the file.
    """

    def __init__(self, n_bytes: int) -> None:
        self._left = 2 * n_bytes + _SMALL

    def spend(self, n_bytes: int) -> None:
        """Use a part of the limit.

        Raises:
            TableIntegrityError: If less is left.
        """
        self._left -= n_bytes
        if self._left < 0:
            raise TableIntegrityError(
                "it makes more of its bytes than there are: the same are used for several arrays."
            )


def _from_raw(
    budget: ByteBudget, raw: Any, dtype: Any, shape: Any, order: Any
) -> np.ndarray[Any, Any]:
    """Return a copy of ``raw`` as an array, after checks of type and shape."""
    sound = isinstance(shape, tuple) and len(shape) <= _MOST_AXES
    sound = sound and all(type(size) is int and 0 <= size <= _LONGEST_AXIS for size in shape)
    if not sound or not isinstance(dtype, DTypeRecord) or not isinstance(raw, bytes | bytearray):
        raise _refuse("an array that is not numbers in a shape")
    kind = dtype.build()
    if math.prod(shape) * kind.itemsize != len(raw):
        raise _refuse(f"{size_text(len(raw))} for shape {shape} of {kind}")
    budget.spend(len(raw))
    flat = np.frombuffer(bytes(raw), dtype=kind).astype(kind.newbyteorder("="))
    return flat.reshape(shape, order="F" if _text(order) == "F" else "C")


class _Function:
    """A function that a pickle can call but not modify."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: Any) -> Any:
        call: Callable[..., Any] = object.__getattribute__(self, "_call")
        return call(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise _refuse("a changed function")


def _encode(budget: ByteBudget, text: Any, encoding: Any = "latin1") -> bytes:
    if _text(encoding) not in ("latin1", "latin-1"):
        raise _refuse("bytes in an unknown form")
    data = _text(text).encode("latin1")
    budget.spend(len(data))
    return data


def _no_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise _refuse("bytes in an unknown form")
    return b""


def _mapping(*arguments: Any) -> dict[Any, Any]:
    if arguments:
        raise _refuse("a mapping in an unknown form")
    return {}


def stand_ins(n_bytes: int) -> dict[tuple[str, str], Any]:
    """Return the replacements of the names in pickled arrays of numbers and ordered mappings.

    Args:
        n_bytes: Size of the pickle.
    """
    budget = ByteBudget(n_bytes)

    def reconstruct(*arguments: Any) -> ArrayRecord:
        return ArrayRecord(budget)

    def frombuffer(raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
        return _from_raw(budget, raw, dtype, shape, order)

    def scalar(dtype: Any, raw: Any) -> Any:
        return _from_raw(budget, raw, dtype, (), "C").item()

    def encode(text: Any, encoding: Any = "latin1") -> bytes:
        return _encode(budget, text, encoding)

    made: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): _Function(reconstruct),
        ("numpy", "dtype"): DTypeRecord,
        ("collections", "OrderedDict"): _Function(_mapping),
        ("_codecs", "encode"): _Function(encode),
        ("__builtin__", "bytes"): _Function(_no_bytes),
        ("builtins", "bytes"): _Function(_no_bytes),
    }
    for module in _MODULES:
        made[f"{module}.multiarray", "_reconstruct"] = _Function(reconstruct)
        made[f"{module}.multiarray", "scalar"] = _Function(scalar)
        made[f"{module}.numeric", "_frombuffer"] = _Function(frombuffer)
    return made


def plain(value: Any) -> Any:
    """Return ``value`` with arrays for records and text for ``bytes`` keys, recursively.

    Shared values are converted once, so that a few bytes of nested references do not exceed the memory.
    """
    return _plain(value, {})


def _plain(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, ArrayRecord):
        return value.array()
    if not isinstance(value, dict | list | tuple):
        return value
    if id(value) not in done:
        if isinstance(value, dict):
            items = value.items()
            done[id(value)] = {
                _text(k) if isinstance(k, bytes) else k: _plain(v, done) for k, v in items
            }
        else:
            done[id(value)] = type(value)(_plain(part, done) for part in value)
    return done[id(value)]
