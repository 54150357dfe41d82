"""``analognas analyze``: what makes the networks of a table robust."""

from __future__ import annotations

from typing import Annotated

import typer

from ..core import claim_output, dump_json
from ..core.text_tables import text_table
from .options import Config, Json, Out, read_settings


def analyze(
    table: Annotated[
        str | None, typer.Argument(help="File of a measured table. [default: AnalogNAS-Bench]")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Networks at most this many points below the best digital accuracy take part. [default: 6]"
        ),
    ] = None,
    config: Config = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting; may be repeated."),
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Find what makes the networks of a table robust, at equal digital accuracy.

    Example: analognas analyze --out robust-cells
    """
    from ..analysis import AnalysisSettings, run_analysis
    from ..report.analysis import write_analysis_report
    from .drift_progress import announced

    typed = {"table": table, "margin": margin}
    settings = read_settings(AnalysisSettings, config, typed, setting)
    with claim_output(out, "analyze") as folder, announced("analysing the table"):
        found = run_analysis(settings, folder)
        write_analysis_report(found, folder)
    if json:
        typer.echo(dump_json(found.to_dict()))
    else:
        compared = found.networks_table()
        typer.echo(f"{found}\n\n{compared.title}")
        if compared.heads:
            typer.echo(text_table(compared.heads, compared.rows))
    typer.echo(f"Results in {folder}", err=json)
