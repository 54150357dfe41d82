"""``analognas cost``: what a network costs on an analog chip, with a figure, or on a measured device."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, dump_json
from ..core.checks import value_text
from ..core.text_tables import wrapped
from ..quick_start import without_collection
from .completion import names_of
from .cost_networks import cost_on_enough, is_count, parse_architecture_of, without_nan
from .help import MORE

if TYPE_CHECKING:
    from ..hardware import AIMCChip, ChipCost


def cost(
    network: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_OR_ARCH",
            help="A network's name (wrn-16-4), the folder of a training or search, or an architecture of the "
            "space: 2,2,0,4,2,1 or 'M=1, out_channel0=8, ...' or JSON.",
            autocompletion=names_of("models:MODELS"),
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Your own function that builds the network, as module:function."),
    ] = None,
    chip: Annotated[
        str,
        typer.Option(
            help="A chip's name, or its YAML file.", autocompletion=names_of("hardware:CHIPS")
        ),
    ] = "hermes",
    tiles: Annotated[
        str | None, typer.Option(help="Crossbars that there are: a number, or any.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="naive or packed.", rich_help_panel=MORE)
    ] = None,
    replicate: Annotated[
        bool,
        typer.Option(
            "--replicate",
            help="Fill free crossbars with copies of long layers.",
            rich_help_panel=MORE,
        ),
    ] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other entry of the chip, such as fixed_share=0; may be repeated. `analognas schema chip` "
            "lists them.",
        ),
    ] = None,
    iterations: Annotated[
        float | None,
        typer.Option(
            help="Limit of programming iterations of a device. [default: the chip's own]",
            rich_help_panel=MORE,
        ),
    ] = None,
    upkeep: Annotated[
        bool,
        typer.Option(
            "--upkeep",
            help="Compare accuracy over a year and energy of policies: never, compensate daily, reprogram "
            "monthly, both. MODEL_OR_ARCH is then a saved network, the folder of a training, or example.",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            help="With --upkeep: file of policies and other settings (`analognas schema upkeep`).",
            rich_help_panel=MORE,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Inferences a second, for the upkeep. [default: one an hour]", rich_help_panel=MORE
        ),
    ] = None,
    chips: Annotated[
        int | None,
        typer.Option(
            help="With --upkeep: number of simulated chips. [default: 10]", rich_help_panel=MORE
        ),
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            help="With --upkeep: test examples used. [default: those of the training]",
            rich_help_panel=MORE,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="With --upkeep: everything random follows from it. [default: 0]",
            rich_help_panel=MORE,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="With --upkeep: data set. [default: that of the training]", rich_help_panel=MORE
        ),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(
            help="With --upkeep: folder of the data. [default: as in training]",
            rich_help_panel=MORE,
        ),
    ] = None,
    analog: Annotated[
        str | None,
        typer.Option(
            help="With --upkeep: hardware for digital networks, a preset or a file.",
            rich_help_panel=MORE,
        ),
    ] = None,
    space: Annotated[
        str,
        typer.Option(help="Space of the architecture.", autocompletion=names_of("spaces:SPACES")),
    ] = "nasbench201",
    input_shape: Annotated[
        str | None,
        typer.Option(
            "--input",
            help="Shape of one input, such as 3,32,32, or the length of a text. [default: the space's or "
            "network's own]",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            help="Number of classes, or words of a vocabulary. [default: the space's own, 10 otherwise]"
        ),
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            help="CSV of architectures and their costs on a device, or what --keep kept of one: predict from "
            "it, without a chip."
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="New file in which to keep what was learnt from --measured (.parquet).",
            rich_help_panel=MORE,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="With --upkeep: continue after Ctrl-C or a crash, with the same options.",
            rich_help_panel=MORE,
        ),
    ] = False,
    out: Annotated[Path, typer.Option(help="Where to write the figure.")] = Path("cost.png"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what one inference costs on an analog chip, and draw where time and energy go.

    --measured predicts the cost on a device from measurements of other architectures there. --upkeep
    compares accuracy and energy over a year.

    Example: analognas cost wrn-16-4 --chip hermes
    """
    network = _one_of(network, model)
    typed = {"rate": rate, "chips": chips, "examples": examples, "seed": seed}
    sources = {"data": data, "root": root, "analog": analog}
    if upkeep:
        others = {"measured": measured, "keep": keep, "input": input_shape, "classes": classes}
        _refuse("`--upkeep` reads a saved network; omit", others)
    else:
        only = {"config": config, "resume": resume or None, **typed, "rate": None, **sources}
        _refuse("`--upkeep` is needed for", only)
    if measured is not None:
        predicted = _predicted(network, space, measured, keep)
        print(dump_json(predicted) if as_json else _text(predicted))
        return
    if keep is not None:
        raise InvalidArgumentError("`--keep` needs `--measured`, whose predictor it keeps.")
    with without_collection():
        from ..hardware import find_chip, programming_cost, recalibration_cost
        from ..hardware.recalibration import DAY
        from ..hardware.uncertain_value import with_factor
        from ..hardware.upkeep_policies import ONE_AN_HOUR
        from ..report import save_figure
        from ..report.cost import cost_figure

        chosen = _changed(find_chip(chip), tiles, mapping, replicate).with_settings(setting or [])
    if upkeep:
        from .cost_upkeep import print_upkeep

        typed["iterations"] = iterations
        print_upkeep(network, chosen, typed, sources, config, out, resume=resume, as_json=as_json)
        return
    with without_collection():
        shape = None if input_shape is None else _shape(input_shape)
        found, note = cost_on_enough(
            network, space, shape, classes, chosen, limited=tiles is not None
        )
        often = ONE_AN_HOUR if rate is None else rate
        written = programming_cost(found, iterations=iterations)
        measuring = recalibration_cost(found)
        save_figure(cost_figure(found), out)
    if note:
        print(note, file=sys.stderr)
    if as_json:
        daily = {"daily_per_inference": measuring.per_inference(DAY, often)}
        more = {"programming": written.to_dict(), "recalibration": measuring.to_dict() | daily}
        print(dump_json(_plain(found) | without_nan(more)))
        return
    print(found)
    print(wrapped(str(written)))
    daily_energy = measuring.per_inference(DAY, often)
    daily_text = f"{daily_energy:.2g} mJ{with_factor(daily_energy)} an inference"
    at_rate = "one inference an hour" if rate is None else f"{rate:g} inferences/s"
    print(wrapped(f"{measuring}; once a day {daily_text} (at {at_rate})"))
    print(out)


