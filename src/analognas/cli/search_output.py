"""What ``analognas search`` prints of its result."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..search import SearchResult
    from ..spaces import Space

# Columns of the terminal that an architecture may take in the table; the best is printed in full below it.
_CELL_WIDTH = 36


def print_result(result: SearchResult, space: Space) -> None:
    """Print the best architectures as a table, the best in all notations, and a summary."""
    from rich.console import Console
    from rich.table import Table

    from ..report import cell_columns
    from ..search import architecture_text, number, value_text

    if result.feasible and len(result.problem.objectives) == 1:
        columns = cell_columns(result)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("architecture", no_wrap=True)
        compared = result.comparison is not None
        estimated = result.comparison is not None and result.comparison.reading is not None
        if estimated:
            table.add_column("estimate", justify="right", no_wrap=True)
        if compared:
            table.add_column("95 % interval", justify="right", no_wrap=True)
        for head in columns.values():
            table.add_column(head, justify="right", no_wrap=True)
        for cell in result.winners:
            known = cell.get("estimate")
            values = []
            if estimated:
                about = result.problem.metric(result.problem.objectives[0])
                values.append("" if known is None else number(about, known["estimate"]))
            if compared:
                values.append("" if known is None else f"{known['low']:.2f} to {known['high']:.2f}")
            values += [value_text(cell, result.problem.metric(name)) for name in columns]
            table.add_row(architecture_text(cell["architecture"], width=_CELL_WIDTH), *values)
        # Without a terminal there is no width to keep to.
        Console(width=None if sys.stdout.isatty() else 120).print(table)
        notations = space.describe(space.encode(result.winners[0]["architecture"]))
        for name, value in notations.items():
            print(f"{name}: {tuple(value) if isinstance(value, list) else value}")
    print(result.summary())
