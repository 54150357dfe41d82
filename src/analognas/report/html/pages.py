"""The page of a results folder, whatever made it."""

from __future__ import annotations

import os
from pathlib import Path

from ...core import InvalidArgumentError
from .document import PAGE_FILE, Document

__all__ = ["make_page", "write_comparison", "write_page"]


def make_page(path: str | os.PathLike[str]) -> Document:
    """Make the page of a search, a drift evaluation, a training, a build, or a measured table.

    Args:
        path: Folder of results, or a table as a Parquet file.

    Raises:
        InvalidArgumentError: If there is nothing to report.
        TableIntegrityError: If a file is damaged.
    """
    home = Path(path)
    if home.suffix == ".parquet":
        from .build_page import build_page

        return build_page(home)
    if not home.is_dir():
        raise InvalidArgumentError(
            f"Cannot find the folder {str(home)!r}. Give the folder of a search, drift evaluation, training or "
            "build."
        )
    if (home / "trials.sqlite").is_file():
        from .search_page import search_page

        return search_page(home)
    if (home / "table.parquet").is_file():
        from .build_page import build_page

        return build_page(home / "table.parquet")
    if (home / "study.json").is_file() and (home / "result.json").is_file():
        from .drift_page import drift_page

        return drift_page(home)
    if (home / "config.yaml").is_file() and (home / "result.json").is_file():
        from .training_page import training_page

        return training_page(home)
    raise InvalidArgumentError(
        f"{str(home)!r} holds no finished search, drift evaluation, training or build. If one was interrupted, "
        "continue it first."
    )


def write_comparison(
    one: str | os.PathLike[str], other: str | os.PathLike[str], out: str | os.PathLike[str]
) -> Path:
    """Write a page with two results beside each other, atomically, and return its path.

    Args:
        one: Folder of a search, drift evaluation or build, or a measured table.
        other: A result of the same kind.
        out: File to write.

    Raises:
        InvalidArgumentError: If they cannot be compared.
        TableIntegrityError: If a file is damaged.
        OutputFolderError: If the file cannot be written.
    """
    from .comparison_page import comparison_page

    file = Path(out)
    comparison_page(Path(one), Path(other)).write(file)
    return file


def write_page(path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write the page of results as one HTML file, atomically, and return its path.

    Args:
        path: Folder of results, or a table as a Parquet file.
        out: File to write; None: ``report.html`` in the folder, or beside the table with its name.

    Raises:
        InvalidArgumentError: If there is nothing to report.
        TableIntegrityError: If a file is damaged.
        OutputFolderError: If the file cannot be written.
    """
    home = Path(path)
    page = make_page(home)
    beside = home.with_suffix(".html") if home.suffix == ".parquet" else home / PAGE_FILE
    file = beside if out is None else Path(out)
    page.write(file)
    return file
