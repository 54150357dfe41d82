"""What the metrics of a search are, as its trial log keeps it: name, unit and direction of each."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from ...core import (
    METRICS,
    InvalidArgumentError,
    Metric,
    ResumeError,
    check_definitions,
    device_metric,
    get_metric,
)

KEY = "metrics"
"""Name of their entry among the settings of a log."""

CHECKED_FIRST = "checked_first"
"""Key of the constrained metrics that are checked before anything is measured."""

RESERVED = frozenset(
    ("run", "number", "batch", "time", "new", "genotype", "architecture", "feasible", "error")
)
"""Names of a log's other columns, which no metric may have."""


def check_names(definitions: Iterable[Metric]) -> tuple[Metric, ...]:
    """Return the metrics of a search if a log can hold them as columns.

    Raises:
        InvalidArgumentError: If two have one name, or one has that of another column.
    """
    for name in (by_name := check_definitions(definitions)):
        if name.lower() in RESERVED:
            raise InvalidArgumentError(
                f"A metric must not be called {name!r}, as a column of the trial log is; rename it."
            )
    return tuple(by_name.values())


def noted(definitions: Iterable[Metric]) -> dict[str, Any]:
    """What a log notes of its metrics, JSON types."""
    return {KEY: [metric.to_dict() for metric in definitions]}


def logged_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Return what a log says of its metrics, by name; nothing for logs of earlier versions.

    Raises:
        InvalidArgumentError: If it cannot be read.
    """
    entries = settings.get(KEY, [])
    if not isinstance(entries, list):
        raise InvalidArgumentError(f"`{KEY}` must be a list of metrics, but got {entries!r}.")
    return check_definitions(map(Metric.from_dict, entries))


def logged_metric(known: Mapping[str, Metric], name: str) -> Metric:
    """Return one metric of a log; what the log does not declare follows from its name.

    Raises:
        UnknownNameError: If nothing says what it is.
    """
    if name in known or name in METRICS:
        return known.get(name) or METRICS[name]
    return device_metric(name) or get_metric(name)


def checked_first(settings: Mapping[str, Any], known: Container[str], file: str) -> tuple[str, ...]:
    """Return the metrics whose bounds a search checks before it measures; none in logs of earlier versions.

    Args:
        settings: What the log says of the search.
        known: Metrics that the evaluator knows without measuring.
        file: The log, for messages.

    Raises:
        ResumeError: If the evaluator does not know one of them.
    """
    names = settings.get(CHECKED_FIRST, [])
    for name in names:
        if name not in known:
            raise ResumeError(
                f"The search of the log {file!r} checked bounds on {name!r} before it measured, but this "
                "evaluator does not know it beforehand (`cheap_metrics`); give the evaluator that began the "
                "search."
            )
    return tuple(names)


def check_unchanged(settings: Mapping[str, Any], definitions: Iterable[Metric], file: str) -> None:
    """Refuse to continue a search whose metrics have another unit or direction than its log says.

    Raises:
        ResumeError: If one differs.
    """
    before = logged_metrics(settings)
    for now in definitions:
        was = before.get(now.name, now)
        for attribute in ("unit", "higher_is_better"):
            if getattr(was, attribute) != getattr(now, attribute):
                raise ResumeError(
                    f"The log {file!r} belongs to another search: its metric {now.name!r} has the {attribute} "
                    f"{getattr(was, attribute)!r}, but this search has {getattr(now, attribute)!r}."
                )
