"""``analognas cost``: what a network costs on an analog chip, with a figure, or on a measured device."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, dump_json
from ..core.checks import value_text
from ..quick_start import without_collection
from .completion import names_of
from .cost_json import without_nan
from .help import MORE

if TYPE_CHECKING:
    from ..hardware import AIMCChip, ChipCost

_MOST_DIGITS = 9
_IMAGE, _CLASSES = (3, 32, 32), 10
_MODELS = {"lstm": ((35,), 10_000), "text-classifier": ((128,), 2), "kws-cnn": ((1, 32, 40), 12)}
"""Input and classes of networks that are not for images; the language model's are those of its source."""


def cost(
    network: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_ARCH",
            help="A network's name (wrn-16-4), or an architecture of the space: 2,2,0,4,2,1, or names and "
            "values as in best.json, '{M: 1, out_channel0: 8, ...}'.",
            autocompletion=names_of("models:MODELS"),
        ),
    ],
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
    out: Annotated[Path, typer.Option(help="Where to write the figure.")] = Path("cost.png"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what one inference costs on an analog chip, and draw where time and energy go.

    With --measured: what it costs on a device of which other architectures were measured. With --upkeep:
    accuracy and energy over a year.

    Example: analognas cost wrn-16-4 --chip hermes
    """
    typed = {"rate": rate, "chips": chips, "examples": examples, "seed": seed}
    sources = {"data": data, "root": root, "analog": analog}
    if upkeep:
        others = {"measured": measured, "keep": keep, "input": input_shape, "classes": classes}
        _refuse("`--upkeep` reads a saved network; omit", others)
    else:
        _refuse("`--upkeep` is needed for", {"config": config, **typed, "rate": None, **sources})
    if measured is not None:
        predicted = _predicted(network, space, measured, keep)
        print(dump_json(predicted) if as_json else _text(predicted))
        return
    if keep is not None:
        raise InvalidArgumentError("`--keep` needs `--measured`, whose predictor it keeps.")
    with without_collection():
        from ..hardware import find_chip, programming_cost, recalibration_cost
        from ..hardware.recalibration import DAY
        from ..hardware.upkeep_policies import ONE_AN_HOUR
        from ..report import save_figure
        from ..report.cost import cost_figure

        chosen = _changed(find_chip(chip), tiles, mapping, replicate).with_settings(setting or [])
    if upkeep:
        from .cost_upkeep import print_upkeep

        typed["iterations"] = iterations
        print_upkeep(network, chosen, typed, sources, config, out, as_json=as_json)
        return
    with without_collection():
        shape = None if input_shape is None else _shape(input_shape)
        found = _cost(network, space, shape, classes, chosen)
        often = ONE_AN_HOUR if rate is None else rate
        written = programming_cost(found, iterations=iterations)
        measuring = recalibration_cost(found)
        save_figure(cost_figure(found), out)
    if as_json:
        daily = {"daily_per_inference": measuring.per_inference(DAY, often)}
        more = {"programming": written.to_dict(), "recalibration": measuring.to_dict() | daily}
        print(dump_json(_plain(found) | without_nan(more)))
        return
    print(found)
    print(written)
    print(f"{measuring}; once a day {measuring.per_inference(DAY, often):.2g} mJ an inference")
    print(out)


def _refuse(text: str, options: dict[str, Any]) -> None:
    """Raise an error that names options which were given but do not fit."""
    if given := [f"--{name}" for name, value in options.items() if value is not None]:
        raise InvalidArgumentError(f"{text} {', '.join(given)}.")


def _changed(chip: AIMCChip, tiles: str | None, mapping: str | None, replicate: bool) -> AIMCChip:
    changes: dict[str, Any] = {}
    if tiles is not None:
        if tiles != "any" and not _is_count(tiles):
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
    if not all(_is_count(part.strip()) for part in parts):
        raise InvalidArgumentError(
            f"`--input` must be sizes with commas such as 3,32,32, but got {value_text(text)}."
        )
    return tuple(int(part) for part in parts)


def _cost(
    network: str,
    space: str,
    shape: tuple[int, ...] | None,
    classes: int | None,
    chip: AIMCChip,
) -> ChipCost:
    if network[:1].isalpha() and not network.lower().startswith("no."):
        return _cost_of_model(network, shape, classes, chip)
    from ..hardware import architecture_cost
    from ..spaces import SPACES

    chosen = SPACES.get(space)()
    if shape is not None and len(shape) != 3:
        raise InvalidArgumentError(
            f"`--input` must be channels, height and width, but got {len(shape)} sizes."
        )
    arch = _architecture(network, space)
    return architecture_cost(chosen, arch, chip, input_shape=shape, n_classes=classes)


def _cost_of_model(
    network: str, shape: tuple[int, ...] | None, classes: int | None, chip: AIMCChip
) -> ChipCost:
    import torch

    from ..hardware import network_cost
    from ..models import build_model

    own_shape, own_classes = _MODELS.get(network, (_IMAGE, _CLASSES))
    shape = own_shape if shape is None else shape
    # Tokens are looked up, which costs nothing here: any vocabulary does.
    options: dict[str, Any] = {"vocabulary_size": 1} if network == "text-classifier" else {}
    model = build_model(
        network,
        input_shape=shape,
        n_classes=own_classes if classes is None else classes,
        **options,
    )
    if len(shape) == 1 and any(isinstance(part, torch.nn.Embedding) for part in model.modules()):
        return network_cost(model, chip, example=torch.zeros(1, *shape, dtype=torch.long))
    return network_cost(model, chip, input_shape=shape)


def _architecture(network: str, space: str) -> Any:
    from .tables import parse_architecture

    if space == "nasbench201" or network.lstrip().startswith("{"):
        return parse_architecture(network)
    parts = network.strip("()[] ").split(",")
    return [int(part) if _is_count(part.strip()) else part.strip() for part in parts]


def _is_count(text: str) -> bool:
    """Whether a text is a number of things, which has few digits."""
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _predicted(network: str, space: str, measured: Path, keep: Path | None) -> dict[str, Any]:
    """Predictions of one architecture by name of the cost, as JSON types."""
    from ..search.components import measured_device
    from ..spaces import SPACES

    chosen = SPACES.get(space)()
    row = chosen.encode(_architecture(network, space))
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
