"""Formatting of results for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core import Metric, get_metric

_FRONT_ROWS = 30
_FRONT_WIDTH = 40


def number(metric: Metric | str, value: float | None) -> str:
    """Return a value as readable text.

    Percentages and points have two decimals, other quantities four significant digits, and counts separate
    thousands; a dash says that there is none.

    Args:
        metric: The metric, or its name in the vocabulary.
        value: The value, in the metric's unit.

    Example:
        >>> number("avm", 1.234), number("aimc_energy", 0.012345), number("params", 73306.0)
        ('1.23', '0.01235', '73,306')
    """
    if value is None:
        return "-"
    unit = get_metric(metric).unit
    if not unit and float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.2f}" if unit in ("%", "pp") else f"{value:.4g}"


def value_text(cell: Mapping[str, Any], metric: Metric | str) -> str:
    """Return one metric of an architecture as readable text, with its standard error if it was predicted.

    Args:
        cell: An architecture with its ``metrics`` and, where there are any, ``standard_errors``.
        metric: The metric, or its name in the vocabulary.

    Example:
        >>> value_text({"metrics": {"avm": 1.234}, "standard_errors": {"avm": 0.0567}}, "avm")
        '1.23 ± 0.057'
    """
    name = get_metric(metric).name
    value = cell["metrics"][name]
    error = cell.get("standard_errors", {}).get(name)
    return number(metric, value) + (f" ± {error:.2g}" if value is not None and error else "")


def metric_text(metric: Metric | str) -> str:
    """Return the name of a metric with its unit.

    Example:
        >>> metric_text("avm"), metric_text("params")
        ('avm (pp)', 'params')
    """
    about = get_metric(metric)
    return f"{about.name} ({about.unit})" if about.unit else about.name


def front_lines(cells: Sequence[Mapping[str, Any]], metrics: Sequence[Metric]) -> list[str]:
    """Return a table of a non-dominated set as aligned lines, at most thirty architectures.

    Args:
        cells: Architectures with their ``metrics``, in order.
        metrics: The columns.
    """
    shown = cells[:_FRONT_ROWS]
    table = [["architecture", *map(metric_text, metrics)]]
    for cell in shown:
        values = [value_text(cell, name) for name in metrics]
        table.append([architecture_text(cell["architecture"], width=_FRONT_WIDTH), *values])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table
    ]
    if len(shown) < len(cells):
        lines.append(f"and {len(cells) - len(shown)} more")
    return lines


def architecture_text(architecture: Any, width: int | None = None) -> str:
    """Return an architecture as readable text: a list in brackets, named values as ``name=value``.

    Args:
        architecture: List of operations or mapping from names to values.
        width: Largest number of characters; longer texts are cut. None: no limit.

    Example:
        >>> architecture_text([2, 2, 0]), architecture_text({"depth": 2, "width": 16})
        ('(2, 2, 0)', 'depth=2, width=16')
        >>> architecture_text({"depth": 2, "width": 16}, width=12)
        'depth=2, wi…'
    """
    if isinstance(architecture, Mapping):
        text = ", ".join(f"{name}={value}" for name, value in architecture.items())
    else:
        text = str(tuple(architecture))
    return text if width is None or len(text) <= width else text[: width - 1] + "…"
