"""The only reader of pickles: old data files, read without running their code.

A pickle may call any Python function while it is read. This reader accepts an explicit list of plain data
classes for each legacy file, replaces them by an inert record, and raises an error for every other name.
:mod:`.legacy_arrays` rebuilds arrays of numbers.
"""

from __future__ import annotations

import io
import os

# This module is the restricted reader itself.
import pickle  # nosec B403
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, ClassVar

from .errors import TableIntegrityError
from .legacy_arrays import plain, stand_ins
from .limits import read_bytes, shown

_InPython: Any = pickle._Unpickler
_OF_PYTHON_2 = "bytes"  # type of texts of Python 2
_LONGEST_KEY = 64
_PLAIN = frozenset((str, bytes, int, float, bool, type(None)))


class LegacyRecord:
    """Replaces a class of a legacy file; has its attributes and nothing else."""


def read_legacy_pickle(
    path: str | os.PathLike[str], *, admitted: Collection[tuple[str, str]]
) -> Any:
    """Read a pickle that may hold plain containers, numbers, text and the ``admitted`` classes only.

    Args:
        path: The file.
        admitted: (module, class) pairs; instances come back as :class:`LegacyRecord`.

    Raises:
        TableIntegrityError: If the file is missing or damaged, or names anything else.
    """
    data = read_bytes(Path(path))
    return _loaded(data, os.fspath(path), dict.fromkeys(admitted, LegacyRecord), "ASCII")


def read_pickled_arrays(data: bytes, name: str) -> Any:
    """Read a pickle of plain containers, numbers, text and arrays of numbers, also one of Python 2.

    Args:
        data: The pickle.
        name: What to call it in errors.

    Returns:
        Its content; keys are text, texts of Python 2 are ``bytes``.

    Raises:
        TableIntegrityError: If it is damaged or names anything else.

    Example:
        >>> import pickle, numpy
        >>> read_pickled_arrays(pickle.dumps({"labels": numpy.arange(3)}), "batch")
        {'labels': array([0, 1, 2])}
    """
    return _loaded(data, name, stand_ins(len(data)), _OF_PYTHON_2)


def read_pickled_stream(stream: Any, n_bytes: int, keep: Callable[[Any, Any], Any]) -> Any:
    """Read one pickle of plain containers, numbers and text from a stream, and only what is needed of it.

    Args:
        stream: A binary stream; it is read up to the end of the pickle.
        n_bytes: Size of the file.
        keep: Called with the key and the value of every entry of a mapping; returns the value to keep. A
            container that it does not return is emptied, so that large files need little memory.

    Raises:
        TableIntegrityError: If the pickle is damaged or names anything else.

    Example:
        >>> import io, pickle
        >>> stream = io.BytesIO(pickle.dumps({"a": {"b": [1, 2], "c": 3}}, protocol=2))
        >>> read_pickled_stream(stream, 100, lambda key, value: None if key == "b" else value)
        {'a': {'b': None, 'c': 3}}
    """
    try:
        return _PruningUnpickler(stream, n_bytes, keep).load()
    except TableIntegrityError:
        raise
    except Exception as error:
        raise TableIntegrityError(
            f"it is no readable pickle or is damaged: {type(error).__name__}: {shown(error)}."
        ) from None


def _loaded(data: bytes, name: str, known: dict[tuple[str, str], Any], encoding: str) -> Any:
    try:
        value = _RestrictedUnpickler(data, known, encoding).load()
        return plain(value) if encoding == _OF_PYTHON_2 else value
    except TableIntegrityError as error:
        raise TableIntegrityError(f"{name!r} is refused: {error}") from None
    except Exception as error:
        # A damaged pickle can raise almost any error; show one line instead of a traceback.
        raise TableIntegrityError(
            f"{name!r} is no readable pickle or is damaged: {type(error).__name__}: {shown(error)}."
        ) from None


