"""Reading whole text and JSON files: UTF-8, with a limit of their size."""

from __future__ import annotations

import os
import re
from typing import Any

from .errors import AnalogNASError, TableIntegrityError
from .files import CHECKSUM_KEY, json_checksum
from .limits import LARGEST_TEXT, parse_json, size_text

__all__ = ["checked_json", "read_json", "read_text"]

_CHECKSUM = re.compile(r"[0-9a-f]{64}")


def read_text(path: str | os.PathLike[str], limit: int = LARGEST_TEXT) -> str:
    """Return the content of a text file, UTF-8 with or without a byte order mark.

    Args:
        path: The file.
        limit: Largest size, bytes; also for devices and pipes.

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
    path: str | os.PathLike[str],
    *,
    error: type[AnalogNASError] = TableIntegrityError,
    sealed: bool = False,
) -> Any:
    """Return the value in a JSON file.

    Args:
        path: The file.
        error: Class of the error.
        sealed: Whether it was written with a checksum (:func:`.write_json`), which is verified and left out.
            Files of earlier versions have none.

    Raises:
        FileNotFoundError: If there is no such file.
        AnalogNASError: Of class ``error``, if it cannot be read, is not JSON (see :func:`parse_json`), or does
            not match its checksum.
    """
    where = repr(os.fspath(path))
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as reason:
        why = getattr(reason, "strerror", None) or reason
        raise error(f"Cannot read {where}: {why}.") from None
    payload = parse_json(text, where=where, error=error)
    return checked_json(payload, where, error=error) if sealed else payload


def checked_json(
    payload: Any, where: str, *, error: type[AnalogNASError] = TableIntegrityError
) -> Any:
    """Return a mapping of JSON types without its checksum, which is verified if there is one.

    Args:
        payload: What was read.
        where: What it is, the beginning of the error.
        error: Class of the error.

    Raises:
        AnalogNASError: Of class ``error``, if the checksum is another.
    """
    if not isinstance(payload, dict):
        return payload
    entries = {key: value for key, value in payload.items() if key != CHECKSUM_KEY}
    stamp = payload.get(CHECKSUM_KEY)
    # The key itself may be what was changed.
    lost = any(isinstance(one, str) and _CHECKSUM.fullmatch(one) for one in entries.values())
    if lost or (stamp is not None and stamp != json_checksum(entries)):
        raise error(f"{where} does not match its checksum: it was damaged or changed.")
    return entries
