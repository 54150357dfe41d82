"""Published archives: which there are, and their members read without unpacking."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import tarfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from ..core import DataNotFoundError, TableIntegrityError
from ..core.limits import (
    LARGEST_CONTENT,
    MOST_LINES,
    LimitedReader,
    read_all,
    read_bytes,
    read_zip_members,
    shown,
    size_text,
)

_LARGEST_BESIDE = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A file as it was published.

    Args:
        name: Its official name.
        md5: Its official MD5, or "".
        folder: The folder inside that holds the members.
        size: Its official size, bytes, or 0: another file of that size is a damaged one.
        limit: Bytes that its members may hold.
    """

    name: str
    md5: str = ""
    folder: str = ""
    size: int = 0
    limit: int = LARGEST_CONTENT

    def __str__(self) -> str:
        return f"{self.name} (MD5 {self.md5})" if self.md5 else self.name


class Members(dict[str, bytes]):
    """Members of a data set by name.

    Args:
        content: The members.
        packed: Whether they were packed, so that they may be many times larger than their file.
        note: What must be said beside any result, such as that the archive is not the published one.
    """

    def __init__(
        self, content: Mapping[str, bytes], *, packed: bool, note: str | None = None
    ) -> None:
        super().__init__(content)
        self.packed, self.note = packed, note

    def lines(self, name: str) -> list[str]:
        """Return the lines of a text.

        Raises:
            TableIntegrityError: If it is not UTF-8, or a packed text has more than :data:`.MOST_LINES` lines.
        """
        data = self[name]
        if self.packed and (n := data.count(b"\n")) > MOST_LINES:
            raise TableIntegrityError(
                f"{name!r} has {n:,} lines; the limit is {MOST_LINES:,}. If you trust it, unpack it yourself."
            )
        return text_lines(data, repr(name))


def missing(
    dataset: str, root: Path | None, archives: Sequence[Archive], *, unpacked: bool = False
) -> DataNotFoundError:
    """Return the error for a data set whose files are not there."""
    place = f"not in {str(root)!r}" if root else "no folder was given"
    packing = (
        "unpack it and pass that folder" if unpacked else "pass its folder, packed or unpacked,"
    )
    return DataNotFoundError(
        f"{dataset}: files not found ({place}). Get {' or '.join(map(str, archives))}, then {packing} as "
        "`root`, or name it in ANALOGNAS_DATA."
    )


def read_members(
    dataset: str, root: Path | None, archive: Archive, wanted: Collection[str]
) -> Members | None:
    """Return members of an archive or of the folder that it unpacks to; None if neither is there.

    Args:
        dataset: For error messages.
        root: The folder itself, the folder around it, the folder of the archive, or the archive.
        archive: Which one.
        wanted: Members in its folder; a folder is taken for the data set if it has the first of them.

    Raises:
        TableIntegrityError: If the archive is damaged, or holds more than the limit.
    """
    if root is None:
        return None
    first = next(iter(wanted))
    for folder in (root, root / archive.folder):
        if (folder / first).is_file():
            there = [name for name in wanted if (folder / name).is_file()]
            return Members({name: read_bytes(folder / name) for name in there}, packed=False)
    path = root if root.name == archive.name else root / archive.name
    return _from_archive(dataset, path, archive, wanted) if path.is_file() else None


def check_members(dataset: str, members: Mapping[str, bytes], needed: Collection[str]) -> None:
    """Check that nothing ``needed`` is missing.

    Raises:
        TableIntegrityError: Otherwise.
    """
    absent = [name for name in needed if name not in members]
    if absent:
        raise TableIntegrityError(
            f"{dataset}: {', '.join(absent)} must be beside {next(iter(members))}, but is missing; "
            "unpack the archive again."
        )


