"""NATS-Bench's "simple" archive of the topology space: one compressed pickle for each of 15,625 architectures.

``meta.pickle.pbz2`` holds ``meta_archs``, the architectures in their order, and ``NNNNNN.pickle.pbz2`` what is
known of one: for every schedule (``"12"`` and ``"200"`` epochs) the trials, by training set and seed, with the
accuracies after every epoch under keys such as ``"x-valid@199"``. All is read by the restricted reader: no code
of the files runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import DataNotFoundError, TableIntegrityError
from ..core.foreign_numbers import as_floats
from ..core.legacy_pickle import read_pickled_arrays
from ..core.limits import bunzip, read_bytes

__all__ = ["read_archive", "results_of_one"]

_ENDING = ".pickle.pbz2"


def read_archive(
    folder: Path,
    names: Sequence[str],
    splits: Mapping[str, Mapping[str, str]],
    epochs: Sequence[int],
) -> Iterator[tuple[int, str, str, int, NDArray[np.float64]]]:
    """Yield the accuracies after the last epoch, of each architecture of which there is a file.

    Args:
        folder: The unpacked archive.
        names: ``arch_str`` of every architecture, in the published order.
        splits: Training set to its metrics, and those to the images that they are taken on.
        epochs: Lengths of training.

    Yields:
        Index, training set, metric, epochs, and accuracies of the trials in percent, shape ``(n_trials,)``.

    Raises:
        DataNotFoundError: If the folder holds no such archive; says what to get.
        TableIntegrityError: If a file is damaged, holds anything but plain data, is too large, or is not laid
            out so; names it.
    """
    meta = folder / f"meta{_ENDING}"
    if not meta.is_file():
        raise DataNotFoundError(
            f"{str(folder)!r} holds no {meta.name}: unpack NATS-tss-v1_0-3ffb9-simple.tar of "
            "https://github.com/D-X-Y/NATS-Bench and give its folder."
        )
    content = _read(meta)
    if not isinstance(content, dict) or list(content.get("meta_archs", ())) != list(names):
        raise TableIntegrityError(
            f"{str(meta)!r} does not list the {len(names)} architectures of NAS-Bench-201 in their order."
        )
    for index, name in enumerate(names):
        path = folder / f"{index:06d}{_ENDING}"
        if path.is_file():
            try:
                yield from results_of_one(_read(path), index, name, splits, epochs)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                if isinstance(error, TableIntegrityError):
                    raise
                raise TableIntegrityError(
                    f"{str(path)!r} is not laid out as NATS-Bench's archive: {type(error).__name__} {error}."
                ) from None


def results_of_one(
    content: Any,
    index: int,
    name: str,
    splits: Mapping[str, Mapping[str, str]],
    epochs: Sequence[int],
) -> Iterator[tuple[int, str, str, int, NDArray[np.float64]]]:
    """Yield the accuracies of one architecture; arguments and values as for :func:`read_archive`.

    Args:
        content: Results by schedule, ``"12"`` and ``"200"`` epochs.
        index: Index of the architecture, which the results must have.
        name: Its ``arch_str``, likewise.
        splits: See :func:`read_archive`.
        epochs: See :func:`read_archive`.
    """
    for n_epochs in epochs:
        found = content.get(f"{n_epochs:02d}")
        if found is None:
            continue
        if (found["arch_index"], found["arch_str"]) != (index, name):
            raise TableIntegrityError(
                f"the file of No.{index} is about No.{found['arch_index']}, {found['arch_str']!r}."
            )
        for dataset, metrics in splits.items():
            trials = [
                found["all_results"][dataset, seed]
                for seed in found["dataset_seed"].get(dataset, ())
            ]
            for metric, images in metrics.items():
                key = f"{images}@{n_epochs - 1}"
                reached = [t["eval_acc1es"][key] for t in trials if key in t["eval_acc1es"]]
                if reached:
                    what = f"{dataset}/{metric}_{n_epochs} of No.{index}"
                    values = as_floats(what, reached, error=TableIntegrityError)
                    yield index, dataset, metric, n_epochs, values


def _read(path: Path) -> Any:
    """Unpack and read one file."""
    return read_pickled_arrays(bunzip(read_bytes(path), where=repr(str(path))), str(path))
