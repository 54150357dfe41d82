"""Files of fitted surrogates: those that come with the package, and how such files are read and checked.

``python -m analognas.evaluators.fit_default_weights`` writes the shipped files and ``checksums.json``.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..core import TableIntegrityError, atomic_write
from ..core.limits import LARGEST_PACKED_TEXT, gunzip, parse_json, read_bytes, unpacked_limit

__all__ = [
    "SPECIFICATIONS",
    "WEIGHTS_FOLDER",
    "content_checksum",
    "how_to_measure",
    "read_content",
    "shipped_weights",
    "weights_file",
    "write_checksums",
    "write_content",
]

WEIGHTS_FOLDER = Path(__file__).with_name("data")
"""Folder of the shipped files."""

CHECKSUM_FILE = "checksums.json"
"""File in it with the SHA-256 of the content of each other file."""

SPECIFICATIONS = {
    "resnet": "resnet-cifar10",
    "resnet_kws": "resnet-kws",
    "resnet_vww": "resnet-vww",
}
"""Build specification by space whose table the shipped evaluators are fitted to."""


def how_to_measure(space: str) -> str:
    """Return advice for an error message: how networks of a space are measured; empty for most spaces.

    Example:
        >>> how_to_measure("resnet")
        ', such as a table: `analognas bench build resnet-cifar10 --root DATA`, then fit(MeasuredTable(FILE))'
    """
    if space not in SPECIFICATIONS:
        return ""
    return (
        f", such as a table: `analognas bench build {SPECIFICATIONS[space]} --root DATA`, then "
        "fit(MeasuredTable(FILE))"
    )


def weights_file(kind: str, space: str) -> str:
    """Return the name of the shipped file of one kind of surrogate for a space."""
    return f"{kind}_{space}.json.gz"


@cache
def _checksums() -> Mapping[str, str]:
    path = WEIGHTS_FOLDER / CHECKSUM_FILE
    found = parse_json(read_bytes(path), where=f"The list of checksums {str(path)!r}")
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise TableIntegrityError(f"{str(path)!r} must map file names to checksums; reinstall.")
    return found


def shipped_weights(kind: str, space: str) -> tuple[Path, str] | None:
    """Return the shipped file of a surrogate and the checksum of its content; None if there is none.

    Args:
        kind: ``xgboost`` or ``graph_ensemble``.
        space: Name of the space.

    Example:
        >>> shipped_weights("xgboost", "nasbench201")[0].name
        'xgboost_nasbench201.json.gz'
    """
    name = weights_file(kind, space)
    checksum = _checksums().get(name)
    return None if checksum is None else (WEIGHTS_FOLDER / name, checksum)


def write_checksums(checksums: Mapping[str, str]) -> None:
    """Replace the checksums of some shipped files."""
    merged = {**_checksums(), **checksums}
    with atomic_write(WEIGHTS_FOLDER / CHECKSUM_FILE) as file:
        file.write((json.dumps(merged, indent=2, sort_keys=True) + "\n").encode())
    _checksums.cache_clear()


def content_checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hexadecimal) of the content of a file."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_content(path: str | os.PathLike[str], content: Mapping[str, Any]) -> str:
    """Write content and its checksum to a JSON file, atomically, and return the checksum.

    The file is compressed if its name ends in ``.gz``.

    Raises:
        OutputFolderError: If the file cannot be written.
    """
    checksum = content_checksum(content)
    data = (json.dumps({**content, "checksum": checksum}) + "\n").encode()
    with atomic_write(path) as file:
        # No time stamp, so that equal models give equal files.
        file.write(gzip.compress(data, mtime=0) if _is_compressed(path) else data)
    return checksum


def read_content(
    path: str | os.PathLike[str], *, kind: str, version: int, writer: str, checksum: str | None
) -> dict[str, Any]:
    """Read the content of a file of :func:`write_content`.

    Args:
        path: The file.
        kind: Its expected ``format``.
        version: Largest ``format_version`` that can be read.
        writer: What writes such files, for messages.
        checksum: Expected checksum, if known; by default that in the file.

    Raises:
        TableIntegrityError: If the file is missing, damaged, or of another kind.
    """
    where = f"The surrogate {os.fspath(path)!r}"
    if not os.path.lexists(path):
        raise TableIntegrityError(f"{where} does not exist.")
    data = read_bytes(path)
    limit = unpacked_limit(len(data), least=LARGEST_PACKED_TEXT)
    text = gunzip(data, where=where, limit=limit) if _is_compressed(path) else data
    # The checksum below is over the parsed content, so repeated keys do no harm.
    content = parse_json(text, where=where, unique=False)
    if not isinstance(content, dict) or content.get("format") != kind:
        raise TableIntegrityError(f"{where} is JSON, but was not written by {writer}.")
    stated_version = content.get("format_version", 0)
    if type(stated_version) is not int or stated_version > version:
        raise TableIntegrityError(f"{where} was written by a newer analognas; upgrade analognas.")
    stated = content.pop("checksum", "")
    found = content_checksum(content)
    if found != (checksum or stated):
        raise TableIntegrityError(
            f"{where} is damaged: it has the checksum sha256:{found}, expected sha256:{checksum or stated}."
        )
    return content


def _is_compressed(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).endswith(".gz")
