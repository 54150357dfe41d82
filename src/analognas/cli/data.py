"""``analognas data``: adds downloaded tables to the user's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(name="data")

_NAMES = ("hw-nas-bench", "nas-bench-201")


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """Add downloaded tables.

    Example: analognas data add hw-nas-bench HW-NAS-Bench-v1_0.pickle
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@data_app.command("add", short_help="Convert and verify a downloaded table.")
def add(
    name: Annotated[str, typer.Argument(help="What it is: hw-nas-bench or nas-bench-201.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="The file, such as HW-NAS-Bench-v1_0.pickle, or folder, such as NATS-tss-v1_0-3ffb9-simple."
        ),
    ],
) -> None:
    """Convert a downloaded table once, verify it, and put it into the user's data folder.

    Example: analognas data add hw-nas-bench HW-NAS-Bench-v1_0.pickle
    """
    from ..core import check_choice
    from ..tables import add_hw_nas_bench, add_nas_bench_201

    known = check_choice("table", name, _NAMES)
    for path in add_hw_nas_bench(file) if known == "hw-nas-bench" else add_nas_bench_201(file):
        typer.echo(str(path))
