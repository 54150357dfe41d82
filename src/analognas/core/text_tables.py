"""Tables as text that fits the terminal, and as HTML for notebooks."""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "ShownTable",
    "TableView",
    "hanging",
    "html_table",
    "terminal_width",
    "text_table",
    "with_unit",
    "wrapped",
]

_WITHOUT_TERMINAL = 200
_GAP = 2
_NARROWEST = 12
_NARROWEST_TEXT = 24
_NUMBER = re.compile(r"[-+±<]?\d.*|-|", re.DOTALL)

Rows = Sequence[Sequence[str]]


def terminal_width() -> int:
    """Return the columns of the terminal; 200 where the output is not one and ``COLUMNS`` is not set."""
    if os.environ.get("COLUMNS") or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return _WITHOUT_TERMINAL


def text_table(heads: Sequence[str], rows: Rows, *, width: int | None = None) -> str:
    """Return a table as text, with its heads; columns of numbers are aligned to the right.

    Columns that do not fit are omitted from the right and named below the table, so the most important ones
    come first. The first column, which says what a row is about, is continued on further lines if it takes more
    than half of the width; it is never cut, so that no two rows look the same.

    Args:
        heads: Heads of the columns, with units.
        rows: Cells as text.
        width: Largest width; None: that of the terminal.

    Example:
        >>> print(text_table(["time", "accuracy (%)", "chips"], [["1 day", "91.20", "25"]], width=24))
        time   accuracy (%)
        1 day         91.20
        (too narrow for: chips)
    """
    limit = terminal_width() if width is None else width
    columns = [[head, *(row[i] for row in rows)] for i, head in enumerate(heads)]
    widths = [max(map(len, column)) for column in columns]
    least = max(_NARROWEST, limit // 2)
    smallest = [min(widths[0], least), *widths[1:]] if widths else []
    shown = len(heads)
    while shown > 2 and sum(smallest[:shown]) + _GAP * (shown - 1) > limit:
        shown -= 1
    rest = limit - sum(widths[1:shown]) - _GAP * (shown - 1)
    widths = [max(min(widths[0], rest), min(widths[0], least)), *widths[1:shown]]
    right = [i > 0 and all(map(_NUMBER.fullmatch, column[1:])) for i, column in enumerate(columns)]
    lines = []
    for cells in zip(*columns[:shown], strict=True):
        first, *more = _cell_lines(cells[0], widths[0])
        placed = [
            cell.rjust(size) if to_right else cell.ljust(size)
            for cell, size, to_right in zip((first, *cells[1:]), widths, right[:shown], strict=True)
        ]
        lines += [(" " * _GAP).join(placed).rstrip(), *more]
    if shown < len(heads):
        lines.append(wrapped(f"(too narrow for: {', '.join(heads[shown:])})", width=limit))
    return "\n".join(lines)


def hanging(head: str, text: str, column: int, *, width: int | None = None) -> str:
    """Return a head and a text that begins at a column, in lines that fit the terminal.

    Further lines of the text begin at the same column; if less than 24 columns are left there, the text begins
    on the next line.

    Args:
        head: The head.
        text: The text.
        column: Column of the text, from 0.
        width: Largest width; None: that of the terminal.

    Example:
        >>> print(hanging("avm", "accuracy lost in a month; positive is loss", 6, width=36))
        avm   accuracy lost in a month;
              positive is loss
    """
    width = terminal_width() if width is None else width
    if max(column, len(head)) + len(text) <= width:
        return f"{head:<{column}}{text}"
    beside = width - column >= _NARROWEST_TEXT and len(head) < column
    indent = column if beside else len(head) - len(head.lstrip()) + 4
    lines = textwrap.wrap(text, max(width - indent, _NARROWEST), break_on_hyphens=False)
    rest = [" " * indent + line for line in lines]
    return "\n".join([head.ljust(column) + lines[0], *rest[1:]] if beside else [head, *rest])


def wrapped(text: str, *, width: int | None = None) -> str:
    """Return a sentence in lines that fit the terminal; further lines are indented by two columns.

    Args:
        text: The sentence.
        width: Largest width; None: that of the terminal.

    Example:
        >>> print(wrapped("6 architectures in both tables", width=20))
        6 architectures in
          both tables
    """
    width = max(terminal_width() if width is None else width, _NARROWEST)
    if len(text) <= width:
        return text
    return textwrap.fill(
        text, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )


def with_unit(name: str, unit: str) -> str:
    """Return a head of a column: a name with its unit.

    Example:
        >>> with_unit("accuracy", "%"), with_unit("perplexity", "")
        ('accuracy (%)', 'perplexity')
    """
    return f"{name} ({unit})" if unit else name


def html_table(title: str, heads: Sequence[str], rows: Rows) -> str:
    """Return a table with a title as HTML.

    Example:
        >>> html_table("a < b", ["x"], [["1"]])[:34]
        '<table><caption>a &lt; b</caption>'
    """
    head = "".join(f"<th>{html.escape(one)}</th>" for one in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f"<table><caption>{html.escape(title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


@dataclass(frozen=True)
class ShownTable:
    """What an object shows of itself.

    Attributes:
        title: One line.
        heads: Heads of the columns, with units; none for no table.
        rows: Cells.
        notes: Lines below the table.
    """

    title: str
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


class TableView:
    """Objects that print as a title and a table, and as HTML in notebooks; their ``repr`` is one line."""

    def shown_table(self) -> ShownTable:
        """Return what is shown; defined by each class."""
        raise NotImplementedError

    def __str__(self) -> str:
        shown = self.shown_table()
        table = [text_table(shown.heads, shown.rows)] if shown.heads else []
        return "\n".join([wrapped(shown.title), *table, *map(wrapped, shown.notes)])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.shown_table().title}>"

    def _repr_html_(self) -> str:
        shown = self.shown_table()
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in shown.notes)
        return html_table(shown.title, shown.heads, shown.rows) + notes


def _cell_lines(text: str, size: int) -> list[str]:
    """A cell in lines; a word that is too long is broken."""
    if len(text) <= size:
        return [text]
    return textwrap.wrap(text, size, subsequent_indent="  ", break_on_hyphens=False)