def text_lines(data: bytes, where: str) -> list[str]:
    r"""Return the lines of a UTF-8 text; only line feeds and carriage returns end one.

    Args:
        data: The text.
        where: What to call it in errors.

    Raises:
        TableIntegrityError: If it is not UTF-8.

    Example:
        >>> text_lines("a\x0bb\r\nc\n".encode(), "x")
        ['a\x0bb', 'c']
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableIntegrityError(f"{where} is not UTF-8 text: {shown(error)}.") from None
    return [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]


def _from_archive(dataset: str, path: Path, archive: Archive, wanted: Collection[str]) -> Members:
    where = f"{dataset}: {str(path)!r}"
    try:
        read = _from_zip if path.suffix == ".zip" else _from_tar
        found = read(path, archive, wanted, where)
    except TableIntegrityError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise TableIntegrityError(f"Cannot read {str(path)!r}: {error.strerror}.") from None
        # Archives report damage in almost any way: EOFError, zlib.error, LZMAError, StopIteration and others.
        expected = f"; its MD5 must be {archive.md5}, but is {_md5(path)}" if archive.md5 else ""
        raise TableIntegrityError(
            f"{where} is damaged or truncated ({type(error).__name__}: {shown(error)}){expected}. Get it again."
        ) from None
    return Members(found, packed=True, note=check_published(where, path, archive))


def check_published(where: str, path: Path, archive: Archive) -> str | None:
    """Compare a file with the published one, and return what must be said where it is another.

    Args:
        where: What to call it in errors.
        path: The file.
        archive: What was published.

    Raises:
        TableIntegrityError: If it has the size of the published one and another checksum: it is damaged.
    """
    if not archive.md5:
        return None
    md5 = _md5(path)
    if md5 == archive.md5:
        return None
    if path.stat().st_size == archive.size:
        raise TableIntegrityError(
            f"{where} is damaged: its MD5 must be {archive.md5}, but is {md5}. Get it again."
        )
    return f"{path.name} is not the published file (its MD5 is {md5}, not {archive.md5})"


class _TarStream(LimitedReader):
    """An unpacked tar archive; of headers, which Python parses, and padding it gives one megabyte at most."""

    in_content = False
    _beside = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not self.in_content:
            self._beside += len(data)
            if self._beside > _LARGEST_BESIDE:
                raise self.too_large("holds more beside its members", _LARGEST_BESIDE)
        return data


def _from_tar(
    path: Path, archive: Archive, wanted: Collection[str], where: str
) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with _unpacked(path) as stream:
        reader = _TarStream(stream, archive.limit, where)
        with tarfile.open(fileobj=reader, mode="r:") as file:
            for member in file:
                name = _inside(member.name, archive)
                if name not in wanted or not member.isreg():
                    continue
                if member.issparse():
                    raise TableIntegrityError(
                        f"{where}: {name!r} is a sparse member, which no published archive has."
                    )
                if member.size > archive.limit:
                    raise reader.too_large(f"unpacks to {size_text(member.size)}", archive.limit)
                content = file.extractfile(member)
                reader.in_content = True
                found[name] = (
                    read_all(content, limit=archive.limit, where=where) if content else b""
                )
                reader.in_content = False
        # The checksum of the packed stream is at its end, behind some padding.
        while reader.read():
            pass
    return found


def _unpacked(path: Path) -> BinaryIO:
    """Open a file that is packed by gzip, bzip2, xz or not at all."""
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(path))
    # A Python may be built without these two.
    if start.startswith(b"BZh"):
        import bz2

        return cast(BinaryIO, bz2.open(path))
    if start == b"\xfd7zXZ\0":
        import lzma

        return cast(BinaryIO, lzma.open(path))
    return path.open("rb")


def _from_zip(
    path: Path, archive: Archive, wanted: Collection[str], where: str
) -> dict[str, bytes]:
    with path.open("rb") as stream:
        # Members state their sizes; what is packed may be any number of times larger than the file.
        reader = LimitedReader(stream, sys.maxsize, where)
        with zipfile.ZipFile(reader) as file:
            names = {_inside(info.filename, archive): info for info in file.infolist()}
            chosen = {name: names[name] for name in wanted if name in names}
            return read_zip_members(file, chosen, where=where, limit=archive.limit)


def _inside(member: str, archive: Archive) -> str:
    """Name of a member relative to the archive's folder."""
    path = PurePosixPath(member)
    folder = PurePosixPath(archive.folder)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else ""


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
