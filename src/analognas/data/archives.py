"""Published archives: which there are, and their members read without unpacking."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..core import DataNotFoundError, TableIntegrityError

_DAMAGED = (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, RuntimeError)


@dataclass(frozen=True)
class Archive:
    """A file as it was published.

    Args:
        name: Its official name.
        md5: Its official MD5, or ""; only said in messages.
        folder: The folder inside that holds the members.
    """

    name: str
    md5: str = ""
    folder: str = ""

    def __str__(self) -> str:
        return f"{self.name} (MD5 {self.md5})" if self.md5 else self.name


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
) -> dict[str, bytes] | None:
    """Return members of an archive or of the folder that it unpacks to; None if neither is there.

    Args:
        dataset: For error messages.
        root: The folder itself, the folder around it, the folder of the archive, or the archive.
        archive: Which one.
        wanted: Members in its folder; a folder is taken for the data set if it has the first of them.

    Raises:
        TableIntegrityError: If the archive is damaged or a member is missing.
    """
    if root is None:
        return None
    first = next(iter(wanted))
    for folder in (root, root / archive.folder):
        if (folder / first).is_file():
            return {name: read_file(folder / name) for name in wanted if (folder / name).is_file()}
    path = root if root.name == archive.name else root / archive.name
    return _from_archive(dataset, path, archive, wanted) if path.is_file() else None


def check_members(dataset: str, members: dict[str, bytes], needed: Collection[str]) -> None:
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


def read_file(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        TableIntegrityError: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableIntegrityError(f"Cannot read {str(path)!r}: {error.strerror}.") from None


def _from_archive(
    dataset: str, path: Path, archive: Archive, wanted: Collection[str]
) -> dict[str, bytes]:
    try:
        if path.suffix == ".zip":
            return _from_zip(path, archive, wanted)
        return _from_tar(path, archive, wanted)
    except _DAMAGED as error:
        expected = f"; its MD5 must be {archive.md5}, but is {_md5(path)}" if archive.md5 else ""
        raise TableIntegrityError(
            f"{dataset}: {str(path)!r} is damaged or truncated ({type(error).__name__})"
            f"{expected}. Get it again."
        ) from None


def _from_tar(path: Path, archive: Archive, wanted: Collection[str]) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as file:
        for member in file:
            name = _inside(member.name, archive)
            if name in wanted and member.isreg():
                content = file.extractfile(member)
                found[name] = content.read() if content else b""
    return found


def _from_zip(path: Path, archive: Archive, wanted: Collection[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        names = {_inside(name, archive): name for name in file.namelist()}
        return {name: file.read(names[name]) for name in wanted if name in names}


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
