"""Limits of files from outside: unpacked size, and length and nesting of texts.

A few kilobytes can unpack to more than the memory, and brackets can be nested deeper than Python's stack. All
readers of packed files and of JSON use this module and raise an error that names the limit.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from .errors import AnalogNASError, TableIntegrityError

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

__all__ = [
    "DEEPEST_JSON",
    "LARGEST_CONTENT",
    "LARGEST_PACKED_TEXT",
    "LARGEST_RATIO",
    "LARGEST_REQUEST",
    "LARGEST_TEXT",
    "LARGEST_YAML",
    "LONGEST_SHOWN",
    "MOST_LINES",
    "MOST_PIXELS",
    "LimitedReader",
    "Readable",
    "bunzip",
    "check_zip_sizes",
    "gunzip",
    "parse_json",
    "read_all",
    "read_bytes",
    "read_zip_members",
    "shown",
    "size_text",
    "unpacked_limit",
]

LARGEST_CONTENT = 256 << 20
"""Largest unpacked size of one file, bytes; the largest published data set that is read packed has 186 MB."""
LARGEST_PACKED_TEXT = 16 << 20
"""Largest unpacked size of a text, bytes, unless its file is large as well; parts of texts need much memory."""
LARGEST_RATIO = 20
"""Largest ratio of content to file, if that allows more; tables and images have ratios of a few."""
LARGEST_TEXT = 64 << 20
"""Largest size of a text file that is read as a whole, bytes."""
LARGEST_YAML = 1 << 18
"""Largest number of characters of a YAML text, which PyYAML reads in a second or two; JSON may be longer."""
MOST_PIXELS = 1 << 26
"""Largest number of pixels of an image."""
MOST_LINES = 1 << 20
"""Largest number of lines of a packed text; the largest known one has 393 thousand."""
LARGEST_REQUEST = 1 << 20
"""Largest request of an archive's reader, and size of all headers, bytes; forged headers are larger."""
DEEPEST_JSON = 100
"""Deepest nesting of a JSON text."""
LONGEST_SHOWN = 200
"""Largest number of characters of a foreign text in an error."""

_LONG_INTEGER = "it has an integer of more than 4,300 digits"
_BLOCK = 1 << 20
_ZIP_STORED, _ZIP_DEFLATED, _ZIP_LZMA = 0, 8, 14
# Packed bytes that are read at once, by method. zipfile unpacks them completely: some thousand times as many
# bytes with LZMA, a million times with bzip2.
_ZIP_BLOCKS = {_ZIP_STORED: _BLOCK, _ZIP_DEFLATED: _BLOCK, _ZIP_LZMA: 4096}
# Matches at every quotation mark, closed or not, so that it takes linear time.
_STRINGS = re.compile(r'"(?:[^"\\]+|\\.)*(?:"|\\?\Z)', re.DOTALL)


class Readable(Protocol):
    """A binary stream."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        ...

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Move to a position and return it."""
        ...


def size_text(n_bytes: int) -> str:
    """Return a number of bytes as text with a unit.

    Example:
        >>> size_text(268435456), size_text(900)
        ('256 MiB', '900 bytes')
    """
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if n_bytes >= 1 << power:
            return f"{n_bytes / (1 << power):.4g} {unit}"
    return f"{n_bytes} bytes"


def unpacked_limit(n_bytes: int, *, least: int = LARGEST_CONTENT) -> int:
    """Return how many bytes a packed file of ``n_bytes`` may hold: ``least`` in any case."""
    return max(least, LARGEST_RATIO * n_bytes)


def shown(text: Any, limit: int = LONGEST_SHOWN) -> str:
    """Return a foreign text for an error message: on one line, cut after ``limit`` characters.

    An error is shown as its text, without the full stop at the end.

    Example:
        >>> shown("a" * 1000, 10)
        'aaaaaaaaaa… (1,000 characters)'
    """
    whole = str(text)
    line = " ".join(whole[: 2 * limit].split())
    if len(whole) <= limit:
        return line.rstrip(".") if isinstance(text, Exception) else line
    return f"{line[:limit]}… ({len(whole):,} characters)"


