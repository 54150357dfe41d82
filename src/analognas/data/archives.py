"""Published archives, whose members are read without unpacking, and folders of files."""

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
    LARGEST_REQUEST,
    MOST_LINES,
    LimitedReader,
    read_all,
    read_bytes,
    read_zip_members,
    shown,
    size_text,
)

_FOREIGN = "__MACOSX"
"""Folder that macOS adds to archives."""


@dataclass(frozen=True)
class Archive:
    """A published file.

    Args:
        name: Official name.
        md5: Official MD5, or "".
        folder: Folder of the members in the archive.
        size: Official size, bytes, or 0. A different file of that size is considered damaged.
        limit: Largest size of its members, bytes.
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
        packed: Whether they were compressed, so that they may be much larger than their file.
        note: Remark to report with all results, such as that the archive is not the published one.
    """

    def __init__(
        self, content: Mapping[str, bytes], *, packed: bool, note: str | None = None
    ) -> None:
        super().__init__(content)
        self.packed, self.note = packed, note

    def lines(self, name: str) -> list[str]:
        """Return the lines of a text.

        Raises:
            TableIntegrityError: If it is not UTF-8, or a compressed text has more than :data:`.MOST_LINES`
                lines.
        """
        data = self[name]
        if self.packed and (n := data.count(b"\n")) > MOST_LINES:
            raise TableIntegrityError(
                f"{name!r} has {n:,} lines; the limit is {MOST_LINES:,}. If you trust it, unpack it yourself."
            )
        return text_lines(data, repr(name))


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders directly in ``folder``, without hidden ones."""
    return sorted(path for path in folder.iterdir() if _is_visible(path.name) and path.is_dir())


def visible_files(folder: Path, *, deep: bool = True) -> list[Path]:
    """Return the files in ``folder`` and, if ``deep``, in its subfolders, without hidden ones.

    Names of hidden files and folders begin with a dot, such as ``.ipynb_checkpoints`` and ``._x.png`` of macOS.
    """
    found = folder.rglob("*") if deep else folder.iterdir()
    return sorted(
        path
        for path in found
        if all(map(_is_visible, path.relative_to(folder).parts)) and path.is_file()
    )


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name != _FOREIGN


def missing(
    dataset: str, root: Path | None, archives: Sequence[Archive], *, unpacked: bool = False
) -> DataNotFoundError:
    """Return the error for missing files of a data set."""
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
    """Return members of an archive or its unpacked folder; None if neither exists.

    Args:
        dataset: For error messages.
        root: The unpacked folder, its parent, the folder of the archive, or the archive.
        archive: The archive.
        wanted: Members in its folder; a folder is recognised by the first of them.

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
    """Check that all needed members exist.

    Raises:
        TableIntegrityError: If any is missing.
    """
    absent = [name for name in needed if name not in members]
    if absent:
        raise TableIntegrityError(
            f"{dataset}: {', '.join(absent)} must be in the same folder as {next(iter(members))}, but is "
            f"missing; unpack the archive again."
        )


def text_lines(data: bytes, where: str) -> list[str]:
    r"""Return the lines of a UTF-8 text; only line feeds and carriage returns separate lines.

    Args:
        data: The text.
        where: Name for error messages.

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
        # Damaged archives raise EOFError, zlib.error, LZMAError, StopIteration and others.
        expected = f"; its MD5 must be {archive.md5}, but is {_md5(path)}" if archive.md5 else ""
        raise TableIntegrityError(
            f"{where} is damaged or truncated ({type(error).__name__}: {shown(error)}){expected}. Get it again."
        ) from None
    return Members(found, packed=True, note=check_published(where, path, archive))


def check_published(where: str, path: Path, archive: Archive) -> str | None:
    """Compare a file with the published one; if they differ, return a remark.

    Args:
        where: Name for error messages.
        path: The file.
        archive: The published file.

    Raises:
        TableIntegrityError: If size is equal but the checksum differs: the file is damaged.
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
    """An uncompressed tar archive; headers and padding may have one megabyte at most."""

    in_content = False
    _beside = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not self.in_content:
            self._beside += len(data)
            if self._beside > LARGEST_REQUEST:
                raise self.too_large("holds more beside its members", LARGEST_REQUEST)
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
                        f"{where}: {name!r} is a sparse member, which published archives do not have."
                    )
                if member.size > archive.limit:
                    raise reader.too_large(f"unpacks to {size_text(member.size)}", archive.limit)
                content = file.extractfile(member)
                reader.in_content = True
                found[name] = (
                    read_all(content, limit=archive.limit, where=where) if content else b""
                )
                reader.in_content = False
        # The checksum of the compressed stream is at its end, after padding.
        while reader.read():
            pass
    return found


def _unpacked(path: Path) -> BinaryIO:
    """Open a file with or without gzip, bzip2 or xz compression."""
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(path))
    # Python may be built without these two.
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
        # The sizes of members are in the archive; contents may be much larger than the file.
        reader = LimitedReader(stream, sys.maxsize, where)
        with zipfile.ZipFile(reader) as file:
            names = {_inside(info.filename, archive): info for info in file.infolist()}
            chosen = {name: names[name] for name in wanted if name in names}
            return read_zip_members(file, chosen, where=where, limit=archive.limit)


def _inside(member: str, archive: Archive) -> str:
    """Return the name of a member relative to the archive's folder."""
    path = PurePosixPath(member)
    folder = PurePosixPath(archive.folder)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else ""


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
