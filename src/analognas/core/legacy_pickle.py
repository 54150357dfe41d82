"""The one place where anything is unpickled: old data files, read without running their code.

A pickle may name any function of Python to be called while it is read. This reader knows an explicit list of
plain data classes for each legacy file, replaces them by an inert record, and refuses every other name.
Arrays of numbers are rebuilt by :mod:`.legacy_arrays`, not by numpy.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .errors import TableIntegrityError
from .legacy_arrays import STAND_INS, plain


class LegacyRecord:
    """Stands in for a class of a legacy file: its attributes and nothing else."""


def read_legacy_pickle(
    path: str | os.PathLike[str], *, admitted: Collection[tuple[str, str]]
) -> Any:
    """Read a pickle that may hold plain containers, numbers, text and the ``admitted`` classes only.

    Args:
        path: The file.
        admitted: (module, class) pairs; instances come back as :class:`LegacyRecord`.

    Raises:
        TableIntegrityError: If the file is missing, damaged, or names anything that is not admitted.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise TableIntegrityError(f"Cannot read {os.fspath(path)!r}: {error.strerror}.") from None
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
    return _loaded(data, name, STAND_INS, "bytes")


def _loaded(data: bytes, name: str, stand_ins: dict[tuple[str, str], Any], encoding: str) -> Any:
    try:
        value = _RestrictedUnpickler(io.BytesIO(data), stand_ins, encoding).load()
        return plain(value) if stand_ins is STAND_INS else value
    except TableIntegrityError as error:
        raise TableIntegrityError(f"{name!r} is refused: {error}") from None
    except Exception as error:
        # A damaged pickle can fail in almost any way; none of them is worth a traceback to the user.
        raise TableIntegrityError(
            f"{name!r} is no readable pickle or is damaged: {type(error).__name__}: {error}."
        ) from None


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(
        self, file: io.BytesIO, stand_ins: dict[tuple[str, str], Any], encoding: str
    ) -> None:
        super().__init__(file, encoding=encoding)
        self._stand_ins = stand_ins

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._stand_ins:
            return self._stand_ins[module, name]
        raise TableIntegrityError(
            f"it names {module}.{name}, which is not among the classes that such a file may hold."
        )

    def persistent_load(self, pid: Any) -> Any:
        raise TableIntegrityError(f"it refers to an object outside the file ({pid!r}).")
