"""``analognas reproduce``: published tables, made again by one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import InvalidArgumentError, ResumeError, claim_output, dump_json, hold_folder
from .exits import to_continue
from .options import Json, Out, Seed


def reproduce(
    experiment: Annotated[
        str | None,
        typer.Argument(help="Name of an experiment, such as robustness, or a YAML file."),
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may be repeated.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small networks and few examples: minutes.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="As published: hours on a GPU.")] = False,
    chips: Annotated[int | None, typer.Option(help="Chips of each network. [default: 10]")] = None,
    trainings: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of an experiment whose trainings are used; may be repeated."),
    ] = None,
    seed: Seed = None,
    out: Out = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of an experiment to continue.")
    ] = None,
    json: Json = False,
) -> None:
    """Train and measure the networks of a published table, and write it with intervals.

    Example: analognas reproduce robustness --root DATA --quick
    """
    from ..core.memory import keep_freed_memory
    from ..report.reproduction import write_reproduction_report
    from ..reproduce import find_experiment, resume_reproduction, run_reproduction

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    keep_freed_memory()
    if quick and full:
        raise InvalidArgumentError("Give --quick or --full, not both.")
    typed: dict[str, Any] = {
        "root": None if root is None else str(root),
        "scale": "quick" if quick else "full" if full else None,
        "chips": chips,
        "seed": seed,
    }
    given = {name: value for name, value in typed.items() if value is not None}
    if resume is not None:
        if names := [
            *given,
            *(["experiment"] if experiment else []),
            *(["task"] if tasks else []),
            *(["trainings"] if trainings else []),
        ]:
            raise ResumeError(
                f"--resume continues with the settings of the experiment; omit {', '.join(names)}."
            )
        claimed = hold_folder(resume)
    elif experiment is None:
        raise InvalidArgumentError(
            "Give an experiment: analognas reproduce robustness --root DATA."
        )
    else:
        settings = find_experiment(experiment).replace(**given)
        settings = settings.chosen(tuple(tasks)) if tasks else settings
        claimed = claim_output(out, f"reproduce-{settings.name}")
    with claimed as folder:
        try:
            if resume is None:
                result = run_reproduction(settings, folder, say, trainings or ())
            else:
                result = resume_reproduction(folder, say)
        except KeyboardInterrupt:
            raise to_continue("reproduce --resume", folder) from None
        write_reproduction_report(result, folder)
    typer.echo(dump_json(result.to_dict()) if json else str(result))
    typer.echo(f"Results in {folder}", err=json)
