"""The page of a results folder, whatever made it."""

from __future__ import annotations

import os
from pathlib import Path

from ...core import AnalogNASError, InvalidArgumentError, TableIntegrityError
from ...core.limits import shown
from .document import PAGE_FILE, Document

__all__ = ["make_page", "write_comparison", "write_page"]


def make_page(path: str | os.PathLike[str]) -> Document:
    """Make the page of a search, a drift evaluation, a training, a build, or a measured table.

    Args:
        path: Folder of results, a table as a Parquet file, or the JSON of ``analognas reproduce``.

    Raises:
        InvalidArgumentError: If there is nothing to report.
        TableIntegrityError: If a file is damaged.
    """
    home = Path(path)
    try:
        return _page_of(home)
    except AnalogNASError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # A file of another program, whose checksum is right and whose entries are not those of a result.
        raise TableIntegrityError(
            f"The result in {str(home)!r} is not as analognas writes it ({type(error).__name__}: "
            f"{shown(error)}). Make it again, or read it with the version that wrote it."
        ) from error


def _page_of(home: Path) -> Document:
    if home.suffix == ".parquet":
        from .build_page import build_page

        return build_page(home)
    if is_reproduction(home):
        from .reproduction_page import reproduction_page

        return reproduction_page(home)
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


def is_reproduction(path: Path) -> bool:
    """Whether a path is a folder of ``analognas reproduce``, or its JSON."""
    return path.suffix == ".json" or (path / "reproduction.json").is_file()


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

    Figures of a published table that was made again are drawn from its JSON into the folder of the page.

    Args:
        path: Folder of results, or a table as a Parquet file, or the JSON of ``analognas reproduce``.
        out: File to write; None: ``report.html`` in the folder, or beside a file with its name.

    Raises:
        InvalidArgumentError: If there is nothing to report.
        TableIntegrityError: If a file is damaged.
        OutputFolderError: If the file cannot be written.
    """
    home = Path(path)
    page = make_page(home)
    beside = home.with_suffix(".html") if home.suffix in (".parquet", ".json") else home / PAGE_FILE
    file = beside if out is None else Path(out)
    page.write(file)
    if is_reproduction(home):
        from ...reproduce import read_reproduction
        from ..reproduction import write_reproduction_report

        write_reproduction_report(read_reproduction(home), file.parent)
    return file
