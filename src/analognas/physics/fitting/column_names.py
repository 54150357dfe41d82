"""Names of columns and units in files of measurements, as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...core import InvalidArgumentError, TableIntegrityError, UnknownNameError
from ...core.checks import check_choice, value_text
from ...core.foreign_numbers import parse_number
from ...core.limits import shown

__all__ = ["COLUMNS", "Column", "find_columns", "has_all_columns", "unit_factor", "unit_row"]

COLUMNS = ("target", "device", "time", "conductance")
CONDUCTANCE_UNITS = {
    "S": (1e6, ("s", "siemens")),
    "mS": (1e3, ("ms", "millisiemens")),
    "µS": (1.0, ("us", "usiemens", "microsiemens")),
    "nS": (1e-3, ("ns", "nanosiemens")),
    "pS": (1e-6, ("ps", "picosiemens")),
}
"""Conductance units in µS, and how they are written in lower case."""
TIME_UNITS = {
    "s": (1.0, ("s", "sec", "secs", "second", "seconds")),
    "ms": (1e-3, ("ms", "msec", "millisecond", "milliseconds")),
    "µs": (1e-6, ("us", "usec", "microsecond", "microseconds")),
    "ns": (1e-9, ("ns", "nsec", "nanosecond", "nanoseconds")),
    "min": (60.0, ("min", "mins", "minute", "minutes")),
    "h": (3600.0, ("h", "hr", "hrs", "hour", "hours")),
    "d": (86400.0, ("d", "day", "days")),
    "week": (604800.0, ("week", "weeks", "wk")),
}
"""Time units in s, and how they are written in lower case."""
_UNITS = {"target": CONDUCTANCE_UNITS, "conductance": CONDUCTANCE_UNITS, "time": TIME_UNITS}

# A name is that of the first of these columns that has one of its words.
_KEYWORDS = {
    "target": ("target", "targets", "setpoint", "goal", "desired", "intended"),
    "device": ("device", "devices", "dev", "cell", "memristor"),
    "time": ("time", "times", "t", "elapsed", "delay"),
    "conductance": ("conductance", "conductances", "g", "readout", "reading"),
}
_OTHER_WORDS = (
    "value", "level", "measured", "meas", "read", "name", "id", "number", "no", "nr", "index", "idx",
    "since", "after", "programming", "of", "the", "in",
)  # fmt: skip
_KNOWN_WORDS = frozenset(word for words in _KEYWORDS.values() for word in words) | set(_OTHER_WORDS)
_BRACKETS = re.compile(r"(?P<name>.*?)\s*[(\[{]\s*(?P<unit>[^)\]}]*?)\s*[)\]}]\s*")
_IN_OR_SLASH = re.compile(r"(?P<name>.*?)(?:\s+in\s+|\s*/\s*)(?P<unit>[^\W_]+)\s*")
_WORD = re.compile(r"[^\W_]+")
_NUMBER_HEAD = re.compile(r"[^\d]{0,4}\d+(\.\d+)?([eE][+-]?\d+)?\s*\w{0,3}")
_RESISTANCE = re.compile(r"ohm|Ω|Ω|resist", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column of a file.

    Attributes:
        index: Its place.
        head: Its name in the file.
        unit: Unit that the name contains; None if it contains none.
    """

    index: int
    head: str
    unit: str | None


def has_all_columns(heads: Sequence[str], columns: Mapping[str, str]) -> bool:
    """Return whether a row names all columns.

    Args:
        heads: Cells of the row.
        columns: Names in the file, by those of :data:`COLUMNS`, that the user gives.
    """
    own = [head.strip() for head in heads]
    return all(
        (name in columns and columns[name] in own) or _candidates(name, own) for name in COLUMNS
    )


def find_columns(heads: Sequence[str], columns: Mapping[str, str], where: str) -> dict[str, Column]:
    """Return the columns of a file.

    Args:
        heads: Names in the file.
        columns: Names in the file, by those of :data:`COLUMNS`, that the user gives.
        where: The file, for errors.

    Raises:
        UnknownNameError: If the file has no column of a given name.
        InvalidArgumentError: If a column is missing, or several may be it.
    """
    own = [head.strip() for head in heads]
    found = {}
    for name in COLUMNS:
        if name in columns:
            wanted = check_choice(f"column of {where}", columns[name], own)
            found[name] = Column(own.index(wanted), wanted, _given_unit(name, wanted))
            continue
        candidates = _candidates(name, own)
        if not candidates:
            raise InvalidArgumentError(_missing(name, own, where))
        if len(candidates) > 1:
            both = ", ".join(repr(column.head) for column in candidates)
            raise InvalidArgumentError(
                f"{where} has several columns that may be the {name}: {shown(both)}. Choose one: "
                f"--column {name}={_quoted(candidates[0].head)}."
            )
        found[name] = candidates[0]
    return found


