"""Figures and reports.

They are imported on first use: a figure of a device needs nothing of a search.
"""

from typing import TYPE_CHECKING

from ..lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .comparison import comparison_figure
    from .convergence import convergence_figure
    from .drift import drift_figure
    from .pareto import pareto_figure
    from .search_report import (
        cell_columns,
        remove_search_report,
        summary_markdown,
        write_search_report,
    )
    from .style import new_figure, save_figure
    from .training import training_figure, write_final_report, write_training_report

__all__ = [
    "cell_columns",
    "comparison_figure",
    "convergence_figure",
    "drift_figure",
    "new_figure",
    "pareto_figure",
    "remove_search_report",
    "save_figure",
    "summary_markdown",
    "training_figure",
    "write_final_report",
    "write_search_report",
    "write_training_report",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "cell_columns": "search_report",
        "comparison_figure": "comparison",
        "convergence_figure": "convergence",
        "drift_figure": "drift",
        "new_figure": "style",
        "pareto_figure": "pareto",
        "remove_search_report": "search_report",
        "save_figure": "style",
        "summary_markdown": "search_report",
        "training_figure": "training",
        "write_final_report": "training",
        "write_search_report": "search_report",
        "write_training_report": "training",
    },
)
