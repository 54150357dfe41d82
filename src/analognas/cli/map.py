"""``analognas map``: which layers stay digital, or get more devices per weight, under a budget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, dump_json
from ..core.times import parse_time
from ..core.user_code import import_code, is_reference
from .completion import names_of
from .options import Analog, Config, Json, Out, Seed, read_settings
from .studies import run_study

if TYPE_CHECKING:
    from ..hardware.hybrid import HybridMapping
    from ..hardware.hybrid_study import MapStudy


def map_layers(
    checkpoint: Annotated[
        str | None,
        typer.Argument(help="Saved network: a file, the folder of a training, or example."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Your own function that builds the network, as module:function."),
    ] = None,
    loss: Annotated[
        float | None,
        typer.Option(help="Accepted loss, such as 1 point. [default: normalised accuracy of 99 %]"),
    ] = None,
    energy: Annotated[
        float | None, typer.Option(help="Largest energy of an inference, mJ. [default: no limit]")
    ] = None,
    digital_energy: Annotated[
        float | None,
        typer.Option(
            help="Energy of a digital multiply-accumulate, pJ. [default: that of the chip, if it has one]"
        ),
    ] = None,
    chip: Annotated[
        str | None,
        typer.Option(
            help="Chip whose costs are counted. [default: hermes]",
            autocompletion=names_of("hardware:CHIPS"),
        ),
    ] = None,
    double: Annotated[
        bool, typer.Option("--double", help="Layers may also get two pairs of devices per weight.")
    ] = False,
    time: Annotated[
        str | None, typer.Option(help="Time since programming. [default: 1day]")
    ] = None,
    chips: Annotated[int | None, typer.Option(help="Number of chips. [default: 10]")] = None,
    examples: Annotated[
        int | None, typer.Option(help="Test examples used. [default: those of the training]")
    ] = None,
    analog: Analog = None,
    seed: Seed = None,
    config: Config = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, such as mappings=20; may be repeated. `analognas schema map` lists them.",
        ),
    ] = None,
    out: Out = None,
    resume: Annotated[Path | None, typer.Option(help="Folder of a choice to continue.")] = None,
    json: Json = False,
) -> None:
    """Choose layers that stay digital, and check the choice on simulated chips.

    Example: analognas map example --loss 1
    """
    from ..hardware.hybrid_study import MapStudy
    from ..report.hybrid import write_map_report
    from .drift_progress import pass_progress

    typed = {
        "checkpoint": checkpoint,
        "model": model,
        "loss": loss,
        "energy": energy,
        "digital_energy": digital_energy,
        "chip": chip,
        "double": double or None,
        "times": None if time is None else [parse_time(time)],
        "chips": chips,
        "examples": examples,
        "analog": analog,
        "seed": seed,
    }

    def run(study: MapStudy, folder: Path) -> HybridMapping:
        with pass_progress() as tell:
            found = study.run_map(folder, tell)
        write_map_report(found, folder)
        return found

    result, folder = run_study(
        "map",
        MapStudy.load,
        _new_study,
        typed | {"config": config, "set": setting},
        (out, resume),
        run,
    )
    if json:
        typer.echo(dump_json(result.to_dict()))
    else:
        typer.echo(str(result))
    typer.echo(f"Results in {folder}", err=json)


def _new_study(given: Mapping[str, Any]) -> MapStudy:
    """Return a study by settings from a file, then options, then ``--set``."""
    from ..hardware.hybrid import MapSettings
    from ..hardware.hybrid_study import MapStudy

    known = dict(given)
    config, texts = known.pop("config", None), known.pop("set", [])
    if not {"checkpoint", "model"} & set(known) and config is None:
        raise InvalidArgumentError(
            "Give a saved network: analognas map CHECKPOINT; `analognas train` makes one, and `analognas map "
            "example` takes a small one."
        )
    if is_reference(known.get("model")):
        import_code(known["model"])
    return MapStudy(read_settings(MapSettings, config, known, texts))
