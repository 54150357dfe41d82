"""The one place where anything is unpickled: old benchmark files, read without running their code.

A pickle may name any function of Python to be called while it is read. This reader knows an explicit list of
plain data classes for each legacy file, replaces them by an inert record, and refuses every other name.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..core import TableIntegrityError


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
    try:
        return _RestrictedUnpickler(io.BytesIO(data), frozenset(admitted)).load()
    except TableIntegrityError as error:
        raise TableIntegrityError(f"{os.fspath(path)!r} is refused: {error}") from None
    except Exception as error:
        # A damaged pickle can fail in almost any way; none of them is worth a traceback to the user.
        raise TableIntegrityError(
            f"{os.fspath(path)!r} is no readable pickle or is damaged: {type(error).__name__}: {error}."
        ) from None


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, admitted: frozenset[tuple[str, str]]) -> None:
        super().__init__(file)
        self._admitted = admitted

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._admitted:
            return LegacyRecord
        raise TableIntegrityError(
            f"it names {module}.{name}, which is not among the classes that such a file may hold."
        )

    def persistent_load(self, pid: Any) -> Any:
        raise TableIntegrityError(f"it refers to an object outside the file ({pid!r}).")
