"""The page of a published table that was made again: its networks over time, and tables of variants."""

from __future__ import annotations

from pathlib import Path

from ...core.text_tables import ShownTable
from ...reproduce import read_reproduction
from .document import (
    Document,
    columns_table,
    command_block,
    definitions,
    paragraph,
    settings_block,
    version_entries,
)
from .drift_page import drift_chart

__all__ = ["reproduction_page"]


def reproduction_page(path: Path) -> Document:
    """Make the page of a finished experiment.

    Args:
        path: Its folder, or its JSON file.

    Raises:
        TableIntegrityError: If the file is damaged.
        InvalidArgumentError: If its values are not of an experiment.
    """
    result = read_reproduction(path)
    page = Document(result.title, f"Made in the {result.scale} size. {result.notes}")
    for task in result.tasks:
        curves = {task.title_of(name): curve for name, curve in task.curves.items()}
        page.section(task.title, drift_chart(curves))
    page.section("Numbers", *_shown(result.shown_table()))
    if tables := result.further_tables():
        page.section("Further tables", *(part for table in tables for part in _shown(table)))
    page.section(
        "How to repeat it",
        command_block(["analognas reproduce experiment.yaml --root DATA"]),
        paragraph("Intervals have 95 % confidence and follow from the spread between chips."),
        definitions(result.versions or version_entries(None)),
        settings_block("Settings (experiment.yaml)", dict(result.settings)),
    )
    return page


def _shown(table: ShownTable) -> list[str]:
    body = columns_table(list(table.heads), [list(row) for row in table.rows], caption=table.title)
    return [body, *map(paragraph, table.notes)]
