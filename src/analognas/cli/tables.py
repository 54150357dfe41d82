"""Measured tables on the command line: opened for a search, a query or an examination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError, ResumeError, dump_json

if TYPE_CHECKING:
    from ..evaluators import TableEvaluator


def measured_table(path: Path) -> TableEvaluator:
    """Return what scores the networks of a measured table."""
    from ..evaluators import TableEvaluator
    from ..tables import MeasuredTable

    return TableEvaluator(MeasuredTable(path))


def check_table_fits(settings: Mapping[str, Any], typed: Mapping[str, Any]) -> None:
    """Make sure that ``--table`` agrees with the other options of a search.

    Raises:
        InvalidArgumentError: If it does not.
    """
    if settings["table"] is None:
        return
    name = measured_table(settings["table"]).space.name
    if typed["space"] not in (None, name):
        raise InvalidArgumentError(
            f"The table {str(settings['table'])!r} is about the space {name!r}, but --space is "
            f"{typed['space']!r}; omit --space."
        )
    if settings["noise"] is not None:
        raise InvalidArgumentError(
            "--noise simulates readings of AnalogNAS-Bench; it does not go with --table."
        )


def check_table_again(evaluator: Mapping[str, Any], table: Path | None) -> None:
    """Make sure that a measured table is given again: a log knows its checksum, not its file.

    Raises:
        ResumeError: If it is not.
    """
    from ..tables import SHIPPED_CHECKSUM

    for source in evaluator.get("sources", [evaluator]):
        checksum = str(source.get("checksum", "")).removeprefix("sha256:")
        if "table" in source and checksum != SHIPPED_CHECKSUM and table is None:
            raise ResumeError(
                f"The search read the table {source['table']!r}; give its file again with --table."
            )


def parse_architecture(text: str) -> Any:
    """Return an architecture from what was typed: YAML where it is a mapping, else the text itself.

    Example:
        >>> parse_architecture("{M: 1, R1: 2}"), parse_architecture("No.5")
        ({'M': 1, 'R1': 2}, 'No.5')
    """
    from ..core.config_files import parse_value

    return parse_value(text) if text.lstrip().startswith("{") else text


def plain_number(value: float) -> float | int | None:
    """Return a number as JSON has it; None where it is missing.

    Example:
        >>> plain_number(float("nan")), plain_number(3)
        (None, 3)
    """
    if isinstance(value, int):
        return value
    return float(value) if value == value else None


def show_table(path: Path, quality: bool, as_json: bool) -> None:
    """Print what a measured table says of itself, and how far it can be trusted."""
    from ..tables import ENDINGS, MeasuredTable

    table = MeasuredTable(path)
    described = table.metadata
    facts: dict[str, Any] = {
        "name": table.name,
        "space": table.full_space.name,
        "architectures": len(table),
        "rows": len(table.rows),
        "complete": table.complete,
        **described["provenance"],
        "fidelity": described["fidelity"],
        "licence": described["licence"],
        "notes": described["notes"],
        "checksum": f"sha256:{table.checksum}",
    }
    found = table.quality() if quality else None
    if as_json:
        more = {} if found is None else {"quality": asdict(found)}
        print(dump_json({**facts, "metrics": described["metrics"], **more}))
        return
    for key, value in facts.items():
        shown = (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        print(f"{key:<16}{shown}")
    print("\nmetrics")
    for metric in table.metric_definitions:
        if not metric.name.endswith(ENDINGS):
            unit = f" ({metric.unit})" if metric.unit else ""
            print(f"  {metric.name:<26}{metric.description}{unit}")
    if found is not None:
        print(f"\nquality of the table\n{found}")
