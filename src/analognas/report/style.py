"""Common style of all figures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core import InvalidArgumentError, atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette: distinguishable for colour-blind readers and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#777777"


def new_figure(
    width: float = 7.0, height: float = 4.2, panels: Sequence[float] = (1,)
) -> tuple[Figure, list[Axes]]:
    """Make a figure with axes in one row, without matplotlib's global state.

    Args:
        width: Width, inches.
        height: Height, inches.
        panels: Relative widths of the axes.

    Returns:
        The figure and its axes.

    Example:
        >>> figure, axes = new_figure(4.0, 3.0)
        >>> figure.get_size_inches().tolist()
        [4.0, 3.0]
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    grid = figure.add_gridspec(1, len(panels), width_ratios=list(panels))
    every = [figure.add_subplot(grid[0, column]) for column in range(len(panels))]
    for axes in every:
        clean_axes(axes)
    return figure, every


def clean_axes(axes: Axes) -> None:
    """Apply the common style to axes: two spines, and a light grid below the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a PNG atomically.

    Raises:
        InvalidArgumentError: If ``path`` does not end in ``.png``.
        OutputFolderError: If it cannot be written.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.report import new_figure
        >>> save_figure(new_figure(2.0, 2.0)[0], f"{folder}/a.png")
        >>> os.listdir(folder)
        ['a.png']
    """
    if not str(path).lower().endswith(".png"):
        raise InvalidArgumentError(f"The file of a figure must end in .png, but got {str(path)!r}.")
    from matplotlib import rc_context

    layout = figure.get_layout_engine()
    if layout is not None:
        # Compute the layout here; savefig would draw everything twice for it.
        layout.execute(figure)
        with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)
    try:
        with atomic_write(path) as file:
            # Without a creation date, equal results give equal files.
            figure.savefig(file, format="png", metadata={"Software": "analognas"})
    finally:
        if layout is not None:
            figure.set_layout_engine(layout)
