"""``analognas report``: results as an HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core import InvalidArgumentError

_COMPARE = "compare"


def report(
    folder: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER | compare A B",
            help="Folder of a search, drift evaluation, training, build or published table made again, or its "
            "JSON, or a measured table (.parquet). "
            "With `compare`, two of a kind.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write. [default: report.html in FOLDER; compare.html]"),
    ] = None,
    show: Annotated[
        bool, typer.Option("--open", help="Open the page in the default browser.")
    ] = False,
) -> None:
    """Write a result as one HTML page that works offline.

    Example: analognas report found --open
    """
    from ..report.html import write_comparison, write_page

    if folder[0] == _COMPARE and len(folder) == 3:
        file = write_comparison(folder[1], folder[2], out or Path("compare.html"))
    elif len(folder) == 1:
        file = write_page(folder[0], out)
    else:
        raise InvalidArgumentError(
            f"Give one folder, or `compare` and two, but got {' '.join(folder)!r}."
        )
    print(f"Report in {file}")
    if show:
        import webbrowser

        webbrowser.open(file.resolve().as_uri())
