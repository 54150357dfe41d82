"""The results folder of a search."""

from __future__ import annotations

import os
from pathlib import Path

from ..core import OutputFolderError

RESULT_FILE = "best.json"
"""Result of a search, in its folder."""

DEFAULT_PARENT = Path("analognas-runs")
"""Where folders are made when none is named."""


def make_folder(out: str | os.PathLike[str]) -> Path:
    """Make the folder ``out``, or take it if it is empty.

    Raises:
        OutputFolderError: If it is a file, holds anything, or cannot be made or written to.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except FileExistsError:
        raise OutputFolderError(
            f"{str(folder)!r} is a file; give a folder that is new or empty."
        ) from None
    except OSError as error:
        raise OutputFolderError(
            f"Cannot use the folder {str(folder)!r}: {error.strerror}; give one that can be written to."
        ) from None
    if occupied:
        raise OutputFolderError(
            f"The folder {str(folder)!r} is not empty; give a new one, or continue the search in it with "
            "--resume."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputFolderError(
            f"Cannot write to the folder {str(folder)!r}; give one that can be written to."
        )
    return folder


def next_folder(prefix: str = "search") -> Path:
    """Make the first folder ``analognas-runs/<prefix>-001``, ``-002``, … that does not exist yet.

    Raises:
        OutputFolderError: If none can be made here.
    """
    number = 1
    while True:
        folder = DEFAULT_PARENT / f"{prefix}-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
            if DEFAULT_PARENT.is_dir():
                continue
            raise OutputFolderError(
                f"{str(DEFAULT_PARENT)!r} is a file here; name a folder with --out."
            ) from None
        except OSError as error:
            raise OutputFolderError(
                f"Cannot make the folder {str(folder)!r}: {error.strerror}; name another with --out."
            ) from None
        return folder
