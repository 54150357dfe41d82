"""``analognas device``: show a device model, list them all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

device_app = typer.Typer(name="device", help="Look at device models.", no_args_is_help=True)


@device_app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of a device, or a .yaml or .json file of one.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the PNG; NAME.png if not given.")
    ] = None,
) -> None:
    """Draw programming spread, drift exponent, and conductance against time."""
    from analognas.physics import find_device
    from analognas.report.device_figure import save_device_figure

    path = out or Path(f"{name}.png")
    save_device_figure(find_device(name), path, title=name)
    typer.echo(str(path))


@device_app.command("list")
def list_devices(
    json: Annotated[
        bool, typer.Option("--json", help="Machine-readable, with all constants.")
    ] = False,
) -> None:
    """List the devices that can be asked for by name."""
    from analognas.core import dump_json
    from analognas.physics import describe_devices

    rows = describe_devices()
    if json:
        typer.echo(dump_json(rows))
        return
    for row in rows:
        typer.echo(f"{row['name']:<18}{row['g_min']:g} to {row['g_max']:g} µS  {row['source']}")
