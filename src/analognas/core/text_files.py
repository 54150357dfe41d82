"""Reading whole text and JSON files with a limit of their size: UTF-8, or other encodings for foreign texts."""

from __future__ import annotations

import codecs
import os
import re
from typing import Any

from .errors import AnalogNASError, TableIntegrityError
from .files import CHECKSUM_KEY, json_checksum
from .limits import LARGEST_TEXT, parse_json, size_text

__all__ = ["checked_json", "decoded", "read_json", "read_text"]

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


def decoded(data: bytes) -> tuple[str, str]:
    """Return a foreign text, and its encoding: UTF-8, UTF-16, or else Windows-1252.

    Windows-1252 is Latin-1 with other characters at 0x80 to 0x9f, and is what spreadsheets write.

    Args:
        data: Content of the file.

    Raises:
        ValueError: If it is in none of them.

    Example:
        >>> decoded("5 µS".encode("latin-1")), decoded("5 µS".encode("utf-16"))
        (('5 µS', 'Windows-1252'), ('5 µS', 'UTF-16'))
    """
    zeros = (data[0:4096:2].count(0), data[1:4096:2].count(0))
    half = len(data[:4096]) // 4
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encodings = [("UTF-16", "utf-16")]
    elif max(zeros) > half:
        encodings = [("UTF-16", "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le")]
    else:
        encodings = [("UTF-8", "utf-8-sig"), ("Windows-1252", "cp1252")]
    for name, codec in encodings:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    raise ValueError("it is not a text in UTF-8, UTF-16 or Windows-1252; save it as UTF-8")


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
