"""Atomic writes: a file is either the old one or the whole new one, never half of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import OutputFolderError

# Inside JSON, line breaks stand only between entries: those of texts are escaped.
_FLAT_LIST = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s*\]")
_LINE_BREAK = re.compile(r",\n\s+")


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file which appears at ``path`` only once its block has ended without an error.

    The data goes to a temporary file in the same folder, is flushed to the disk (``fsync``) and renamed.

    Raises:
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except OSError as error:
        raise OutputFolderError(
            f"Cannot write {str(target)!r}: {error.strerror}. "
            "Choose a folder that exists and is writable."
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_write(path) as file:
        file.write(text.encode())


def write_json(path: str | os.PathLike[str], payload: Any) -> None:
    """Write ``payload`` as indented JSON, atomically; NaN is refused, since JSON has none."""
    write_text(path, dump_json(payload) + "\n")


def dump_json(payload: Any) -> str:
    """Return ``payload`` as indented JSON in the key order given, lists of plain values on one line."""
    text = json.dumps(payload, indent=2, ensure_ascii=False, allow_nan=False)
    return _FLAT_LIST.sub(lambda match: "[" + _LINE_BREAK.sub(", ", match[1]) + "]", text)
