"""Decimal commas and thousands separators in columns of numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import AnalogNASError, TableIntegrityError
from .limits import shown

__all__ = ["DECIMAL_COMMA", "DECIMAL_POINT", "decimal_mark", "with_point"]

DECIMAL_COMMA, DECIMAL_POINT = ",", "."
_SIGN = r"[+-]?"
_POWER = r"([eE][+-]?\d+)?"
_GROUPED = {mark: re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(\{mark}\d{{3}})+") for mark in ",."}
_COMMA_LAST = re.compile(rf"{_SIGN}(\d{{1,3}}(\.\d{{3}})+|\d*),\d*{_POWER}")
_POINT_LAST = re.compile(rf"{_SIGN}(\d{{1,3}}(,\d{{3}})+|\d*)\.\d*{_POWER}")
_LONG = re.compile(rf"{_SIGN}\d{{4,}}")


def decimal_mark(
    cells: Iterable[str], *, where: str, error: type[AnalogNASError] = TableIntegrityError
) -> str:
    """Return whether columns of numbers have a decimal comma or a decimal point.

    A mark before three digits may separate thousands. Other cells decide then.

    Args:
        cells: All cells of the columns.
        where: What they are, for errors.
        error: Class of the error.

    Raises:
        AnalogNASError: Of class ``error``, if both occur, or neither can be excluded.

    Example:
        >>> decimal_mark(["0,5", "1.250,0"], where="the file")
        ','
        >>> decimal_mark(["3,600", "0.5"], where="the file")
        '.'
    """
    comma = point = doubtful = ""
    long = False
    for raw in cells:
        cell = raw.strip()
        if "," not in cell:
            long = long or bool(_LONG.fullmatch(cell))
            if "." in cell and not _GROUPED["."].fullmatch(cell) and _POINT_LAST.fullmatch(cell):
                point = point or cell
        elif _GROUPED[","].fullmatch(cell):
            doubtful = doubtful or cell
        elif _COMMA_LAST.fullmatch(cell):
            comma = comma or cell
        elif _POINT_LAST.fullmatch(cell):
            point = point or cell
    if comma and point:
        raise error(
            f"{where} has numbers with a decimal comma and with a decimal point, such as {shown(comma)!r} and "
            f"{shown(point)!r}; write a decimal point everywhere."
        )
    if doubtful and not comma and not point and not long:
        raise error(
            f"{where} has {shown(doubtful)!r}, where the comma may separate decimals or thousands; write "
            "decimal points, and no thousands separators."
        )
    return DECIMAL_COMMA if comma or (doubtful and not point) else DECIMAL_POINT


def with_point(cell: str, mark: str) -> str:
    """Return a number with a decimal point and without thousands separators.

    Args:
        cell: The number.
        mark: The decimal mark of its column.

    Example:
        >>> with_point("1.250,5", ","), with_point("3,600", "."), with_point("3,6", ".")
        ('1250.5', '3600', '3,6')
    """
    text = cell.strip()
    if mark == DECIMAL_COMMA:
        if _COMMA_LAST.fullmatch(text) or _GROUPED["."].fullmatch(text):
            return text.replace(".", "").replace(",", ".")
        return text
    grouped = _GROUPED[","].fullmatch(text) or ("," in text and _POINT_LAST.fullmatch(text))
    return text.replace(",", "") if grouped else text
