"""Text files as a whole: UTF-8, no longer than they may be, and JSON among them."""

from __future__ import annotations

import os
from typing import Any

from .errors import AnalogNASError, TableIntegrityError
from .limits import LARGEST_TEXT, parse_json, size_text

__all__ = ["read_json", "read_text"]


def read_text(path: str | os.PathLike[str], limit: int = LARGEST_TEXT) -> str:
    """Return what is in a text file, UTF-8 with or without a byte order mark.

    Args:
        path: The file.
        limit: Bytes that it may have; a device or a pipe that never ends has more.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not UTF-8, or longer; names the limit.
    """
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it is longer than {size_text(limit)}, the limit")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None


def read_json(
    path: str | os.PathLike[str], *, error: type[AnalogNASError] = TableIntegrityError
) -> Any:
    """Return what a JSON file holds.

    Args:
        path: The file.
        error: Class of the error.

    Raises:
        FileNotFoundError: If there is no such file.
        AnalogNASError: Of class ``error``, if it cannot be read or is not JSON, see :func:`parse_json`.
    """
    where = repr(os.fspath(path))
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as reason:
        why = getattr(reason, "strerror", None) or reason
        raise error(f"Cannot read {where}: {why}.") from None
    return parse_json(text, where=where, error=error)
