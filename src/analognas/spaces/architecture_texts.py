"""Architectures as text for people: in full, and as short labels of the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .base import Space

__all__ = ["ArchitectureLabels", "architecture_labels", "architecture_text"]

_NUMBERED = re.compile(r"(.*[^\d])(\d+)")
_DIGITS = 3
_WIDTH = 40


def architecture_text(
    architecture: Any, width: int | None = None, space: Space | None = None
) -> str:
    """Return an architecture as readable text: a list in brackets, named values as ``name=value``.

    Commands such as ``analognas cost --space resnet`` accept the text of named values.

    Args:
        architecture: List of operations or mapping from names to values.
        width: Largest number of characters; longer texts are cut. None: no limit.
        space: Its space; hyperparameters that are inactive there are omitted. None: all are shown.

    Example:
        >>> architecture_text([2, 2, 0]), architecture_text({"depth": 2, "width": 16})
        ('(2, 2, 0)', 'depth=2, width=16')
        >>> architecture_text({"depth": 2, "width": 16}, width=12)
        'depth=2, wi…'
    """
    if space is not None:
        architecture = space.without_inactive(architecture)
    if isinstance(architecture, Mapping):
        text = ", ".join(f"{name}={value}" for name, value in architecture.items())
    else:
        text = str(tuple(architecture) if isinstance(architecture, list) else architecture)
    return text if width is None or len(text) <= width else text[: width - 1] + "…"


@dataclass(frozen=True)
class ArchitectureLabels:
    """Short texts of architectures that are shown together.

    Attributes:
        texts: One text per architecture; different architectures have different texts.
        note: What the texts omit and how to read them, one line; empty if they are complete.

    Example:
        >>> architecture_labels([{"depth": 2}, {"depth": 3}])
        ArchitectureLabels(texts=['depth=2', 'depth=3'], note='')
    """

    texts: list[str]
    note: str = ""


def architecture_labels(
    architectures: Iterable[Any],
    space: Space | None = None,
    *,
    width: int = _WIDTH,
    only_differences: bool = True,
) -> ArchitectureLabels:
    """Return short labels of architectures for the rows of a table.

    If all complete texts fit, they are the labels. Otherwise, numbered hyperparameters such as ``R1``, ``R2``
    and ``R3`` are joined to ``R=1/1/2``. Numbers have three digits if these distinguish all architectures.
    What is equal in all rows is only in the note.

    Args:
        architectures: Lists of operations, or mappings from names to values.
        space: Their space; hyperparameters that are inactive there are omitted. None: all are shown.
        width: Characters that fit. Labels of differences may still be longer; wrap them.
        only_differences: Whether values that are equal in all rows are moved to the note.

    Example:
        >>> deep = {"stem": 32, "R1": 1, "R2": 1, "factor1": 0.735451, "factor2": 0.5}
        >>> labels = architecture_labels([deep, {**deep, "R2": 4}, {**deep, "factor1": 0.8}], width=30)
        >>> labels.texts
        ['R=1/1, factor=0.735/0.5', 'R=1/4, factor=0.735/0.5', 'R=1/1, factor=0.8/0.5']
        >>> labels.note
        'the same in all rows: stem=32; R=1/1 is R1=1, R2=1'
    """
    shown = list(architectures)
    if space is not None:
        shown = [space.without_inactive(one) for one in shown]
    texts = [architecture_text(one) for one in shown]
    if max(map(len, texts), default=0) <= width or not all(
        isinstance(one, Mapping) for one in shown
    ):
        return ArchitectureLabels(texts)
    stems = _joined_stems(shown)
    rows = [_entries(one, stems, _DIGITS) for one in shown]
    if len({tuple(row.items()) for row in rows}) < len(set(texts)):
        rows = [_entries(one, stems, None) for one in shown]
    shared: dict[str, str] = {}
    if only_differences and len(set(texts)) > 1:
        shared = {
            name: text
            for name, text in rows[0].items()
            if all(row.get(name) == text for row in rows)
        }
    labels = [
        ", ".join(f"{name}={text}" for name, text in row.items() if name not in shared)
        for row in rows
    ]
    said = [f"{name}={text}" for name, text in shared.items()]
    notes = [f"the same in all rows: {', '.join(said)}"] if said else []
    return ArchitectureLabels(labels, "; ".join([*notes, *_how_to_read(rows[0], shared, stems)]))


def _joined_stems(architectures: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Stems of numbered names that can be joined in every architecture, and their first number."""
    found: dict[str, set[int]] = {}
    barred: set[str] = set()
    first: dict[str, int] = {}
    for one in architectures:
        numbers: dict[str, list[int]] = {}
        for name in one:
            if (parts := _NUMBERED.fullmatch(name)) is not None:
                numbers.setdefault(parts[1], []).append(int(parts[2]))
        for stem, listed in numbers.items():
            found.setdefault(stem, set()).update(listed)
            start = first.setdefault(stem, min(listed))
            # A joined text has no room to say which numbers are missing.
            if listed != list(range(start, start + len(listed))) or stem in one:
                barred.add(stem)
    return {
        stem: first[stem]
        for stem, all_of in found.items()
        if len(all_of) > 1 and stem not in barred
    }


def _entries(
    architecture: Mapping[str, Any], stems: Mapping[str, int], digits: int | None
) -> dict[str, str]:
    """Names and texts of values, in order; numbered names of the given stems joined."""
    entries: dict[str, str] = {}
    for name, value in architecture.items():
        rounds = digits is not None and isinstance(value, float)
        text = f"{value:.{digits}g}" if rounds else str(value)
        parts = _NUMBERED.fullmatch(name)
        if parts is None or parts[1] not in stems:
            entries[name] = text
        elif parts[1] in entries:
            entries[parts[1]] += f"/{text}"
        else:
            entries[parts[1]] = text
    return entries


def _how_to_read(
    row: Mapping[str, str], shared: Mapping[str, str], stems: Mapping[str, int]
) -> list[str]:
    """An example of a joined value, from the first row; none if it has none."""
    joined = [name for name in row if name in stems and "/" in row[name]]
    joined.sort(key=lambda name: name in shared)
    if not joined:
        return []
    name, text = joined[0], row[joined[0]]
    each = [f"{name}{stems[name] + i}={value}" for i, value in enumerate(text.split("/"))]
    return [f"{name}={text} is {', '.join(each)}"]
