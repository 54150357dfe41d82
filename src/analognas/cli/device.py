"""``analognas device``: show a device model, list them all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..quick_start import without_collection

device_app = typer.Typer(name="device", help="Look at device models.")


@device_app.callback(invoke_without_command=True)
def device(context: typer.Context) -> None:
    """Look at device models."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@device_app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of a device, or a .yaml or .json file of one.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the PNG; NAME.png if not given.")
    ] = None,
) -> None:
    """Draw programming spread, drift exponent, and conductance against time."""
    with without_collection():
        from ..physics import find_device
        from ..report import save_figure
        from ..report.device import device_figure

        path = out or Path(f"{Path(name).name}.png")
        save_figure(device_figure(find_device(name), title=name), path)
    typer.echo(str(path))


@device_app.command("list")
def list_devices(
    json: Annotated[
        bool, typer.Option("--json", help="Machine-readable, with all constants.")
    ] = False,
) -> None:
    """List the devices that can be asked for by name."""
    from ..core import dump_json
    from ..physics import describe_devices

    rows = describe_devices()
    if json:
        typer.echo(dump_json(rows))
        return
    for row in rows:
        typer.echo(f"{row['name']:<18}{row['g_min']:g} to {row['g_max']:g} µS  {row['source']}")