def unit_factor(name: str, unit: str, where: str) -> float:
    """Return a unit of conductance in µS, or of time in s.

    Args:
        name: Name of the column, as in :data:`COLUMNS`.
        unit: The unit, as people write it.
        where: What has the unit, for errors.

    Raises:
        UnknownNameError: If it is unknown. It does not guess: µs are not hours.

    Example:
        >>> unit_factor("time", "Hours", "it"), unit_factor("target", "US", "it")
        (3600.0, 1.0)
    """
    factor = _factor(name, unit)
    if factor is None:
        advice = " Write conductances, 1 / resistance." if _RESISTANCE.search(unit) else ""
        raise UnknownNameError(
            f"Unknown unit {value_text(unit)} of {name} in {where}. Units: {', '.join(_UNITS[name])}.{advice}"
        )
    return factor


def unit_row(row: Sequence[str], columns: Mapping[str, Column]) -> dict[str, str] | None:
    """Return the units of a row below the names that has nothing but units; None if it is none.

    Args:
        row: The row.
        columns: The columns of the file.
    """
    units = {}
    for name in _UNITS:
        index = columns[name].index
        cell = row[index].strip().strip("()[]{} ") if index < len(row) else ""
        if cell and _factor(name, cell) is None:
            return None
        if cell:
            units[name] = cell
    return units or None


def _factor(name: str, unit: str) -> float | None:
    word = unit.strip().casefold().replace("μ", "u").replace("µ", "u")
    return next((factor for factor, words in _UNITS[name].values() if word in words), None)


def _candidates(name: str, heads: Sequence[str]) -> list[Column]:
    """Return the columns that may be one; only the plain name, if there is one."""
    ranked: dict[int, list[Column]] = {}
    for index, head in enumerate(heads):
        matched = _match(name, head)
        if matched is not None:
            ranked.setdefault(matched[0], []).append(Column(index, head, matched[1]))
    return ranked[min(ranked)] if ranked else []


def _match(name: str, head: str) -> tuple[int, str | None] | None:
    """Return how well a head names a column, 0 is best, and the unit in it; None if it names another."""
    bracket = _BRACKETS.fullmatch(head) or _IN_OR_SLASH.fullmatch(head)
    words = [word.lower() for word in _WORD.findall(bracket["name"] if bracket else head)]
    unit = (bracket["unit"] or None) if bracket else None
    rank = 0
    if unit is None and name in _UNITS and len(words) > 1 and words[-1] not in _KNOWN_WORDS:
        unit = words.pop()
        # A last word that is no unit may be part of another name, such as time_raw.
        rank = 0 if _factor(name, unit) is not None else 3
    if not words or not set(words) <= _KNOWN_WORDS:
        return None
    kind = next((kind for kind, keys in _KEYWORDS.items() if set(words) & set(keys)), None)
    if kind != name:
        return None
    return rank + (0 if words == [name] else 1), unit


def _given_unit(name: str, head: str) -> str | None:
    """Return the unit in the name of a column that the user chose."""
    bracket = _BRACKETS.fullmatch(head) or _IN_OR_SLASH.fullmatch(head)
    if bracket and bracket["unit"]:
        return bracket["unit"] if name in _UNITS else None
    words = _WORD.findall(head)
    if name in _UNITS and len(words) > 1 and _factor(name, words[-1]) is not None:
        return str(words[-1])
    return None


def _missing(name: str, heads: Sequence[str], where: str) -> str:
    """Return what to do about a missing column."""
    known = [head for head in heads if head]
    # Devices may have names.
    if len(known) >= len(COLUMNS) and sum(map(_is_number, known)) >= len(known) - 1:
        return (
            f"{where} has no line of column names; write target_uS, device, time_s and conductance_uS above "
            "the numbers."
        )
    numbers = [head for head in known if _NUMBER_HEAD.fullmatch(head)]
    if name in ("time", "conductance") and len(numbers) > 1:
        return (
            f"{where} is a wide table, in which {shown(numbers[0])!r} to {shown(numbers[-1])!r} look like "
            "times; write one row for each reading, with the columns target, device, time and conductance "
            "(pandas.melt does it)."
        )
    advice = ""
    if name in ("target", "conductance") and any(_RESISTANCE.search(head) for head in known):
        advice = " Write conductances, 1 / resistance."
    return (
        f"{where} has no column for the {name}. It has: {shown(', '.join(known)) or 'none'}. If one of them is "
        f"it, give --column {name}=NAME, in Python columns={{{name!r}: NAME}}.{advice}"
    )


def _is_number(text: str) -> bool:
    try:
        parse_number(text.replace(",", ".") or "none")
    except TableIntegrityError:
        return False
    return True


def _quoted(head: str) -> str:
    return head if re.fullmatch(r"[\w.-]+", head) else f"'{head}'"