class LimitedReader(io.RawIOBase):
    """A stream with a limit, beyond which reading raises an error.

    Readers of archives, such as ``tarfile`` and ``zipfile``, trust the sizes in an archive and read headers of
    any length at once; this stream prevents that.

    Args:
        stream: A binary stream, such as an open gzip file.
        limit: Largest size, bytes.
        where: What to call it in errors.
    """

    def __init__(self, stream: Readable, limit: int, where: str) -> None:
        super().__init__()
        self._stream, self._limit, self._where = stream, limit, where
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True: forwards, and backwards if the stream supports it."""
        return True

    def tell(self) -> int:
        """Return the position, bytes."""
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes; by default up to the largest request.

        Raises:
            TableIntegrityError: If the stream exceeds its limit, or the request is too large.
        """
        wanted = LARGEST_REQUEST if size is None or size < 0 else size
        if wanted > LARGEST_REQUEST:
            raise self.too_large(f"has a header of {wanted:,} bytes", LARGEST_REQUEST)
        data = self._stream.read(wanted)
        self._position += len(data)
        if self._position > self._limit:
            raise self.too_large("unpacks to more", self._limit)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position and return it.

        Raises:
            TableIntegrityError: If it lies beyond the limit.
        """
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if target > self._limit and whence != io.SEEK_END:
            raise self.too_large("unpacks to more", self._limit)
        if whence == io.SEEK_END:
            self._position = self._stream.seek(offset, whence)
        elif target != self._position:
            self._position = self._stream.seek(target)
        return self._position

    def too_large(self, what: str, limit: int) -> TableIntegrityError:
        """Return the error that names a limit."""
        return _too_large(self._where, what, limit)


def read_all(stream: Readable, *, limit: int, where: str, block: int = _BLOCK) -> bytes:
    """Return the rest of a stream up to its end, so that its checksum is verified.

    Args:
        stream: A binary stream.
        limit: Largest size, bytes.
        where: Its name in errors.
        block: Size of a request, bytes.

    Raises:
        TableIntegrityError: If it is larger.

    Example:
        >>> read_all(io.BytesIO(b"abc"), limit=3, where="x")
        b'abc'
    """
    reader = LimitedReader(stream, limit, where)
    return b"".join(iter(lambda: reader.read(block), b""))


def check_zip_sizes(
    members: Iterable[ZipInfo], *, where: str, limit: int = LARGEST_CONTENT
) -> None:
    """Check the sizes of members of a zip file before unpacking.

    Args:
        members: The members.
        where: What to call the file in errors.
        limit: Bytes that they may hold together.

    Raises:
        TableIntegrityError: If they are larger, or the packing method does not allow a limit.
    """
    total = 0
    for member in members:
        total += member.file_size
        if member.compress_type not in _ZIP_BLOCKS:
            raise TableIntegrityError(
                f"{where}: {shown(member.filename)!r} is packed by method {member.compress_type}; pack it by "
                "deflate (8), or not at all."
            )
    if total > limit:
        raise _too_large(where, f"unpacks to {size_text(total)}", limit)


def read_zip_members(
    file: ZipFile, members: Mapping[str, ZipInfo], *, where: str, limit: int = LARGEST_CONTENT
) -> dict[str, bytes]:
    """Return members of an open zip file after verifying their checksums.

    Args:
        file: The file.
        members: The members, by any name.
        where: What to call the file in errors.
        limit: Bytes that they may hold together.

    Raises:
        TableIntegrityError: As :func:`check_zip_sizes`.
    """
    check_zip_sizes(members.values(), where=where, limit=limit)
    found = {}
    for name, member in members.items():
        with file.open(member) as stream:
            found[name] = read_all(
                stream, limit=limit, where=where, block=_ZIP_BLOCKS[member.compress_type]
            )
    return found


def read_bytes(
    path: str | os.PathLike[str],
    *,
    error: type[AnalogNASError] = TableIntegrityError,
    advice: str = "",
) -> bytes:
    """Return the content of a file; of a device or pipe, at most :data:`LARGEST_CONTENT`.

    Args:
        path: The file.
        error: Class of the error.
        advice: Sentence with advice for the error.

    Raises:
        AnalogNASError: Of class ``error``, if it cannot be read.
    """
    where = repr(os.fspath(path))
    try:
        with open(path, "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
            data = file.read(LARGEST_CONTENT + 1)
    except (OSError, ValueError) as reason:  # ValueError: a name with a null character
        why = getattr(reason, "strerror", None) or reason
        raise error(f"Cannot read {where}: {why}.{advice and ' '}{advice}") from None
    if len(data) > LARGEST_CONTENT:
        raise error(f"{where} does not end after {size_text(LARGEST_CONTENT)}, the limit.")
    return data


def gunzip(data: bytes, *, where: str, limit: int = LARGEST_CONTENT) -> bytes:
    """Return the content of a gzip file after verifying its length and CRC.

    Args:
        data: The file.
        where: What to call it in errors.
        limit: Bytes that it may hold.

    Raises:
        TableIntegrityError: If it is damaged, truncated or not a gzip file, or holds more than ``limit``.

    Example:
        >>> gunzip(gzip.compress(b"abc"), where="x")
        b'abc'
    """
    return _unpacked(lambda: gzip.GzipFile(fileobj=io.BytesIO(data)), where, limit)


def bunzip(data: bytes, *, where: str, limit: int = LARGEST_CONTENT) -> bytes:
    """Return the content of a bzip2 file after verifying its checksums.

    Args:
        data: The file.
        where: What to call it in errors.
        limit: Bytes that it may hold.

    Raises:
        TableIntegrityError: If it is damaged, truncated or not a bzip2 file, or holds more than ``limit``.
    """
    import bz2  # missing in some builds of Python

    return _unpacked(lambda: bz2.BZ2File(io.BytesIO(data)), where, limit)


def _unpacked(
    opened: Callable[[], AbstractContextManager[Readable]], where: str, limit: int
) -> bytes:
    try:
        with opened() as file:
            return read_all(file, limit=limit, where=where)
    except TableIntegrityError:
        raise
    except Exception as error:
        # A damaged stream fails in many ways: OSError, EOFError, zlib.error.
        raise TableIntegrityError(
            f"{where} is damaged or truncated ({type(error).__name__}: {shown(error)}). Get it again."
        ) from None


def parse_json(
    text: str | bytes,
    *,
    where: str,
    error: type[AnalogNASError] = TableIntegrityError,
    unique: bool = True,
) -> Any:
    """Return the value of a JSON text.

    Args:
        text: The text; bytes are UTF-8.
        where: Its name in errors.
        error: Class of the error.
        unique: Whether a duplicate key of a mapping is an error.

    Raises:
        AnalogNASError: Of class ``error``, if it is not JSON, is nested deeper than :data:`DEEPEST_JSON`, or
        has
            a duplicate key.

    Example:
        >>> parse_json('{"a": [1]}', where="x")
        {'a': [1]}
    """
    try:
        whole = text if isinstance(text, str) else text.decode("utf-8-sig")
        depth = _depth(whole)
        if depth > DEEPEST_JSON:
            raise ValueError(f"it is nested {depth:,} deep; the limit is {DEEPEST_JSON}")
        return json.loads(whole, object_pairs_hook=_without_twins if unique else None)
    except (ValueError, RecursionError) as reason:
        why = _LONG_INTEGER if "int_max_str_digits" in str(reason) else shown(reason)
        raise error(f"{where} is not sound JSON: {why}.") from None


def _too_large(where: str, what: str, limit: int) -> TableIntegrityError:
    return TableIntegrityError(
        f"{where} {what}; the limit is {size_text(limit)}. If you trust it, unpack it yourself."
    )


def _depth(text: str) -> int:
    """Return the depth of nested brackets."""
    if text.count("[") + text.count("{") <= DEEPEST_JSON:
        return 0
    import numpy as np

    letters = np.frombuffer(_STRINGS.sub("", text).encode("ascii", "replace"), dtype=np.uint8)
    opening, closing = (
        (letters == ord(one)) | (letters == ord(other)) for one, other in ("[{", "]}")
    )
    steps = opening.astype(np.int8) - closing.astype(np.int8)
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object as a mapping."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {shown(key)!r} is in one mapping twice")
        made[key] = value
    return made
