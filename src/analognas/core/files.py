"""Atomic writes: a file has either its old or its complete new content.

A temporary file in the same folder, ``.analognas-<16 digits>.part``, is locked while its process lives. The
next process that writes to the folder removes temporary files of killed processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .errors import OutputFolderError
from .locks import try_lock

CHECKSUM_KEY = "sha256"
"""Last entry of a sealed JSON file."""

# JSON has line breaks between entries only; those in texts are escaped.
_FLAT_LIST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s*\]")
_LINE_BREAK = re.compile(r",\n\s+")

_FLAGS = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)
_TEMPORARY = re.compile(r"(\.analognas-[0-9a-f]{16}\.part)(-wal|-shm|-journal)?")
# Time of the next clean-up by folder, such that clean-ups take at most 1 % of the time.
_next_sweep: dict[str, float] = {}
_SWEEP_PAUSE = 100.0


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], *, new: bool = False) -> Iterator[BinaryIO]:
    """Open a binary file that appears at ``path`` when its block ends without an error.

    The data goes to a temporary file in the same folder, is flushed to the disk (``fsync``) and renamed.

    Args:
        path: The file.
        new: Whether an existing file is an error, even if it appeared during the block.

    Raises:
        OutputFolderError: If the folder does not exist or cannot be written to, the disk is full, or ``new`` is
            True and the file exists.

    Example:
        >>> with atomic_write("notes.txt") as file:
        ...     _ = file.write(b"all or nothing")
        >>> Path("notes.txt").read_text()
        'all or nothing'
    """
    target = Path(path)
    if new:
        _check_new(target)
    temporary, handle = _open_temporary(target)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "nt":  # where open files cannot be renamed
                file.close()
            _move(temporary, target, new)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, OutputFolderError):
            raise OutputFolderError(
                f"Cannot write {str(target)!r}: {error.strerror or error}. Nothing was changed."
            ) from None
        raise


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the name of an empty temporary file, which is renamed to ``path`` when the block ends.

    For files that other libraries write, such as SQLite; all others use :func:`atomic_write`.

    Raises:
        OutputFolderError: If ``path`` exists, even if it appeared during the block, or cannot be written.

    Example:
        >>> import sqlite3
        >>> with new_file("mine.sqlite") as temporary:
        ...     sqlite3.connect(temporary).close()
        >>> Path("mine.sqlite").exists()
        True
    """
    target = Path(path)
    _check_new(target)
    temporary, handle = _open_temporary(target)
    try:
        yield temporary
        _move(temporary, target, True)
    except OSError as error:
        if isinstance(error, OutputFolderError):
            raise
        raise OutputFolderError(
            f"Cannot write {str(target)!r}: {error.strerror or error}. Nothing was changed."
        ) from None
    finally:
        os.close(handle)
        for ending in ("", "-wal", "-shm", "-journal"):
            temporary.with_name(temporary.name + ending).unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8, atomically.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> write_text(os.path.join(folder, "a.txt"), "text")
        >>> os.listdir(folder)
        ['a.txt']
    """
    with atomic_write(path) as file:
        file.write(text.encode())


def write_json(path: str | os.PathLike[str], payload: Any, *, sealed: bool = False) -> None:
    """Write ``payload`` as indented JSON, atomically; NaN raises an error, as JSON has no NaN.

    Args:
        path: The file.
        payload: Anything that JSON can hold.
        sealed: Whether a checksum follows the entries of a mapping, which :func:`.read_json` verifies.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> write_json(os.path.join(folder, "a.json"), {"accuracy": 90.0})
        >>> os.listdir(folder)
        ['a.json']
    """
    write_text(path, dump_json(with_checksum(payload) if sealed else payload) + "\n")


def with_checksum(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping of JSON types with its checksum as last entry, which :func:`.checked_json` verifies."""
    return {**payload, CHECKSUM_KEY: json_checksum(payload)}


def json_checksum(payload: Any) -> str:
    """Return SHA-256 of a payload as JSON, independent of the order of keys.

    Example:
        >>> json_checksum({"a": (1, 2)}) == json_checksum({"a": [1, 2]})
        True
    """
    plain = json.loads(json.dumps(payload))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def dump_json(payload: Any) -> str:
    """Return ``payload`` as indented JSON in the key order given, lists of plain values on one line.

    Example:
        >>> print(dump_json({"accuracy": 90.0}))
        {
          "accuracy": 90.0
        }
    """
    text = json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False)
    return _FLAT_LIST.sub(lambda match: "[" + _LINE_BREAK.sub(", ", match[1]) + "]", text)


def remove_stale_temporaries(folder: Path) -> None:
    """Remove temporary files in ``folder`` that killed processes have left.

    Locked files of running processes stay.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if found := _TEMPORARY.fullmatch(name):
            with contextlib.suppress(OSError):
                _remove_if_stale(folder / found[1], folder / name)


def _remove_if_stale(owner: Path, file: Path) -> None:
    """Remove ``file`` unless its temporary file is in use."""
    try:
        handle = os.open(owner, os.O_RDWR)
    except FileNotFoundError:
        file.unlink()
        return
    try:
        if try_lock(handle):
            file.unlink()
    finally:
        os.close(handle)


def _open_temporary(target: Path) -> tuple[Path, int]:
    """Create a temporary file beside ``target`` and return it open and locked."""
    _sweep(target.parent)
    try:
        while True:
            temporary = target.with_name(f".analognas-{secrets.token_hex(8)}.part")
            handle = os.open(temporary, _FLAGS, 0o666)
            # Another process may have removed the file before it was locked.
            if try_lock(handle) is not False and temporary.exists():
                return temporary, handle
            os.close(handle)
    except OSError as error:
        raise OutputFolderError(
            f"Cannot write {str(target)!r}: {error.strerror}. "
            "Choose a folder that exists and is writable."
        ) from None


def _sweep(folder: Path) -> None:
    """Remove temporary files of killed processes, unless that was done recently."""
    key, start = os.path.abspath(folder), time.monotonic()
    if start >= _next_sweep.get(key, 0.0):
        remove_stale_temporaries(folder)
        now = time.monotonic()
        _next_sweep[key] = now + _SWEEP_PAUSE * (now - start)


def _check_new(target: Path) -> None:
    if os.path.lexists(target):
        raise OutputFolderError(f"{str(target)!r} exists already; name another file.")


def _move(temporary: Path, target: Path, new: bool) -> None:
    """Rename a temporary file to its final name."""
    if not new:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        _check_new(target)
        raise
    except OSError:  # a file system without links
        _check_new(target)
        temporary.replace(target)
    else:
        temporary.unlink()
