"""Measured tables and architectures on the command line."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core import dump_json
from ..core.text_tables import hanging, with_unit

_NAMED = re.compile(r"\s*\w+\s*=[^,=]+(,\s*\w+\s*=[^,=]+)*")
"""Names and values, as in ``M=1, R1=2``."""


def parse_architecture(text: str) -> Any:
    """Return an architecture from what was typed: names and values, YAML or JSON of them, else the text itself.

    Example:
        >>> parse_architecture("{M: 1, R1: 2}"), parse_architecture("M=1, R1=2"), parse_architecture("No.5")
        ({'M': 1, 'R1': 2}, {'M': 1, 'R1': 2}, 'No.5')
    """
    from ..core.config_files import parse_value

    if text.lstrip().startswith("{"):
        return parse_value(text)
    if _NAMED.fullmatch(text):
        parts = (part.partition("=") for part in text.split(","))
        return {name.strip(): parse_value(value.strip()) for name, _, value in parts}
    return text


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
    """Print metadata and quality of a measured table."""
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
        print(hanging(key, str(shown), 16))
    print("\nmetrics")
    for metric in table.metric_definitions:
        if not metric.name.endswith(ENDINGS):
            print(hanging(f"  {metric.name}", with_unit(metric.description, metric.unit), 28))
    if found is not None:
        print(f"\nquality of the table\n{found}")
