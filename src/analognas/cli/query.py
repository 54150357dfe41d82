"""``analognas query``: what the table knows of one architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import InvalidArgumentError, dump_json
from .completion import names_of
from .tables import parse_architecture, plain_number


def query(
    arch: Annotated[
        str | None,
        typer.Argument(
            metavar="ARCH",
            help="Six operations (0,0,0,4,3,2), an index (No.1835) or an arch_str; of another space what it "
            "reads, such as '{M: 1, R1: 2, ...}'.",
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[METRIC]...",
            help="Metrics to show; all of them by default.",
            autocompletion=names_of("core:METRICS"),
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="Measured table. [default: AnalogNAS-Bench]"),
    ] = None,
    best: Annotated[
        str | None,
        typer.Option(
            "--best",
            metavar="METRIC",
            help="The best by this metric, in place of ARCH.",
            autocompletion=names_of("core:METRICS"),
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the measured metrics of one architecture, by default of AnalogNAS-Bench.

    Example: analognas query 0,0,0,4,3,2 analog_drift_2592000
    """
    from ..tables import ENDINGS, DriftReading, MeasuredTable, find_table

    bench = find_table(table)
    space = bench.full_space if isinstance(bench, MeasuredTable) else bench.space
    if best is not None:
        # Without ARCH the first word is a metric.
        metrics = [*([] if arch is None else [arch]), *(metrics or [])]
        row = space.encode(bench.find_best(best)[0])
    elif arch is None:
        raise InvalidArgumentError("Give an architecture, or --best METRIC.")
    else:
        row = space.encode(parse_architecture(arch))
    wanted = metrics or [name for name in bench.metrics if not name.endswith(ENDINGS)]
    values = {name: bench.query_metric(row, name) for name in wanted}
    if as_json:
        plain: dict[str, Any] = {}
        for name, value in values.items():
            plain[name] = plain_number(value)
            if isinstance(value, DriftReading):
                plain[f"{name}_std"] = value.std
        print(dump_json({**space.describe(row), "metrics": plain}))
    elif metrics:
        for name, value in values.items():
            print(f"{name} {value}")
    else:
        bench.show(row)
