"""NAS-Bench-201's own file, such as ``NAS-Bench-201-v1_1-096897.pth``, read without running its code.

``torch.save`` wrote a dictionary: ``meta_archs`` lists the architectures, and ``arch2infos`` has, by index, the
results of 12 epochs (``less``) and 200 epochs (``full``) in the layout of NATS-Bench's archive. The file has
4.7 GB; only accuracies after the last epoch are kept in memory.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core import TableIntegrityError
from ..core.legacy_pickle import read_pickled_stream
from ..core.limits import shown
from .nats_archive import results_of_one

__all__ = ["read_nas_201_file"]

_MAGIC = 0x1950A86A20F9469CFC6C
_SCHEDULES = {"less": "12", "full": "200"}
_KEPT = frozenset(
    (
        "meta_archs",
        "arch2infos",
        "less",
        "full",
        "arch_index",
        "arch_str",
        "all_results",
        "dataset_seed",
    )
)


def read_nas_201_file(
    path: Path,
    names: Sequence[str],
    splits: Mapping[str, Mapping[str, str]],
    epochs: Sequence[int],
) -> Iterator[tuple[int, str, str, int, NDArray[np.float64]]]:
    """Yield the accuracies after the last epoch; arguments and values as for :func:`.read_archive`.

    Raises:
        TableIntegrityError: If the file is damaged, holds anything but plain data, or has another layout.
    """
    last = tuple(f"@{n_epochs - 1}" for n_epochs in epochs)
    try:
        content = _content(path, last)
        if not isinstance(content, dict) or list(content.get("meta_archs", ())) != list(names):
            raise TableIntegrityError(
                f"it does not list the {len(names)} architectures of NAS-Bench-201 in their order."
            )
        infos = content.get("arch2infos")
        if not isinstance(infos, dict) or not infos:
            raise TableIntegrityError("it has no 'arch2infos'.")
        for index in sorted(infos):
            if type(index) is not int or not 0 <= index < len(names):
                raise TableIntegrityError(f"it has an architecture {shown(index)!r}.")
            results = {
                new: infos[index][old] for old, new in _SCHEDULES.items() if old in infos[index]
            }
            yield from results_of_one(results, index, names[index], splits, epochs)
    except TableIntegrityError as error:
        raise TableIntegrityError(f"{str(path)!r} is refused: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise TableIntegrityError(
            f"{str(path)!r} is not laid out as NAS-Bench-201's file: {type(error).__name__} {error}."
        ) from None


def _content(path: Path, last: tuple[str, ...]) -> Any:
    """Return the dictionary in a file of ``torch.save``, in its present or in its former format."""
    size = path.stat().st_size

    def keep(key: Any, value: Any) -> Any:
        if key == "eval_acc1es":
            return {k: v for k, v in dict(value or {}).items() if str(k).endswith(last)}
        # Keys that are no text are indices of architectures, and pairs of training set and seed.
        return value if not isinstance(key, str) or key in _KEPT or _is_plain(value) else None

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(members) != 1:
                raise TableIntegrityError("it is an archive without exactly one data.pkl.")
            with archive.open(members[0]) as stream:
                return read_pickled_stream(stream, size, keep)
    with path.open("rb") as stream:
        _check_header(stream, size)
        return read_pickled_stream(stream, size, keep)


def _check_header(stream: BinaryIO, size: int) -> None:
    """Read the three pickles before the content: a number, the version of the protocol, and a description."""
    header = [read_pickled_stream(stream, size, lambda key, value: value) for _ in range(3)]
    if header[0] != _MAGIC or header[1] != 1001 or not isinstance(header[2], dict):
        raise TableIntegrityError("it was not written by torch.save.")


def _is_plain(value: Any) -> bool:
    return (
        isinstance(value, int | float | str)
        or value is None
        or (
            # Seeds by training set, and accuracies by epoch.
            isinstance(value, list) and len(value) <= 16
        )
    )
