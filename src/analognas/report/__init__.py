"""Figures and reports."""

from .convergence_figure import convergence_figure
from .drift_figure import drift_figure
from .pareto_figure import pareto_figure
from .search_report import (
    cell_columns,
    remove_search_report,
    summary_markdown,
    write_search_report,
)
from .style import new_figure, save_figure
from .training_figure import training_figure, write_training_report

__all__ = [
    "cell_columns",
    "convergence_figure",
    "drift_figure",
    "new_figure",
    "pareto_figure",
    "remove_search_report",
    "save_figure",
    "summary_markdown",
    "training_figure",
    "write_search_report",
    "write_training_report",
]
