"""Figures and reports."""

from .convergence_figure import convergence_figure
from .drift_figure import drift_figure
from .search_report import cell_columns, number, summary_markdown, write_search_report
from .style import new_figure, save_figure

__all__ = [
    "cell_columns",
    "convergence_figure",
    "drift_figure",
    "new_figure",
    "number",
    "save_figure",
    "summary_markdown",
    "write_search_report",
]
