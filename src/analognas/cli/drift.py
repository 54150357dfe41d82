"""``analognas drift`` and ``analognas sensitivity``: saved networks on simulated chips, with figures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, dump_json
from ..core.times import parse_time
from ..core.user_code import import_code, is_reference
from .completion import names_of
from .help import MORE
from .options import Analog, Config, Json, Out, Seed
from .studies import run_study

if TYPE_CHECKING:
    from ..drift import DriftResult, DriftStudy, Sensitivity

# Defaults live here, not in the signature, so that --resume knows what was typed.
_Checkpoint = Annotated[
    str | None, typer.Argument(help="Saved network: a file, or the folder of a training.")
]
_Model = Annotated[
    str | None,
    typer.Option(
        help="Your own function that builds the network, as module:function. CHECKPOINT then holds its "
        "weights; without it, those that the function sets are used."
    ),
]
_Chips = Annotated[int | None, typer.Option(help="Number of chips.")]
_Examples = Annotated[
    int | None, typer.Option(help="Test examples used. [default: those of the training]")
]
_Calibration = Annotated[
    int | None,
    typer.Option(
        help="Training examples that input ranges of networks mapped as they are come from. [default: 3200; as "
        "many as --examples, at least 64]",
        rich_help_panel=MORE,
    ),
]
_Data = Annotated[
    str | None,
    typer.Option(
        help="Data set. [default: that of the training]", autocompletion=names_of("data:DATASETS")
    ),
]
_Root = Annotated[
    Path | None,
    typer.Option(help="Folder of the data. [default: as in training]", rich_help_panel=MORE),
]
_BatchSize = Annotated[
    int | None, typer.Option(help="Examples at once. [default: 256]", rich_help_panel=MORE)
]
_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any other setting, such as tolerance=0.5; may be repeated. `analognas schema drift` lists them.",
    ),
]
_Resume = Annotated[Path | None, typer.Option(help="Folder of an evaluation to continue.")]


def drift(
    checkpoint: _Checkpoint = None,
    model: _Model = None,
    direct: Annotated[
        str | None,
        typer.Option(
            help="Saved digital network to map as it is, for comparison. [default: the one of the training]"
        ),
    ] = None,
    times: Annotated[
        str | None,
        typer.Option(help="Times since programming. [default: 1s,1min,1h,1day,1month,1year]"),
    ] = None,
    chips: _Chips = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="Stop when intervals reach this far to each side, such as 0.25 points."),
    ] = None,
    examples: _Examples = None,
    calibration_examples: _Calibration = None,
    data: _Data = None,
    root: _Root = None,
    analog: Analog = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="Memory device, a name or a file, to measure the network on; repeat it to compare devices.",
            autocompletion=names_of("physics.presets:DEVICES"),
        ),
    ] = None,
    batch_size: _BatchSize = None,
    seed: Seed = None,
    config: Config = None,
    setting: _Set = None,
    out: Out = None,
    resume: _Resume = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy from one second to one year after programming, on 25 simulated chips.

    Example: analognas drift trained --device PCM --device Hermes
    """
    typed = {
        "checkpoint": checkpoint,
        "model": model,
        "direct": direct,
        "times": None if times is None else [parse_time(one) for one in times.split(",")],
        "chips": chips,
        "tolerance": tolerance,
        "examples": examples,
        "calibration_examples": calibration_examples,
        "data": data,
        "root": None if root is None else str(root),
        "analog": analog,
        "devices": device or None,
        "batch_size": batch_size,
        "seed": seed,
    }
    from ..drift import DriftStudy
    from ..report.drift_curves import write_drift_report
    from ..report.html import write_page
    from .drift_progress import drift_progress

    def run(study: DriftStudy, folder: Path) -> dict[str, DriftResult]:
        with drift_progress() as listener:
            results = study.run_drift(folder, listener.chip, listener.step)
        write_drift_report(results, folder)
        write_page(folder)
        return results

    results, folder = run_study(
        "drift",
        DriftStudy.load,
        partial(_new_study, "drift"),
        typed | {"config": config, "set": setting},
        (out, resume),
        run,
    )
    if as_json:
        print(dump_json({name: result.to_dict() for name, result in results.items()}))
    else:
        _print_drift(results)
    print(f"Results in {folder}", file=sys.stderr if as_json else sys.stdout)


def sensitivity(
    checkpoint: _Checkpoint = None,
    model: _Model = None,
    time: Annotated[
        str | None, typer.Option(help="Time since programming. [default: 1month]")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="alone: one layer analog at a time; spared: one digital. [default: alone]"
        ),
    ] = None,
    chips: _Chips = None,
    examples: _Examples = None,
    calibration_examples: _Calibration = None,
    data: _Data = None,
    root: _Root = None,
    analog: Analog = None,
    batch_size: _BatchSize = None,
    seed: Seed = None,
    config: Config = None,
    setting: _Set = None,
    out: Out = None,
    resume: _Resume = None,
    as_json: Json = False,
) -> None:
    """Measure which layer costs most accuracy, each alone on 10 simulated chips.

    Example: analognas sensitivity trained --chips 10
    """
    typed = {
        "checkpoint": checkpoint,
        "model": model,
        "times": None if time is None else [parse_time(time)],
        "kind": kind,
        "chips": chips,
        "examples": examples,
        "calibration_examples": calibration_examples,
        "data": data,
        "root": None if root is None else str(root),
        "analog": analog,
        "batch_size": batch_size,
        "seed": seed,
    }
    from ..drift import DriftStudy
    from ..report.sensitivity import write_sensitivity_report
    from .drift_progress import drift_progress

    def run(study: DriftStudy, folder: Path) -> Sensitivity:
        with drift_progress() as listener:
            found = study.run_sensitivity(folder, listener.passes, listener.step)
        write_sensitivity_report(found, folder)
        return found

    found, folder = run_study(
        "sensitivity",
        DriftStudy.load,
        partial(_new_study, "sensitivity"),
        typed | {"config": config, "set": setting},
        (out, resume),
        run,
    )
    if as_json:
        print(dump_json(found.to_dict()))
    else:
        print(found)
    print(f"Results in {folder}", file=sys.stderr if as_json else sys.stdout)


def _new_study(command: str, given: Mapping[str, Any]) -> DriftStudy:
    """Return a study by settings from a file, then options, then ``--set``."""
    from ..drift import DriftSettings, DriftStudy
    from ..drift.study import digital_beside

    known = dict(given)
    config, texts = known.pop("config", None), known.pop("set", [])
    entries = {} if config is None else DriftSettings.load(config).to_dict()
    entries |= known
    if not {"checkpoint", "model"} & set(entries):
        raise InvalidArgumentError(
            f"Give a saved network: analognas {command} CHECKPOINT; `analognas train` makes one. Or build your "
            f"own: analognas {command} --model MODULE:FUNCTION --data NAME."
        )
    if is_reference(known.get("model")):
        import_code(known["model"])
    if config is None and command == "sensitivity":
        entries = {"times": [2592000.0], "chips": 10, **entries}
    elif config is None and "checkpoint" in known and not {"direct", "devices"} & set(entries):
        entries["direct"] = digital_beside(entries["checkpoint"])
    return DriftStudy(DriftSettings.from_dict(entries).with_settings(texts))


def _print_drift(results: dict[str, DriftResult]) -> None:
    from ..drift.devices import device_note
    from ..drift.study import CURVES

    if (note := device_note(results)) is not None:
        print(note)
    for name, result in results.items():
        print(f"{CURVES.get(name, name)}, {result}")