class _RestrictedUnpickler(_InPython):  # type: ignore[misc]
    """Reads opcodes in Python, because the memory and time of the C implementation cannot be limited.

    There, a memo index of 150 million takes gigabytes, and hashing a key of nested tuples takes hours or
    crashes the process.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(_InPython.dispatch)

    def __init__(self, data: bytes, known: dict[tuple[str, str], Any], encoding: str) -> None:
        super().__init__(io.BytesIO(data), encoding=encoding)
        self._n_bytes = len(data)
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._known:
            return self._known[module, name]
        raise TableIntegrityError(
            f"it names {shown(module)}.{shown(name)}, which is not among the classes that such a file may hold."
        )

    def persistent_load(self, pid: Any) -> Any:
        what = repr(shown(pid)) if isinstance(pid, str | bytes) else type(pid).__name__
        raise TableIntegrityError(f"it refers to an object outside the file ({what}).")

    def load_setitem(self) -> None:
        _check_keys(self.stack[-2:-1])
        super().load_setitem()

    def load_setitems(self) -> None:
        _check_keys(self.stack[::2])
        super().load_setitems()

    def load_dict(self) -> None:
        _check_keys(self.stack[::2])
        super().load_dict()

    def load_additems(self) -> None:
        _check_keys(self.stack)
        super().load_additems()

    def load_frozenset(self) -> None:
        _check_keys(self.stack)
        super().load_frozenset()

    def load_bytearray8(self) -> None:
        start = self.read(8)
        if int.from_bytes(start, "little") > self._n_bytes:
            raise pickle.UnpicklingError("pickle data was truncated")
        self.append(bytearray(self.read(int.from_bytes(start, "little"))))


for _opcode, _name in (
    (pickle.SETITEM, "load_setitem"),
    (pickle.SETITEMS, "load_setitems"),
    (pickle.DICT, "load_dict"),
    (pickle.ADDITEMS, "load_additems"),
    (pickle.FROZENSET, "load_frozenset"),
    (pickle.BYTEARRAY8, "load_bytearray8"),
):
    _RestrictedUnpickler.dispatch[_opcode[0]] = getattr(_RestrictedUnpickler, _name)


def _check_keys(keys: Iterable[Any]) -> None:
    """Raise an error for keys with expensive hashes: all but plain values and flat tuples of them."""
    for key in keys:
        if type(key) not in _PLAIN and (
            type(key) is not tuple
            or len(key) > _LONGEST_KEY
            or not all(type(part) in _PLAIN for part in key)
        ):
            raise TableIntegrityError(
                f"it has a key of type {type(key).__name__}; keys may be plain values, and tuples of up to "
                f"{_LONGEST_KEY} of them."
            )


class _Memo:
    """Objects of a pickle that it may refer to, by consecutive numbers; a dictionary needs more memory."""

    def __init__(self) -> None:
        self._objects: list[Any] = []

    def __len__(self) -> int:
        return len(self._objects)

    def __getitem__(self, index: int) -> Any:
        return self._objects[index]

    def __setitem__(self, index: int, value: Any) -> None:
        if index == len(self._objects):
            self._objects.append(value)
        elif 0 <= index < len(self._objects):
            self._objects[index] = value
        else:
            raise TableIntegrityError("it numbers its objects in an unknown order.")


def _values(values: Any = ()) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else []


class _PruningUnpickler(_RestrictedUnpickler):
    """Reads from a stream and drops what is not needed as soon as it is read."""

    dispatch: ClassVar[dict[int, Any]] = dict(_RestrictedUnpickler.dispatch)

    def __init__(self, stream: Any, n_bytes: int, keep: Callable[[Any, Any], Any]) -> None:
        _InPython.__init__(self, stream, encoding="utf-8")
        self._n_bytes, self._keep = n_bytes, keep
        # A set becomes its list of values, which are then not hashed.
        sets = dict.fromkeys([("builtins", "set"), ("__builtin__", "set")], _values)
        self._known = stand_ins(n_bytes) | sets
        self._texts: dict[str, str] = {}
        self.memo = _Memo()

    def load_setitem(self) -> None:
        self._prune(self.stack, len(self.stack) - 2)
        super().load_setitem()

    def load_setitems(self) -> None:
        self._prune(self.stack, 0)
        super().load_setitems()

    def load_binunicode(self) -> None:
        super().load_binunicode()
        # Equal texts are one object.
        self.stack[-1] = self._texts.setdefault(self.stack[-1], self.stack[-1])

    def _prune(self, stack: list[Any], start: int) -> None:
        for place in range(start, len(stack) - 1, 2):
            key, value = stack[place], stack[place + 1]
            kept = self._keep(key, value)
            if kept is not value:
                stack[place + 1] = kept
                if isinstance(value, dict | list):
                    value.clear()


for _opcode, _name in (
    (pickle.SETITEM, "load_setitem"),
    (pickle.SETITEMS, "load_setitems"),
    (pickle.BINUNICODE, "load_binunicode"),
):
    _PruningUnpickler.dispatch[_opcode[0]] = getattr(_PruningUnpickler, _name)
