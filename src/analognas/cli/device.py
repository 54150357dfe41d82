"""``analognas device``: show a device model, list them all, fit one to measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core import InvalidArgumentError, claim_output
from ..core.text_tables import text_table
from ..quick_start import without_collection
from .completion import names_of
from .drift_progress import announced
from .options import Config, Json, Out, read_settings

device_app = typer.Typer(name="device")


@device_app.callback(invoke_without_command=True)
def device(context: typer.Context) -> None:
    """Look at device models.

    Example: analognas device show PCM
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@device_app.command("show", short_help="Draw programming spread, drift and conductance.")
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a device, or a .yaml or .json file of one.",
            autocompletion=names_of("physics.presets:DEVICES"),
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write the PNG; NAME.png if not given.")
    ] = None,
) -> None:
    """Draw programming spread, drift exponent, and conductance against time.

    Example: analognas device show PCM
    """
    with without_collection():
        from ..physics import find_device
        from ..report import save_figure
        from ..report.device import device_figure

        path = out or Path(f"{Path(name).name}.png")
        save_figure(device_figure(find_device(name), title=name), path)
    typer.echo(str(path))


@device_app.command("list", short_help="List the devices by name.")
def list_devices(
    json: Annotated[
        bool, typer.Option("--json", help="Machine-readable, with all constants.")
    ] = False,
) -> None:
    """List the devices that can be asked for by name.

    Example: analognas device list
    """
    from ..core import dump_json
    from ..physics import describe_devices

    rows = describe_devices()
    if json:
        typer.echo(dump_json(rows))
        return
    lines = [[row["name"], f"{row['g_min']:g} to {row['g_max']:g}", row["source"]] for row in rows]
    typer.echo(text_table(["device", "conductance (µS)", "source"], lines))


@device_app.command("fit", short_help="Fit a device model to measured conductances.")
def fit(
    measurements: Annotated[
        Path,
        typer.Argument(
            help="CSV file with columns target_uS, device, time_s and conductance_uS, or other units."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(help="power-law or relaxation. [default: auto, the better by AIC]"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=HEAD",
            help="Head of a column that is not recognised, such as target=G_set; may be repeated.",
        ),
    ] = None,
    conductance_unit: Annotated[
        str | None,
        typer.Option(help="Unit of targets and conductances for which the file has none, as uS."),
    ] = None,
    time_unit: Annotated[
        str | None, typer.Option(help="Unit of times for which the file has none, such as s.")
    ] = None,
    t_0: Annotated[
        float | None,
        typer.Option(
            "--t-0",
            help="Time between programming and time 0 of the measurements, s. [default: 20 for a power law]",
        ),
    ] = None,
    t_read: Annotated[
        float | None, typer.Option(help="Duration of one reading, s. [default: 2.5e-7]")
    ] = None,
    config: Config = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, such as degree=2; may be repeated. `analognas schema fit` lists them.",
        ),
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Fit a device model to conductances that you measured over time.

    Writes device.yaml, which every command and AnalogConfig take, fit.json with intervals, and fit.png.

    Example: analognas device fit examples/simulated-pcm.csv --out my-device
    """
    from ..core import dump_json
    from ..physics.fitting import FitSettings, fit_device, read_measurements

    typed = {"model": model, "t_0": t_0, "t_read": t_read}
    settings = read_settings(FitSettings, config, typed, setting)
    data = read_measurements(
        measurements,
        conductance_unit=conductance_unit,
        time_unit=time_unit,
        columns=_named_columns(column or []),
    )
    with announced(
        f"fitting {len(data.target):,} devices, with {settings.bootstrap:,} bootstrap samples"
    ):
        found = fit_device(data, settings)
    with claim_output(out, "device") as folder:
        from ..report.device_fit import write_device_fit_report

        found.save(folder)
        write_device_fit_report(found, folder)
    if json:
        typer.echo(dump_json(found.to_dict()))
    else:
        typer.echo(str(found))
    typer.echo(f"Results in {folder}", err=json)


def _named_columns(texts: list[str]) -> dict[str, str]:
    """Return the heads of columns that ``--column`` gives, by their names."""
    pairs = [text.partition("=") for text in texts]
    for text, (name, _, head) in zip(texts, pairs, strict=True):
        if not name.strip() or not head.strip():
            raise InvalidArgumentError(
                f"`--column` must be NAME=HEAD, such as target=G_set, but got {text!r}."
            )
    return {name.strip(): head for name, _, head in pairs}
