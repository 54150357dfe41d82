"""``analognas query``: what the table knows of one architecture."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..core import dump_json


def query(
    arch: Annotated[
        str,
        typer.Argument(
            metavar="ARCH",
            help="Six operations (0,0,0,4,3,2), an index (No.1835) or an arch_str.",
        ),
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Argument(metavar="[METRIC]...", help="Metrics to show; all of them by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the measured metrics of one NAS-Bench-201 architecture."""
    from ..tables import AnalogNASBench, DriftReading

    bench = AnalogNASBench()
    row = bench.space.encode(arch)
    wanted = metrics or [name for name in bench.metrics if not name.endswith("_std")]
    values = {name: bench.query_metric(row, name) for name in wanted}
    if as_json:
        plain: dict[str, Any] = {}
        for name, value in values.items():
            plain[name] = float(value) if isinstance(value, DriftReading) else value
            if isinstance(value, DriftReading):
                plain[f"{name}_std"] = value.std
        print(dump_json({**bench.space.describe(row), "metrics": plain}))
    elif metrics:
        for name, value in values.items():
            print(f"{name} {value}")
    else:
        bench.show(row)
