"""Formatting of results for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core import Metric, get_metric
from ...core.text_tables import text_table
from ...spaces import Space, architecture_labels

_FRONT_ROWS = 30


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


def front_lines(
    cells: Sequence[Mapping[str, Any]], metrics: Sequence[Metric], space: Space | None = None
) -> list[str]:
    """Return a table of a non-dominated set as aligned lines, at most thirty architectures.

    Args:
        cells: Architectures with their ``metrics``, in order.
        metrics: The columns.
        space: The space; None: inactive hyperparameters are shown.
    """
    shown = cells[:_FRONT_ROWS]
    labels = architecture_labels([cell["architecture"] for cell in shown], space)
    rows = [
        [text, *(value_text(cell, name) for name in metrics)]
        for text, cell in zip(labels.texts, shown, strict=True)
    ]
    lines = text_table(["architecture", *map(metric_text, metrics)], rows).splitlines()
    if len(shown) < len(cells):
        lines.append(f"and {len(cells) - len(shown)} more")
    return [*lines, labels.note] if labels.note else lines
