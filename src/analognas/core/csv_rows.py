"""Rows of CSV files as programs, spreadsheets and instruments write them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

__all__ = ["COMMENT_MARKS", "data_lines", "rows_of", "separator_of", "stated_separator"]

SEPARATORS = ",;\t|"
COMMENT_MARKS = ("#", "%", "//")
_STATED = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)


def data_lines(text: str) -> list[str]:
    r"""Return the lines of a text; comments, and the line ``sep=;`` of spreadsheets, are left empty.

    A comment starts with ``#``, ``%`` or ``//``. Lines keep their places, so that errors can name them.

    Example:
        >>> data_lines("sep=;\n# operator A\na;b")
        ['', '', 'a;b']
    """
    lines = _lines(text)
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is not None and _STATED.fullmatch(lines[first]):
        lines[first] = ""
    return ["" if line.lstrip().startswith(COMMENT_MARKS) else line for line in lines]


def stated_separator(text: str) -> str | None:
    r"""Return the separator that the first line of a spreadsheet's file states; None if it states none.

    Example:
        >>> stated_separator("sep=;\na;b")
        ';'
    """
    match = _STATED.fullmatch(next((line for line in _lines(text) if line.strip()), ""))
    return match[1] if match else None


def separator_of(line: str) -> str:
    """Return the separator that is most frequent in a line of names; a comma if there is none.

    Example:
        >>> separator_of("a;b;c, in words")
        ';'
    """
    return max(SEPARATORS, key=line.count)


def rows_of(
    lines: Sequence[str], separator: str, start: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of the line at which it ends.

    Args:
        lines: Lines of the file.
        separator: The separator; a space means any number of blanks.
        start: Index of the first line.

    Raises:
        csv.Error: If quotes are not closed.
    """
    used: Sequence[str] = lines[start:]
    if separator == " ":
        used = ["\t".join(line.split()) for line in used]
        separator = "\t"
    reader = csv.reader(
        (line + "\n" for line in used), delimiter=separator, skipinitialspace=True, strict=True
    )
    for row in reader:
        if any(cell.strip() for cell in row):
            yield start + reader.line_num, row


def _lines(text: str) -> list[str]:
    """Return the lines; other than ``str.splitlines``, form feeds and the like end none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