def _one_of(network: str | None, model: str | None) -> str:
    """Return what to count: the argument or the option."""
    if (network is None) == (model is None):
        raise InvalidArgumentError(
            "Give a network or an architecture, or --model MODULE:FUNCTION: analognas cost wrn-16-4."
        )
    return str(network or model)


def _refuse(text: str, options: dict[str, Any]) -> None:
    """Raise an error that names options which were given but do not fit."""
    if given := [f"--{name}" for name, value in options.items() if value is not None]:
        raise InvalidArgumentError(f"{text} {', '.join(given)}.")


def _changed(chip: AIMCChip, tiles: str | None, mapping: str | None, replicate: bool) -> AIMCChip:
    changes: dict[str, Any] = {}
    if tiles is not None:
        if tiles != "any" and not is_count(tiles):
            raise InvalidArgumentError(
                f"`--tiles` must be a number or any, but got {value_text(tiles)}."
            )
        changes["n_tiles"] = None if tiles == "any" else int(tiles)
    if mapping is not None:
        changes["mapping"] = mapping
    if replicate:
        changes["replicate"] = True
    return chip.replace(**changes)


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(is_count(part.strip()) for part in parts):
        raise InvalidArgumentError(
            f"`--input` must be sizes with commas such as 3,32,32, but got {value_text(text)}."
        )
    return tuple(int(part) for part in parts)


def _predicted(network: str, space: str, measured: Path, keep: Path | None) -> dict[str, Any]:
    """Predictions of one architecture by name of the cost, as JSON types."""
    from ..search.components import measured_device
    from ..spaces import SPACES

    chosen = SPACES.get(space)()
    row = chosen.encode(parse_architecture_of(network, space))
    predictor = measured_device(measured, chosen)
    if keep is not None:
        predictor.save(keep, new=True)
    names = list(predictor.cross_validation)
    found = predictor.evaluate(row[None], names)
    units = {metric.name: metric.unit for metric in predictor.metric_definitions}
    return {
        name: {
            "value": float(found.means[name][0]),
            "standard_error": float(found.sems[name][0]),
            "unit": units[name],
            "formula": predictor.formula(name),
            "cross_validation": without_nan(vars(predictor.cross_validation[name])),
        }
        for name in names
    }


def _text(predicted: dict[str, Any]) -> str:
    lines = []
    for name, found in predicted.items():
        lines.append(
            f"{name}: {found['value']:.6g} ± {found['standard_error']:.2g} {found['unit']}"
        )
        if found["formula"]:
            lines.append(f"  = {found['formula']}")
        errors = found["cross_validation"]
        tau = errors["kendall_tau"]
        rank = "" if tau is None else f", Kendall tau {tau:.3f}"
        lines.append(
            f"  {errors['model']} on {errors['n']} measurements; held out: root mean square error "
            f"{errors['rmse']:.3g} {found['unit']}, median {errors['median_ape'] or 0:.2g} %{rank}"
        )
    return "\n".join(lines)


def _plain(cost: ChipCost) -> dict[str, Any]:
    """The costs as JSON types; what is not known is null."""
    payload = asdict(cost) | {"chip": cost.chip.to_dict(), "throughput": cost.throughput}
    return {name: without_nan(value) for name, value in payload.items()}
