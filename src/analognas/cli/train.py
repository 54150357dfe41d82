"""``analognas train``: train a network by a recipe and leave model, numbers and pictures in a folder."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, ResumeError, claim_output, dump_json, hold_folder
from ..core.user_code import import_code, is_reference
from .completion import names_of
from .exits import to_continue
from .help import MORE

if TYPE_CHECKING:
    from ..training import RunConfig, TrainingResult

EXIT_ABORTED = 1
"""The training was aborted as hopeless."""


def train(
    model: Annotated[
        str | None,
        typer.Option(
            help="Network, such as wrn-16-4, or module:function of your own. [default: one that fits the data]",
            autocompletion=names_of("models:MODELS"),
        ),
    ] = None,
    from_search: Annotated[
        Path | None,
        typer.Option(help="Folder of a search whose best network is trained, by hwa by default."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Data set. [default: that of --start, or the digits at 16 x 16]",
            autocompletion=names_of("data:DATASETS"),
        ),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder or file of the data.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="digital, ptq, qat, hwa, or a YAML file. [default: digital]",
            autocompletion=names_of("training.recipes:RECIPES"),
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Saved digital network that ptq, qat and hwa start from. [default: train one first]"
        ),
    ] = None,
    analog: Annotated[
        str | None,
        typer.Option(
            help="Hardware for hwa: a preset or a YAML file.", autocompletion=names_of("nn:PRESETS")
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs of the recipe, and of the digital network that is trained first unless "
            "--set digital.epochs=N says otherwise."
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Examples of a batch of the recipe.", rich_help_panel=MORE)
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Largest learning rate of the recipe.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Everything random follows from it. [default: 0]")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where to train, such as cuda. [default: cpu]")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, such as recipe.schedule.kind=step; may be repeated.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A run's config.yaml, repeated unless other options change it."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="New or empty folder. [default: analognas-runs/train-NNN]"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of a training to continue, with its own settings.")
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Write TensorBoard files too.", rich_help_panel=MORE),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Train a network, and report it with a figure; without options, a small one on digits.

    Example: analognas train --data digits --recipe hwa --out trained
    """
    typed = {
        "model": model,
        "data": data,
        "root": None if root is None else str(root),
        "start": None if start is None else str(start),
        "seed": seed,
        "device": device,
        "recipe": recipe,
        "recipe.analog": analog,
        "recipe.epochs": epochs,
        "recipe.batch_size": batch_size,
        "recipe.optimizer.lr": lr,
    }
    typed = {key: value for key, value in typed.items() if value is not None}
    if resume is not None:
        others = [
            *typed,
            *(["from-search"] if from_search else []),
            *(setting or []),
            *(["out"] if out else []),
            *(["config"] if config else []),
        ]
        run = _to_resume(resume, others, None if root is None else str(root))
        claimed = hold_folder(resume)
    else:
        if model is not None and is_reference(model):
            import_code(model)
        run = _new(config, _with_winner(from_search, config, typed), setting or [])
        claimed = claim_output(out, "train")
    lines = partial(print, file=sys.stderr if as_json else sys.stdout, flush=True)
    with claimed as folder:
        results = _train(run, folder, resume is not None, tensorboard, lines)
    if as_json:
        print(dump_json(results[-1].to_json()))
    else:
        for result in results:
            print(result)
    print(f"Results in {folder}", file=sys.stderr if as_json else sys.stdout)
    return EXIT_ABORTED if results[-1].status == "aborted" else 0


def _with_winner(search: Path | None, config: Path | None, typed: dict[str, Any]) -> dict[str, Any]:
    """What was typed, with the network of a search."""
    if search is None:
        return typed
    from ..search.final_training import RECIPE, model_of_search

    network = typed.get("model")
    if network is not None and not is_reference(network):
        raise InvalidArgumentError(
            "--from-search says which network is trained; omit --model, or give the function that builds it "
            "from an architecture, as module:function."
        )
    recipe = {"recipe": RECIPE} if config is None else {}
    return {**recipe, **typed, **model_of_search(search, network=network)}


def _new(config: Path | None, typed: dict[str, Any], settings: list[str]) -> RunConfig:
    """Return the run that was asked for: defaults, or a file, then options, then settings."""
    from ..core.settings import changed_entries
    from ..training import RunConfig, find_recipe

    payload = RunConfig().to_dict() if config is None else RunConfig.load(config).to_dict()
    for key, value in typed.items():
        if key == "recipe":
            payload["recipe"] = find_recipe(value).to_dict()
        elif key == "recipe.epochs":
            _set_epochs(payload, value)
        elif key.startswith("recipe."):
            *parents, last = key.split(".")
            place = payload
            for parent in parents:
                place = place.get(parent, {})
            if last not in place:
                raise InvalidArgumentError(
                    f"The recipe {payload['recipe']['kind']!r} has no {last!r}; omit the option."
                )
            place[last] = value
        else:
            payload[key] = value
            if key == "data":  # in place of a data set that was given in Python
                payload["data_fingerprint"] = None
    return RunConfig.from_dict(changed_entries(payload, settings))


def _set_epochs(payload: dict[str, Any], epochs: int) -> None:
    """Set the epochs of all stages: of the recipe, and of the digital network that is trained first."""
    from ..training import DigitalRecipe, Recipe

    recipe = Recipe.from_dict(payload["recipe"])
    teaches = recipe.needs_digital and payload.get("start") is None
    if teaches:
        digital = payload.get("digital") or DigitalRecipe().to_dict()
        payload["digital"] = {**digital, "epochs": epochs}
    if "epochs" in payload["recipe"]:
        payload["recipe"]["epochs"] = epochs
    elif not teaches:
        raise InvalidArgumentError(
            f"The recipe {recipe.kind!r} trains nothing that could have `epochs`; leave the option out."
        )


def _to_resume(folder: Path, typed: list[str], root: str | None) -> RunConfig:
    from ..training import run_settings

    if refused := [name for name in typed if name != "root"]:
        raise ResumeError(
            f"--resume continues with the settings of the run; omit {', '.join(refused)}."
        )
    return run_settings(folder, root=root)


def _train(
    run: RunConfig,
    folder: Path,
    resume: bool,
    tensorboard: bool,
    say: Callable[[str], None],
) -> list[TrainingResult]:
    from ..core.memory import keep_freed_memory
    from ..nn import StaysDigitalWarning
    from ..report import write_training_report
    from ..report.html import write_page
    from ..training import CHECKPOINT_FILE, train_run
    from .training_progress import training_progress

    keep_freed_memory()
    try:
        with training_progress(tensorboard) as listen, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", StaysDigitalWarning)
            results = train_run(run, folder, resume=resume, listen=listen, say=say)
        for text in dict.fromkeys(str(warning.message) for warning in said):
            print(f"note: {text}", file=sys.stderr)
        write_training_report(results, folder)
        write_page(folder)
        return results
    except KeyboardInterrupt:
        if not any(folder.rglob(CHECKPOINT_FILE)) and not any(folder.rglob("result.json")):
            raise
        raise to_continue("train --resume", folder) from None
